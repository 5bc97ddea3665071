"""Volunteers whose errors agree too often."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from cascade.pairs import TOGETHER, agreements
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]


class Crowd(NamedTuple):
    """Votes of a crowd, and the truth of its subjects."""

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers


def a_crowd(seed: int, *, subjects: int = 1000, volunteers: int = 40, votes: int = 8) -> Crowd:
    """Answer for people who do not know of each other, on subjects some of which are hard for everybody."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), votes)
    volunteer = np.concatenate([rng.choice(volunteers, votes, replace=False) for _ in range(subjects)])
    truth = rng.integers(0, 2, subjects)
    hard, prone = rng.normal(-2, 1.5, subjects), rng.normal(0, 0.8, (volunteers, 2))
    wrong = rng.random(len(subject)) < expit(hard[subject] + prone[volunteer, truth[subject]])
    return Crowd(subject, volunteer, np.where(wrong, 1 - truth[subject], truth[subject]), truth)


def copied(crowd: Crowd, source: int, share: float) -> tuple[Crowd, int]:
    """Add somebody who copies this share of another's answers, and flips a coin otherwise."""
    rng = np.random.default_rng(7)
    theirs = np.flatnonzero(crowd.volunteer == source)
    copies = np.where(rng.random(len(theirs)) < share, crowd.answer[theirs], rng.integers(0, 2, len(theirs)))
    number = int(crowd.volunteer.max()) + 1
    volunteer = np.append(crowd.volunteer, np.full(len(theirs), number))
    return Crowd(
        np.append(crowd.subject, crowd.subject[theirs]), volunteer, np.append(crowd.answer, copies), crowd.truth
    ), number


@pytest.mark.parametrize("seed", range(5))
def test_people_who_err_on_the_same_hard_subjects_are_no_pairs(seed: int) -> None:
    crowd = a_crowd(seed)

    assert len(agreements(*crowd, 40).first) == 0


def test_a_copy_is_found_and_nobody_else() -> None:
    honest = a_crowd(1)
    worst = int(np.argmax(np.bincount(honest.volunteer, honest.answer != honest.truth[honest.subject])))
    crowd, copy = copied(honest, worst, 0.9)

    found = agreements(*crowd, 41)

    assert (found.first.tolist(), found.second.tolist()) == ([worst], [copy])
    assert found.together[0] == np.bincount(honest.volunteer)[worst]
    assert found.agreed_errors[0] > 1.5 * found.expected[0]
    assert found.p_value[0] < 1e-5


def test_a_pair_is_the_same_in_any_order_of_the_votes() -> None:
    honest = a_crowd(1)
    worst = int(np.argmax(np.bincount(honest.volunteer, honest.answer != honest.truth[honest.subject])))
    crowd, _ = copied(honest, worst, 0.9)
    order = np.random.default_rng(2).permutation(len(crowd.subject))

    found = agreements(*crowd, 41)
    shuffled = agreements(crowd.subject[order], crowd.volunteer[order], crowd.answer[order], crowd.truth, 41)

    assert shuffled.first.tolist() == found.first.tolist()
    assert shuffled.p_value == pytest.approx(found.p_value)


def test_subjects_of_unknown_truth_and_unsure_answers_tell_nothing() -> None:
    crowd, copy = copied(a_crowd(1), 0, 1.0)
    nothing_known = np.full_like(crowd.truth, -1)
    unsure = np.where(crowd.volunteer == copy, Answer.UNSURE, crowd.answer)

    assert len(agreements(crowd.subject, crowd.volunteer, crowd.answer, nothing_known, 41).first) == 0
    assert len(agreements(crowd.subject, crowd.volunteer, unsure, crowd.truth, 41).first) == 0


def test_fewer_than_twenty_subjects_together_prove_nothing() -> None:
    few = np.arange(TOGETHER - 1)
    subject, volunteer = np.tile(few, 2), np.repeat([0, 1], len(few))

    found = agreements(subject, volunteer, np.ones_like(subject), np.zeros_like(few), 2)

    assert len(found.first) == 0


def test_no_votes_are_no_pairs() -> None:
    nothing = np.empty(0, dtype=np.int64)

    assert len(agreements(nothing, nothing, nothing, nothing, 0).first) == 0
