"""A log of votes as arrays, and the streams in which a benchmark plays it: shuffled, with a part of the items as gold.

Every policy sees the same streams. A *live* vote is one on a subject that is not gold. Within each volunteer's votes
those on gold come early, as cards are dealt (`cascade.dealing.gold_share`), as long as there are any.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from api.replay.vote_logs import VoteLog
from cascade.dealing import gold_share
from cascade.drift import Records, learn_in_order
from cascade.skill import GOLD_TO_PROVE
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ballots:
    """A log in arrays: `subject`, `volunteer` and `answer` of each vote (m,), `truth` and `score` of each subject (n,).

    `truth` is -1 where it is not known, `score` not-a-number where there is none.
    """

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers
    score: Reals
    volunteers: int

    @classmethod
    def of(cls, log: VoteLog) -> Self:
        """Return the votes of a log, by their places in its lists."""
        votes = np.array([(vote.item, vote.worker, vote.answer) for vote in log.votes], dtype=np.int64)
        truth, score = np.full(len(log.items), -1), np.full(len(log.items), np.nan)
        truth[list(log.gold)] = list(log.gold.values())
        score[list(log.scores)] = list(log.scores.values())
        subject, volunteer, answer = np.ascontiguousarray(votes.T)
        return cls(subject, volunteer, answer, truth, score, len(log.workers))


@dataclass(frozen=True)
class Stream:
    """Votes in the order in which they are given, with the subjects that are gold, (n,), `truth` and `score` as above.

    Only `gold` subjects' truths may be shown to a policy.
    """

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers
    score: Reals
    gold: Mask
    volunteers: int

    @cached_property
    def on_gold(self) -> Mask:
        """Which votes are on gold, (m,)."""
        result: Mask = self.gold[self.subject]
        return result

    @cached_property
    def known(self) -> Integers:
        """What a policy may know of the truth, (n,): -1 but for gold."""
        return np.where(self.gold, self.truth, -1)

    @cached_property
    def live(self) -> Integers:
        """The places of the live votes, (k,), by subject and then in their order."""
        places = np.flatnonzero(~self.on_gold)
        result: Integers = places[np.argsort(self.subject[places], kind="stable")]
        return result

    @cached_property
    def starts(self) -> Integers:
        """Where each subject begins in `live`, (s,)."""
        return np.flatnonzero(np.diff(self.subject[self.live], prepend=-1))

    @cached_property
    def sizes(self) -> Integers:
        """How many live votes each subject has, (s,)."""
        return np.diff(self.starts, append=len(self.live))

    @cached_property
    def subjects(self) -> Integers:
        """The subjects that have live votes, (s,)."""
        result: Integers = self.subject[self.live][self.starts]
        return result

    @cached_property
    def turn(self) -> Integers:
        """Which vote of its subject each live vote is, (k,), from 1."""
        return np.arange(len(self.live)) - np.repeat(self.starts, self.sizes) + 1

    @cached_property
    def records(self) -> Records:
        """What the engine makes of each vote on gold, in their order; the last one is blank."""
        votes = np.flatnonzero(self.on_gold)
        blank = Records.blank(self.volunteers)
        after = learn_in_order(blank, self.volunteer[votes], self.truth[self.subject[votes]], self.answer[votes])
        return Records(
            np.concatenate([after.counts, np.zeros((1, 2, 3), dtype=np.int64)]),
            np.append(after.cusum, 0),
            np.append(after.drops, 0),
        )

    @cached_property
    def record(self) -> Integers:
        """The place in `records` of what was known of its volunteer at each vote, (m,); -1 for the blank one."""
        number = np.cumsum(self.on_gold) - 1
        order = np.argsort(self.volunteer, kind="stable")
        starts = np.flatnonzero(np.diff(self.volunteer[order], prepend=-1))
        begins = np.repeat(starts, np.diff(starts, append=len(order)))
        latest = np.maximum.accumulate(np.where(self.on_gold[order], np.arange(len(order)), -1))
        result = np.empty(len(order), dtype=np.int64)
        result[order] = np.where(latest >= begins, number[order][latest], -1)
        return result

    @cached_property
    def gold_counts(self) -> Integers:
        """Every gold answer of its volunteer before each live vote, simply counted, (k, 2, 3)."""
        votes = np.flatnonzero(self.on_gold)
        cell = self.truth[self.subject[votes]] * len(Answer) + self.answer[votes]
        shown = np.zeros((len(votes) + 1, 2 * len(Answer)), dtype=np.int64)
        shown[np.arange(len(votes)), cell] = 1
        order = np.argsort(self.volunteer[votes], kind="stable")
        sums = np.cumsum(shown[order], axis=0)
        starts = np.flatnonzero(np.diff(self.volunteer[votes][order], prepend=-1))
        before = np.where(starts[:, None] > 0, sums[starts - 1], 0)
        shown[order] = sums - np.repeat(before, np.diff(starts, append=len(order)), axis=0)
        return shown[self.record[self.live]].reshape(-1, 2, len(Answer))

    def records_at(self, place: int) -> Records:
        """Return what is known of each volunteer, (v,), when so many votes have been given."""
        latest = np.full(self.volunteers, -1)
        votes = np.flatnonzero(self.on_gold[:place])
        latest[self.volunteer[votes]] = np.arange(len(votes))
        return self.records.take(latest)


def draw(ballots: Ballots, share: float, rng: np.random.Generator) -> Stream:
    """Return a stream: gold drawn, the votes shuffled, and each volunteer's votes on gold brought forward."""
    gold = _gold(ballots.truth, share, rng)
    order = rng.permutation(len(ballots.subject))
    order = order[_early(ballots.volunteer[order], gold[ballots.subject[order]], rng)]
    votes = (ballots.subject[order], ballots.volunteer[order], ballots.answer[order])
    return Stream(*votes, ballots.truth, ballots.score, gold, ballots.volunteers)


def gold_size(known: int, share: float) -> int:
    """Return how many of the subjects known to have one answer are gold: enough to prove a volunteer, if any."""
    return min(known, max(GOLD_TO_PROVE, round(share * known))) if share else 0


def _gold(truth: Integers, share: float, rng: np.random.Generator) -> Mask:
    """Draw the same share of the true yes and of the true no."""
    gold = np.zeros(len(truth), dtype=np.bool_)
    for answer in (Answer.NO, Answer.YES):
        known = np.flatnonzero(truth == answer)
        gold[rng.permutation(known)[: gold_size(len(known), share)]] = True
    return gold


def _early(volunteer: Integers, on_gold: Mask, rng: np.random.Generator) -> Integers:
    """Return the order in which each volunteer, at the same moments, first meets gold as often as it is dealt."""
    luck = rng.random(len(volunteer))
    by_volunteer = np.argsort(volunteer, kind="stable")
    order = np.empty(len(volunteer), dtype=np.int64)
    for moments in np.split(by_volunteer, np.flatnonzero(np.diff(volunteer[by_volunteer])) + 1):
        order[moments] = _dealt(moments, on_gold[moments], luck[moments])
    return order


def _dealt(moments: Integers, on_gold: Mask, luck: Reals) -> list[int]:
    gold, others = moments[on_gold].tolist()[::-1], moments[~on_gold].tolist()[::-1]
    return [
        (gold if gold and (not others or chance < gold_share(seen)) else others).pop()
        for seen, chance in enumerate(luck.tolist())
    ]
