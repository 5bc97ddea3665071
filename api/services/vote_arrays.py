"""The votes of a workflow as the engine's refit takes them: numbered subjects and volunteers, known answers, priors."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.services.score_fitting import NOBODY, FittedScore, PeopleLabels, fit_gathered
from api.store.refitting import Gathered
from cascade.calibration import UNCALIBRATED, Calibration
from cascade.graph import ScorePrior, Workflow
from cascade.refit import Votes
from cascade.score import ScoreFit
from cascade.score_drift import ScoreDrift
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]

UNKNOWN = -1
_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a refit is made of.

    Attributes
    ----------
    votes
        For the engine: by subject, and on each in the order in which they came, so the same votes give the same bits.
    persons, subjects
        Who and what the numbers in `votes` stand for, (v,) and (n,).
    shown
        What counted votes say of volunteers whose subject has become gold since, in hundredths of an answer, (v, 2, 3).
        The engine takes all votes on gold for training answers, which are in the volunteers' counts; these are not.
    scores, drift
        The calibration of the machine score that the workflow begins with, if it begins with one, and how it has kept.
    on_gold, gold
        How many of the votes are on gold, and how many subjects are known to be no, and yes, voted on or not.
    digest
        SHA-256 of all that, and of the declared targets.
    """

    votes: Votes
    persons: Integers
    subjects: Integers
    shown: Integers
    scores: Mapping[str, ScoreFit]
    drift: Mapping[str, ScoreDrift]
    on_gold: int
    gold: tuple[int, int]
    digest: str


def arrange(
    gathered: Gathered, workflow: Workflow, before: Calibration = UNCALIBRATED, people: PeopleLabels = NOBODY
) -> Inputs:
    """Return what is known of a workflow as arrays.

    A training answer is left out whose subject is gold no more, or has another known answer than the volunteer was
    told.
    """
    known = np.argsort(gathered.gold_subject)
    gold, truths = gathered.gold_subject[known], gathered.gold_truth[known]
    told_right = gathered.told == _looked_up(gathered.subject, gold, truths, UNKNOWN)
    kept = np.flatnonzero(~gathered.gold | told_right)
    kept = kept[np.lexsort((gathered.person[kept], gathered.moment[kept], gathered.subject[kept]))]
    persons, volunteer = np.unique(gathered.person[kept], return_inverse=True)
    subjects, subject = np.unique(gathered.subject[kept], return_inverse=True)
    truth = _looked_up(subjects, gold, truths, UNKNOWN)
    fitted = _fitted(gathered, gold, truths, workflow, before, people)
    votes = Votes(
        subject=subject.astype(np.int64),
        volunteer=volunteer.astype(np.int64),
        answer=gathered.answer[kept],
        truth=truth,
        prior=_priors(subjects, fitted),
        volunteers=len(persons),
    )
    return Inputs(
        votes=votes,
        persons=persons,
        subjects=subjects,
        shown=_shown(votes, gathered.gold[kept]),
        scores={name: each.fit for name, each in fitted.items()},
        drift={name: each.drift for name, each in fitted.items()},
        on_gold=int((truth[subject] >= 0).sum()),
        gold=(int((truths == Answer.NO).sum()), int((truths == Answer.YES).sum())),
        digest=_digest(votes, persons, subjects, gathered, workflow),
    )


def _looked_up(wanted: Integers, keys: Integers, values: Integers, otherwise: int) -> Integers:
    """Return the value of each wanted key; `keys` are sorted, each once."""
    if not len(keys):
        return np.full(len(wanted), otherwise, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], otherwise)


def _shown(votes: Votes, trained: NDArray[np.bool_]) -> Integers:
    """Count counted votes on what is gold now, by volunteer, truth and answer, in hundredths."""
    truth = votes.truth[votes.subject]
    chosen = (truth >= 0) & ~trained
    cell = (votes.volunteer[chosen] * 2 + truth[chosen]) * len(Answer) + votes.answer[chosen]
    counts = np.bincount(cell, minlength=votes.volunteers * 2 * len(Answer))
    return _HUNDRED * counts.astype(np.int64).reshape(-1, 2, len(Answer))


def _fitted(
    gathered: Gathered, gold: Integers, truths: Integers, workflow: Workflow, before: Calibration, people: PeopleLabels
) -> dict[str, FittedScore]:
    """Return the calibration of the score that the workflow begins with, under its name, if it is to be calibrated."""
    if not isinstance(workflow.prior, ScorePrior) or not workflow.prior.calibrate or not len(gathered.scored):
        return {}
    name, truth = workflow.prior.score, _looked_up(gathered.scored, gold, truths, UNKNOWN)
    return {name: fit_gathered(gathered, truth, before.scores.get(name), people)}


def _priors(subjects: Integers, fitted: Mapping[str, FittedScore]) -> Integers:
    """Return what the calibrated score gives each subject in micro-nats, 0 where it is no score of that model."""
    result = np.zeros(len(subjects), dtype=np.int64)
    for each in fitted.values():
        result = _looked_up(subjects, each.subject, each.evidence, 0)
    return result


def _digest(votes: Votes, persons: Integers, subjects: Integers, gathered: Gathered, workflow: Workflow) -> str:
    """Return the SHA-256 of everything that a refit follows from, but for the engine."""
    declared = (workflow.policy, workflow.miss, workflow.false_alarm, workflow.votes, workflow.prior)
    digest = hashlib.sha256(repr((declared, gathered.models)).encode())
    scored = np.argsort(gathered.scored)
    known = np.argsort(gathered.gold_subject)
    for column in (
        *(votes.subject, votes.volunteer, votes.answer, votes.truth, persons, subjects),
        *(gathered.gold_subject[known], gathered.gold_truth[known]),
        *(gathered.scored[scored], gathered.score[scored], gathered.model[scored]),
    ):
        digest.update(len(column).to_bytes(8, "big"))
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
