"""Where frames point, cutting them by position, and laying them on each other."""

import bz2
import csv
import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils import iers
from astropy.wcs import WCS, FITSFixedWarning

from api.media.choosing import decode_wanted
from api.media.errors import (
    BrokenWcsError,
    CutoutOutsideError,
    CutoutSizeError,
    FramesApartError,
    MediaError,
    NoWcsError,
)
from api.media.fits_layout import points_at_the_sky
from api.media.wanted import Cutout, Sky, Wanted, plain
from tests.media.drawings import a_picture, encoded
from tests.media.frames import TAN, a_frame, grey, shown, sky, stars

SHARED = Path(__file__).parents[2] / "../shared/data"
FRAMES = sorted((SHARED / "fits").glob("*"))
STAMPS = SHARED / "subjects/ztf_stamps"
WITHOUT_WCS = {"photutils-datasets__M51.fits", "sep__image.fits"}
UNPLACED = "has no WCS"


def complaint(kind: type[MediaError], *contents: bytes, **asked: Any) -> str:
    with pytest.raises(kind) as caught:
        shown(*contents, **asked)
    assert type(caught.value) is kind
    return str(caught.value)


def of_astropy(path: Path) -> SkyCoord:
    """Return the position of a frame's centre as astropy gives it when nobody interferes."""
    content = path.read_bytes()
    content = bz2.decompress(content) if path.suffix == ".bz2" else content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        with fits.open(io.BytesIO(content)) as file:
            wcs = WCS(file[0].header).celestial
            height, width = file[0].shape[-2:]
    return wcs.pixel_to_world((width - 1) / 2, (height - 1) / 2).icrs


# Positions


@pytest.mark.parametrize("path", [path for path in FRAMES if path.name not in WITHOUT_WCS], ids=lambda path: path.name)
def test_a_frames_position_is_astropys_to_a_tenth_of_an_arcsecond(path: Path) -> None:
    decoded = decode_wanted(plain(path), [path.read_bytes()], pixel_limit=100_000_000, wanted_width=1600)

    assert decoded.sky is not None
    assert decoded.note is None
    ours = SkyCoord(decoded.sky.ra, decoded.sky.dec, unit="deg")
    assert ours.separation(of_astropy(path)) < 0.1 * u.arcsec
    assert points_at_the_sky(path)


def test_frames_without_a_wcs_are_pictures_and_say_so() -> None:
    paths = [*(SHARED / "fits" / name for name in sorted(WITHOUT_WCS)), *sorted(STAMPS.glob("*"))]
    if not STAMPS.exists():
        pytest.skip("the shared data are not here")

    for path in paths:
        decoded = decode_wanted(plain(path), [path.read_bytes()], pixel_limit=100_000_000, wanted_width=1600)

        assert (decoded.sky, decoded.note) == (None, UNPLACED)
        assert np.asarray(decoded.pixels).std() > 5
    assert len(paths) == 2 + 3 * len(_alerts())
    assert not any(points_at_the_sky(path) for path in paths)


def _alerts() -> list[dict[str, str]]:
    with (SHARED / "subjects/ztf_alerts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("cards", "position"),
    [
        ({}, SkyCoord(10, 20, unit="deg")),
        ({"RADESYS": "FK5", "EQUINOX": 1975.0}, SkyCoord(10, 20, unit="deg", frame="fk5", equinox="J1975")),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, SkyCoord(10, 20, unit="deg", frame="fk4", equinox="B1950")),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, SkyCoord(10, 20, unit="deg", frame="galactic")),
        (
            {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 20.0, "CRVAL2": 10.0},
            SkyCoord(10, 20, unit="deg"),
        ),
        ({"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRVAL1": -350.0}, SkyCoord(10, 20, unit="deg")),
    ],
)
def test_positions_are_icrs_whatever_the_frame_counts_in(cards: dict[str, Any], position: SkyCoord) -> None:
    found = shown(a_frame(sky(), {**TAN, **cards})).sky

    assert found is not None
    assert SkyCoord(found.ra, found.dec, unit="deg").separation(position.icrs) < 0.001 * u.arcsec
    assert 0 <= found.ra < 360
    assert found.scale_arcsec == pytest.approx(1)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"CDELT1": 0.0}, "has a WCS that makes no sense (Linear transformation matrix is singular"),
        ({"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"}, "has a WCS that makes no sense"),
        ({"CRVAL2": 500.0}, "has a WCS that makes no sense"),
        ({"CRVAL1": 1e300}, "has a WCS that makes no sense (CRVAL is no angle)"),
        ({"CTYPE1": "TLON-CAR", "CTYPE2": "TLAT-CAR"}, "has a WCS in itrs coordinates, which are not of the sky"),
        ({"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"}, "has a WCS that makes no sense"),
        ({"CTYPE1": "RA---TAN", "CTYPE2": "FREQ"}, ""),
    ],
)
def test_a_wcs_of_no_use_costs_the_position_and_not_the_picture(cards: dict[str, Any], words: str) -> None:
    decoded = shown(a_frame(sky(), {**TAN, **cards}))

    assert decoded.sky is None
    assert decoded.note is not None
    assert decoded.note.startswith(words)


