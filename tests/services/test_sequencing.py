import asyncio
import random

from api.services.sequencing import BATCH, sequence
from api.store.engine import Connection
from tests.services.harvest import Connect


async def announce(connection: Connection, subject: int) -> None:
    await connection.execute(
        "INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)"
        " VALUES (1, 'subject.retired', 1, $1, 1)",
        subject,
    )


async def subjects_after(connection: Connection, position: int) -> list[tuple[int, int]]:
    rows = await connection.fetch(
        "SELECT position, subject_id FROM outbox WHERE position > $1 ORDER BY position LIMIT 10", position
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_row_that_commits_late_comes_after_all_that_was_read(connect: Connect) -> None:
    slow, quick, reader = await connect(), await connect(), await connect()
    late = slow.transaction()
    await late.start()
    await announce(slow, 1)
    await announce(quick, 2)

    await sequence(reader)
    first = await subjects_after(reader, 0)
    await late.commit()
    await sequence(reader)
    second = await subjects_after(reader, first[-1][0])

    assert first == [(1, 2)]
    assert second == [(2, 1)]


async def test_a_row_that_is_rolled_back_leaves_no_hole(connect: Connect) -> None:
    writer, reader = await connect(), await connect()
    undone = writer.transaction()
    await undone.start()
    await announce(writer, 1)
    await undone.rollback()
    await announce(writer, 2)

    numbered = await sequence(reader)

    assert numbered == 1
    assert await subjects_after(reader, 0) == [(1, 2)]


async def write_in_slow_transactions(connection: Connection, number: int) -> list[int]:
    """Announce subjects in twenty transactions, a fifth of which are rolled back; return what was committed."""
    dice, committed = random.Random(number), []
    for turn in range(20):
        subjects = [number * 1000 + turn * 10 + place for place in range(dice.randint(1, 4))]
        transaction = connection.transaction()
        await transaction.start()
        for subject in subjects:
            await announce(connection, subject)
            await asyncio.sleep(dice.random() * 0.01)
        if dice.random() < 0.2:
            await transaction.rollback()
        else:
            await transaction.commit()
            committed += subjects
    return committed


async def sequence_until(over: asyncio.Event, connection: Connection) -> None:
    while not over.is_set():
        await sequence(connection)
        await asyncio.sleep(0.001)


async def follow_until(over: asyncio.Event, connection: Connection) -> list[tuple[int, int]]:
    """Read on from the last position until nothing can come any more."""
    read: list[tuple[int, int]] = []
    while True:
        last_look = over.is_set()
        if last_look:
            await sequence(connection)
        page = await subjects_after(connection, read[-1][0] if read else 0)
        read += page
        if last_look and not page:
            return read


async def test_who_follows_positions_misses_nothing_though_transactions_commit_out_of_order(connect: Connect) -> None:
    over = asyncio.Event()
    following = asyncio.create_task(follow_until(over, await connect()))
    sequencers = [asyncio.create_task(sequence_until(over, await connect())) for _ in range(3)]

    written = await asyncio.gather(*[write_in_slow_transactions(await connect(), number) for number in range(8)])
    over.set()
    read = await following
    await asyncio.gather(*sequencers)

    committed = [subject for each in written for subject in each]
    assert sorted(subject for _, subject in read) == sorted(committed)
    assert [position for position, _ in read] == list(range(1, len(committed) + 1))


async def test_more_than_one_batch_is_numbered_in_the_order_of_ids(connection: Connection) -> None:
    rows = 2 * BATCH + 7
    await connection.execute(
        "INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)"
        " SELECT 1, 'subject.retired', 1, s, 1 FROM generate_series(1, $1) s",
        rows,
    )

    numbered = await sequence(connection)

    assert numbered == rows
    assert await connection.fetchval("SELECT bool_and(position = subject_id) FROM outbox")
    assert await sequence(connection) == 0
