"""A folder without a manifest: every picture or video in it is a subject."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest import BadRow, Columns, Location, ManifestRow
from api.manifest.rows import LONGEST_EXTERNAL_ID

PICTURES: Final = (
    ".avif",
    ".fit",
    ".fits",
    ".fits.fz",
    ".fits.gz",
    ".fts",
    ".gif",
    ".jpeg",
    ".jpg",
    ".m4v",
    ".mov",
    ".mp4",
    ".png",
    ".tif",
    ".tiff",
    ".webm",
    ".webp",
)
"""How the names of files end that are taken for pictures and videos, in any case of letters."""

_COLUMNS: Final = Columns(("external_id", "location:1"), 0, (1,), {}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures of a folder and those below it, as rows of a manifest; a line is the number of a file.

    A subject's external id is the path of its file within the folder, without what the name ends in.
    """

    path: Path
    files: tuple[str, ...]

    @property
    def columns(self) -> Columns:
        """What the rows speak of: a name and a picture."""
        return _COLUMNS

    @property
    def lines(self) -> int:
        """How many rows there are."""
        return len(self.files)

    def rows(self) -> Iterator[ManifestRow | BadRow]:
        """Yield a row for each file, in the order of their names."""
        seen: dict[str, str] = {}
        for line, name in enumerate(self.files, start=1):
            external_id = name[: -len(_ending(name) or "")]
            if (bad := _unfit(line, external_id, name, seen.setdefault(external_id, name))) is not None:
                yield bad
            else:
                location = Location((self.path / name,), text=name)
                yield ManifestRow(line, external_id, (location,), {}, {}, {}, {})


def listed(folder: Path) -> Listing:
    """Return the pictures in a folder and those below it; hidden files and folders, and links, are passed over."""
    return Listing(folder, tuple(sorted(_pictures(folder))))


def _pictures(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _is_shown(name)]
        for name in files:
            if _is_shown(name) and _ending(name) and not os.path.islink(os.path.join(place, name)):  # noqa: PTH114, PTH118  # 100,000 paths
                yield os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118  # of 100,000 files


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _ending(name: str) -> str | None:
    lower = name.lower()
    return next((ending for ending in PICTURES if lower.endswith(ending)), None)


def _unfit(line: int, external_id: str, name: str, first: str) -> BadRow | None:
    if not external_id.isprintable():
        return BadRow(line, "file", f"{name!a} has characters that do not print", "rename it")
    if len(external_id) > LONGEST_EXTERNAL_ID:
        problem = f"{name[:40]}... has a name of {len(external_id)} characters"
        return BadRow(line, "file", problem, f"at most {LONGEST_EXTERNAL_ID} are accepted")
    if first != name:
        return BadRow(line, "file", f"{name} would be the same subject as {first}", "rename it, or write a manifest")
    return None
