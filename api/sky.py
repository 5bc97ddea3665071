"""Places on the sphere: the cell in which a position lies, and the cells of a cone.

Cells are HEALPix's at order 29, nested (Gorski et al. 2005, doi:10.1086/427976): 3.5e18 of them, each 0.4 milliarcsec
wide, numbered so that all that lie in one cell of a coarser order are one range of numbers. A cone is covered by
coarser cells, so finding what lies in it takes a few ranges of a sorted index, and then the exact distance of each.
Positions are ICRS degrees.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from astropy_healpix import HEALPix

ORDER: Final = 29
MOST_RANGES: Final = 200
"""Ranges that cover a cone, at most; neighbours across the smallest gaps are merged to keep to it."""

_CELLS_ACROSS: Final = 12
"""Cells of the covering order across a cone: more follow its rim better and cost more ranges."""

_FACES: Final = 12
_FARTHEST_CORNER: Final = 1.1
"""From a cell's centre, in sides of a square as large: 1.04 is the most that was found, over orders 0 to 5."""

Ranges: TypeAlias = list[tuple[int, int]]
"""First and last cell of each, both included, in rising order."""


def cell(ra: float, dec: float) -> int:
    """Return the cell of order 29, nested, in which a position lies."""
    return cells([ra], [dec])[0]


def cells(ra: Sequence[float], dec: Sequence[float]) -> list[int]:
    """Return the cells of many positions."""
    if not len(ra):
        return []
    return [int(each) for each in _grid(ORDER).lonlat_to_healpix(*_angles(ra, dec))]


def cone(ra: float, dec: float, radius: float) -> Ranges:
    """Return ranges of cells that hold every position within `radius` degrees of one, and others near it."""
    order = _covering_order(radius)
    shift = 2 * (ORDER - order)
    if order == 0:
        return [(0, (_FACES << shift) - 1)]
    coarse = _grid(order).cone_search_lonlat(*_angles(ra, dec), _angle(radius + _slack(order)))
    return _fewer(_merged([(int(each) << shift, ((int(each) + 1) << shift) - 1) for each in np.sort(coarse)]))


def _covering_order(radius: float) -> int:
    """Return the order whose cells are about a twelfth of the cone across, so that some 150 cover it."""
    side = max(2 * radius / _CELLS_ACROSS, 1e-7)
    return int(np.clip(np.floor(np.log2(_side(0) / side)), 0, ORDER))


def _side(order: int) -> float:
    """Return the side of a square as large as a cell, in degrees."""
    return float(np.rad2deg(np.sqrt(np.pi / 3)) / 2.0**order)


def _slack(order: int) -> float:
    """Return by how much a cone is widened, so that it does not matter which point of a cell is looked at."""
    return _FARTHEST_CORNER * _side(order)


def _merged(ranges: Ranges) -> Ranges:
    merged: Ranges = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _fewer(ranges: Ranges) -> Ranges:
    """Return at most `MOST_RANGES`, joined across the smallest gaps."""
    gaps = sorted((later[0] - former[1], place) for place, (former, later) in enumerate(pairwise(ranges)))
    joined = {place for _, place in gaps[: max(0, len(ranges) - MOST_RANGES)]}
    fewer: Ranges = []
    for place, (first, last) in enumerate(ranges):
        if place - 1 in joined:
            fewer[-1] = (fewer[-1][0], last)
        else:
            fewer.append((first, last))
    return fewer


@cache
def _grid(order: int) -> "HEALPix":
    from astropy_healpix import HEALPix  # noqa: PLC0415 - brings astropy: half a second that few commands have to wait

    return HEALPix(nside=2**order, order="nested")


def _angles(ra: float | Sequence[float], dec: float | Sequence[float]) -> tuple[Any, Any]:
    return _angle(ra), _angle(dec)


def _angle(degrees: float | Sequence[float]) -> Any:
    from astropy import units  # noqa: PLC0415 - as above

    return units.Quantity(degrees, units.deg)
