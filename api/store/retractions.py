"""The statements that take votes back, as one method each."""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from api.store.ballot import Key
from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("retraction")


class VotedCard(NamedTuple):
    """A locked card with what its vote did; `settled` once it is too old to be taken back.

    `ledger_person_id` is the person under whom the ledger has the vote, `elsewhere` whether it is of another project
    than the one that the token is bound to.
    """

    attempt: int
    client_id: UUID | None
    answer: int | None
    bucket: int | None
    if_yes: int | None
    if_no: int | None
    flag: bool | None
    truth: int | None
    volunteer_id: int
    ledger_person_id: int
    settled: bool
    elsewhere: bool


class RetractionStore:
    """Reads and writes what a retraction touches, for one person."""

    def __init__(self, connection: Connection, person_id: int) -> None:
        self._connection = connection
        self._person_id = person_id

    async def hold_person(self) -> int:
        """Return who the person turned out to be, for whom all the rest is done; they stay who they are for now."""
        while True:
            await self._connection.execute(_SQL["hold_person"], self._person_id)
            person_id: int = await self._connection.fetchval(_SQL["successor"], self._person_id)
            if person_id == self._person_id:
                return person_id
            self._person_id = person_id

    async def read_keys(self, client_ids: list[UUID]) -> dict[int, Key]:
        """Return what client ids stand for, by place; an id that was never seen is missing."""
        rows = await self._connection.fetch(_SQL["read_keys"], self._person_id, client_ids)
        return {row[0] - 1: Key(*row[1:]) for row in map(tuple, rows)}

    async def lock_voted_cards(
        self, workflows: list[int], subjects: list[int], window: timedelta, bound_to: int | None
    ) -> dict[int, VotedCard]:
        """Lock cards; return them by place."""
        rows = await self._connection.fetch(
            _SQL["lock_voted_cards"], self._person_id, workflows, subjects, window, bound_to
        )
        return {row[0] - 1: VotedCard(*row[1:]) for row in map(tuple, rows)}

    async def write_retractions(self, columns: list[list[Any]], source: str) -> None:
        """Open cards again and write the ledger; the columns are named in the statement."""
        await self._connection.execute(_SQL["write_retractions"], self._person_id, *columns, source)

    async def leave_tombstones(self, client_ids: list[UUID]) -> set[UUID]:
        """Remember retractions of votes to come; return those remembered, without those that came meanwhile."""
        rows = await self._connection.fetch(_SQL["leave_tombstones"], self._person_id, client_ids)
        return {row[0] for row in rows}
