"""What a gold answer teaches about a volunteer who may change: skill drops suddenly, or grows.

A record is the gold counts of one person in one workflow (see `cascade.skill`), with a `cusum` beside it. Each answer
is first asked, and then learnt:

- **A sudden drop.** Page's CUSUM: the cusum grows by ln P(answer | by chance) - ln P(answer | the record so far), and
  is never below 0. *By chance* is a coin flip between yes and no by somebody who is as often unsure as the record says;
  so an unsure answer changes nothing. At `ALARM` the record begins anew, without that answer: the volunteer is unproven
  until they have shown their skill again. Who inverts their answers is found sooner than who flips coins.
- **Slow change.** Where one truth has `MEMORY` answers its counts are halved, so that what was long ago is forgotten
  and a volunteer can get better.

`ALARM` was chosen among 4 to 8 nats by simulation: volunteers who are right with one probability under both truths,
and have given 60 gold answers when they turn.

==========  =============================  ================================  ================================
right       false alarms in 1,000 answers  answers until an alarm after      answers until an alarm after
                                           turning to coin flips             inverting
                                           (median, 90 %)                    (median, 90 %)
==========  =============================  ================================  ================================
.90         0.26                           14, 32                            6, 8
.75         0.24                           42, 137                           15, 32
.60         0.23                           210, more than 400                123, more than 400
==========  =============================  ================================  ================================

On eight vote logs, with a tenth of the subjects as gold, none or one of up to 203 volunteers drops, and the votes per
subject at the error of the majority change by .5 % at most, down as often as up.

At 5 nats there are three times as many false alarms for delays a quarter shorter; at 7 a third as many for delays a
quarter longer. Whoever is right six times in ten weighs next to nothing, before or after.

Source: E. S. Page, Biometrika 41 (1954) 100-115.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cascade.decision import rounds
from cascade.skill import MICRO, PRIOR, logarithms
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

ALARM: Final = 6 * MICRO
"""The height of the cusum, in micro-nats, at which a record begins anew."""

MEMORY: Final = 200
"""Gold answers of one truth at which their counts are halved."""

_LN_2: Final = 693_147
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Records:
    """What n volunteers have shown: gold counts (n, 2, 3), the cusum (n,) in micro-nats, and drops so far (n,)."""

    counts: Integers
    cusum: Integers
    drops: Integers

    @classmethod
    def blank(cls, size: int) -> Self:
        """Return the records of volunteers who have not seen any gold."""
        empty = np.zeros((size, 8), dtype=np.int64)
        return cls(empty[:, :6].reshape(-1, 2, 3), empty[:, 6].copy(), empty[:, 7].copy())

    def put(self, place: int, counts: ArrayLike, cusum: int, drops: int) -> None:
        """Set one record, in place; `counts` are six, by truth and answer."""
        self.counts[place] = np.reshape(counts, (2, 3))
        self.cusum[place], self.drops[place] = cusum, drops

    def take(self, places: Integers) -> "Records":
        """Return copies of some records."""
        return Records(self.counts[places], self.cusum[places], self.drops[places])

    def followed_by(self, others: "Records") -> "Records":
        """Return these records and then the others."""
        pairs = ((self.counts, others.counts), (self.cusum, others.cusum), (self.drops, others.drops))
        return Records(*map(np.concatenate, pairs))


def learn(counts: Integers, cusum: Integers, truth: Integers, answer: Integers) -> tuple[Integers, Integers, Mask]:
    """Return counts and cusum of n volunteers after one gold answer each, and whose record began anew by it.

    `counts` is (n, 2, 3), the others (n,); the arguments stay as they are.
    """
    rows = np.arange(len(truth))
    cusum = np.maximum(cusum + _surprise(counts, truth, answer), 0)
    dropped: Mask = cusum >= ALARM
    learnt = counts.copy()
    learnt[rows, truth, answer] += 1
    full = learnt.sum(axis=-1, keepdims=True) >= MEMORY
    learnt = np.where(full, (learnt + 1) // 2, learnt)
    return np.where(dropped[:, None, None], 0, learnt), np.where(dropped, 0, cusum), dropped


def learn_in_order(
    begun: Records, volunteer: Integers, truth: Integers, answer: Integers, watched: Mask | None = None
) -> Records:
    """Return the record of its volunteer after each of m gold answers, which are learnt in their order.

    `volunteer` (m,) indexes `begun`, which stays as it is. The same answers in the same order, at once or one by one,
    give the same bits. Answers that are not `watched` (m,) are only counted.
    """
    now = begun.take(np.arange(len(begun.cusum)))
    after = Records.blank(len(volunteer))
    for turn in rounds(volunteer):
        who = volunteer[turn]
        counts, cusum, dropped = learn(now.counts[who], now.cusum[who], truth[turn], answer[turn])
        if watched is not None:
            plain = now.counts[who]
            plain[np.arange(len(who)), truth[turn], answer[turn]] += 1
            counts = np.where(watched[turn, None, None], counts, plain)
            cusum, dropped = cusum * watched[turn], dropped & watched[turn]
        now.counts[who], now.cusum[who] = counts, cusum
        now.drops[who] += dropped
        after.counts[turn], after.cusum[turn], after.drops[turn] = counts, cusum, now.drops[who]
    return after


def trusted(batch: Integers, drops: Integers) -> Integers:
    """Return what a refit has learnt of volunteers, (n, 2, 3), without those whose skill has ever dropped.

    A refit takes all votes of a volunteer for those of one skill. Whoever dropped is weighed by new gold alone.
    """
    return np.where((drops > 0)[:, None, None], 0, batch)


def _surprise(counts: Integers, truth: Integers, answer: Integers) -> Integers:
    """Return ln P(answer | by chance) - ln P(answer | record) of each answer in micro-nats; 0 for unsure."""
    hundredths = (_HUNDRED * counts + PRIOR)[np.arange(len(truth)), truth]
    sure = hundredths[:, Answer.NO] + hundredths[:, Answer.YES]
    given = hundredths[np.arange(len(answer)), answer]
    return np.where(answer == Answer.UNSURE, 0, -logarithms(given, sure) - _LN_2)
