"""Reads what a backup needs besides the dump, and what a restored database is compared by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.store.archiving import ArchiveStore
from api.store.engine import Connection
from api.store.exports import ArchivedMonth
from api.store.statements import statements

_SQL = statements("backup")


class BackupStore:
    """Looks at a database as a whole."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[str]:
        """Hold a snapshot, in which all else is read meanwhile, and give its name for pg_dump."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            await self._connection.execute(_SQL["hold_ledger"])
            name: str = await self._connection.fetchval(_SQL["snapshot"])
            yield name

    async def version(self) -> tuple[str, int, str]:
        """Return the server's version, its major, and the schema's revision."""
        row = await self._connection.fetchrow(_SQL["version"])
        assert row is not None
        return row[0], row[1], row[2]

    async def major(self) -> int:
        """Return the server's major version."""
        major: int = await self._connection.fetchval(_SQL["major"])
        return major

    async def tables(self) -> list[str]:
        """Return the tables; none of an empty database."""
        return [row[0] for row in await self._connection.fetch(_SQL["tables"])]

    async def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return {
            name: await self._connection.fetchval(f'SELECT count(*) FROM "{name}"')  # noqa: S608  # from pg_class
            for name in await self.tables()
        }

    async def digests(self) -> set[bytes]:
        """Return the digests of all pictures that subjects and pages have."""
        found: set[bytes] = set()
        async with self._connection.transaction():
            async for row in self._connection.cursor(_SQL["digests"], prefetch=5000):
                found.add(bytes.fromhex(row[0]))
        return found

    async def archived_months(self) -> list[ArchivedMonth]:
        """Return the months that lie in files."""
        return await ArchiveStore(self._connection).archived_months()

    async def analyze(self) -> None:
        """Let the server learn what a restored database holds, as its plans depend on that."""
        await self._connection.execute("ANALYZE")
