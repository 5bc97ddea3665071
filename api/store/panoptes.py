"""The statements of what comes from Panoptes and goes out in its shape, over one connection of the caller's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("panoptes")

EXPORT_ROWS: Final = 2000
"""Rows of an export that are fetched at a time."""


class Project(NamedTuple):
    """A project, the version of its cascade in force, and the key of its pseudonyms."""

    id: int
    version_id: int | None
    pseudonym_key: bytes


class Known(NamedTuple):
    """Who a name of another source is here."""

    volunteer_id: int
    person_id: int


class SubjectPlace(NamedTuple):
    """A subject in a workflow, or in none; `metadata` and `pictures` (source, digest, width) are JSON text."""

    subject_id: int
    project_id: int
    workflow_id: int | None
    external_id: str
    metadata: str
    pictures: str
    votes: int
    retired_at: datetime | None
    reason: int
    created_at: datetime


@dataclass(slots=True)
class VoteColumns:
    """Votes to be kept, column by column, in the order of the statement's parameters."""

    person_id: list[int] = field(default_factory=list)
    volunteer_id: list[int] = field(default_factory=list)
    workflow_id: list[int] = field(default_factory=list)
    subject_id: list[int] = field(default_factory=list)
    client_id: list[UUID] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    flag: list[bool] = field(default_factory=list)
    answered_at: list[datetime] = field(default_factory=list)
    dwell_ms: list[int] = field(default_factory=list)
    session: list[str | None] = field(default_factory=list)
    utc_offset_minutes: list[int | None] = field(default_factory=list)
    language: list[str | None] = field(default_factory=list)

    def columns(self) -> list[list[Any]]:
        """Return the columns in the order of their declaration."""
        return [getattr(self, each.name) for each in fields(self)]


class PanoptesStore:
    """Reads and writes what comes from Panoptes and goes out in its shape."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find_project(self, slug: str) -> Project | None:
        """Return a project."""
        row = await self._connection.fetchrow(_SQL["read_project"], slug)
        return None if row is None else Project(*row)

    async def hold(self, project_id: int) -> bool:
        """Keep other imports from Panoptes out of a project until the connection closes; false if one is at it."""
        held: bool = await self._connection.fetchval(_SQL["hold"], project_id)
        return held

    async def volunteers(self, project_id: int, source: str, names: Sequence[str]) -> dict[str, Known]:
        """Return who the names of a source are, by name; those that are new begin now."""
        wanted = sorted(set(names))
        await self._connection.execute(_SQL["begin_volunteers"], project_id, source, wanted)
        rows = await self._connection.fetch(_SQL["read_volunteers"], project_id, source, wanted)
        return {row[0]: Known(row[1], row[2]) for row in rows}

    async def keep(self, votes: VoteColumns, version_id: int, source: str) -> int:
        """Keep votes, of which no two have the same person and client id; return how many were not there already."""
        kept: int = await self._connection.fetchval(_SQL["keep"], *votes.columns(), version_id, source)
        return kept

    async def used(self, persons: Sequence[int], client_ids: Sequence[UUID]) -> dict[int, bool]:
        """Return the places of those client ids that are used, and whether their votes went through the count."""
        return {row[0]: row[1] for row in await self._connection.fetch(_SQL["used"], persons, client_ids)}

    async def subjects(self, project_id: int) -> AsyncIterator[list[SubjectPlace]]:
        """Yield the subjects, once for each workflow in which they are. Needs a transaction around it."""
        workflows = [row[0] for row in await self._connection.fetch(_SQL["read_workflows"], project_id)]
        cursor = await self._connection.cursor(_SQL["export_subjects"], project_id, workflows)
        while rows := await cursor.fetch(EXPORT_ROWS):
            yield [SubjectPlace(*row) for row in rows]

    async def versions(self, project_id: int) -> list[tuple[int, bool]]:
        """Return the versions of a project's cascade in their order, and whether each is in force."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["read_versions"], project_id)]

    async def done(self, project_id: int) -> Mapping[int, tuple[int, int]]:
        """Return for each workflow the votes on its subjects, and how many subjects have retired."""
        return {row[0]: (row[1], row[2]) for row in await self._connection.fetch(_SQL["count_stages"], project_id)}
