"""What one location of a subject names: a file, a unit of a FITS file, three bands, or a URL."""

from dataclasses import dataclass, field
from pathlib import Path


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
