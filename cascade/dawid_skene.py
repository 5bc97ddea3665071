"""Volunteers and subjects judged by each other: Dawid and Skene's model, gold fixed, with trust that spreads from it.

Every round takes the skills for true and asks how likely each subject is a *yes*, then takes that for true and counts
how each volunteer has answered. Plain rounds of this kind believe whatever most say: on a log whose volunteers err
together they are worse than a majority, and accounts that agree with each other prove each other right. Here

- gold is fixed;
- what volunteers have not proven is pooled and capped on every subject, as it is when votes are counted;
- a volunteer learns nothing from a subject of which no *other, proven* volunteer tells anything;
- a `Trust` says how much they learn from the others; which is best, gold shows (`cascade.refit`).

Source of the model: A. P. Dawid and A. M. Skene, Applied Statistics 28 (1979) 20-28. The rest is measured on the vote
logs of the benchmark (see docs/engine.md).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cascade.prevalence import prevalence
from cascade.skill import CLIP, CLIP_UNPROVEN, MICRO, looks
from cascade.standing import if_hard, with_hard
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDS: Final = 6
_NOTHING: Final = 1e-9
"""What a sum of floats may leave where nobody tells anything."""

_WORDS: Final = len(Answer)
_CELLS: Final = 2 * _WORDS


@dataclass(frozen=True, slots=True)
class Votes:
    """The counted votes of one workflow, those on gold among them, in the order in which they came.

    Attributes
    ----------
    subject, volunteer, answer
        One entry for each vote, (m,): indices below n and v, and an `Answer`.
    truth
        The known answer of each subject, (n,), -1 where none is known.
    prior
        What a machine's score adds to the log-odds of each subject in micro-nats, (n,), 0 where there is none.
    volunteers
        How many volunteers there are: v.
    """

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers
    prior: Integers
    volunteers: int


class Trust(NamedTuple):
    """How much volunteers learn from subjects that are not gold.

    `weight` is what an answer to one counts for beside a gold answer. Its truth is believed `in_full`, as Dawid and
    Skene have it, or as far as others tell of it (`tanh` of half their evidence).
    """

    weight: float
    in_full: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """What the rounds end with.

    Attributes
    ----------
    learnt
        What subjects that are not gold add to each volunteer's counts, in answers, (v, 2, 3).
    log_odds
        Of each subject that is not gold, in nats, (n,).
    prevalence
        The share of *yes* among subjects with votes.
    """

    learnt: Reals
    log_odds: Reals
    prevalence: float


def gold_counts(votes: Votes) -> Reals:
    """Return the gold answers of each volunteer, (v, 2, 3)."""
    known = votes.truth[votes.subject]
    on_gold = known >= 0
    cell = votes.volunteer[on_gold] * _CELLS + known[on_gold] * _WORDS + votes.answer[on_gold]
    return np.bincount(cell, minlength=votes.volunteers * _CELLS).reshape(-1, 2, _WORDS).astype(np.float64)


def increments(counts: Reals, prior: Reals, proven: Mask) -> tuple[Reals, Reals]:
    """Return ln P(answer | yes) and ln P(answer | no) of each volunteer and answer in nats, clipped, each (v, 3)."""
    likelihood = counts + prior
    likelihood = np.log(likelihood / likelihood.sum(axis=-1, keepdims=True))
    if_no, if_yes = likelihood[:, Answer.NO], likelihood[:, Answer.YES]
    clip = np.where(proven, CLIP, CLIP_UNPROVEN)[:, None] / MICRO
    return np.maximum(if_yes, if_no - clip), np.maximum(if_no, if_yes - clip)


def fit(votes: Votes, given: Reals, prior: Reals, trust: Trust) -> Fit:
    """Return what subjects without gold say of volunteers, and the volunteers of them.

    `given` are the gold counts (v, 2, 3), `prior` what every volunteer starts with (2, 3), in answers. Without any gold
    everybody is believed from the start.
    """
    rounds = _Rounds.of(votes, cold=not given.any())
    learnt, proven = np.zeros_like(given), np.ones(len(given), dtype=bool) if rounds.cold else looks(given)
    evidence, tells = rounds.hear(increments(given, prior, proven), proven)
    log_odds = evidence
    share = 0.5
    for turn in range(ROUNDS):
        if turn and trust.weight:
            known = (tells > _NOTHING).astype(np.float64) if trust.in_full else tells
            learnt = trust.weight * rounds.count(expit(log_odds), known)
            proven = proven if rounds.cold else looks(given, learnt)
            evidence, tells = rounds.hear(increments(given + learnt, prior, proven), proven)
        log_odds = evidence + logit(share)
        share = prevalence(expit(log_odds)[rounds.heard], votes.truth)
    return Fit(learnt, log_odds, share)


@dataclass(frozen=True, slots=True)
class _Rounds:
    """The votes on subjects that are not gold, laid out for the rounds."""

    subject: Integers
    cell: Integers
    volunteer: Integers
    subjects: int
    volunteers: int
    offset: Reals
    if_hard: Reals
    heard: Mask
    cold: bool

    @classmethod
    def of(cls, votes: Votes, *, cold: bool) -> "_Rounds":
        live = np.flatnonzero(votes.truth[votes.subject] < 0)
        subject, volunteer, answer = votes.subject[live], votes.volunteer[live], votes.answer[live]
        n = len(votes.truth)
        return cls(
            subject=subject,
            cell=volunteer * _WORDS + answer,
            volunteer=volunteer,
            subjects=n,
            volunteers=votes.volunteers,
            offset=votes.prior / MICRO,
            if_hard=if_hard(answer),
            heard=np.bincount(subject, minlength=n) > 0,
            cold=cold,
        )

    def hear(self, worth: tuple[Reals, Reals], proven: Mask) -> tuple[Reals, Reals]:
        """Return what votes and scores say of each subject, in nats, and for each vote how much the others tell."""
        believed = proven[self.volunteer]
        if_yes, if_no = (np.where(believed, side.ravel()[self.cell], 0) for side in worth)
        by_yes, by_no, by_hard = map(self._by_subject, (if_yes, if_no, np.where(believed, self.if_hard, 0)))
        evidence = with_hard(by_yes, by_no, by_hard) + self.offset
        if not believed.all():
            ratio = np.where(believed, 0, (worth[0] - worth[1]).ravel()[self.cell])
            evidence += np.clip(self._by_subject(ratio), -CLIP_UNPROVEN / MICRO, CLIP_UNPROVEN / MICRO)
        others = (by_yes - by_no)[self.subject] - (if_yes - if_no)
        return evidence, np.abs(np.tanh(others / 2))

    def count(self, p_yes: Reals, tells: Reals) -> Reals:
        """Return the answers of each volunteer by probable truth, (v, 2, 3), each as far as others tell of it."""
        size, said = self.volunteers * _WORDS, p_yes[self.subject]
        tables = [np.bincount(self.cell, tells * share, size) for share in (1 - said, said)]
        return np.stack([table.reshape(-1, _WORDS) for table in tables], axis=1)

    def _by_subject(self, values: Reals) -> Reals:
        return np.bincount(self.subject, values, self.subjects).astype(np.float64, copy=False)
