"""Reads who did how much in a week, and keeps who wants to be seen, over one connection."""

from datetime import date
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("boards")


class PersonEffort(NamedTuple):
    """What a person did in some days, their name, and whether they may be shown."""

    person_id: int
    name: str | None
    votes: int
    days: int
    willing: bool


class BoardStore:
    """Reads and writes what boards are made of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def efforts(self, project_id: int, first: date, last: date) -> list[PersonEffort]:
        """Return what everybody did who took part between two days, both included."""
        return [PersonEffort(*row) for row in await self._connection.fetch(_SQL["efforts"], project_id, first, last)]

    async def seen(self, person_id: int) -> bool:
        """Say whether a person has a name and wants to be seen."""
        return bool(await self._connection.fetchval(_SQL["seen"], person_id))

    async def wish(self, person_id: int, on: bool) -> None:
        """Keep whether a person wants to be seen, by whatever name."""
        await self._connection.execute(_SQL["wish"], person_id, on)
