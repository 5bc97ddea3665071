"""The statements that take votes out of the sums for a reason that is not the person's own, as one method each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("exclusions")


class ExcludedVote(NamedTuple):
    """A vote that is to be taken out, as its locked card has it, and the person under whom the ledger has it."""

    person_id: int
    ledger_person_id: int
    volunteer_id: int
    workflow_id: int
    subject_id: int
    client_id: UUID
    attempt: int
    answer: int
    flag: bool
    bucket: int
    if_yes: int
    if_no: int
    truth: int | None
    received_at: datetime


class ExclusionStore:
    """Writes that votes are out of the sums."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, columns: Sequence[list[Any]], exclusion: int, source: str) -> None:
        """Write cards, client ids and ledger; the columns are named in the statement."""
        await self._connection.execute(_SQL["write_exclusions"], *columns, exclusion, source)
