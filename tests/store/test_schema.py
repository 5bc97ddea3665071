"""The migrations and the tables tell the same story."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from api.store.migrating import alembic_config
from api.store.schema import NEWEST_REVISION, upgrade
from api.store.sessions import sqlalchemy_url
from api.store.tables import is_declared, metadata

CATALOGUE = """
SELECT c.relname, c.relkind::text, c.reloptions, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity::text
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'alembic%'
UNION ALL
SELECT i.indrelid::regclass::text, 'definition', NULL, pg_get_indexdef(i.indexrelid), NULL, i.indisunique, NULL, NULL
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'alembic%'
"""


def _differences(connection: Connection) -> Any:
    context = MigrationContext.configure(
        connection, opts={"compare_server_default": True, "include_object": is_declared}
    )
    return compare_metadata(context, metadata)


def _newest(connection: Connection) -> str | None:
    return ScriptDirectory.from_config(alembic_config(connection)).get_current_head()


async def _catalogue(url: str, *, create: bool) -> set[tuple[Any, ...]]:
    engine = create_async_engine(sqlalchemy_url(url))
    async with engine.connect() as connection:
        if create:
            await connection.run_sync(metadata.create_all)
        rows = (await connection.execute(text(CATALOGUE))).all()
    await engine.dispose()
    return {tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in rows}


async def test_the_migrations_lead_to_the_tables(database_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(database_url))

    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []


async def test_a_migrated_database_has_the_same_catalogue_as_a_created_one(
    database_url: str, empty_database_url: str
) -> None:
    created = await _catalogue(empty_database_url, create=True)
    migrated = await _catalogue(database_url, create=False)

    assert migrated == created


async def test_the_newest_revision_is_the_one_that_a_start_looks_for(database_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(database_url))

    async with engine.connect() as connection:
        newest = await connection.run_sync(_newest)
    await engine.dispose()
    await upgrade(database_url)

    assert newest == NEWEST_REVISION
