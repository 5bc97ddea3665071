"""How subjects enter a published cascade: when they are imported, and when one is published.

Whoever lets subjects enter holds the version in force meanwhile (`PublishingStore.hold_version`), so that none enters a
workflow that was closed in between.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from api.services.priors import prior_of
from api.services.published import Published
from cascade.decision import STANDING, need
from cascade.graph import Attributes

Columns = list[list[int]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A subject, and the workflow of the cascade that takes it."""

    subject_id: int
    workflow: str
    attributes: Attributes


def arrivals(published: Published, subjects: Sequence[tuple[int, Attributes]]) -> list[Arrival]:
    """Return those of the subjects, none of them gold, that a workflow takes when they enter the cascade."""
    entry, cascade = published.cascade.entry.name, published.cascade
    found = ((number, cascade.enter(entry, attributes), attributes) for number, attributes in subjects)
    return [Arrival(number, workflow, attributes) for number, workflow, attributes in found if workflow is not None]


def first_stages(published: Published, arriving: Sequence[Arrival], dice: random.Random) -> Columns:
    """Return the columns of the stages that begin, for `BallotStore.enter_stages`."""
    ids = [published.ids[arrival.workflow] for arrival in arriving]
    workflows = {name: published.cascade.workflow(name) for name in published.ids}
    calibrations = [published.calibration(number) for number in ids]
    draws = [dice.getrandbits(31) for _ in arriving]
    priors = [
        prior_of(workflows[arrival.workflow], arrival.attributes, calibration, draw)
        for arrival, calibration, draw in zip(arriving, calibrations, draws, strict=True)
    ]
    standings = np.zeros(len(arriving), dtype=STANDING)
    standings["prior"] = [prior for prior, _ in priors]
    standings["machine"] = [machine for _, machine in priors]
    standings["draw"] = draws
    rules = np.array([published.rule_of[number] for number in ids], dtype=np.int64)
    return [
        ids,
        [arrival.subject_id for arrival in arriving],
        standings["prior"].tolist(),
        standings["machine"].tolist(),
        standings["draw"].tolist(),
        np.minimum(need(standings, published.rules, rules), 1000).tolist(),
        [published.version_id] * len(arriving),
        [calibration.revision for calibration in calibrations],
    ]
