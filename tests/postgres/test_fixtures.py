import asyncpg


async def test_a_test_gets_a_database_of_its_own(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)

    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")

    await connection.close()
    assert tables == 0