def test_nothing_asks_the_network() -> None:
    shown(a_frame(sky(), {**TAN, "RADESYS": "FK4", "EQUINOX": 1950.0, "DATE-OBS": "2035-01-01T00:00:00"}))

    assert iers.conf.auto_download is False


# Cutouts


def test_a_cutout_is_the_square_around_a_position() -> None:
    wcs = WCS(fits.Header(dict(TAN)))
    frame = sky() + 300 * stars(wcs, (60, 80), [(10.005, 20.003)])

    decoded = shown(a_frame(frame, TAN), cutout=Cutout(10.005, 20.003, 21))

    assert (decoded.width, decoded.height, decoded.note) == (21, 21, None)
    assert decoded.sky is not None
    assert (
        SkyCoord(decoded.sky.ra, decoded.sky.dec, unit="deg").separation(SkyCoord(10.005, 20.003, unit="deg"))
        < 1 * u.arcsec
    )
    assert _peak(grey(decoded), 10, 10) == pytest.approx((10, 10), abs=0.6)


def test_a_cutout_over_the_edge_is_black_there_and_says_so() -> None:
    decoded = shown(a_frame(sky(), TAN), cutout=Cutout(10.0105, 20.0, 20))
    columns = grey(decoded).max(axis=0)

    assert (decoded.width, decoded.height) == (20, 20)
    assert decoded.note == "the cutout reaches beyond the frame: black there"
    assert columns.min() == 0
    assert columns.max() > 100


def test_a_cutout_outside_of_the_frame_is_told_with_where_the_frame_is() -> None:
    assert complaint(CutoutOutsideError, a_frame(sky(), TAN), cutout=Cutout(11, 20, 20)) == (
        "a.fits: the cutout at 11.00000, +20.00000 lies outside of the frame, whose centre is at 10.00000, +20.00000; "
        "check ra and dec (ICRS degrees), or give the frame that covers them."
    )
    complaint(CutoutOutsideError, a_frame(sky(), TAN), cutout=Cutout(190, -20, 20))


def test_a_cutout_needs_a_wcs_that_makes_sense() -> None:
    cutout = Cutout(10, 20, 20)

    assert "but the frame has no WCS" in complaint(NoWcsError, a_frame(sky()), cutout=cutout)
    assert "matrix is singular" in complaint(BrokenWcsError, a_frame(sky(), {**TAN, "CDELT1": 0.0}), cutout=cutout)


@pytest.mark.parametrize("side", [1.0, 30_000.0])
def test_a_cutout_has_some_pixels_and_not_too_many(side: float) -> None:
    assert f"a cutout of {side:g} arcsec is" in complaint(
        CutoutSizeError, a_frame(sky(), TAN), cutout=Cutout(10, 20, side)
    )


def test_a_cutout_of_a_real_frame_has_its_galaxy_in_the_middle() -> None:
    path = SHARED / "fits/decals__example_a.fits"
    if not path.exists():
        pytest.skip("the shared data are not here")
    wanted = Wanted((path,), cutout=Cutout(359.995016, 0.701753, 20))

    decoded = decode_wanted(wanted, [path.read_bytes()], pixel_limit=100_000_000, wanted_width=1600)

    assert (decoded.width, decoded.height) == (76, 76)
    assert decoded.sky is not None
    assert abs(decoded.sky.ra - 359.995016) < 0.262 / 3600
    assert grey(decoded)[28:48, 28:48].mean() > 1.5 * grey(decoded)[:10].mean()


# Frames on each other


