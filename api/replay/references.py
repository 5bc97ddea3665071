"""What all votes of a stream say together: the majority, and Dawid and Skene's model with the gold fixed.

The model is the plain one, apart from the engine's own: a yardstick should not change with what it measures.
Source: A. P. Dawid and A. M. Skene, Applied Statistics 28 (1979) 20-28.
"""

from typing import Final

import numpy as np
from scipy.special import expit

from api.replay.streams import Integers, Reals, Stream
from cascade.vocabulary import Answer

ROUNDS: Final = 30
SMOOTHING: Final = 0.1
"""What is added to every count of answers, so that none is impossible."""

_SURE: Final = 50.0


def majority(stream: Stream) -> Integers:
    """Return the answer of most votes for each subject, (n,), -1 for a tie."""
    worth = (stream.answer == Answer.YES) * 1.0 - (stream.answer == Answer.NO) * 1.0
    return _sign(np.bincount(stream.subject, worth, len(stream.truth)).astype(np.float64))


def dawid_skene(stream: Stream) -> Integers:
    """Return the likelier answer for each subject by all votes, (n,), -1 for a tie; begun from the majority."""
    size, known = len(stream.truth), stream.known
    cell = stream.volunteer * len(Answer) + stream.answer
    yes = np.bincount(stream.subject, stream.answer == Answer.YES, size)
    no = np.bincount(stream.subject, stream.answer == Answer.NO, size)
    p_yes = (yes + 0.5) / (yes + no + 1)
    odds = np.log(p_yes / (1 - p_yes))
    for _ in range(ROUNDS):
        p_yes = np.where(known >= 0, known == Answer.YES, p_yes)
        ratio = _log_ratio(stream, cell, p_yes)
        share = (p_yes.sum() + 1) / (size + 2)
        odds = np.bincount(stream.subject, ratio[cell], size) + np.log(share / (1 - share))
        p_yes = expit(np.clip(odds, -_SURE, _SURE))
    return _sign(odds)


def _log_ratio(stream: Stream, cell: Integers, p_yes: Reals) -> Reals:
    """Return ln P(answer | yes) - ln P(answer | no) of each volunteer and answer, (v * 3,)."""
    weight = p_yes[stream.subject]
    total = stream.volunteers * len(Answer)
    tables = [np.bincount(cell, each, total).reshape(-1, len(Answer)) + SMOOTHING for each in (1 - weight, weight)]
    no, yes = (np.log(table / table.sum(axis=-1, keepdims=True)) for table in tables)
    result: Reals = (yes - no).ravel()
    return result


def _sign(odds: Reals) -> Integers:
    return np.where(odds > 0, int(Answer.YES), np.where(odds < 0, int(Answer.NO), -1))
