"""What else can happen to a stream: throwaway accounts that lie, and volunteers who stop looking."""

from dataclasses import replace
from typing import Final

import numpy as np

from api.replay.streams import Integers, Stream
from cascade.vocabulary import Answer

TARGETED: Final = 0.05
"""The share of the subjects of known truth that throwaway accounts attack."""

DRIFTING: Final = 0.5
"""The share of volunteers who turn to chance half-way, where drift is asked for."""


def spammed(stream: Stream, accounts: int, rng: np.random.Generator) -> tuple[Stream, Integers]:
    """Return the stream with throwaway accounts, and the subjects that they attack.

    Each account is new, gives one vote, and gives the wrong one. All of them come before anybody else on their subject,
    which is the worst they can do: later, honest votes stand against them, or the subject is retired.
    """
    candidates = np.flatnonzero((stream.truth >= 0) & ~stream.gold)
    candidates = candidates[np.isin(candidates, stream.subject)]
    targets = rng.permutation(candidates)[: max(1, round(TARGETED * len(candidates)))]
    first = np.full(len(stream.truth), len(stream.subject))
    np.minimum.at(first, stream.subject, np.arange(len(stream.subject)))
    attacked = np.repeat(targets, accounts)
    order = np.argsort(np.concatenate([np.arange(len(stream.subject)), first[attacked] - 0.5]), kind="stable")
    volunteers = stream.volunteers + len(attacked)
    lies = np.where(stream.truth[attacked] == Answer.YES, int(Answer.NO), int(Answer.YES))
    with_lies = replace(
        stream,
        subject=np.concatenate([stream.subject, attacked])[order],
        volunteer=np.concatenate([stream.volunteer, np.arange(stream.volunteers, volunteers)])[order],
        answer=np.concatenate([stream.answer, lies])[order],
        volunteers=volunteers,
    )
    return with_lies, targets


def drifting(stream: Stream, rng: np.random.Generator) -> Stream:
    """Return the stream where half of the volunteers answer at random in the second half of their votes."""
    turned = np.zeros(stream.volunteers, dtype=np.bool_)
    turned[rng.permutation(stream.volunteers)[: round(DRIFTING * stream.volunteers)]] = True
    order = np.argsort(stream.volunteer, kind="stable")
    sizes = np.bincount(stream.volunteer, minlength=stream.volunteers)
    seen = np.empty(len(order), dtype=np.int64)
    seen[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    tired = turned[stream.volunteer] & (2 * seen >= sizes[stream.volunteer])
    return replace(stream, answer=np.where(tired, rng.integers(2, size=len(order)), stream.answer))
