"""FITS frames made for tests: star fields, headers, and what becomes of them."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from api.media.choosing import decode_wanted
from api.media.decoding import Decoded
from api.media.wanted import Cutout, Wanted

PIXEL_LIMIT = 1_000_000

TAN: Mapping[str, Any] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRPIX1": 40.5,
    "CRPIX2": 30.5,
    "CRVAL1": 10.0,
    "CRVAL2": 20.0,
    "CDELT1": -1 / 3600,
    "CDELT2": 1 / 3600,
}
"""A WCS of one arcsecond a pixel, whose centre is that of `sky()`."""


def sky(seed: int = 1, shape: tuple[int, ...] = (60, 80)) -> NDArray[np.float32]:
    """Return noise around 100."""
    return np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)


def a_frame(data: NDArray[Any] | None, cards: Mapping[str, Any] | None = None) -> bytes:
    """Return a FITS file with one unit."""
    return a_file(fits.PrimaryHDU(data, fits.Header(dict(cards or {}))))


def a_file(*units: Any) -> bytes:
    """Return a FITS file with units."""
    buffer = io.BytesIO()
    fits.HDUList(list(units)).writeto(buffer)
    return buffer.getvalue()


def stars(wcs: WCS, shape: tuple[int, int], places: Sequence[tuple[float, float]], width: float = 1.5) -> Any:
    """Return a field of round stars at positions (ICRS degrees), each twice as bright as the one before."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    field = np.zeros(shape, np.float32)
    for number, (ra, dec) in enumerate(places):
        column, row = wcs.wcs_world2pix(ra, dec, 0)
        field += 2.0**number * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * width**2)).astype(np.float32)
    return field


def shown(
    *contents: bytes,
    hdu: int | None = None,
    cutout: Cutout | None = None,
    grid: bytes | None = None,
    pixel_limit: int = PIXEL_LIMIT,
) -> Decoded:
    """Return the picture of frames called a.fits, b.fits and c.fits, perhaps laid on another called grid.fits."""
    files = tuple(Path(f"{letter}.fits") for letter in "abc"[: len(contents)])
    wanted = Wanted(files, hdu, cutout, None if grid is None else Path("grid.fits"))
    return decode_wanted(
        wanted, (*contents, grid) if grid is not None else contents, pixel_limit=pixel_limit, wanted_width=1600
    )


def grey(decoded: Decoded) -> NDArray[np.float64]:
    """Return a picture's brightness, its first row at the bottom, as in the frame."""
    return np.asarray(decoded.pixels.convert("L"), np.float64)[::-1]
