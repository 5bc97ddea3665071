from api.store.engine import open_pool


async def test_a_transaction_whose_end_was_interrupted_is_not_left_to_the_next(database_url: str) -> None:
    pool = await open_pool(database_url, 1)
    async with pool.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.execute("CREATE TABLE unwanted ()")

    async with pool.acquire() as connection, connection.transaction():
        found = await connection.fetchval("SELECT to_regclass('unwanted')")

    assert found is None
    await pool.close()
