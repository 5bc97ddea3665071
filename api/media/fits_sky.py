"""Where frames point, cutting them by position, and laying one on another's pixels.

Everything is astropy's arithmetic on the WCS of the header, its distortions included; positions are handed out in
ICRS. Nothing here asks the network: only the tables that come with astropy are used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy as np
from astropy import log
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.fits import HDUList, Header
from astropy.nddata import Cutout2D, NoOverlapError
from astropy.utils import iers
from astropy.wcs import WCS, NoConvergence
from astropy.wcs.utils import proj_plane_pixel_area, proj_plane_pixel_scales, wcs_to_celestial_frame
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from api.media.stretching import Plane
from api.media.wanted import Cutout, Sky

iers.conf.auto_download = False
log.setLevel("ERROR")

_OF_THE_SKY: Final = frozenset({"icrs", "fk5", "fk4", "fk4noeterms", "galactic"})
_MOST_WCS_AXES: Final = 16
_WIDEST_DEGREES: Final = 720
_PLACE: Final = re.compile(r"ERROR \d+ in \S+ at line \d+ of file \S+: ")
_SAME_PIXEL: Final = 0.1
_ROWS_AT_ONCE: Final = 256
_CHECKED_POINTS: Final = 9

Pixels: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Height and width of a frame, and where its pixels lie; `problem` says why it has a WCS that is of no use."""

    shape: tuple[int, int]
    wcs: WCS | None = None
    problem: str | None = None


class OutsideError(Exception):
    """The cutout has no pixel in common with the frame."""


class SizeError(Exception):
    """The cutout has hardly a pixel of the frame, or too many."""


def read_wcs(header: Header, file: HDUList, axes: Sequence[int]) -> tuple[WCS | None, str | None]:
    """Return the celestial WCS of the picture that lies along two axes (FITS counts from 1), or why there is none.

    A header without any gives neither.
    """
    if (count := header.get("WCSAXES", 0)) not in range(_MOST_WCS_AXES + 1):
        return None, f"WCSAXES is {count!r}"
    try:
        whole = WCS(header, fobj=file)
        if not whole.has_celestial:
            return None, None
        if {whole.wcs.lng + 1, whole.wcs.lat + 1} != set(axes):
            return None, "its axes of the sky are not those of the picture"
        wcs = whole if whole.naxis == 2 else whole.celestial
        wcs.wcs.set()
    except Exception as error:  # wcslib and astropy raise whatever their guesses run into
        return None, said(error)
    if np.abs(wcs.wcs.crval).max() > _WIDEST_DEGREES:
        return None, "CRVAL is no angle"
    return wcs, None


def said(error: Exception) -> str:
    """Return what a library says in one short line, without the places in its own source."""
    return _PLACE.sub("", " ".join(str(error).split()))[:160].strip()


def sky_of(outline: Outline) -> tuple[Sky | None, str | None]:
    """Return where the centre of a frame points, or a remark on why that is not known."""
    if outline.wcs is None:
        lack = "no WCS" if outline.problem is None else f"a WCS that makes no sense ({outline.problem})"
        return None, f"has {lack}"
    height, width = outline.shape
    try:
        frame = wcs_to_celestial_frame(outline.wcs)
        if frame.name not in _OF_THE_SKY:
            return None, f"has a WCS in {frame.name} coordinates, which are not of the sky"
        centre = outline.wcs.pixel_to_world((width - 1) / 2, (height - 1) / 2).icrs
        scale = float(np.sqrt(proj_plane_pixel_area(outline.wcs))) * 3600
    except Exception as error:  # as above
        return None, f"has a WCS that makes no sense ({said(error)})"
    ra, dec = float(centre.ra.deg), float(centre.dec.deg)
    if not np.isfinite([ra, dec, scale]).all() or scale <= 0:
        return None, "has a WCS that gives its centre no position"
    return Sky(ra % 360.0, dec, scale), None


