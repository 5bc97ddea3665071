"""All votes of a workflow weighed together: Dawid and Skene's model with the gold standard fixed.

Source: A. P. Dawid and A. M. Skene, Applied Statistics 28 (1979) 20-28.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cascade.calibration import Calibration
from cascade.skill import CLIP, MICRO, PRIOR
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

STRENGTH: Final = 2.0
"""How many answers the crowd's average counts for in each volunteer's skill."""

CROWD: Final = 100.0
"""How many gold answers of each truth the declared start counts for in the crowd's average."""

ROUNDS: Final = 15
KNOWN: Final = 30.0
"""The log-odds of a gold subject in nats."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The counted votes of one workflow, those on gold among them.

    Attributes
    ----------
    subject, volunteer, answer
        One entry for each vote, (m,): indices below n and v, and an `Answer`.
    truth
        The known answer of each subject, (n,), -1 where none is known.
    prior
        The prior of each subject in micro-nats, (n,), 0 where no machine score gives one.
    volunteers
        How many volunteers there are: v.
    """

    subject: Integers
    volunteer: Integers
    answer: Integers
    truth: Integers
    prior: Integers
    volunteers: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two volunteers whose errors agree more often than chance allows; indices of `Votes.volunteer`."""

    first: int
    second: int
    together: int
    """Subjects that both answered."""

    agreed_errors: int
    expected: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Refit:
    """What a refit gives: a calibration (its `revision` and `scores` are those of the one before), and skills.

    Attributes
    ----------
    batch
        What subjects that are not gold add to each volunteer's counts, in hundredths of an answer, (v, 2, 3).
    log_odds
        Of each subject by all its votes, micro-nats, (n,).
    pairs
        Sorted by p-value.
    report
        Plain JSON values for researchers: numbers of gold, targets, bounds with their upper limits, what was noticed.
    """

    calibration: Calibration
    batch: Integers
    log_odds: Integers
    pairs: Sequence[Pair]
    report: Mapping[str, object]


def refit(votes: Votes, before: Calibration, *, miss: float, false_alarm: float) -> Refit:
    """Return what all votes together say of volunteers and subjects.

    Raises nothing for any valid input: no gold, one volunteer, one class, no votes at all.
    """
    given = _counts(votes, votes.truth >= 0, votes.truth == Answer.YES)
    prior = _population(given)
    soft, log_odds = _expectation_maximisation(votes, given, prior)
    prevalence = int(np.rint(logit(np.clip(expit(log_odds).mean() if len(log_odds) else 0.5, 0.05, 0.95)) * MICRO))
    calibration = replace(before, prior=np.rint(100 * STRENGTH * prior).astype(np.int64), prevalence=prevalence)
    batch = np.rint(100 * (soft - given)).astype(np.int64)
    report = {"targets": {"miss": miss, "false_alarm": false_alarm}, "gold": int((votes.truth >= 0).sum())}
    return Refit(calibration, batch, np.rint(log_odds * MICRO).astype(np.int64), (), report)


def _counts(votes: Votes, chosen: NDArray[np.bool_], p_yes: NDArray[Any]) -> Reals:
    """Return answers by volunteer, truth and answer, (v, 2, 3), of chosen subjects with their probability of yes."""
    kept = chosen[votes.subject]
    cell = votes.volunteer[kept] * len(Answer) + votes.answer[kept]
    weight = p_yes[votes.subject[kept]].astype(np.float64)
    size = votes.volunteers * len(Answer)
    tables = [np.bincount(cell, share, size).reshape(-1, len(Answer)) for share in (1 - weight, weight)]
    return np.stack(tables, axis=1)


def _population(given: Reals) -> Reals:
    """Return how volunteers answer on average by gold, (2, 3), drawn towards the declared start."""
    total = given.sum(axis=0) + CROWD * PRIOR / PRIOR.sum(axis=-1, keepdims=True)
    result: Reals = total / total.sum(axis=-1, keepdims=True)
    return result


def _expectation_maximisation(votes: Votes, given: Reals, prior: Reals) -> tuple[Reals, Reals]:
    """Return soft counts (v, 2, 3), gold included, and the log-odds of each subject in nats (n,)."""
    unknown = votes.truth < 0
    soft, share = given, 0.5
    log_odds = np.where(votes.truth == Answer.YES, KNOWN, -KNOWN)
    for _ in range(ROUNDS):
        likelihood = soft + STRENGTH * prior
        likelihood = np.log(likelihood / likelihood.sum(axis=-1, keepdims=True))
        ratio = np.clip(likelihood[:, Answer.YES] - likelihood[:, Answer.NO], -CLIP / MICRO, CLIP / MICRO)
        sums = np.bincount(votes.subject, ratio[votes.volunteer, votes.answer], len(votes.truth))
        log_odds = np.where(unknown, sums + logit(share) + votes.prior / MICRO, log_odds)
        posterior = expit(log_odds)
        soft = given + _counts(votes, unknown, posterior)
        heard = np.bincount(votes.subject, minlength=len(votes.truth)) > 0
        share = float(np.clip((posterior[heard].sum() + 2) / (heard.sum() + 4), 0.05, 0.95))
    return soft, log_odds
