"""Two volunteers become one person at the command line."""

import asyncpg

from tests.cli.program import Chaffinch


async def test_two_volunteers_become_one_person_once(chaffinch: Chaffinch, database_url: str) -> None:
    chaffinch("database", "upgrade")
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO person DEFAULT VALUES; INSERT INTO person DEFAULT VALUES;"
        "INSERT INTO volunteer (person_id, name, name_key) SELECT id, 'ada' || id, 'ada' || id FROM person ORDER BY id"
    )

    merged = chaffinch("user", "merge", "ada1", "V2")
    again = chaffinch("user", "merge", "V1", "ada2")
    persons = await connection.fetch("SELECT DISTINCT person_id FROM volunteer")
    await connection.close()

    assert merged.stdout == "V1 and V2 are one person now: 0 cards changed hands, 0 votes no longer count.\n"
    assert (again.returncode, again.stderr) == (1, "these are one person already; nothing was changed\n")
    assert [row[0] for row in persons] == [2]
