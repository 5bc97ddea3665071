"""Brings a database to the schema of this version, and keeps its partitions ahead of time."""

from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from api.store.engine import Connection as DatabaseConnection
from api.store.engine import sqlalchemy_url

MIGRATION_LOCK = 7_221_300_001
"""Advisory lock: one process migrates, the others wait for it."""

MONTHS_AHEAD = 3


async def upgrade(database_url: str) -> None:
    """Migrate to the newest revision; safe to call from many processes at once."""
    engine = create_async_engine(sqlalchemy_url(database_url))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = alembic_config(connection)
    heads = set(MigrationContext.configure(connection).get_current_heads())
    connection.commit()
    if heads != {NEWEST_REVISION}:
        command.upgrade(config, "head")
        connection.commit()


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


NEWEST_REVISION = "0005"
"""Checked by a test against the migrations, so that a start on a current database need not load Alembic's scripts."""


_MISSING = """
SELECT to_regclass($1) IS NULL
   AND NOT EXISTS (SELECT 1 FROM classification_default WHERE received_at >= $2 AND received_at < $3)
"""


async def create_partitions(connection: DatabaseConnection, today: date) -> None:
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


async def give_up_locks_after(connection: DatabaseConnection, milliseconds: int) -> None:
    """Let the statements of the transaction fail that would wait longer for a lock."""
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", str(milliseconds))
