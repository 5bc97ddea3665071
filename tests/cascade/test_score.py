"""Machine scores: what gold says of them, and that chance, one's own answer and stale models say nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.score import CLIP_SCORE, ScoreFit, cross_fitted, fit_score, from_json, log_loss, prior, to_json
from cascade.skill import MICRO
from cascade.vocabulary import Answer

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
LN_9 = math.log(9)


def counted(*groups: tuple[float, int, int]) -> tuple[Reals, Integers]:
    """Return scores and truths of groups: a score, how many yes have it, and how many no."""
    scores = np.concatenate([np.full(yes + no, score) for score, yes, no in groups])
    truth = np.concatenate([np.repeat([Answer.YES, Answer.NO], [yes, no]) for _, yes, no in groups])
    return scores, truth.astype(np.int64)


def a_column(rng: np.random.Generator, size: int, right: float) -> tuple[Reals, Integers]:
    """Return scores of .93 or .07 that lie on the right side so often, and the truth."""
    truth = rng.integers(0, 2, size)
    return np.where((rng.random(size) < right) == (truth == 1), 0.93, 0.07), truth


def nats(fit: ScoreFit, *scores: float) -> list[float]:
    return [each / MICRO for each in prior(fit, np.array(scores)).tolist()]


def test_a_score_is_worth_the_odds_that_gold_shows() -> None:
    fit = fit_score(*counted((0.8, 900, 100), (0.2, 100, 900)))

    assert nats(fit, 0.8, 0.2) == pytest.approx([LN_9, -LN_9], abs=0.01)


def test_gold_that_was_chosen_to_be_balanced_does_not_shift_the_prior() -> None:
    rare = fit_score(*counted((0.8, 90, 100), (0.2, 10, 900)))

    assert nats(rare, 0.8, 0.2) == pytest.approx([LN_9, -LN_9], abs=0.1)


def test_a_score_weighs_at_most_two_and_a_half_nats_and_none_weighs_nothing() -> None:
    fit = fit_score(*counted((1.0, 500, 0), (0.0, 0, 500)))

    assert prior(fit, np.array([1.0, 0.0, math.nan])).tolist() == [CLIP_SCORE, -CLIP_SCORE, 0]


def test_little_gold_gives_little_weight() -> None:
    few, many = (fit_score(*counted((0.8, 9 * n, n), (0.2, n, 9 * n))) for n in (2, 100))

    assert 0 < nats(few, 0.8)[0] < nats(many, 0.8)[0]


def test_an_inverted_score_counts_as_its_contrary() -> None:
    fit = fit_score(*counted((0.8, 100, 900), (0.2, 900, 100)))

    assert fit.used
    assert fit.inverted
    assert nats(fit, 0.8, 0.2) == pytest.approx([-LN_9, LN_9], abs=0.05)


@pytest.mark.parametrize(
    ("scores", "truth"),
    [
        ([], []),
        ([0.9, 0.1], [-1, -1]),
        ([0.9, 0.8, 0.7], [1, 1, 1]),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1]),
        ([0.9, 0.1], [1, 0]),
        ([0.9, 0.8, 0.1, 0.2, 0.1], [1, 1, 0, 0, 0]),
    ],
)
def test_gold_that_cannot_tell_leaves_a_score_unused(scores: list[float], truth: list[int]) -> None:
    fit = fit_score(np.array(scores), np.array(truth, dtype=np.int64))

    assert not fit.used
    assert prior(fit, np.array([0.0, 0.9])).tolist() == [0, 0]


@pytest.mark.parametrize("size", [11, 80, 500])
def test_random_scores_do_not_look_good(size: int) -> None:
    gains, used = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth, scores = rng.integers(0, 2, size), rng.random(size)
        yes, evidence = truth.astype(np.float64), cross_fitted(scores, truth) / MICRO
        gains.append(log_loss(np.zeros(size), yes).mean() - log_loss(evidence, yes).mean())
        used.append(fit_score(scores, truth).used)

    assert np.mean(gains) <= 0.001
    assert np.mean(used) < 0.1


def test_the_own_answer_of_a_gold_subject_does_not_make_its_prior() -> None:
    scores, truth = counted(*[(0.9, 1, 0), (0.1, 0, 1)] * 8)
    swapped = truth.copy()
    swapped[[2, 3]] = truth[[3, 2]]

    assert cross_fitted(scores, swapped)[[2, 3]].tolist() == cross_fitted(scores, truth)[[2, 3]].tolist()
    assert prior(fit_score(scores, swapped), scores)[2] < prior(fit_score(scores, truth), scores)[2]


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sampled_from([0.5, 0.7, 0.93]))
def test_any_gold_gives_a_finite_fit_that_survives_json(seed: int, size: int, right: float) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = a_column(rng, size, right)
    known = np.where(rng.random(size) < 0.5, truth, -1)

    fit = fit_score(scores, known, model="abc")

    assert np.isfinite([fit.slope, fit.side, fit.intercept, fit.loss, fit.loss_without]).all()
    assert (np.abs(cross_fitted(scores, known)) <= CLIP_SCORE).all()
    assert from_json(to_json({"cnn": fit})) == {"cnn": fit}
