"""Months of the ledger that leave the database for a file, and come back: one method for each statement.

Rows go out as Arrow batches over a connection of their own, by COPY, without holding up anything; everything else goes
over the connection that was given.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from api.store.columnar import open_columnar
from api.store.engine import Connection
from api.store.exports import ArchivedMonth
from api.store.schema import give_up_locks_after
from api.store.statements import statements

_SQL = statements("archiving")

ARCHIVE_LOCK: Final = 7_221_300_003
"""Advisory lock: one process archives or restores."""


class Month(NamedTuple):
    """A month of the ledger.

    `place` is `database`, or the key of its file; `rows` is an estimate in the database; `size_bytes` is that there.
    """

    month: date
    place: str
    rows: int
    size_bytes: int | None

    @property
    def is_archived(self) -> bool:
        """Whether it lies in a file."""
        return self.place != "database"


class Checksum(NamedTuple):
    """How many rows there are and what they sum up to, whatever their order."""

    rows: int
    checksum: str


class ArchiveStore:
    """Moves months of the ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self) -> bool:
        """Keep other processes from archiving until the connection is closed; false if one of them is at it."""
        claimed: bool = await self._connection.fetchval(_SQL["claim"], ARCHIVE_LOCK)
        return claimed

    async def release(self) -> None:
        """Let others archive."""
        await self._connection.execute(_SQL["release"], ARCHIVE_LOCK)

    async def months(self) -> list[Month]:
        """Return every month, in the database or in a file, in order."""
        return [Month(*row) for row in await self._connection.fetch(_SQL["partitions"])]

    async def has_partition(self, month: date) -> bool:
        """Say whether the database has a month's partition."""
        found: bool = await self._connection.fetchval(_SQL["is_partition"], table_of(month))
        return found

    async def archived(self, month: date) -> ArchivedMonth | None:
        """Return what is known of a month that lies in a file."""
        row = await self._connection.fetchrow(_SQL["archived"], month)
        return None if row is None else ArchivedMonth(*row)

    async def archived_months(self) -> list[ArchivedMonth]:
        """Return all months that lie in files."""
        return [ArchivedMonth(*row) for row in await self._connection.fetch(_SQL["archived_months"])]

    async def columns(self) -> list[str]:
        """Return the columns of the ledger."""
        return [row[0] for row in await self._connection.fetch(_SQL["columns"])]

    async def checksum(self, month: date, columns: Sequence[str]) -> Checksum:
        """Sum a month up. Needs a transaction."""
        await self._connection.execute("SET LOCAL TimeZone = 'UTC'")
        return Checksum(*await self._connection.fetchrow(_filled("checksum", month, columns)) or (0, ""))

    async def hold(self, month: date) -> None:
        """Let nobody write to a month until the transaction ends."""
        await self._connection.execute(_filled("hold", month))

    async def drop(self, month: date, patience_ms: int) -> None:
        """Drop a month's partition in a savepoint; raise `failures.CONFLICTS` if others would wait for longer."""
        async with self._connection.transaction():
            await give_up_locks_after(self._connection, patience_ms)
            await self._connection.execute(_filled("drop", month))

    async def note(self, archived: ArchivedMonth) -> None:
        """Write down that a month lies in a file."""
        await self._connection.execute(_SQL["note"], *archived)

    async def forget(self, month: date) -> None:
        """Write down that a month lies in the database again."""
        await self._connection.execute(_SQL["forget"], month)

    async def create(self, month: date) -> None:
        """Create a month's table, which nothing is connected to yet."""
        await self._connection.execute(_filled("create", month))

    async def copy_in(self, month: date, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows into a month's table."""
        await self._connection.copy_records_to_table(table_of(month), records=rows, columns=list(columns))

    async def attach(self, month: date, patience_ms: int) -> None:
        """Make a month's table a partition, with what the default partition has of it. Needs a transaction."""
        since, until = bounds_of(month)
        await self._connection.execute(_filled("bound", month))
        await give_up_locks_after(self._connection, patience_ms)
        await self._connection.execute(_filled("gather", month), since, until)
        await self._connection.execute(_filled("attach", month))


@contextmanager
def month_rows(
    database_url: str, month: date, columns: Sequence[str]
) -> Iterator[tuple[Checksum, Iterator[pa.RecordBatch]]]:
    """Give a month's sum and its rows, of one snapshot, on a connection of their own. Blocking: use a thread.

    Raises
    ------
    ConnectionError
        The database does not answer.
    """
    with open_columnar(database_url) as connection:
        connection.begin_snapshot()
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        [batch] = connection.batches(_filled("checksum", month, columns))
        yield Checksum(*batch.to_pylist()[0].values()), connection.batches(_filled("rows", month, columns))


def table_of(month: date) -> str:
    """Return the name of a month's partition."""
    return f"classification_{month:%Y_%m}"


def bounds_of(month: date) -> tuple[datetime, datetime]:
    """Return the moment at which a month begins, and that at which the next one does."""
    since = datetime(month.year, month.month, 1, tzinfo=UTC)
    return since, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def _filled(name: str, month: date, columns: Sequence[str] = ()) -> str:
    since, until = bounds_of(month)
    statement = _SQL[name].replace("{month}", table_of(month)).replace("{columns}", ", ".join(columns))
    return statement.replace("{since}", since.isoformat()).replace("{until}", until.isoformat())
