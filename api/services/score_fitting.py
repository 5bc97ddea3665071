"""A workflow's machine score, calibrated: the model chosen, gold asked, the answers of people alone listened to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.store.refitting import Gathered
from cascade.score import ScoreFit, cross_fitted, fit_score, prior
from cascade.score_drift import ScoreDrift, anchored, drift, mended

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PeopleLabels:
    """What was decided of subjects that began without the score: their numbers and answers (yes or no), (n,)."""

    subject: Integers
    answer: Integers


NOBODY = PeopleLabels(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class FittedScore:
    """A calibration of a score, how it has kept, and what it says of each subject that has a score of its model.

    `subject` is sorted; `evidence` is in micro-nats, that of a gold subject by a fit without its own answer.
    """

    fit: ScoreFit
    drift: ScoreDrift
    subject: Integers
    evidence: Integers


def fit_gathered(gathered: Gathered, truth: Integers, before: ScoreFit | None, people: PeopleLabels) -> FittedScore:
    """Return the calibration of the gathered scores, at least one, by gold.

    Of several models the one is taken that scored most of the gold, then of all. Where its calibration does not keep
    what it promises, it is made anew from what people decided alone, or the score is not used.

    Parameters
    ----------
    truth
        The gold answer of each scored subject, -1 where none is known.
    before
        The calibration in force, if there is one.
    """
    model = _model(gathered, truth)
    chosen = np.flatnonzero(gathered.model == model)
    chosen = chosen[np.argsort(gathered.scored[chosen])]
    subject, score, known = gathered.scored[chosen], gathered.score[chosen], truth[chosen]
    fit = anchored(fit_score(score, known, model=gathered.models[model] or None), before)
    said = said_of(subject, score, people)
    found = drift(fit, score, *said)
    if not found.broken:
        return FittedScore(fit, found, subject, cross_fitted(score, known))
    fit = mended(fit, *said)
    return FittedScore(fit, found, subject, prior(fit, score))


def _model(gathered: Gathered, truth: Integers) -> int:
    """Return the place of the model that scored most of the gold, then most subjects."""
    models = len(gathered.models)
    on_gold = np.bincount(gathered.model[truth >= 0], minlength=models)
    return int(np.lexsort((np.bincount(gathered.model, minlength=models), on_gold))[-1])


def said_of(subject: Integers, score: Reals, people: PeopleLabels) -> tuple[Reals, Integers]:
    """Return scores and answers of those that people decided alone among scored subjects, which are sorted."""
    if not len(subject) or not len(people.subject):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    places = np.minimum(np.searchsorted(subject, people.subject), len(subject) - 1)
    scored = subject[places] == people.subject
    return score[places[scored]], people.answer[scored]
