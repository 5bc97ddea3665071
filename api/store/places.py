"""The statements that find subjects by number, or by where they are in the sky."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("places")


class PlacedSubject(NamedTuple):
    """A subject with all its metadata; ICRS degrees, `separation` too."""

    id: int
    external_id: str
    metadata: dict[str, str]
    ra: float | None
    dec: float | None
    separation: float | None


class PlaceStore:
    """Reads subjects over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_subjects(self, project_id: int, after: int, limit: int) -> list[PlacedSubject]:
        """Return subjects of a project behind a number, by number."""
        return [_subject(row) for row in await self._connection.fetch(_SQL["list_subjects"], project_id, after, limit)]

    async def cone(
        self,
        project_id: int,
        ranges: Sequence[tuple[int, int]],
        centre: tuple[float, float],
        radius: float,
        limit: int,
    ) -> list[PlacedSubject]:
        """Return subjects within `radius` degrees of a centre, the nearest first; `ranges` cover the cone."""
        firsts, lasts = [first for first, _ in ranges], [last for _, last in ranges]
        rows = await self._connection.fetch(_SQL["cone"], project_id, firsts, lasts, *centre, radius, limit)
        return [_subject(row) for row in rows]


def _subject(row: Any) -> PlacedSubject:
    return PlacedSubject(row[0], row[1], json.loads(row[2]), *row[3:])
