"""Each policy stops where a count by hand says."""

import numpy as np

from api.replay.passages import Outcome
from api.replay.references import dawid_skene, majority
from api.replay.rivals import APART, count, first_two_agree, gravity_spy, lead, oracle_apart, swap, willi
from tests.replay.crowds import a_stream

MIXED = a_stream(
    "0 0 y", "0 1 n", "0 2 y", "1 0 y", "1 1 y", "1 2 n", "2 0 n", "2 1 n", truth="ynn", score=(0.9, 0.9, float("nan"))
)  # fmt: skip
"""Of subject 0 they say y y n, of 1 n y n, of 2 y n."""

TRAINED = a_stream(
    *(f"{who} {gold} {'yn'[gold % 2]}" for gold in range(6) for who in range(4)),
    "0 6 y", "1 6 y", "2 6 y", "3 6 n", "0 7 y", "1 7 ?", "2 7 y", truth="ynynynyn", gold="gggggg",
)  # fmt: skip
"""Four volunteers, right on three gold subjects of each truth; of subject 6 they say y y y n, of 7 y ? y."""


def told(outcome: Outcome) -> list[tuple[int, int, int]]:
    """Return votes, answer and leaning of each subject."""
    return list(zip(outcome.votes.tolist(), outcome.answer.tolist(), outcome.leaning.tolist(), strict=True))


def test_count_is_the_majority_of_so_many_votes() -> None:
    assert told(count(MIXED, 2).default) == [(2, 1, 1), (2, -1, -1), (2, -1, -1)]
    assert told(count(MIXED, 3).default) == [(3, 1, 1), (3, 0, 0), (2, -1, -1)]


def test_every_shuffle_is_swept_over_the_same_numbers_whichever_subjects_are_gold() -> None:
    votes = ("0 0 y", "1 0 y", "2 0 y", "3 0 y", "4 0 y", "0 1 n", "1 1 n")

    longest_is_gold, shortest_is_gold = (a_stream(*votes, truth="yn", gold=gold) for gold in ("g.", ".g"))

    assert len(count(longest_is_gold, 2).points) == len(count(shortest_is_gold, 2).points)


def test_lead_stops_when_one_answer_leads_by_so_many() -> None:
    assert told(lead(MIXED, 2).default) == [(2, 1, 1), (3, -1, 0), (2, -1, -1)]
    assert told(lead(MIXED).points[0]) == [(1, 1, 1), (1, 0, 0), (1, 1, 1)]


def test_first_two_agree_stops_at_the_second_that_says_the_same() -> None:
    assert told(first_two_agree(MIXED).default) == [(2, 1, 1), (3, 0, 0), (2, -1, -1)]


def test_willi_counts_the_machine_as_one_of_the_two() -> None:
    assert told(willi(MIXED).default) == [(1, 1, 1), (2, 1, 1), (2, -1, -1)]


def test_swap_multiplies_the_odds_by_what_gold_shows() -> None:
    # Right on 3 of 3: (3 + 1) / (3 + 2) = .8, so each vote is worth ln 4 = 1.39 nats, and three pass ln 19 = 2.94.
    assert told(swap(TRAINED).default) == [(3, 1, 1), (3, -1, 1)]


def test_gravity_spy_never_exceeds_its_best_member() -> None:
    # P(yes | one vote) is .8 by (3 + 1) / (3 + 3) against 1 / 6, and so is the mean of any number of such votes.
    mean = gravity_spy(TRAINED)

    assert told(mean.default) == [(4, -1, 1), (3, -1, 1)]
    assert told(mean.points[14]) == [(1, 1, 1), (1, 1, 1)]
    assert told(mean.points[15]) == [(4, -1, 1), (3, -1, 1)]


def test_the_oracle_retires_the_less_the_higher_a_bound_and_counts_errors_by_truth() -> None:
    # Both subjects lean to yes, subject 7 wrongly: that is a false alarm, unless yes is out of reach.
    pairs = oracle_apart(TRAINED).reshape(len(APART), len(APART), 3)

    assert pairs[0, 0].tolist() == [2, 0, 1]
    assert pairs[-1, -1].tolist() == [0, 0, 0]
    assert (np.diff(pairs[:, -1, 0]) <= 0).all()
    assert (pairs[..., 1] == 0).all()


def test_all_votes_agree_with_their_majority_unless_gold_says_who_errs() -> None:
    liars = a_stream(
        *(f"{who} {gold} {'yn'[gold % 2] if who < 2 else 'ny'[gold % 2]}" for gold in range(8) for who in range(5)),
        "0 8 y", "1 8 y", "2 8 n", "3 8 n", "4 8 n", truth="ynynynyny", gold="gggggggg",
    )  # fmt: skip

    assert majority(MIXED).tolist() == [1, 0, -1]
    assert (majority(liars)[8], dawid_skene(liars)[8]) == (0, 1)
