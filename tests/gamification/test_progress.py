from math import gamma

import numpy as np
import pytest

from gamification.progress import NEEDED, Answered, progress, right_share


def share_below(quantile: float, right: float, other: float) -> float:
    """Integrate the density of Beta(right, other) up to a quantile, by the midpoint rule."""
    x = (np.arange(200_000) + 0.5) / 200_000
    density = x ** (right - 1) * (1 - x) ** (other - 1) * gamma(right + other) / gamma(right) / gamma(other)
    return float(density[x < quantile].sum() / len(x))


def test_a_newcomer_is_taken_for_right_in_four_fifths_with_the_weight_of_eight() -> None:
    reached = progress(Answered(), Answered())

    assert share_below(reached.yes.median, 6.4, 1.6) == pytest.approx(0.5, abs=1e-3)
    assert share_below(reached.yes.low, 6.4, 1.6) == pytest.approx(0.05, abs=1e-3)
    assert reached.no == reached.yes


def test_a_newcomer_lacks_all_training() -> None:
    reached = progress(Answered(), Answered())

    assert (reached.more_yes, reached.more_no, reached.enough) == (NEEDED, NEEDED, False)


def test_what_is_missing_is_counted_by_truth() -> None:
    reached = progress(no=Answered(right=5, wrong=1, unsure=1), yes=Answered(right=9))

    assert (reached.more_no, reached.more_yes, reached.enough) == (1, 0, False)
    assert progress(no=Answered(right=8), yes=Answered(wrong=8)).enough


def test_not_sure_is_not_right_and_more_of_the_same_makes_it_surer() -> None:
    assert right_share(Answered(8, 2, 0), 0.05) == right_share(Answered(8, 0, 2), 0.05)
    assert right_share(Answered(8), 0.05) < right_share(Answered(80), 0.05) < right_share(Answered(80), 0.5)


def test_training_of_several_workflows_adds_up() -> None:
    assert Answered(1, 2, 3) + Answered(4, 5, 6) == Answered(5, 7, 9)
    assert Answered(5, 7, 9).seen == 21
