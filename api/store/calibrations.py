"""Calibrations of workflows, for whoever weighs votes or lets subjects enter; refits write them (`store.refitting`)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("calibrations")


class CalibrationValues(NamedTuple):
    """A calibration as it is stored; `prior` is hundredths of an answer, no x3, yes x3."""

    workflow_id: int
    revision: int
    prior: list[int]
    prevalence: int
    hard: int
    accept: int
    reject: int
    proven: int
    scores: Mapping[str, Mapping[str, Any]]


async def revisions_in_force(connection: Connection, version_id: int) -> dict[int, int]:
    """Return the calibration in force of each workflow of a version's project that has one."""
    return {row[0]: row[1] for row in await connection.fetch(_SQL["in_force"], version_id)}


async def read_calibrations(connection: Connection, revisions: Mapping[int, int]) -> list[CalibrationValues]:
    """Return calibrations by workflow and revision."""
    rows = await connection.fetch(_SQL["read"], list(revisions), list(revisions.values()))
    return [_values(*row) for row in rows]


async def read_history(connection: Connection, workflow_id: int, revisions: Sequence[int]) -> list[CalibrationValues]:
    """Return some calibrations of one workflow, by revision."""
    rows = await connection.fetch(_SQL["read"], [workflow_id] * len(revisions), list(revisions))
    return [_values(*row) for row in rows]


async def calibrations_of(connection: Connection, project_id: int) -> list[CalibrationValues]:
    """Return every calibration that the workflows of a project have had."""
    return [_values(*row) for row in await connection.fetch(_SQL["of_project"], project_id)]


def _values(*row: Any) -> CalibrationValues:
    *plain, scores = row
    return CalibrationValues(*(*plain, json.loads(scores)))
