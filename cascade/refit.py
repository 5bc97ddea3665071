"""What all votes of a workflow together teach: skills, prevalence, and bounds.

Theory of operation
-------------------
    gold counts  ->  the crowd's average  ->  rounds of Dawid and Skene (`cascade.dawid_skene`), once for each `TRUSTS`
    ->  gold replayed by each, its own votes left out  ->  their mean, each counting as it foretells gold
    ->  gold replayed by that  ->  bounds (`cascade.bounds`)  ->  pairs whose errors agree too often (`cascade.pairs`)

Where volunteers err together, what they say of each other misleads: plain rounds of Dawid and Skene are worse than the
majority on one vote log, and best on others. So none is chosen. A fit counts by exp(-surprise) of gold under it, as in
Bayesian model averaging: where gold tells them apart by a few nats one is left, where it cannot they share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from cascade.bounds import Bounds, Trajectories, calibrate
from cascade.calibration import Calibration
from cascade.dawid_skene import Fit, Trust, Votes, fit, gold_counts, increments
from cascade.pairs import agreements
from cascade.skill import BATCH_WEIGHT, CLIP_UNPROVEN, MICRO, PRIOR, looks
from cascade.standing import if_hard, wald, with_hard
from cascade.vocabulary import Answer

__all__ = ["Pair", "Refit", "Votes", "refit"]

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

STRENGTH: Final = 2.0
"""How many answers the crowd's average counts for in each volunteer's skill."""

CROWD: Final = 100.0
"""How many gold answers of each truth the declared start counts for in the crowd's average."""

TRUSTS: Final = {"gold": Trust(0.0), "wary": Trust(BATCH_WEIGHT), "full": Trust(1.0, in_full=True)}
"""How much volunteers may learn from subjects without gold: nothing, some as far as others tell, and everything."""

COLD: Final = Trust(1.0)
"""How much they learn where there is no gold at all."""

EARLY: Final = 8
"""How many votes on a gold subject say how well a fit foretells it: few retire with more, and later ones all agree."""

DISTRUST: Final = 0.9
"""The share of the fit by gold alone from which on a report says that volunteers err together."""

SURE: Final = 3.0
"""The log-odds from which on a subject's answer may show who erred."""

_WORDS: Final = len(Answer)


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
        Of each subject by all its votes, micro-nats, (n,); of gold what it begins with.
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


def refit(
    votes: Votes,
    before: Calibration,
    *,
    miss: float,
    false_alarm: float,
    minimum: int = 2,
    maximum: int = 20,
    paired: bool = True,
) -> Refit:
    """Return what all votes together say of volunteers and subjects.

    `minimum` and `maximum` are the declared limits of votes on a subject; pairs are sought if `paired`. Raises nothing
    for any valid input: no gold, one volunteer, one class, no votes at all.
    """
    given = gold_counts(votes)
    prior = STRENGTH * _crowd(given)
    fits = [fit(votes, given, prior, trust) for trust in (TRUSTS.values() if given.any() else (COLD,))]
    gold = _Gold.of(votes, given, maximum)
    told = _told([gold.replayed(each, prior, minimum) for each in fits])
    found = _mean(fits, told)
    plain = {"accept": wald(false_alarm) / MICRO, "reject": wald(miss) / MICRO}
    replayed = gold.replayed(found, prior, minimum)
    bounds = calibrate(replayed, miss=miss, false_alarm=false_alarm, prevalence=found.prevalence, **plain)
    calibration = replace(
        before,
        prior=np.maximum(np.rint(100 * prior), 1).astype(np.int64),  # no answer is impossible, however rare on gold
        prevalence=_micro(logit(found.prevalence)),
        accept=_micro(bounds.accept),
        reject=_micro(bounds.reject),
    )
    log_odds = np.rint(found.log_odds * MICRO).astype(np.int64)
    return Refit(
        calibration=calibration,
        batch=np.rint(100 * found.learnt).astype(np.int64),
        log_odds=log_odds,
        pairs=_pairs(votes, found.log_odds) if paired else (),
        report=_report(votes, bounds, found, told, miss, false_alarm),
    )


