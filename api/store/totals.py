"""What the worker counts, as one method each, over one connection."""

from typing import Final

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("totals")

_TOTALS_LOCK: Final = 7222
"""First half of the advisory locks of counting; the second is the workflow, or 0 for the bars."""

_BARS: Final = 0


class TotalStore:
    """Counts workflows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ages(self) -> dict[int, float | None]:
        """Return for each workflow how many seconds ago it was counted, `None` for never."""
        return {row[0]: row[1] for row in await self._connection.fetch(_SQL["ages"])}

    async def count_stages(self, workflow_id: int) -> None:
        """Count the stages and the counted votes of a workflow, unless another worker is at it. Needs a transaction."""
        if await self._claim(workflow_id):
            await self._connection.execute(_SQL["count_stages"], workflow_id)

    async def set_contested_bars(self, gold_of_each: int) -> None:
        """Set the skill from which contested subjects are served in each workflow. Needs a transaction.

        It is the 75th percentile over the persons with so much gold of each truth who tell something, null without any.
        """
        if await self._claim(_BARS):
            await self._connection.execute(_SQL["set_contested_bars"], gold_of_each)

    async def _claim(self, job: int) -> bool:
        claimed: bool = await self._connection.fetchval(_SQL["claim"], _TOTALS_LOCK, job)
        return claimed
