"""When a rule stops on each subject of a stream, what it says there, and what it would say if it were forced to."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from api.replay.streams import Integers, Mask, Reals, Stream

UNDECIDED: Final = -1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rule left the subjects of a stream, each (s,): votes counted, and its answer, -1 where it has none yet.

    `leaning` is the answer that it would give now: `answer` where there is one, -1 for a toss-up.
    """

    votes: Integers
    answer: Integers
    leaning: Integers


@dataclass(frozen=True, slots=True)
class Sweep:
    """A policy at its default setting, and at settings from lax to strict."""

    default: Outcome
    points: tuple[Outcome, ...]


def running(stream: Stream, worth: Reals) -> Reals:
    """Return the sum of what the live votes of each subject are worth so far, (k,)."""
    sums = np.cumsum(worth)
    return sums - np.repeat(sums[stream.starts] - worth[stream.starts], stream.sizes)


def first(stream: Stream, there: Mask) -> Integers:
    """Return the first live vote of each subject at which something holds, (s,); one past all votes if at none."""
    result: Integers = np.minimum.reduceat(np.where(there, np.arange(len(there)), len(there)), stream.starts)
    return result


def passage(stream: Stream, case: Reals, yes: Mask, no: Mask) -> Outcome:
    """Return where each subject first passes.

    Parameters
    ----------
    case
        After each live vote, (k,): above 0 the rule leans to yes, below to no.
    yes, no
        Where the rule would stop with that answer, (k,).
    """
    last = stream.starts + stream.sizes - 1
    stop = first(stream, yes | no)
    at = np.minimum(stop, last)
    decided = stop <= last
    answer = np.where(decided, yes[at].astype(np.int64), UNDECIDED)
    leaning = np.where(decided, answer, np.where(case[at] > 0, 1, np.where(case[at] < 0, 0, UNDECIDED)))
    return Outcome(stream.turn[at], answer, leaning)
