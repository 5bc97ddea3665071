"""What a picture is to be made of."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cutout:
    """A square part of the sky: its centre in ICRS degrees, its side in arcseconds."""

    ra: float
    dec: float
    side_arcsec: float


@dataclass(frozen=True, slots=True)
class Sky:
    """Where the centre of a picture points: ICRS degrees; `scale_arcsec` is the side of one of its pixels."""

    ra: float
    dec: float
    scale_arcsec: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """One picture: of one file, or of the red, green and blue frames of one (FITS).

    Of FITS files `hdu` names the unit to take, where it is not the first with an image; `cutout` the part of the sky to
    show, where it is not all of it; `grid` the frame on whose pixels it is laid, so that the frames of one subject lie
    on each other, and `grid_hdu` the unit of that.
    """

    files: tuple[Path, ...]
    hdu: int | None = None
    cutout: Cutout | None = None
    grid: Path | None = None
    grid_hdu: int | None = None

    @property
    def source(self) -> Path:
        """The file by which errors name the picture."""
        return self.files[0]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that must be read to make the picture, in the order in which `decode_wanted` takes them."""
        return self.files if self.grid is None else (*self.files, self.grid)


def plain(path: Path) -> Wanted:
    """Return the picture that a file holds as it is."""
    return Wanted((path,))
