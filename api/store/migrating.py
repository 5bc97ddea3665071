"""Brings a database to the newest revision with Alembic, which is needed once in a release."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from api.store.schema import MIGRATION_LOCK, NEWEST_REVISION
from api.store.sessions import sqlalchemy_url


async def migrate(database_url: str) -> None:
    """Migrate to the newest revision, one process at a time."""
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