def _micro(nats: float) -> int:
    return round(float(nats) * MICRO)


def _crowd(given: Reals) -> Reals:
    """Return how volunteers answer on average by gold, (2, 3), drawn towards the declared start."""
    total = given.sum(axis=0) + CROWD * PRIOR / PRIOR.sum(axis=-1, keepdims=True)
    result: Reals = total / total.sum(axis=-1, keepdims=True)
    return result


@dataclass(frozen=True, slots=True)
class _Gold:
    """The votes on gold (k,), laid out to be replayed in rows of at most `maximum` votes of a subject.

    `counts` (k, 2, 3) are the gold answers of each vote's volunteer without this one. `truth`, `offset` (what a score
    adds, in nats) and `weight` go by row.
    """

    volunteer: Integers
    answer: Integers
    counts: Reals
    spread: "_Spread"
    truth: Integers
    offset: Reals
    weight: Reals

    @classmethod
    def of(cls, votes: Votes, given: Reals, maximum: int) -> "_Gold":
        known = votes.truth[votes.subject]
        places = np.flatnonzero(known >= 0)
        places = places[np.argsort(votes.subject[places], kind="stable")]
        subject, volunteer, answer = votes.subject[places], votes.volunteer[places], votes.answer[places]
        counts = given[volunteer]
        counts[np.arange(len(places)), known[places], answer] -= 1
        row, column, first = _rows(subject, maximum)
        of_row = subject[first]
        weight = 1 / np.bincount(of_row)[of_row] if len(first) else np.zeros(0)
        offset = votes.prior[of_row] / MICRO
        return cls(volunteer, answer, counts, _Spread(row, column), votes.truth[of_row], offset, weight)

    def replayed(self, found: Fit, prior: Reals, minimum: int) -> Trajectories:
        """Return what gold goes through if its answers are not known, by skills that the subject has not taught."""
        learnt, each = found.learnt[self.volunteer], np.arange(len(self.answer))
        proven = looks(self.counts, learnt)
        if_yes, if_no = (side[each, self.answer] for side in increments(self.counts + learnt, prior, proven))
        sums, cap = self.spread.sums, CLIP_UNPROVEN / MICRO
        pooled = np.clip(sums(np.where(proven, 0, if_yes - if_no)), -cap, cap)
        evidence = with_hard(*(sums(np.where(proven, side, 0)) for side in (if_yes, if_no, if_hard(self.answer))))
        unaided = evidence + (logit(found.prevalence) + self.offset)[:, None]
        enough, heard = (sums(counted) >= minimum for counted in (proven.astype(np.float64), np.ones(len(proven))))
        log_odds = np.where(enough, unaided + pooled, _nearer_to_even(unaided, unaided + pooled))
        return Trajectories(np.where(self.spread.there & heard, log_odds, np.nan), self.truth, self.weight)


def _nearer_to_even(first: Reals, second: Reals) -> Reals:
    """Return the log-odds that speak for an answer less clearly, 0 where they speak for two."""
    nearer = np.where(np.abs(first) < np.abs(second), first, second)
    return np.where(first * second > 0, nearer, 0.0)


def _told(replayed: Sequence[Trajectories]) -> Reals:
    """Return what each fit counts for, by how it foretells gold."""
    surprises = np.array([_surprise(gold) for gold in replayed])
    likelihood = np.exp(surprises.min() - surprises)
    result: Reals = likelihood / likelihood.sum()
    return result


def _mean(fits: Sequence[Fit], shares: Reals) -> Fit:
    """Return the mean of fits."""
    return Fit(
        learnt=sum((share * each.learnt for share, each in zip(shares, fits, strict=True)), np.zeros(())),
        log_odds=sum((share * each.log_odds for share, each in zip(shares, fits, strict=True)), np.zeros(())),
        prevalence=float(sum(share * each.prevalence for share, each in zip(shares, fits, strict=True))),
    )


