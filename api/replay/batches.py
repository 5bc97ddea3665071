"""Cuts a log of votes into the batches of a rough network: shuffled, overlapping, some sent again and in part."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

OVERLAP: Final = 0.2
"""Share of a batch that is taken from other batches of the same worker."""

SENT_AGAIN: Final = 0.2
"""Share of batches of which a part is sent again, in another order, at about the same time."""

AGAIN_WITHIN: Final = 8
"""How many batches later, at most, the part is sent again; by another client then, while the first is under way."""

TIMES_OVERLAP: Final = 0.25
"""Share of a pass over the log that runs beside the pass before it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Votes of one worker, by their places in the log, in the order in which they are sent; none twice."""

    worker: int
    votes: tuple[int, ...]


def cut(workers: NDArray[np.int64], size: int, times: int, rng: np.random.Generator) -> list[Batch]:
    """Return batches in the order to send them, which hold every vote at least so many times.

    Parameters
    ----------
    workers
        The worker of each vote, shape (votes,).
    size
        Votes in a batch, at most.
    times
        Passes over the log; each shuffles and cuts it anew.
    """
    own = {int(worker): np.flatnonzero(workers == worker) for worker in np.unique(workers)}
    timed: list[tuple[float, Batch]] = []
    for number in range(times):
        batches = [batch for worker, votes in own.items() for batch in _cut_one(worker, votes, size, rng)]
        rng.shuffle(batches)
        start = number * (1 - TIMES_OVERLAP)
        for place, batch in enumerate(batches):
            timed.append((start + place / len(batches), batch))
            if rng.random() < SENT_AGAIN:
                again = place + rng.uniform(0, AGAIN_WITHIN)
                timed.append((start + again / len(batches), _part(batch, rng)))
    timed.sort(key=lambda entry: entry[0])
    return [batch for _, batch in timed]


def _cut_one(worker: int, votes: NDArray[np.int64], size: int, rng: np.random.Generator) -> list[Batch]:
    """Return one worker's votes in shuffled batches, each with some votes of the others among its own."""
    shuffled = rng.permutation(votes)
    step = max(1, size - int(size * OVERLAP))
    batches = []
    for start in range(0, len(shuffled), step):
        fresh = shuffled[start : start + step]
        others = rng.choice(shuffled, min(size - len(fresh), int(size * OVERLAP)))
        mixed = np.array(list(dict.fromkeys([*fresh.tolist(), *others.tolist()])), dtype=np.int64)
        batches.append(Batch(worker, tuple(rng.permutation(mixed).tolist())))
    return batches


def _part(batch: Batch, rng: np.random.Generator) -> Batch:
    number = int(rng.integers(1, len(batch.votes) + 1))
    return Batch(batch.worker, tuple(rng.permutation(np.array(batch.votes))[:number].tolist()))
