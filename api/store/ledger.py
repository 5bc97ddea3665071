"""Reads all that a replay of a project needs."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("ledger")


class Entry(NamedTuple):
    """A row of the ledger that did something: a vote on a subject, its retraction, or a gold answer.

    Of a gold answer that is taken out because persons were merged `skill_revision` is that of the merge.
    """

    kind: int
    person_id: int
    workflow_id: int
    subject_id: int
    client_id: UUID
    answer: int
    flag: bool
    bucket: int
    ordinal: int
    if_yes: int
    if_no: int
    skill_revision: int
    version_id: int
    calibration: int
    truth: int | None
    received_at: datetime


class SkillMerge(NamedTuple):
    """Two skills that became one, at a revision of the second; all answers of the first are before."""

    workflow_id: int
    from_person_id: int
    into_person_id: int
    revision: int


class Rescore(NamedTuple):
    """A weighing anew of a stage, as `cascade.replay.RESCORE` has it."""

    workflow_id: int
    subject_id: int
    ordinal: int
    calibration: int
    version_id: int
    prior_before: int
    machine_before: int
    prior: int
    machine: int
    if_yes: int
    if_no: int
    unproven: int
    log_odds: int
    votes: int
    flagged: bool


class Fit(NamedTuple):
    """What a calibration made of a person in a workflow: gold counts at a revision, and hundredths; no x3, yes x3."""

    person_id: int
    workflow_id: int
    calibration: int
    revision: int
    counts: tuple[int, ...]
    batch: tuple[int, ...]


class FirstLabel(NamedTuple):
    """The first revision of a label, and what its route was decided by; metadata and scores as JSON text.

    `rescored` is whether a score of the subject was set after the label was made.
    """

    workflow_id: int
    subject_id: int
    answer: int
    reason: int
    log_odds: int
    votes: int
    version_id: int
    routed_to: str | None
    by_hand: bool
    revised: bool
    metadata: str
    scores: str
    rescored: bool


async def project_number(connection: Connection, slug: str) -> int | None:
    """Return the number of a project."""
    number: int | None = await connection.fetchval("SELECT id FROM project WHERE slug = $1", slug)
    return number


async def hold_ledger(connection: Connection) -> None:
    """Let no month leave the ledger until the transaction ends. First of all in it: the snapshot must begin later."""
    await connection.execute("LOCK TABLE classification IN ACCESS SHARE MODE")


async def read_workflows(connection: Connection, project_id: int) -> list[int]:
    """Return the numbers of all workflows of a project."""
    return [row[0] for row in await connection.fetch("SELECT id FROM workflow WHERE project_id = $1", project_id)]


async def read_unwatched(connection: Connection, project_id: int) -> dict[tuple[int, int], int]:
    """Return, by person and workflow, up to which revision gold answers were learnt without watching for drops."""
    rows = await connection.fetch(_SQL["read_unwatched"], project_id)
    return {(row[0], row[1]): row[2] for row in rows}


async def read_skill_merges(connection: Connection, project_id: int) -> list[SkillMerge]:
    """Return the skills that became one when persons were merged, in that order."""
    return [SkillMerge(*row) for row in await connection.fetch(_SQL["read_skill_merges"], project_id)]


async def read_earlier(connection: Connection, project_id: int) -> set[tuple[int, int]]:
    """Return, by workflow and subject, the stages on which steps were weighed by an earlier engine."""
    return {(row[0], row[1]) for row in await connection.fetch(_SQL["read_earlier"], project_id)}


async def read_stages(connection: Connection, project_id: int) -> list[tuple[Any, ...]]:
    """Return workflow, subject and the fields of the standing of every stage."""
    return [tuple(row) for row in await connection.fetch(_SQL["read_stages"], project_id)]


async def read_entries(connection: Connection, project_id: int) -> list[Entry]:
    """Return the ledger."""
    return [Entry(*row) for row in await connection.fetch(_SQL["read_entries"], project_id)]


async def read_rescores(connection: Connection, project_id: int) -> list[Rescore]:
    """Return every weighing anew."""
    return [Rescore(*row) for row in await connection.fetch(_SQL["read_rescores"], project_id)]


async def read_fits(connection: Connection, project_id: int) -> list[Fit]:
    """Return what calibrations made of everybody."""
    rows = map(tuple, await connection.fetch(_SQL["read_fits"], project_id))
    return [Fit(row[0], row[1], row[2], row[3], row[4:10], row[10:]) for row in rows]


async def read_first_labels(connection: Connection, project_id: int) -> list[FirstLabel]:
    """Return what was concluded first about every subject."""
    return [FirstLabel(*row) for row in await connection.fetch(_SQL["read_first_labels"], project_id)]