def test_frames_of_one_subject_come_out_on_the_same_pixels() -> None:
    places = [(10.003, 20.002), (9.996, 20.005), (10.006, 19.995), (9.992, 19.9945)]
    turned = {**TAN, "CRPIX1": 63.2, "CRPIX2": 47.7, "CDELT1": -0.8 / 3600, "CDELT2": 0.8 / 3600, "CROTA2": 33.0}
    first = stars(WCS(fits.Header(dict(TAN))), (60, 80), places)
    second = stars(WCS(fits.Header(turned)), (100, 130), places, width=1.5 / 0.8)

    here = shown(a_frame(first, TAN))
    there = shown(a_frame(second, turned), grid=a_frame(first, TAN))
    apart = shown(a_frame(second, turned))

    assert (there.width, there.height, there.sky) == (80, 60, here.sky)
    assert apart.width == 130
    for ra, dec in places:
        column, row = map(float, WCS(fits.Header(dict(TAN))).wcs_world2pix(ra, dec, 0))
        seen_here, seen_there = _peak(grey(here), column, row), _peak(grey(there), column, row)
        assert seen_there == pytest.approx((column, row), abs=0.3)
        assert seen_there == pytest.approx(seen_here, abs=0.1)


def _peak(brightness: Any, column: float, row: float) -> tuple[float, float]:
    """Return the centre of light around a place."""
    left, low = round(float(column)) - 5, round(float(row)) - 5
    light = np.clip(brightness[low : low + 11, left : left + 11] - 60, 0, None)
    y, x = np.mgrid[low : low + 11, left : left + 11]
    return float((light * x).sum() / light.sum()), float((light * y).sum() / light.sum())


def test_frames_that_lie_on_each_other_already_are_left_alone() -> None:
    nearly = {**TAN, "CRPIX1": 40.55}

    laid = shown(a_frame(sky(2), nearly), grid=a_frame(sky(), TAN))

    assert laid.pixels.tobytes() == shown(a_frame(sky(2), nearly)).pixels.tobytes()


def test_cutouts_of_several_frames_lie_on_each_other_too() -> None:
    shifted = {**TAN, "CRPIX1": 45.0}
    cutout = Cutout(10.001, 20.001, 20)

    decoded = shown(a_frame(sky(2), shifted), grid=a_frame(sky(), TAN), cutout=cutout)

    assert (decoded.width, decoded.height) == (20, 20)
    assert decoded.sky == shown(a_frame(sky(), TAN), cutout=cutout).sky


def test_bands_are_laid_on_the_first() -> None:
    place = [(10.002, 20.001)]
    larger = {**TAN, "CRPIX1": 60.0, "CRPIX2": 55.0}
    one = stars(WCS(fits.Header(dict(TAN))), (60, 80), place) * 500 + sky(1)
    other = stars(WCS(fits.Header(larger)), (110, 120), place) * 500 + sky(2, (110, 120))

    decoded = shown(a_frame(one, TAN), a_frame(other, larger), a_frame(other, larger))
    pixels = np.asarray(decoded.pixels, int)[::-1]
    column, row = (round(float(each)) for each in WCS(fits.Header(dict(TAN))).wcs_world2pix(*place[0], 0))

    assert (decoded.width, decoded.height) == (80, 60)
    assert pixels[row, column].min() > 150
    assert np.median(pixels) < 40


def test_frames_of_different_places_are_no_one_subject() -> None:
    assert "no pixel of it lies on grid.fits" in complaint(
        FramesApartError, a_frame(sky(), {**TAN, "CRVAL1": 11.0}), grid=a_frame(sky(), TAN)
    )


def test_a_frame_that_cannot_be_laid_on_another_says_so() -> None:
    decoded = shown(a_frame(sky(2)), grid=a_frame(sky(), TAN))
    neither = shown(a_frame(sky(2)), grid=a_frame(sky()))

    assert decoded.note == f"{UNPLACED}; is not laid on grid.fits, as only one of them has a WCS"
    assert neither.note == UNPLACED


def test_a_photo_beside_a_frame_is_left_as_it_is() -> None:
    photo = encoded(a_picture(40, 30), "PNG")

    assert shown(photo, grid=a_frame(sky(), TAN)).sky is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_whether_a_file_points_at_the_sky_is_seen_by_its_headers(tmp_path: Path, pack: Any) -> None:
    placed, other, photo = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    placed.write_bytes(pack(a_frame(sky(), TAN)))
    other.write_bytes(pack(a_frame(sky())))
    photo.write_bytes(encoded(a_picture(40, 30), "PNG"))

    assert [points_at_the_sky(path) for path in (placed, other, photo, tmp_path / "d")] == [True, False, False, False]


def test_a_position_is_a_plain_value() -> None:
    found = shown(a_frame(sky(), TAN)).sky

    assert isinstance(found, Sky)
    assert (found.ra, found.dec, found.scale_arcsec) == pytest.approx((10.0, 20.0, 1.0))
