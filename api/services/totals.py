"""Workflows' totals: how many subjects are open, contested and retired, and who is skilled enough for the contested.

Counting reads every stage of a workflow, which for a million takes some tenths of a second. It is not kept up in the
transactions that count votes, where all of them would wait for one row. Instead each count is followed by a rest in
proportion to what it took: small workflows are counted every few seconds, large ones as often as a fiftieth of one
core allows, and a large one does not make the totals of a small one old. Several workers share the work: a workflow
that one of them counted is not due for the others.
"""

import time
from typing import Final

from api.store.engine import Connection
from api.store.totals import TotalStore
from cascade.skill import RIGHT_TO_PROVE

REST_SECONDS: Final = 3.0
"""The least time between two counts of a workflow."""

REST_SHARE: Final = 50
"""A rest is at least so many times as long as the count before it took."""


class Totals:
    """One worker's counting, with the rests that it has come to take."""

    def __init__(self) -> None:
        self._rests: dict[int, float] = {}
        self._bars_due_at = 0.0

    async def count(self, connection: Connection) -> int:
        """Count the workflows that are due; return how many. Each is a transaction of its own."""
        store = TotalStore(connection)
        due = [
            workflow_id
            for workflow_id, age in (await store.ages()).items()
            if age is None or age >= self._rests.get(workflow_id, REST_SECONDS)
        ]
        for workflow_id in due:
            began = time.monotonic()
            async with connection.transaction():
                await store.count_stages(workflow_id)
            self._rests[workflow_id] = _rest(began)
        await self._set_bars(connection, store)
        return len(due)

    async def _set_bars(self, connection: Connection, store: TotalStore) -> None:
        began = time.monotonic()
        if began < self._bars_due_at:
            return
        async with connection.transaction():
            await store.set_contested_bars(RIGHT_TO_PROVE)
        self._bars_due_at = time.monotonic() + _rest(began)


def _rest(began: float) -> float:
    """Return for how long a count that began then, and has just ended, is to be followed by none."""
    return max(REST_SECONDS, REST_SHARE * (time.monotonic() - began))
