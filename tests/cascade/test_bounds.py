import numpy as np
import pytest
from numpy.typing import NDArray

from cascade.bounds import SCARCE, Record, Trajectories, calibrate, outcomes, record

WALD = 2.944
NEVER = np.nan


def gold(truth: int, *rows: list[float], weight: float = 1.0) -> Trajectories:
    """Gold subjects of one truth that each go through these log-odds."""
    table = np.array(rows)
    return Trajectories(table, np.full(len(table), truth), np.full(len(table), weight))


def together(*parts: Trajectories) -> Trajectories:
    return Trajectories(
        np.concatenate([part.log_odds for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def many(truth: int, right: int, wrong: NDArray[np.float64] | list[float]) -> Trajectories:
    """`right` subjects that end far on their side, and one that goes so far to the other side for each of `wrong`."""
    sign = 1 if truth else -1
    turned = [[-sign * far, sign * 9.0] for far in wrong]
    return gold(truth, *[[sign * 1.0, sign * 9.0]] * right, *turned)


def bounds(of: Trajectories, target: float = 0.05) -> tuple[float, float]:
    found = calibrate(of, miss=target, false_alarm=target, accept=WALD, reject=WALD)
    return round(found.accept, 3), round(found.reject, 3)


def test_the_answer_is_that_of_the_first_bound_reached() -> None:
    paths = np.array([[1.0, 3.0, -9.0], [1.0, -2.0, 9.0], [1.0, 1.0, 1.0], [NEVER, 3.0, 3.0]])

    assert outcomes(paths, 2.5, 2.0).tolist() == [1, 0, -1, 1]


def test_plenty_of_gold_without_errors_leaves_walds_bounds() -> None:
    assert bounds(together(many(1, 60, []), many(0, 60, []))) == (WALD, WALD)


def test_a_bound_rises_above_the_errors_that_the_target_does_not_allow() -> None:
    # With 59 subjects of a class two errors are allowed, (2 + 1) / 60 = .05; so the least of three is ruled out.
    accept, reject = bounds(together(many(1, 56, [4.1, 5.3, 6.4]), many(0, 59, [])))

    assert (accept, reject) == (WALD, WALD + 1.25)


def test_errors_on_one_class_raise_the_bound_against_them_alone() -> None:
    accept, reject = bounds(together(many(1, 300, []), many(0, 280, [4.0] * 20)))

    assert accept > 4.0
    assert reject == WALD


@pytest.mark.parametrize(("each", "added"), [(0, SCARCE), (5, SCARCE * 14 / 19), (18, SCARCE / 19)])
def test_scarce_gold_costs_more_the_scarcer_it_is(each: int, added: float) -> None:
    of = together(many(1, each, []), many(0, each, [])) if each else gold(1, *np.zeros((0, 2)).tolist())
    if not each:
        of = Trajectories(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.zeros(0))

    assert bounds(of) == pytest.approx((WALD + added, WALD + added), abs=0.002)


def test_a_subject_replayed_in_parts_counts_once() -> None:
    parts = together(gold(1, *[[-9.0, 9.0]] * 4, weight=0.25), many(1, 40, []))

    assert record(parts, 1, WALD, WALD) == Record(41, 41, 1)


def test_the_stated_limit_lies_above_the_share_that_was_wrong() -> None:
    assert Record(100, 100, 5).upper > 0.1 > Record(1000, 1000, 50).upper > 0.05
    assert Record(5, 0, 0).upper > 0.6
    assert Record(0, 0, 0).upper > 0.95


def test_bounds_from_half_of_the_gold_keep_to_the_target_on_the_other_half() -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(200):
        truth = rng.integers(0, 2, 240)
        steps = rng.normal(np.where(truth == 1, 0.6, -0.6)[:, None], 1.6, (240, 12))
        paths = np.cumsum(steps, axis=1)
        known, live = (Trajectories(paths[part], truth[part], np.ones(120)) for part in (slice(120), slice(120, 240)))
        found = calibrate(known, miss=0.05, false_alarm=0.05, accept=1.0, reject=1.0)
        answer = outcomes(live.log_odds, found.accept, found.reject)
        errors.append([(answer == 1 - live.truth)[live.truth == each].mean() for each in (0, 1)])

    assert np.mean(errors, axis=0) == pytest.approx([0.04, 0.04], abs=0.012)
