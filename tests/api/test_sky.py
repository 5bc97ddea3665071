"""Cells of the sky, and the ranges of them that cover a cone."""

import math
from itertools import pairwise

import astropy_healpix
import hypothesis.strategies as st
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings

from api import sky

RADII = st.floats(-6, math.log10(5)).map(lambda power: 10**power)
DECLINATIONS = st.one_of(st.floats(-90, 90), st.floats(-90, -89.99), st.floats(89.99, 90))
RIGHT_ASCENSIONS = st.one_of(st.floats(0, 359.9999), st.floats(0, 0.001), st.floats(359.999, 359.9999))


def holds(ranges: sky.Ranges, cell: int) -> bool:
    return any(first <= cell <= last for first, last in ranges)


def test_a_cell_is_healpix_nested_of_order_29() -> None:
    grid = astropy_healpix.HEALPix(2**29, order="nested")

    for ra, dec in ((0.0, 0.0), (150.11917, 2.20583), (359.9999, -89.9), (10.0, 90.0)):
        assert sky.cell(ra, dec) == int(grid.lonlat_to_healpix(ra * u.deg, dec * u.deg))
    assert sky.cells([], []) == []
    assert 0 <= sky.cell(0, -90) < 12 * 4**29 < 2**63


@given(RIGHT_ASCENSIONS, DECLINATIONS, RADII, st.floats(0, 360), st.floats(0, 1))
@example(0.0, 90.0, 5.0, 10.0, 1.0)
@example(359.9999, 0.0, 0.01, 90.0, 1.0)
@settings(max_examples=300, deadline=None)
def test_a_cone_covers_all_that_lies_in_it(ra: float, dec: float, radius: float, towards: float, far: float) -> None:
    inside = SkyCoord(ra, dec, unit="deg").directional_offset_by(towards * u.deg, far * radius * u.deg)

    ranges = sky.cone(ra, dec, radius)

    assert holds(ranges, sky.cell(float(inside.ra.deg), float(inside.dec.deg)))


@given(RIGHT_ASCENSIONS, DECLINATIONS, RADII)
@settings(max_examples=100, deadline=None)
def test_a_cone_is_few_ranges_and_not_much_more_than_itself(ra: float, dec: float, radius: float) -> None:
    ranges = sky.cone(ra, dec, radius)
    area = sum(last - first + 1 for first, last in ranges) / (12 * 4**29)

    assert 1 <= len(ranges) <= sky.MOST_RANGES
    assert ranges == sorted(ranges)
    assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(ranges))
    assert area < 4 * (1 - math.cos(math.radians(radius))) / 2 + 1e-15


@pytest.mark.parametrize("radius", [0.0, 60.0, 180.0])
def test_cones_of_no_width_and_of_all_the_sky_are_covered_too(radius: float) -> None:
    assert holds(sky.cone(10.0, 20.0, radius), sky.cell(10.0, 20.0))
