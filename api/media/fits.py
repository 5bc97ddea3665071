"""From FITS frames to a picture: whole frames, cutouts, three bands as colours, frames laid on each other.

Before astropy sees a file, its headers have been found to tell the truth (`fits_layout`), and its image to have no more
pixels than are accepted. A frame is shown as astronomers hold it: the first row of the file at the bottom.
"""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from api.media import fits_sky, packing
from api.media.decoding import DRAFT_FACTOR, Decoded
from api.media.errors import (
    BandsDifferError,
    BlankFrameError,
    BrokenWcsError,
    CutoutOutsideError,
    CutoutSizeError,
    DamagedFitsError,
    FitsCubeError,
    FramesApartError,
    NoImageInFitsError,
    NoSuchHduError,
    NotFitsError,
    NoWcsError,
    TooManyPixelsError,
    TruncatedFitsError,
    UnpackedTooLargeError,
    WrongHduError,
)
from api.media.fits_layout import BEGINNING, BrokenLayoutError, LyingHeaderError, Unit, units
from api.media.fits_sky import Outline
from api.media.stretching import Plane, has_values, is_flat, painted
from api.media.wanted import Wanted

MIME_TYPE: Final = "image/fits"

_UNPACKED_BYTES_PER_PIXEL: Final = 4
_WAVELENGTHS_NM: Final = {
    "u": 355, "g": 475, "r": 622, "i": 763, "z": 905, "y": 1000, "Y": 1020, "U": 365, "B": 445, "V": 551, "R": 658,
    "I": 806, "J": 1220, "H": 1630, "K": 2190, "W1": 3350, "W2": 4600, "W3": 11560, "W4": 22090,
}  # fmt: skip
"""By which the planes of a cube are red, green and blue."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One plane, or red, green and blue; row 0 lies at the bottom."""

    source: Path
    planes: tuple[Plane, ...]
    outline: Outline


def picture(wanted: Wanted, contents: Sequence[bytes], *, pixel_limit: int, wanted_width: int) -> Decoded:
    """Return what is wanted of FITS frames; `contents` are those of `wanted.paths`.

    Raises
    ------
    MediaError
        One class for each thing that can be wrong with the frames.
    """
    with _quiet():
        frame = _joined(wanted, contents, pixel_limit)
        grid = None
        if wanted.grid is not None:
            grid = _read(contents[-1], wanted.grid, wanted.grid_hdu, pixel_limit, outline_only=True)
        shown, remarks = _placed(wanted, frame, grid, pixel_limit)
        sky, remark = fits_sky.sky_of(shown.outline)
        if is_flat(shown.planes):
            remarks.append("has one value everywhere: black")
        pixels = _pixels(shown.planes, wanted_width)
    height, width = shown.outline.shape
    note = "; ".join([remark, *remarks] if remark else remarks) or None
    return Decoded(MIME_TYPE, width, height, pixels, sky, note)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the warnings of astropy and numpy back: what they say of headers, we say in our own words or not at all."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _joined(wanted: Wanted, contents: Sequence[bytes], pixel_limit: int) -> Frame:
    """Return the one frame, or the bands laid on the pixels of the first."""
    if len(wanted.files) == 1:
        return _read(contents[0], wanted.source, wanted.hdu, pixel_limit)
    share = pixel_limit // len(wanted.files)
    bands = [
        _read(content, source, wanted.hdu, share, colour=False)
        for source, content in zip(wanted.files, contents, strict=False)
    ]
    first = bands[0].outline
    if all(band.outline.wcs is not None for band in bands):
        planes = [plane for band in bands for plane in _onto(first, bands[0].source, band)]
    elif len({band.outline.shape for band in bands}) == 1:
        planes = [band.planes[0] for band in bands]
    else:
        raise BandsDifferError(wanted.source, [(band.outline.shape[1], band.outline.shape[0]) for band in bands])
    return Frame(wanted.source, tuple(planes), first)


def _onto(grid: Outline, other: Path, frame: Frame) -> list[Plane]:
    planes = fits_sky.laid_onto(grid, frame.planes, frame.outline)
    if not has_values(planes) and has_values(frame.planes):
        raise FramesApartError(frame.source, other)
    return planes


def _placed(wanted: Wanted, frame: Frame, grid: Frame | None, pixel_limit: int) -> tuple[Frame, list[str]]:
    """Return the part of a frame that is wanted, on the pixels where it is wanted, with remarks."""
    remarks = []
    if not has_values(frame.planes):
        raise BlankFrameError(frame.source)
    if grid is not None and grid.outline.wcs is not None and frame.outline.wcs is not None:
        target, part = (grid, False) if wanted.cutout is None else _cut(wanted, grid, pixel_limit)
        shown = Frame(frame.source, tuple(_onto(target.outline, grid.source, frame)), target.outline)
    else:
        shown, part = (frame, False) if wanted.cutout is None else _cut(wanted, frame, pixel_limit)
        if grid is not None and (grid.outline.wcs is None) != (frame.outline.wcs is None):
            remarks.append(f"is not laid on {grid.source.name}, as only one of them has a WCS")
    if part:
        remarks.append("the cutout reaches beyond the frame: black there")
    if not has_values(shown.planes):
        raise BlankFrameError(frame.source, "cutout")
    return shown, remarks


