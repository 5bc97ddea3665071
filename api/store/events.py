"""Events, as they are read from the outbox, over one connection of the caller's."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from api.store.engine import Connection
from api.store.labels import Label
from api.store.statements import statements

_SQL = statements("events")

_EVENT_COLUMNS: Final = 12
"""Columns of an event before those of its label."""


class EventProject(NamedTuple):
    """The project whose events they are, and the key of its pseudonyms."""

    id: int
    slug: str
    pseudonym_key: bytes


class Event(NamedTuple):
    """Something that happened, with what is known of what it happened to. Degrees are ICRS."""

    position: int
    kind: str
    at: datetime
    workflow_id: int | None
    workflow_name: str | None
    question: str | None
    subject_id: int | None
    external_id: str | None
    ra: float | None
    dec: float | None
    volunteer_id: int | None
    detail: Mapping[str, Any]
    label: Label | None


class EventStore:
    """Reads events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find_project(self, slug: str, sight: list[int] | None) -> EventProject | None:
        """Return the project of a slug."""
        row = await self._connection.fetchrow(_SQL["find_project"], slug, sight)
        return None if row is None else EventProject(*row)

    async def project_of(self, number: int) -> EventProject | None:
        """Return the project of a number."""
        row = await self._connection.fetchrow(_SQL["project_of"], number)
        return None if row is None else EventProject(*row)

    async def page(
        self,
        project_id: int,
        after: int,
        limit: int,
        *,
        kinds: Sequence[str] | None = None,
        in_the_sky: bool = False,
        until: int | None = None,
    ) -> tuple[list[Event], int]:
        """Return events after a position in order, and the highest position that the project has so far.

        Parameters
        ----------
        kinds
            Only these; all by default.
        in_the_sky
            Only those of subjects with a place in the sky.
        until
            Only those up to this position.
        """
        rows = await self._connection.fetch(_SQL["page"], project_id, after, limit, kinds, in_the_sky, until)
        return [_event(tuple(row)[1:]) for row in rows if row[1] is not None], rows[0][0]


def _event(row: tuple[Any, ...]) -> Event:
    *known, detail = row[:_EVENT_COLUMNS]
    label = row[_EVENT_COLUMNS:]
    told = None if label[0] is None else Label(row[0], *label)
    return Event._make((*known, json.loads(detail) if detail else {}, told))
