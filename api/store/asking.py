"""The statements that look for subjects to ask an expert about, over one connection of the caller's."""

from collections.abc import Sequence
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("asking")


class Voice(NamedTuple):
    """A counted vote: its subject and the subject's log-odds in micro-nats, the volunteer's gold answers and cards."""

    subject_id: int
    lean: int
    known: int
    dealt: int


class AskedSubject(NamedTuple):
    """A subject with its votes and its answer by now, -1 for none."""

    subject_id: int
    external_id: str
    yes: int
    no: int
    unsure: int
    answer: int


class AskingStore:
    """Reads what might be asked in one workflow."""

    def __init__(self, connection: Connection, workflow_id: int) -> None:
        self._connection = connection
        self._workflow_id = workflow_id

    async def contested(self, limit: int) -> list[int]:
        """Return subjects that votes have not decided."""
        return [row[0] for row in await self._connection.fetch(_SQL["contested"], self._workflow_id, limit)]

    async def last_subject(self) -> int:
        """Return the highest number of a subject of the workflow, 0 if there is none."""
        return int(await self._connection.fetchval(_SQL["last_subject"], self._workflow_id))

    async def voices(self, start: int, limit: int) -> list[Voice]:
        """Return the votes on up to `limit` subjects that are not gold, from `start` on and round the end."""
        return [Voice(*row) for row in await self._connection.fetch(_SQL["voices"], self._workflow_id, start, limit)]

    async def subjects(self, subject_ids: Sequence[int]) -> list[AskedSubject]:
        """Return subjects in the order of these numbers."""
        rows = await self._connection.fetch(_SQL["subjects"], self._workflow_id, list(subject_ids))
        return [AskedSubject(*row) for row in rows]

    async def agreed_labels(self) -> tuple[list[int], list[int]]:
        """Return the subjects that votes have retired with an answer, sorted, and the answers."""
        rows = await self._connection.fetch(_SQL["agreed_labels"], self._workflow_id)
        return [row[0] for row in rows], [row[1] for row in rows]
