"""The statements that weigh stages anew, and lists of subjects that evidence of later days speaks against."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("rescoring")


class Due(NamedTuple):
    """A workflow with a calibration in force; `done` once all stages were weighed by it."""

    project_id: int
    calibration: int
    done: bool


class Voice(NamedTuple):
    """A vote that counts, as its card has it; it keeps the skill of the person under whom the ledger has it."""

    person_id: int
    subject_id: int
    answer: int
    bucket: int
    if_yes: int
    if_no: int
    ledger_person_id: int


class Flagged(NamedTuple):
    """A retired subject that a refit has flagged: log-odds in micro-nats as weighed by that calibration."""

    subject_id: int
    calibration: int
    answer: int
    log_odds: int
    votes: int
    rescored_at: datetime


class Disputed(NamedTuple):
    """A retired subject whose audit came to the other answer: `audit` is its evidence for yes, in micro-nats."""

    subject_id: int
    answer: int
    audit: int
    audit_count: int
    retired_at: datetime


class RescoringStore:
    """Reads and writes what weighing a workflow anew touches."""

    def __init__(self, connection: Connection, workflow_id: int) -> None:
        self._connection = connection
        self._workflow_id = workflow_id

    async def find(self) -> Due | None:
        """Return what there is to do; `None` if the workflow is closed or has no calibration."""
        row = await self._connection.fetchrow(_SQL["find"], self._workflow_id)
        return None if row is None else Due(*row)

    async def try_to_rescore(self) -> bool:
        """Try to become the one that weighs the workflow anew, until `stop_rescoring`."""
        return bool(await self._connection.fetchval(_SQL["try_to_rescore"], self._workflow_id))

    async def stop_rescoring(self) -> None:
        """Let another one weigh the workflow anew."""
        await self._connection.execute(_SQL["stop_rescoring"], self._workflow_id)

    async def mark_done(self, calibration: int) -> None:
        """Note that every stage was weighed by a calibration."""
        await self._connection.execute(_SQL["mark_done"], self._workflow_id, calibration)

    async def read_fits(self, calibration: int) -> list[tuple[int, ...]]:
        """Return person, six gold counts and six hundredths of everybody whom a calibration knows, by person."""
        return [tuple(row) for row in await self._connection.fetch(_SQL["read_fits"], self._workflow_id, calibration)]

    async def undecided(self, after: int, calibration: int, limit: int) -> list[int]:
        """Return the next undecided subjects that were not weighed by a calibration."""
        rows = await self._connection.fetch(_SQL["undecided"], self._workflow_id, after, calibration, limit)
        return [row[0] for row in rows]

    async def retired(self, after: int, limit: int) -> dict[int, tuple[int, ...]]:
        """Return the fields of the standing of the next retired subjects that may be flagged, without locks."""
        rows = await self._connection.fetch(_SQL["retired"], self._workflow_id, after, limit)
        return {row[0]: tuple(row)[1:] for row in rows}

    async def read_votes(self, subjects: Sequence[int]) -> list[Voice]:
        """Return the votes that count on some subjects."""
        rows = await self._connection.fetch(_SQL["read_votes"], self._workflow_id, subjects)
        return [Voice(*row) for row in rows]

    async def lock_votes(self, subjects: Sequence[int]) -> list[Voice]:
        """Lock the votes that count on some subjects, and return them."""
        rows = await self._connection.fetch(_SQL["lock_votes"], self._workflow_id, subjects)
        return [Voice(*row) for row in rows]

    async def write(
        self, calibration: int, version_id: int, rescores: Sequence[list[Any]], votes: Sequence[list[int]]
    ) -> None:
        """Write locked stages' new weight; the columns are named in the statement. Without an ordinal, no row."""
        await self._connection.execute(_SQL["write"], self._workflow_id, calibration, version_id, *rescores, *votes)

    async def flagged(self, limit: int) -> list[Flagged]:
        """Return retired subjects that a refit has flagged and no person has decided since, newest first."""
        return [Flagged(*row) for row in await self._connection.fetch(_SQL["flagged"], self._workflow_id, limit)]

    async def disputed(self, accept: int, reject: int, limit: int) -> list[Disputed]:
        """Return retired subjects whose audit has reached the bound of the other answer, the clearest first.

        `accept` and `reject` are the bounds of the workflow's rule, in micro-nats. An audit changes no label.
        """
        rows = await self._connection.fetch(_SQL["disputed"], self._workflow_id, accept, reject, limit)
        return [Disputed(*row) for row in rows]


async def unfinished(connection: Connection) -> list[int]:
    """Return the workflows whose stages have not all been weighed by the calibration in force."""
    return [row[0] for row in await connection.fetch(_SQL["unfinished"])]