def _surprise(gold: Trajectories) -> float:
    """Return by how many nats gold surprises, each subject's surprise averaged over its first votes."""
    log_odds = gold.log_odds[:, :EARLY]
    there = ~np.isnan(log_odds)
    against = np.where(gold.truth == Answer.YES, -1, 1)[:, None] * log_odds
    losses = np.where(there, np.logaddexp(0, np.where(there, against, 0)), 0).sum(axis=1)
    return float((gold.weight * losses / np.maximum(there.sum(axis=1), 1)).sum())


@dataclass(frozen=True, slots=True)
class _Spread:
    """Where votes lie in a table of one row for each replay."""

    row: Integers
    column: Integers

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.row.max(initial=-1)) + 1, int(self.column.max(initial=-1)) + 1)

    @property
    def there(self) -> NDArray[np.bool_]:
        table = np.zeros(self.shape, dtype=bool)
        table[self.row, self.column] = True
        return table

    def sums(self, values: Reals) -> Reals:
        """Return the running sums along the rows."""
        table = np.zeros(self.shape)
        table[self.row, self.column] = values
        result: Reals = table.cumsum(axis=1)
        return result


def _rows(subject: Integers, maximum: int) -> tuple[Integers, Integers, Integers]:
    """Lay sorted subjects out in rows of at most `maximum` votes; also return the first vote of each row."""
    place = np.arange(len(subject)) - np.searchsorted(subject, subject)
    column = place % max(maximum, 1)
    first = np.flatnonzero(column == 0)
    return np.cumsum(column == 0) - 1, column, first


def _pairs(votes: Votes, log_odds: Reals) -> Sequence[Pair]:
    """Return the pairs of volunteers that stand out by gold and by subjects that are as good as decided."""
    sure = np.where(np.abs(log_odds) >= SURE, (log_odds > 0).astype(np.int64), -1)
    truth = np.where(votes.truth >= 0, votes.truth, sure)
    found = agreements(votes.subject, votes.volunteer, votes.answer, truth, votes.volunteers)
    columns = (found.first, found.second, found.together, found.agreed_errors, found.expected, found.p_value)
    return [Pair(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _report(
    votes: Votes,
    bounds: Bounds,
    found: Fit,
    told: Reals,
    miss: float,
    false_alarm: float,
) -> Mapping[str, object]:
    """Return what researchers are told, as plain JSON values."""
    classes = {}
    for name, each, target in (("yes", bounds.yes, miss), ("no", bounds.no, false_alarm)):
        classes[name] = {
            "gold": each.gold,
            "retired": round(each.retired, 3),
            "wrong": round(each.wrong, 3),
            "target": target,
            "upper95": round(each.upper, 4),
        }
    return {
        "votes": len(votes.subject),
        "volunteers": votes.volunteers,
        "prevalence": round(found.prevalence, 4),
        "trust": dict(zip(TRUSTS, told.round(3).tolist(), strict=True)) if len(told) > 1 else None,
        "accept_nats": round(bounds.accept, 3),
        "reject_nats": round(bounds.reject, 3),
        "gold": classes,
        "error_upper95": round(_upper(bounds, found.prevalence), 4),
        "notes": list(_notes(bounds, told, miss, false_alarm)),
    }


def _upper(bounds: Bounds, prevalence: float) -> float:
    """Return what the error among all that retire stays below: the limits of both classes over what retires."""
    wrong = retired = 0.0
    for each, share in ((bounds.yes, prevalence), (bounds.no, 1 - prevalence)):
        wrong += share * each.upper
        retired += share * (each.retired + 1) / (each.gold + 1)
    return min(wrong / retired, 1.0)


def _notes(bounds: Bounds, told: Reals, miss: float, false_alarm: float) -> Sequence[str]:
    notes = []
    for name, each, target in (("yes", bounds.yes, miss), ("no", bounds.no, false_alarm)):
        enough = int(np.ceil(1 / target - 1))
        if each.gold < enough:
            notes.append(
                f"There are {each.gold:.0f} gold subjects with votes that are a {name}, and {enough} are needed to"
                f" promise {target:.0%}. Until then the bound is higher than it may have to be, and costs votes."
            )
    if len(told) > 1 and told[0] > DISTRUST:
        notes.append(
            "Volunteers err together here: what they say of each other foretells gold worse than gold alone does, and"
            " hardly counts."
        )
    return notes
