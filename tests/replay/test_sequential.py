"""Ours sees gold and past votes only, and decides as the engine does."""

from dataclasses import replace

import numpy as np
import pytest

from api.replay.sequential import play, sequential
from api.replay.streams import Stream, draw
from cascade.calibration import UNCALIBRATED
from cascade.refit import Votes, refit
from cascade.skill import MICRO, weigh
from cascade.vocabulary import Answer
from tests.replay.crowds import a_crowd


@pytest.fixture(scope="module")
def stream() -> Stream:
    return draw(a_crowd(subjects=150, right=0.75), 0.2, np.random.default_rng(1))


def test_the_truth_of_what_is_not_gold_makes_no_difference(stream: Stream) -> None:
    lied_to = replace(stream, truth=np.where(stream.gold, stream.truth, 1 - stream.truth))

    honest, deceived = play(stream).outcome, play(lied_to).outcome

    assert honest.answer.tolist() == deceived.answer.tolist()
    assert honest.votes.tolist() == deceived.votes.tolist()


def test_what_is_decided_does_not_depend_on_later_votes(stream: Stream) -> None:
    half = len(stream.subject) // 2
    later = (np.arange(len(stream.subject)) >= half) & ~stream.on_gold
    changed = replace(stream, answer=np.where(later, 1 - stream.answer, stream.answer))

    before, after = (play(each, growth=10, scale=0.3).outcome for each in (stream, changed))

    early = (before.votes < stream.sizes) & (stream.live[stream.starts + before.votes - 1] < half)
    assert early.sum() > 30
    assert (before.answer[early] >= 0).all()
    for name in ("answer", "votes"):
        assert getattr(before, name)[early].tolist() == getattr(after, name)[early].tolist()


def test_stricter_bounds_take_more_votes_and_the_default_takes_two_at_least(stream: Stream) -> None:
    sweep, _ = sequential(stream, growth=2)

    votes = [outcome.votes.mean() for outcome in sweep.points]
    assert votes[0] < votes[4] < votes[7] <= votes[-1]
    assert sweep.default.votes[sweep.default.answer >= 0].min() >= 2


def test_scores_that_gold_confirms_save_votes_and_random_ones_cost_none(stream: Stream) -> None:
    rng = np.random.default_rng(1)
    right = rng.random(len(stream.truth)) < 0.93
    telling = replace(stream, score=np.where((stream.truth == 1) == right, 0.9, 0.1))
    random = replace(stream, score=rng.random(len(stream.truth)))

    without, with_telling, with_random = (play(each).outcome.votes.mean() for each in (stream, telling, random))

    assert with_telling < 0.85 * without
    assert with_random < 1.03 * without


def test_an_answer_that_gold_has_never_heard_is_not_impossible() -> None:
    asked = np.arange(6000)
    gold = Votes(asked, asked % 5, asked % 2, asked % 2, np.zeros(6000, dtype=np.int64), 6)

    learnt = refit(gold, UNCALIBRATED, miss=0.05, false_alarm=0.05)

    newcomer = np.zeros((1, 2, 3), dtype=np.int64)
    if_yes, if_no, _ = weigh(newcomer, np.array([Answer.UNSURE]), newcomer, learnt.calibration.prior)
    assert learnt.calibration.prior.min() >= 1
    assert -20 * MICRO < if_yes[0] == if_no[0] < 0
