"""Volunteers who change: sudden drops of skill, slow forgetting, and what a refit may still add."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.drift import ALARM, MEMORY, Records, learn, learn_in_order, trusted
from cascade.skill import MICRO, weigh
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
NO, YES, UNSURE = int(Answer.NO), int(Answer.YES), int(Answer.UNSURE)


def gold(right: list[float], people: int, seed: int) -> tuple[Integers, Integers, Integers]:
    """Return who, truth and answer: people who answer one after the other, right with the chance of each round."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (len(right), people))
    answer = np.where(rng.random(truth.shape) < np.array(right)[:, None], truth, 1 - truth)
    return np.tile(np.arange(people), len(right)), truth.ravel(), answer.ravel()


def lived(right: list[float], people: int = 500, seed: int = 1) -> Records:
    """Return the records of such people after all of it."""
    after = learn_in_order(Records.blank(people), *gold(right, people, seed))
    return after.take(np.arange(len(after.cusum) - people, len(after.cusum)))


def test_a_steady_volunteer_keeps_their_record() -> None:
    for right in (0.6, 0.75, 0.9):
        assert lived([right] * 100).drops.mean() < 0.06


def test_whoever_turns_to_coin_flips_or_to_lies_is_found_and_weighs_little() -> None:
    before = lived([0.9] * 60)
    for later, answers in ((0.5, 32), (0.1, 8)):
        turned = lived([0.9] * 60 + [later] * answers)

        assert (turned.drops > 0).mean() > 0.85
        assert weight_of_yes(turned) < 0.5 * weight_of_yes(before)


def weight_of_yes(records: Records) -> float:
    """Return what a yes weighs on average, in nats."""
    if_yes, if_no, _ = weigh(records.counts, np.full(len(records.cusum), YES))
    return float((if_yes - if_no).mean()) / MICRO


def test_the_answer_that_raises_the_alarm_is_the_last_of_the_old_record() -> None:
    counts = np.array([[[60, 0, 0], [0, 60, 0]]])

    after, cusum, dropped = learn(counts, np.array([ALARM - MICRO]), np.array([YES]), np.array([NO]))

    assert (after.sum(), cusum.tolist(), dropped.tolist()) == (0, [0], [True])


def test_not_knowing_is_no_sign_of_chance() -> None:
    counts, cusum = np.array([[[9, 1, 1], [1, 9, 1]]]), np.array([5])

    after, still, dropped = learn(counts, cusum, np.array([NO]), np.array([UNSURE]))

    assert (after[0, NO, UNSURE], still.tolist(), dropped.tolist()) == (2, [5], [False])


def test_an_old_record_is_halved_so_that_a_volunteer_can_get_better() -> None:
    counts = np.array([[[120, MEMORY - 121, 0], [3, 5, 0]]])

    after, _, _ = learn(counts, np.array([0]), np.array([NO]), np.array([NO]))

    assert after.tolist() == [[[61, 40, 0], [3, 5, 0]]]


def test_a_refit_adds_nothing_to_a_volunteer_who_has_dropped() -> None:
    batch = np.full((2, 2, 3), 700)

    assert trusted(batch, np.array([0, 1])).tolist() == [batch[0].tolist(), np.zeros((2, 3)).tolist()]


answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 2)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(answers, st.integers(0, 60))
def test_learning_at_once_or_in_two_parts_gives_the_same_bits(given_: list[tuple[int, int, int]], cut: int) -> None:
    who, truth, answer = np.array(given_, dtype=np.int64).reshape(-1, 3).T
    begun = Records.blank(4)

    whole = learn_in_order(begun, who, truth, answer)
    now = begun.take(np.arange(4))
    for part in (slice(0, cut), slice(cut, None)):
        after = learn_in_order(now, who[part], truth[part], answer[part])
        for place, person in enumerate(who[part].tolist()):
            now.put(person, after.counts[place], int(after.cusum[place]), int(after.drops[place]))

    for person in range(4):
        mine = np.flatnonzero(who == person)
        if len(mine):
            assert now.counts[person].tolist() == whole.counts[mine[-1]].tolist()
            assert now.cusum[person] == whole.cusum[mine[-1]]
    assert begun.counts.sum() == 0


def test_unsure_weighs_for_no_from_somebody_who_is_unsure_where_there_is_nothing() -> None:
    seldom_knows_a_no = np.array([[[20, 2, 18], [1, 37, 2]]])
    says_nothing_of_itself = np.zeros((1, 2, 3), dtype=np.int64)

    informed = weigh(seldom_knows_a_no, np.array([UNSURE]))
    newcomer = weigh(says_nothing_of_itself, np.array([UNSURE]))

    assert informed[0][0] - informed[1][0] < -MICRO
    assert newcomer[0][0] == newcomer[1][0]


def test_unsure_weighs_for_what_makes_the_crowd_unsure_until_a_newcomer_has_shown_otherwise() -> None:
    crowd = np.array([[140, 20, 40], [20, 170, 10]])
    knows_a_no = np.array([[[30, 0, 0], [0, 15, 15]]])

    newcomer = weigh(np.zeros((1, 2, 3), dtype=np.int64), np.array([UNSURE]), prior=crowd)
    known = weigh(knows_a_no, np.array([UNSURE]), prior=crowd)

    assert newcomer[0][0] < newcomer[1][0]
    assert known[0][0] > known[1][0]
