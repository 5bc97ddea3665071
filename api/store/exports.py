"""Exports: the ledger, labels and subjects of a project as streams of Arrow record batches, from one snapshot.

Theory of operation
-------------------
Rows leave PostgreSQL by COPY (`api.store.columnar`), which blocks: run it in a thread. COPY takes no parameters, so
values are written into the statements; they are integers, moments and UUIDs, never text.

The ledger is read up to a *horizon*. A vote arrives (`received_at`) when its transaction begins and is seen when that
commits, so a reader that follows the time of arrival would miss a vote whose transaction began before and committed
after. The horizon is the moment before which every transaction had begun and ended, taken *before* the snapshot: below
it nothing can appear any more, and the snapshot sees all of it.

Months of the ledger may leave the database for files (`api.services.archiving`). The ledger is locked against that, not
against votes, before the snapshot begins: so every month is seen in one place, and in one only.

Rows are as the tables have them, codes and numbers; `api.services.exporting` makes words of them.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from api.store.columnar import Batches, ColumnarConnection, filled, open_columnar
from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("exports")

WORK_MEM: Final = "64MB"
"""What one sort may take on the server before it goes to its disk."""

POLL_SECONDS: Final = 0.05


class VoteKey(NamedTuple):
    """The place of a row in the ledger: votes are in the order of these."""

    received_at: datetime
    workflow_id: int
    subject_id: int
    ordinal: int
    kind: int
    client_id: UUID


FIRST: Final = VoteKey(datetime(1970, 1, 1, tzinfo=UTC), 0, 0, 0, 0, UUID(int=0))
"""Before every vote."""


class StoredProject(NamedTuple):
    """A project whose data leave; `pseudonym_key` stays."""

    id: int
    slug: str
    title: str | None
    pseudonym_key: bytes


class StoredVersion(NamedTuple):
    """A published cascade, with the numbers of its workflows by name."""

    id: int
    number: int
    digest: str
    declaration: str
    workflow_ids: dict[str, int]
    published_at: datetime


class ArchivedMonth(NamedTuple):
    """A month of the ledger that lies in a file."""

    month: date
    path: str
    rows: int
    sha256: str


class Retired(NamedTuple):
    """How a subject retired from a workflow; `votes` are those that its stage knows of, late ones too."""

    workflow_id: int
    subject_id: int
    reason: int
    entered_at: datetime
    last_vote_at: datetime | None
    retired_at: datetime
    votes: int


class Snapshot:
    """What a database holds at one moment. Its streams are read one after another, each to its end or closed."""

    def __init__(self, connection: ColumnarConnection, horizon: datetime, whole: bool) -> None:
        self._connection = connection
        self.horizon = horizon
        """Below which nothing can appear in the ledger any more."""
        self.whole = whole
        """Whether the horizon is no earlier than when we came."""

    def versions(self, project_id: int) -> list[StoredVersion]:
        """Return the cascades that a project has published."""
        rows = self._rows("versions", project_id)
        return [StoredVersion(**{**row, "workflow_ids": json.loads(row["workflow_ids"])}) for row in rows]

    def workflows(self, project_id: int) -> dict[int, str]:
        """Return the names of a project's workflows, of all editions, by number."""
        return {row["id"]: row["name"] for row in self._rows("workflows", project_id)}

    def archived_months(self, since: datetime, until: datetime) -> list[ArchivedMonth]:
        """Return the months of the ledger, of all projects, that have left the database, in order."""
        return [ArchivedMonth(*row.values()) for row in self._rows("archived_months", since, until)]

    def votes(
        self,
        workflow_ids: Sequence[int],
        since: datetime,
        until: datetime,
        after: VoteKey = FIRST,
        limit: int | None = None,
    ) -> Batches:
        """Yield the ledger rows of workflows that arrived in ``[since, until)`` and come after a place, in order."""
        return self._stream("votes", workflow_ids, since, until, *after, limit)

    def names_of(self, subject_ids: Sequence[int]) -> dict[int, str]:
        """Return the external ids of subjects."""
        return {row["id"]: row["external_id"] for row in self._rows("names_of", subject_ids)}

    def taken_out_of(self, person_ids: Sequence[int]) -> dict[tuple[int, UUID], int]:
        """Return why votes of persons, by the ledger's person and client id, were taken out, of those that were."""
        rows = self._rows("taken_out_of", person_ids)
        return {(row["person_id"], row["client_id"]): row["exclusion"] for row in rows}

    def newest_labels(self, project_id: int, workflow_ids: Sequence[int]) -> Batches:
        """Yield the newest revision of every label, by workflow and subject."""
        return self._stream("newest_labels", project_id, workflow_ids)

    def announced_labels(self, project_id: int, after: int, limit: int | None) -> Batches:
        """Yield every revision of the labels after a position of the feed, in its order."""
        return self._stream("announced_labels", project_id, after, limit)

    def last_position(self, project_id: int) -> int:
        """Return the last position of the feed of a project, 0 if it has none."""
        return int(self._rows("last_position", project_id)[0]["position"])

    def subjects(self, project_id: int, workflow_ids: Sequence[int], after: int, limit: int | None) -> Batches:
        """Yield subjects by number, after one."""
        return self._stream("subjects", project_id, workflow_ids, after, limit)

    def questions(self, project_id: int) -> dict[int, tuple[str, str]]:
        """Return name and question of a project's workflows, of all editions, by number."""
        return {row["id"]: (row["name"], row["question"]) for row in self._rows("questions", project_id)}

    def metadata_of(self, subject_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Return the external ids of subjects, and their metadata as JSON text."""
        rows = self._rows("metadata_of", subject_ids)
        return {row["id"]: (row["external_id"], row["metadata"]) for row in rows}

    def retired_of(self, workflow_ids: Sequence[int], subject_ids: Sequence[int]) -> list[Retired]:
        """Return how subjects retired from workflows, where they did."""
        return [Retired(**row) for row in self._rows("retired_of", workflow_ids, subject_ids)]

    def _stream(self, name: str, *values: object) -> Batches:
        return _batches(self._connection, name, values)

    def _rows(self, name: str, *values: object) -> list[dict[str, Any]]:
        return [row for batch in self._stream(name, *values) for row in batch.to_pylist()]


async def find_project(connection: Connection, slug: str, sight: list[int] | None = None) -> StoredProject | None:
    """Return a project."""
    row = await connection.fetchrow(_SQL["project"], slug, sight)
    return None if row is None else StoredProject(*row)


@contextmanager
def open_snapshot(database_url: str, patience_seconds: float = 0.0, *, gently: bool = True) -> Iterator[Snapshot]:
    """Open a snapshot of a database, on a connection of its own that writes nothing.

    Parameters
    ----------
    patience_seconds
        How long to wait for transactions that were open when we came, so that the snapshot's horizon is no earlier than
        that; 0 takes the horizon as it is.
    gently
        Whether the server may use one process only for it, so that votes keep the others.

    Raises
    ------
    ConnectionError
        The database does not answer.
    """
    with open_columnar(database_url) as connection:
        horizon, whole = _horizon(connection, patience_seconds)
        connection.begin_snapshot()
        connection.execute("LOCK TABLE classification IN ACCESS SHARE MODE")
        connection.execute(f"SET LOCAL work_mem = '{WORK_MEM}'")
        connection.execute("SET LOCAL jit = off")
        if gently:
            connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        yield Snapshot(connection, horizon, whole)


def _horizon(connection: ColumnarConnection, patience_seconds: float) -> tuple[datetime, bool]:
    """Return the horizon, and whether we waited until it was no earlier than the moment of the call."""
    deadline = time.monotonic() + patience_seconds
    came: datetime | None = None
    horizon: datetime
    while True:
        [batch] = _batches(connection, "horizon", ())
        now, horizon = batch.to_pylist()[0].values()
        came = came or now
        if horizon >= came or time.monotonic() >= deadline:
            return horizon, horizon >= came
        time.sleep(POLL_SECONDS)


def _batches(connection: ColumnarConnection, name: str, values: Sequence[object]) -> Batches:
    return connection.batches(filled(_SQL[name], values))
