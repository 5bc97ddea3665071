from decimal import Decimal
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.skill import CLIP, CLIP_UNPROVEN, MICRO, PRIOR, informedness_quantile, log_likelihoods, proven, weigh
from cascade.vocabulary import Answer

Counts = NDArray[np.int64]


def gold(*, no: tuple[int, int, int] = (0, 0, 0), yes: tuple[int, int, int] = (0, 0, 0)) -> Counts:
    """One volunteer's gold: answers (no, yes, unsure) to truths no and yes."""
    return np.array([[no, yes]], dtype=np.int64)


def counts_of_volunteers(size: int = 8, most: int = 400) -> st.SearchStrategy[Counts]:
    numbers = st.lists(st.integers(0, most), min_size=6 * size, max_size=6 * size)
    return numbers.map(lambda flat: np.array(flat, dtype=np.int64).reshape(size, 2, 3))


def weight(counts: Counts, answer: Answer) -> int:
    if_yes, if_no, _ = weigh(counts, np.array([answer]))
    return int(if_yes[0] - if_no[0])


def test_a_newcomer_answers_like_the_mean_of_the_prior() -> None:
    newcomer = log_likelihoods(gold())

    right, wrong, unsure = (round(log(share) * MICRO) for share in (0.72, 0.23, 0.05))
    assert np.array_equal(newcomer[0], [[right, wrong, unsure], [wrong, right, unsure]])


def test_gold_moves_the_likelihoods_like_eight_earlier_answers() -> None:
    learned = log_likelihoods(gold(no=(9, 1, 0), yes=(2, 10, 4)))

    no = [round(log(share / 18) * MICRO) for share in (9 + 5.76, 1 + 1.84, 0.4)]
    yes = [round(log(share / 24) * MICRO) for share in (2 + 1.84, 10 + 5.76, 4 + 0.4)]
    assert np.array_equal(learned[0], [no, yes])


def test_a_logarithm_next_to_a_half_is_rounded_from_its_exact_value() -> None:
    # ln(28.84 / 167) lies 7e-9 micro-nats from a half, where the last bit of a float decides.
    exact = (Decimal("28.84") / 167).ln() * MICRO
    assert abs(abs(exact % 1) - Decimal("0.5")) < Decimal("1e-8")

    assert log_likelihoods(gold(no=(132, 27, 0)))[0, 0, Answer.YES] == int(exact.to_integral_value())


@settings(max_examples=25, deadline=None)
@given(counts_of_volunteers(size=2))
def test_every_logarithm_is_the_exact_one_rounded(counts: Counts) -> None:
    parts = 100 * counts + PRIOR
    wholes = np.broadcast_to(parts.sum(axis=-1, keepdims=True), parts.shape)

    exact = [(Decimal(int(p)) / Decimal(int(w))).ln() * MICRO for p, w in zip(parts.flat, wholes.flat, strict=True)]
    assert log_likelihoods(counts).ravel().tolist() == [int(value.to_integral_value()) for value in exact]


@settings(max_examples=25, deadline=None)
@given(counts_of_volunteers())
def test_probabilities_of_the_answers_sum_to_one(counts: Counts) -> None:
    assert np.exp(log_likelihoods(counts) / MICRO).sum(axis=-1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("no", "yes"), [((0, 0, 0), (0, 0, 0)), ((3, 0, 0), (0, 3, 0)), ((9, 1, 0), (4, 12, 2)), ((0, 20, 0), (20, 0, 0))]
)
def test_the_matched_quantile_is_that_of_two_independent_betas(
    no: tuple[int, int, int], yes: tuple[int, int, int]
) -> None:
    counts = gold(no=no, yes=yes)
    right_no, right_yes = no[Answer.NO] + 1, yes[Answer.YES] + 1
    others_no, others_yes = sum(no) + 2 - right_no, sum(yes) + 2 - right_yes
    rng = np.random.default_rng(2)
    informedness = rng.beta(right_yes, others_yes, 200_000) + rng.beta(right_no, others_no, 200_000) - 1

    assert informedness_quantile(counts)[0] / MICRO == pytest.approx(np.quantile(informedness, 0.25), abs=0.03)


@settings(max_examples=50, deadline=None)
@given(counts_of_volunteers(most=30))
def test_proven_means_right_once_under_each_truth_and_a_quantile_above_zero(counts: Counts) -> None:
    enough = (counts[:, 0, Answer.NO] > 0) & (counts[:, 1, Answer.YES] > 0)

    assert np.array_equal(proven(counts), enough & (informedness_quantile(counts) > 0))


