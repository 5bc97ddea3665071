"""How often decided answers are wrong: counted on gold, and by the engine's own model."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.interval import clopper_pearson
from cascade.standing import Integers, Mask, p_yes
from cascade.vocabulary import NO_ANSWER, Answer
from cascade.whatif import Played

_WRONG_FOR: Final = ((int(Answer.NO), int(Answer.YES)), (int(Answer.YES), int(Answer.NO)))


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the gold subjects of one truth.

    Attributes
    ----------
    subjects, retired, wrong, unanswered
        How many there are with votes; decided by these; with the other answer; and without any.
    low, high
        The exact 95 % interval of the share of the retired that is wrong.
    """

    subjects: int
    retired: int
    wrong: int
    unanswered: int
    low: float
    high: float


def on_gold(played: Played, truth: Integers) -> tuple[Counted, Counted]:
    """Return what became of gold subjects whose truth is no (false alarms are wrong) and yes (misses are wrong).

    `truth` is that of the stages played, (n,). The skills that gave the votes their weight must not have learnt from
    the same votes.
    """
    of_no, of_yes = (_counted(played, truth == known, wrong) for known, wrong in _WRONG_FOR)
    return of_no, of_yes


def by_model(played: Played) -> float | None:
    """Return the mean probability, by the engine's own model, that a decided answer is wrong; `None` without any."""
    answered = played.retired & (played.standings["answer"] != NO_ANSWER)
    if not answered.any():
        return None
    p = p_yes(played.log_odds[answered])
    return float(np.where(played.standings["answer"][answered] == Answer.YES, 1 - p, p).mean())


def _counted(played: Played, known: Mask, other: int) -> Counted:
    retired = known & played.retired
    wrong = int((retired & (played.standings["answer"] == other)).sum())
    unanswered = int((retired & (played.standings["answer"] == NO_ANSWER)).sum())
    low, high = clopper_pearson(wrong, int(retired.sum()))
    return Counted(int(known.sum()), int(retired.sum()), wrong, unanswered, low, high)
