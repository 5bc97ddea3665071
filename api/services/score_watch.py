"""Watches machine scores: what they are worth by the calibration in force, and whether they are what they were."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import structlog

from api.errors import UnknownProjectError
from api.services.published import Published, PublishedCascades
from api.services.score_fitting import NOBODY, PeopleLabels, said_of
from api.store.engine import Connection
from api.store.importing import ImportingStore
from api.store.scores import ScoreStore, StoredScore
from cascade.graph import ScorePrior, Workflow
from cascade.score import ScoreFit
from cascade.score_drift import INCREMENT, MULTIPLIER, ScoreDrift, alarms, drift, worth

log = structlog.get_logger(__name__)

NEWEST: Final = 2000
"""Decisions of people alone that are listened to: the last ones."""


@dataclass(frozen=True, slots=True)
class WatchedScore:
    """A score that a workflow begins with, what it is worth, and how it has kept.

    `revision` is that of the calibration in force, `fit` and `drift` are `None` where it has none of this score.
    `scored` counts the project's scores of that name by other models, too.
    """

    workflow: str
    score: str
    calibrated: bool
    people: float
    revision: int
    scored: Mapping[str | None, int]
    fit: ScoreFit | None
    drift: ScoreDrift | None

    @property
    def said(self) -> Sequence[str]:
        """What there is to say, in plain words."""
        if not self.calibrated:
            return (f"{self.score} is taken as it is (calibrate: false): nobody knows whether it is right.",)
        if self.fit is None:
            return (f"{self.score} is not used before the first refit (`chaffinch refit`) has calibrated it on gold.",)
        strangers = sum(number for model, number in self.scored.items() if model != self.fit.model)
        others = f"{strangers} scores are by another model than the one that is calibrated, and are not used."
        changed = () if self.drift is None else alarms(self.score, self.drift)
        return (worth(self.score, self.fit), *changed, *((others,) if strangers else ()))


def score_view(name: str, fit: ScoreFit, found: ScoreDrift) -> dict[str, Any]:
    """Return what a refit reports of a score, in plain values."""
    return {**asdict(found), "worth": worth(name, fit), "alarms": list(alarms(name, found))}


def tell(slug: str, workflow: str, views: Mapping[str, Mapping[str, Any]]) -> None:
    """Log what a refit found amiss with scores."""
    for name, view in views.items():
        for alarm in view["alarms"]:
            log.warning("machine score has drifted", project=slug, workflow=workflow, score=name, alarm=alarm)


async def people_labels(connection: Connection, workflow_id: int, workflow: Workflow) -> PeopleLabels:
    """Return the last decisions of a workflow on subjects that began without its score, by their draw."""
    if not isinstance(workflow.prior, ScorePrior) or not workflow.prior.calibrate:
        return NOBODY
    found = await ScoreStore(connection).people_labels(
        workflow_id, MULTIPLIER, INCREMENT, workflow.prior.people, NEWEST
    )
    columns = np.array(found, dtype=np.int64).reshape(-1, 2)
    return PeopleLabels(columns[:, 0], columns[:, 1])


async def watch(connection: Connection, slug: str) -> list[WatchedScore]:
    """Return every score that a workflow of a project begins with.

    Raises
    ------
    UnknownProjectError
        There is no such project.
    """
    project = await ImportingStore(connection).find_project(slug)
    if project is None:
        raise UnknownProjectError(slug)
    if project.version_id is None:
        return []
    published = await PublishedCascades().in_force(connection, project.version_id)
    return [
        await _watched(connection, published, workflow, workflow.prior)
        for workflow in published.cascade.workflows
        if isinstance(workflow.prior, ScorePrior)
    ]


async def _watched(connection: Connection, published: Published, workflow: Workflow, begin: ScorePrior) -> WatchedScore:
    number = published.ids[workflow.name]
    in_force = published.calibration(number)
    fit = in_force.scores.get(begin.score) if begin.calibrate else None
    stored = await ScoreStore(connection).of_name(published.project_id, begin.score)
    found = None if fit is None else _drift(fit, stored, await people_labels(connection, number, workflow))
    return WatchedScore(
        workflow=workflow.name,
        score=begin.score,
        calibrated=begin.calibrate,
        people=begin.people,
        revision=in_force.revision,
        scored=Counter(each.model for each in stored),
        fit=fit,
        drift=found,
    )


def _drift(fit: ScoreFit, stored: Sequence[StoredScore], people: PeopleLabels) -> ScoreDrift:
    of_model = [each for each in stored if each.model == fit.model]
    subject = np.array([each.subject_id for each in of_model], dtype=np.int64)
    score = np.array([each.value for each in of_model], dtype=np.float64)
    return drift(fit, score, *said_of(subject, score, people))
