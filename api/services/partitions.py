"""The ledger's partitions: made months ahead, without ever keeping a vote waiting."""

from datetime import date
from typing import Final

from api.store.engine import Connection
from api.store.schema import create_partitions, give_up_locks_after

PATIENCE_MS: Final = 200
"""How long to wait for a lock: votes queue behind us for so long at most. An export may hold the ledger for hours."""


async def keep_ahead(connection: Connection, today: date) -> None:
    """Make the partitions of this month and the next ones; raise one of `api.store.failures.CONFLICTS` if in the way.

    There are months to try again in.
    """
    async with connection.transaction():
        await give_up_locks_after(connection, PATIENCE_MS)
        await create_partitions(connection, today)
