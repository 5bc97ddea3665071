import asyncpg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_an_empty_database_of_its_own(empty_database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(empty_database_url)

    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute(f"CREATE TABLE turn_{turn} (number integer)")

    await connection.close()
    assert tables == 0


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_a_migrated_database_of_its_own(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)

    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'turn%'")
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.execute(f"CREATE TABLE turn_{turn} (number integer)")

    await connection.close()
    assert (tables, revision is None) == (0, False)
