"""How sure a share is that was counted on few subjects."""

from typing import Final

from scipy.special import betaincinv

CONFIDENCE: Final = 0.95


def clopper_pearson(wrong: int, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact two-sided interval of a share of which `wrong` out of `of` were counted; (0, 1) of none.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.
    """
    tail = (1 - confidence) / 2
    low = float(betaincinv(wrong, of - wrong + 1, tail)) if wrong else 0.0
    high = float(betaincinv(wrong + 1, of - wrong, 1 - tail)) if wrong < of else 1.0
    return low, high


def enough_for(target: float, confidence: float = CONFIDENCE) -> int:
    """Return how many subjects without an error it takes until the interval ends below a target."""
    low, high = 1, 2
    while clopper_pearson(0, high, confidence)[1] > target:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        above = clopper_pearson(0, middle, confidence)[1] > target
        low, high = (middle + 1, high) if above else (low, middle)
    return high