@pytest.mark.parametrize(
    ("no", "yes", "expected"),
    [
        ((1, 0, 0), (0, 1, 0), True),
        ((50, 0, 0), (0, 0, 0), False),  # nothing is known of the other truth
        ((0, 0, 0), (0, 50, 0), False),
        ((1, 0, 0), (1, 0, 0), False),  # always no, as far as seen
        ((2, 1, 0), (1, 2, 0), True),
        ((3, 2, 0), (2, 3, 0), False),  # three in five may be luck
        ((0, 0, 30), (0, 0, 30), False),  # never sure
        ((10, 10, 0), (10, 10, 0), False),  # a coin
        ((0, 9, 0), (9, 0, 0), False),  # always wrong
        ((15, 5, 0), (5, 15, 0), True),
    ],
)
def test_only_those_are_proven_whose_answers_tell_something(
    no: tuple[int, int, int], yes: tuple[int, int, int], expected: bool
) -> None:
    assert proven(gold(no=no, yes=yes)).tolist() == [expected]


@pytest.mark.parametrize("answer", Answer)
def test_whoever_always_says_the_same_is_never_proven(answer: Answer) -> None:
    numbers = np.array([0, 3, 4, 5, 10, 30, 100, 1000])
    counts = np.zeros((8, 8, 2, 3), dtype=np.int64)
    counts[..., 0, answer], counts[..., 1, answer] = numbers[:, np.newaxis], numbers

    assert not proven(counts.reshape(64, 2, 3)).any()


def test_a_coin_is_proven_by_luck_only_and_then_weighs_next_to_nothing() -> None:
    rng = np.random.default_rng(6)

    for gold_of_each, most in ((3, 0.36), (10, 0.30), (50, 0.28)):
        coins = rng.multinomial(gold_of_each, [0.5, 0.5, 0], (20_000, 2))
        assert proven(coins).mean() < most
    if_yes, if_no, _ = weigh(coins, np.full(len(coins), Answer.YES))
    assert np.abs(if_yes - if_no).mean() < 0.2 * MICRO


def test_what_a_refit_adds_proves_like_gold_though_it_weighs_less() -> None:
    newcomer, learnt = gold(), 30 * gold(no=(4, 1, 0), yes=(1, 4, 0))

    assert not proven(newcomer).any()
    assert proven(newcomer, learnt).all()
    assert weigh(newcomer, np.array([Answer.YES]), learnt)[0] > weigh(newcomer, np.array([Answer.YES]))[1]


def test_a_vote_weighs_the_difference_of_its_likelihoods() -> None:
    counts = gold(no=(9, 1, 0), yes=(2, 10, 4))

    if_yes, if_no, sure = weigh(counts, np.array([Answer.UNSURE]))

    likelihoods = log_likelihoods(counts)[0]
    assert (if_yes[0], if_no[0], sure[0]) == (likelihoods[1, 2], likelihoods[0, 2], True)


def test_unsure_of_someone_who_is_unsure_of_true_yes_speaks_for_yes() -> None:
    assert weight(gold(no=(10, 0, 0), yes=(0, 6, 4)), Answer.UNSURE) > 0


def test_the_proven_weigh_at_most_three_nats_and_the_unproven_one() -> None:
    perfect, lopsided = gold(no=(500, 0, 0), yes=(0, 500, 0)), gold(no=(500, 0, 0), yes=(0, 0, 0))

    assert [weight(perfect, answer) for answer in (Answer.YES, Answer.NO)] == [CLIP, -CLIP]
    assert weight(lopsided, Answer.YES) == CLIP_UNPROVEN == MICRO


@settings(max_examples=50, deadline=None)
@given(counts_of_volunteers(), st.lists(st.sampled_from(Answer), min_size=8, max_size=8))
def test_clipping_raises_the_smaller_likelihood_only(counts: Counts, answers: list[Answer]) -> None:
    if_yes, if_no, sure = weigh(counts, np.array(answers))

    before = log_likelihoods(counts)[np.arange(8), :, answers]
    clip = np.where(sure, CLIP, CLIP_UNPROVEN)
    assert np.array_equal(if_yes - if_no, np.clip(before[:, 1] - before[:, 0], -clip, clip))
    assert np.array_equal(np.maximum(if_yes, if_no), before.max(axis=1))
