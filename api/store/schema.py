"""Brings a database to the schema of this version, and keeps its partitions ahead of time."""

from datetime import UTC, date, datetime

import asyncpg

from api.store.engine import Connection, connect

MIGRATION_LOCK = 7_221_300_001
"""Advisory lock: one process migrates, the others wait for it."""

MONTHS_AHEAD = 3


async def upgrade(database_url: str) -> None:
    """Migrate to the newest revision; safe to call from many processes at once."""
    async with connect(database_url, "schema") as connection:
        current = await _revisions(connection) == {NEWEST_REVISION}
    if not current:
        from api.store.migrating import migrate  # noqa: PLC0415 - Alembic takes half a second, and is seldom needed

        await migrate(database_url)


async def _revisions(connection: Connection) -> set[str]:
    try:
        return {row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")}
    except asyncpg.UndefinedTableError:
        return set()


NEWEST_REVISION = "0005"
"""Checked by a test against the migrations, so that a start on a current database need not load Alembic."""


_MISSING = """
SELECT to_regclass($1) IS NULL
   AND NOT EXISTS (SELECT 1 FROM classification_default WHERE received_at >= $2 AND received_at < $3)
"""


async def create_partitions(connection: Connection, today: date) -> None:
    """Create the ledger's partitions of this month and the next ones, where they do not exist yet.

    A month whose first rows went to the default partition, since nobody had made its own in time, stays there.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        for ahead in range(MONTHS_AHEAD):
            start, end = _month(today, ahead), _month(today, ahead + 1)
            name = f"classification_{start:%Y_%m}"
            if await connection.fetchval(_MISSING, name, start, end):
                await connection.execute(
                    f"CREATE TABLE {name} PARTITION OF classification"
                    f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
                )


def _month(today: date, ahead: int) -> datetime:
    months = today.year * 12 + today.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


async def give_up_locks_after(connection: Connection, milliseconds: int) -> None:
    """Let the statements of the transaction fail that would wait longer for a lock."""
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", str(milliseconds))
