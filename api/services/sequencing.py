"""The sequencer: puts what was committed into an order that a reader can follow and miss nothing.

Theory of operation
-------------------
Ids are given when a row is written, and rows become visible when their transaction commits: a reader that follows ids
misses the row that was written early and committed late. So what is announced has a second number, its *position*,
which is given after the commit:

    only rows that a new snapshot sees get one, so only committed rows;
    one transaction at a time gives them, under an advisory lock that is released after its commit is visible;
    each begins after the greatest position given, which its statement sees because it starts once the lock is held.

Therefore whoever sees a position sees all smaller ones, and a row that commits late gets a position beyond everything
that any reader can have seen. The lock and the numbers are two statements: one statement would look at the table as it
was before it waited. For the same reason the transaction must be *read committed*.

The same transaction notifies those who listen, so they hear of positions when these can be read. Transactions that
notify commit one after the other; the sequencer's do so anyway, and those that count votes notify nobody.
"""

from typing import Final

from api.store.engine import Connection
from api.store.outbox import OutboxStore

BATCH: Final = 5000
"""Rows that one transaction numbers: less than 0.1 s of holding the lock."""


async def sequence(connection: Connection) -> int:
    """Give a position to every row of the outbox that is committed by now; return how many got one from us.

    Opens its own transactions. The lock is not asked for when nothing waits.
    """
    store = OutboxStore(connection)
    total = 0
    while await store.waits():
        async with connection.transaction(isolation="read_committed"):
            await store.lock()
            numbered = await store.number(BATCH)
            if numbered:
                await store.announce()
        total += numbered
        if numbered < BATCH:
            break
    return total