def cut(
    planes: Sequence[Plane], outline: Outline, cutout: Cutout, pixel_limit: int
) -> tuple[list[Plane], Outline, bool]:
    """Return the square around a position, its outline, and whether part of it lies outside, where it has no values.

    Raises
    ------
    OutsideError, SizeError
    """
    assert outline.wcs is not None
    scales = proj_plane_pixel_scales(outline.wcs) * 3600
    sides = cutout.side_arcsec / scales
    if not (sides >= 2).all() or float(np.prod(sides)) > pixel_limit:
        raise SizeError
    centre = SkyCoord(cutout.ra, cutout.dec, unit="deg", frame="icrs")
    x, y = _pixels_of(outline.wcs, centre)
    if not np.isfinite([x, y]).all():
        raise OutsideError
    side = u.Quantity([cutout.side_arcsec, cutout.side_arcsec], u.arcsec)
    cuts = []
    for plane in planes:
        try:
            position = (float(x), float(y))
            cuts.append(Cutout2D(plane, position, side, wcs=outline.wcs, mode="partial", fill_value=np.nan))
        except (NoOverlapError, ValueError, OverflowError) as error:
            raise OutsideError from error
    first = cuts[0]
    part = first.shape != tuple(each.stop - each.start for each in first.slices_original)
    return [each.data for each in cuts], Outline(first.shape, first.wcs), part


def laid_onto(grid: Outline, planes: Sequence[Plane], outline: Outline) -> list[Plane]:
    """Return planes resampled onto the pixels of a grid, bilinearly; NaN where they do not reach.

    Planes that lie there already, to a tenth of a pixel, are returned as they are.
    """
    assert grid.wcs is not None
    assert outline.wcs is not None
    if _agree(grid, outline):
        return list(planes)
    height, width = grid.shape
    laid = [np.full(grid.shape, np.nan, np.float32) for _ in planes]
    for start in range(0, height, _ROWS_AT_ONCE):
        rows = slice(start, min(height, start + _ROWS_AT_ONCE))
        y, x = np.mgrid[rows, 0:width].astype(np.float64)
        places = _across(grid.wcs, outline.wcs, x, y)
        for plane, target in zip(planes, laid, strict=True):
            target[rows] = map_coordinates(plane, places, np.float32, order=1, mode="constant", cval=np.nan)
    return cast(list[Plane], laid)


def _agree(grid: Outline, outline: Outline) -> bool:
    if grid.shape != outline.shape:
        return False
    height, width = grid.shape
    across, down = np.linspace(0, width - 1, _CHECKED_POINTS), np.linspace(0, height - 1, _CHECKED_POINTS)
    x, y = np.meshgrid(across, down)
    there = _across(cast(WCS, grid.wcs), cast(WCS, outline.wcs), x, y)
    return bool(np.nanmax(np.hypot(there[1] - x, there[0] - y), initial=0) < _SAME_PIXEL and np.isfinite(there).all())


def _across(grid: WCS, wcs: WCS, x: Pixels, y: Pixels) -> Pixels:
    """Return rows and columns in one frame of pixels of another; NaN where one does not see what the other does."""
    try:
        there = _pixels_of(wcs, grid.pixel_to_world(x, y))
    except (
        Exception
    ):  # wcslib refuses whole arrays for one point behind the horizon, or astropy for a frame of another world
        return np.full((2, *x.shape), np.nan)
    return np.stack([there[1], there[0]])


def _pixels_of(wcs: WCS, sky: SkyCoord) -> tuple[Pixels, Pixels]:
    """Return columns and rows of positions; far outside of a distorted frame, the best guess."""
    try:
        x, y = wcs.world_to_pixel(sky)
    except NoConvergence as error:
        x, y = (error.best_solution[..., axis].reshape(sky.shape) for axis in (0, 1))
    return np.asarray(x, np.float64), np.asarray(y, np.float64)
