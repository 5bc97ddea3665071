"""Whether scores still are what they were: what must raise an alarm, and what must not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cascade.score import ScoreFit, fit_score
from cascade.score_drift import DRAWS, alarms, anchored, drift, mended, people_alone, worth

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
NO_SCORES, NO_ANSWERS = np.zeros(0), np.zeros(0, dtype=np.int64)


def scored(seed: int, size: int, spread: float = 1.0, lift: float = 0.0) -> tuple[Reals, Integers]:
    """Return scores that are calibrated but for a lift of their log-odds, and the truth."""
    rng = np.random.default_rng(seed)
    log_odds = 2 * spread * rng.standard_normal(size)
    truth = (rng.random(size) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    return 1 / (1 + np.exp(-log_odds - lift)), truth


def a_fit(size: int = 2000, gold: int = 300) -> tuple[ScoreFit, Reals]:
    scores, truth = scored(0, size)
    return fit_score(scores, np.where(np.arange(size) < gold, truth, -1), model="abc"), scores


def test_more_of_the_same_raises_no_alarm() -> None:
    fit, first = a_fit()

    for seed in range(1, 40):
        later, truth = scored(seed, 600)
        found = drift(fit, np.concatenate([first, later]), later, truth)
        assert (found.recent, found.labels, found.alarm) == (600, 600, False)


def test_scores_that_lie_elsewhere_raise_an_alarm() -> None:
    fit, first = a_fit()

    found = drift(fit, np.concatenate([first, scored(1, 300, lift=2.0)[0]]), NO_SCORES, NO_ANSWERS)

    assert found.moved
    assert not found.broken
    assert "300 scores of cnn" in next(alarms("cnn", found))


def test_a_few_scores_that_lie_elsewhere_may_be_chance() -> None:
    fit, first = a_fit()

    assert not drift(fit, np.concatenate([first, [0.99, 0.99, 0.98]]), NO_SCORES, NO_ANSWERS).moved


def test_people_who_contradict_a_score_break_its_calibration() -> None:
    fit, first = a_fit()
    later, truth = scored(1, 200)

    contradicted = drift(fit, first, later, 1 - truth)
    useless = drift(fit, first, later, np.random.default_rng(2).integers(0, 2, 200))

    assert contradicted.broken
    assert useless.broken


def test_a_score_is_not_blamed_for_five_wrong_answers_in_a_hundred() -> None:
    fit, first = a_fit()
    later, truth = scored(1, 1500)
    wrong = np.random.default_rng(3).random(1500) < 0.05

    assert not drift(fit, first, later, np.where(wrong, 1 - truth, truth)).broken


def test_a_broken_calibration_is_mended_by_what_people_say_or_not_used() -> None:
    fit, _ = a_fit()
    later, truth = scored(1, 200)
    noise = np.random.default_rng(4).integers(0, 2, 200)

    turned, useless, few = mended(fit, later, 1 - truth), mended(fit, later, noise), mended(fit, later[:5], truth[:5])

    assert (turned.used, turned.inverted, turned.by_people, turned.model) == (True, True, True, "abc")
    assert not useless.used
    assert not few.used
    assert "200" not in worth("cnn", few)


def test_a_fit_is_compared_with_the_day_on_which_its_gold_last_changed() -> None:
    before, first = a_fit()
    all_scores, truth = scored(0, 2000)
    moved = np.concatenate([all_scores, scored(1, 500, lift=2.0)[0]])
    same_gold = np.where(np.arange(2500) < 300, np.r_[truth, np.zeros(500, dtype=np.int64)], -1)

    now = fit_score(moved, same_gold, model="abc")
    other_model = fit_score(moved, same_gold, model="def")

    assert drift(anchored(now, before), moved, NO_SCORES, NO_ANSWERS).moved
    assert drift(anchored(now, before), first, NO_SCORES, NO_ANSWERS).recent == 0
    assert anchored(other_model, before) == other_model


@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
def test_a_share_of_the_subjects_is_left_to_people_and_is_not_that_of_the_audits(share: float) -> None:
    draws = np.random.default_rng(5).integers(0, DRAWS, 20_000).tolist()
    audited = [draw for draw in draws if draw < 0.1 * DRAWS]

    for among in (draws, audited):
        assert np.mean([people_alone(draw, share) for draw in among]) == pytest.approx(share, abs=0.02)