def _cut(wanted: Wanted, frame: Frame, pixel_limit: int) -> tuple[Frame, bool]:
    """Return the part of a frame that is asked for, and whether some of that lies outside."""
    cutout = wanted.cutout
    assert cutout is not None
    if frame.outline.wcs is None:
        if frame.outline.problem is None:
            raise NoWcsError(frame.source)
        raise BrokenWcsError(frame.source, frame.outline.problem)
    sky, problem = fits_sky.sky_of(frame.outline)
    try:
        planes, outline, part = fits_sky.cut(frame.planes, frame.outline, cutout, pixel_limit)
    except fits_sky.SizeError:
        scale = sky.scale_arcsec if sky else 1.0
        raise CutoutSizeError(frame.source, cutout.side_arcsec, scale) from None
    except fits_sky.OutsideError:
        raise CutoutOutsideError(frame.source, cutout.ra, cutout.dec, (sky.ra, sky.dec) if sky else None) from None
    except Exception as error:  # a WCS that astropy chokes on
        raise BrokenWcsError(frame.source, problem or fits_sky.said(error)) from error
    return Frame(frame.source, tuple(planes), outline), part


def _pixels(planes: Sequence[Plane], wanted_width: int) -> Image.Image:
    """Return planes as RGB, the first row at the bottom; what is much wider than wanted, by a whole factor less."""
    image = Image.fromarray(np.ascontiguousarray(painted(planes)[::-1]))
    factor = image.width // (wanted_width * DRAFT_FACTOR)
    return (image.reduce(factor) if factor > 1 else image).convert("RGB")


def _read(
    content: bytes, source: Path, hdu: int | None, pixel_limit: int, *, colour: bool = True, outline_only: bool = False
) -> Frame:
    """Return a frame; of one whose outline only is wanted, the pixels are NaN and take no memory."""
    plain = _unpacked(content, source, pixel_limit)
    unit = _chosen(plain, source, hdu, colour=colour)
    height, width = unit.long_axes[-2:]
    count = 3 if len(unit.long_axes) == 3 else 1
    if height * width * count > pixel_limit:
        raise TooManyPixelsError(source, width, height, pixel_limit // count)
    try:
        with fits.open(io.BytesIO(plain), memmap=False, lazy_load_hdus=True) as file:
            wcs, problem = fits_sky.read_wcs(file[unit.place].header, file, _axes(unit))
            planes = () if outline_only else _planes(file[unit.place].data, unit)
    except Exception as error:  # astropy raises whatever its guesses run into
        raise DamagedFitsError(source, fits_sky.said(error)) from error
    nothing = np.broadcast_to(np.float32(np.nan), (height, width))
    return Frame(source, planes or (nothing,), Outline((height, width), wcs, problem))


def _unpacked(content: bytes, source: Path, pixel_limit: int) -> bytes:
    if not packing.is_packed(content):
        return content
    limit_bytes = pixel_limit * _UNPACKED_BYTES_PER_PIXEL
    try:
        return packing.unpacked(io.BytesIO(content), limit_bytes)
    except packing.UnpackedTooLongError:
        raise UnpackedTooLargeError(source, limit_bytes) from None
    except packing.BadPackageError as error:
        raise DamagedFitsError(source, f"it cannot be unpacked: {error}") from error


def _chosen(content: bytes, source: Path, hdu: int | None, *, colour: bool) -> Unit:
    """Return the unit to show: the one asked for, or the first with an image; all headers are checked on the way."""
    if not content.startswith(BEGINNING):
        raise NotFitsError(source, "has no bands or units to choose from")
    try:
        found = list(units(io.BytesIO(content), len(content)))
    except BrokenLayoutError as error:
        raise DamagedFitsError(source, str(error)) from error
    except LyingHeaderError as lie:
        raise TruncatedFitsError(source, lie.promised_bytes, lie.present_bytes) from lie
    if hdu is None:
        return _first_image(found, source, colour=colour)
    if hdu >= len(found):
        raise NoSuchHduError(source, hdu, len(found))
    if len(found[hdu].long_axes) < 2:
        raise WrongHduError(source, hdu, str(found[hdu]))
    return _first_image([found[hdu]], source, colour=colour)


def _first_image(found: Sequence[Unit], source: Path, *, colour: bool) -> Unit:
    images = [unit for unit in found if len(unit.long_axes) >= 2]
    for unit in images:
        if len(unit.long_axes) == 2 or (colour and _colour_order(unit) is not None):
            return unit
    if not images:
        raise NoImageInFitsError(source, [f"{unit} (unit {unit.place})" for unit in found])
    raise FitsCubeError(source, images[0].long_axes, images[0].bands)


def _colour_order(unit: Unit) -> list[int] | None:
    """Return which planes of a cube are red, green and blue; None if that is not known of it."""
    waves = [_WAVELENGTHS_NM.get(band) for band in unit.bands]
    known = [wave for wave in waves if wave is not None]
    if len(unit.long_axes) != 3 or unit.long_axes[0] != 3 or len(waves) != 3 or len(set(known)) != 3:
        return None
    return sorted(range(3), key=lambda place: -known[place])


def _axes(unit: Unit) -> list[int]:
    """Return along which axes the picture lies, as FITS counts them."""
    return [place + 1 for place, length in enumerate(reversed(unit.shape)) if length != 1][:2]


def _planes(values: Any, unit: Unit) -> tuple[Plane, ...]:
    """Return a unit's values without axes of length 1, in double precision where theirs is more than single."""
    given = np.asarray(values)
    exact = given.dtype.itemsize > 4 or (given.dtype.kind in "iu" and given.dtype.itemsize == 4)
    array: NDArray[Any] = given.astype(np.float64 if exact else np.float32).reshape(unit.long_axes)
    if array.ndim == 2:
        return (array,)
    order = _colour_order(unit)
    assert order is not None
    return tuple(array[place] for place in order)
