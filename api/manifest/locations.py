"""What one location of a subject names: a file, a unit of a FITS file, three bands, or a URL."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

from api.manifest.cells import RefusedError, check_length, shown

LONGEST_LOCATION: Final = 1000
LONGEST_URL: Final = 2000

_BANDS: Final = 3
_BETWEEN_BANDS: Final = re.compile(r"\s+\+\s+")
_UNIT: Final = re.compile(r"(.+?)\s*\[([0-9]{1,4})\]", re.DOTALL)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Location:
    """One picture, as a manifest names it.

    `parts` are absolute paths, or URLs (http, https) where they are strings: one, or the red, green and blue bands.
    `hdu` is the unit of a FITS file to show, counted from 0, where it is not the first with an image. `text` is how the
    manifest writes it.
    """

    parts: tuple[Path | str, ...]
    hdu: int | None = None
    text: str = field(default="", compare=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """The parts that are files."""
        return tuple(part for part in self.parts if isinstance(part, Path))

    @property
    def urls(self) -> tuple[str, ...]:
        """The parts that must be fetched."""
        return tuple(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Base:
    """What locations are relative to: a folder, or the address that the manifest was fetched from.

    Paths lie in the folder or in `root`.
    """

    folder: Path
    root: Path
    address: str | None = None


def located(name: str, cell: str, base: Base) -> Location:
    """Return the location that a cell of the column `name` names.

    A file whose very name looks like several bands, or like a unit of another, is that file. What is relative to an
    address is remembered by its own.

    Raises
    ------
    RefusedError
    """
    check_length(name, cell, _BANDS * LONGEST_URL)
    if base.address is not None or not _is_there(base.folder, cell):
        bands = _BETWEEN_BANDS.split(cell)
        if len(bands) > 1 or _UNIT.fullmatch(cell):
            return _composed(name, cell, bands, base)
    part = _part(name, cell, base)
    return Location((part,), text=cell if isinstance(part, Path) else part)


def _is_there(folder: Path, cell: str) -> bool:
    if "+" not in cell and "[" not in cell:
        return False
    try:
        return (folder / cell).is_file()
    except (OSError, ValueError):
        return False


def _composed(name: str, cell: str, bands: list[str], base: Base) -> Location:
    if len(bands) not in {1, _BANDS}:
        remedy = "give three FITS frames as red + green + blue, or one"
        raise RefusedError(name, f"is {shown(cell)}, which is {len(bands)} bands", remedy)
    units = set()
    parts = []
    for band in bands:
        match = _UNIT.fullmatch(band)
        units.add(int(match[2]) if match else None)
        parts.append(_part(name, match[1] if match else band, base))
    if len(units) > 1:
        raise RefusedError(name, f"is {shown(cell)}, which names different units", "give all bands the same [HDU]")
    unit = units.pop()
    if base.address is not None:
        cell = " + ".join(f"{part}" if unit is None else f"{part}[{unit}]" for part in parts)
    return Location(tuple(parts), unit, cell)


def _part(name: str, text: str, base: Base) -> Path | str:
    if match := _SCHEME.match(text):
        return _url(name, text, match[1].lower())
    check_length(name, text, LONGEST_LOCATION)
    if base.address is not None:
        return _beside(name, text, base.address)
    try:
        path = (base.folder / text).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise RefusedError(name, f"is no usable path ({error})", "give the path of an image") from error
    if not (path.is_relative_to(base.folder) or path.is_relative_to(base.root)):
        raise RefusedError(
            name,
            f"is {shown(text)}, outside the manifest's folder",
            "move the image beside the manifest, or name a folder that holds both with --root",
        )
    return path


def _beside(name: str, text: str, address: str) -> str:
    """Return the URL of a file that is named relative to the manifest's; its name may have spaces and `#`."""
    try:
        url = urljoin(address, text.replace(" ", "%20").replace("#", "%23"))
    except ValueError:
        raise RefusedError(name, f"is {shown(text)}, which is no URL", "give a path beside the manifest") from None
    return _url(name, url, urlsplit(address).scheme)


def _url(name: str, url: str, scheme: str) -> str:
    check_length(name, url, LONGEST_URL)
    if scheme not in {"http", "https"}:
        raise RefusedError(name, f"is a URL of {scheme}", "give http or https, or a path beside the manifest")
    try:
        split = urlsplit(url)
        usable = bool(split.hostname) and (split.port is None or split.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise RefusedError(name, f"is {shown(url)}, which is no URL", "give http://HOST/PATH, with spaces as %20")
    if split.username is not None or split.password is not None:
        raise RefusedError(name, "is a URL with a user's name or password", "give an address that needs neither")
    return url
