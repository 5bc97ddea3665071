"""The statements of the sequencer, as one method each, over one connection."""

from typing import Final

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("outbox")

SEQUENCER_LOCK: Final = 7_221_300_002
"""Advisory lock: one transaction at a time gives positions."""

CHANNEL: Final = "chaffinch_outbox"
"""Where the sequencer notifies of the highest position given."""


class OutboxStore:
    """Gives the rows of the outbox their positions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def waits(self) -> bool:
        """Say whether a committed row has no position yet."""
        waits: bool = await self._connection.fetchval(_SQL["waits"])
        return waits

    async def lock(self) -> None:
        """Wait until nobody else gives positions, and keep others from it until the transaction ends."""
        await self._connection.execute(_SQL["lock"], SEQUENCER_LOCK)

    async def announce(self) -> None:
        """Wake those who listen to `CHANNEL` when this transaction commits."""
        await self._connection.execute(_SQL["announce"], CHANNEL)

    async def number(self, limit: int) -> int:
        """Give the next positions to at most so many rows; return how many there were."""
        numbered: int = await self._connection.fetchval(_SQL["number"], limit)
        return numbered
