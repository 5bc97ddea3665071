"""Folds the ledger into answers by day, as one method a statement, over one connection."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("activity")
_HORIZON: Final = statements("exports")["horizon"]

ACTIVITY_LOCK: Final = 7_221_300_004
"""Advisory lock: one worker folds."""


class Step(NamedTuple):
    """A part of the ledger: how many rows arrived in ``[since, until)``."""

    since: datetime
    until: datetime
    rows: int


class ActivityStore:
    """Counts answers by day. Every method needs a transaction, the same for all of a step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self, *, wait: bool) -> bool:
        """Keep others from the fold until the transaction ends; if one is at it wait, or say so."""
        claimed = await self._connection.fetchval(_SQL["wait" if wait else "claim"], ACTIVITY_LOCK)
        return wait or bool(claimed)

    async def next_step(self, rows: int) -> Step | None:
        """Return the next part of about so many rows, `None` if there is nothing below the horizon."""
        await self._connection.execute(_SQL["begin"])
        since = await self._connection.fetchval(_SQL["folded_until"])
        _, horizon = await self._connection.fetchrow(_HORIZON) or (None, since)
        if horizon <= since:
            return None
        found, until = await self._connection.fetchrow(_SQL["step"], since, horizon, rows) or (0, since)
        return Step(since, until, found)

    async def fold(
        self, step: Step, retractable: timedelta, oldest: timedelta, own: str, judged: Sequence[int]
    ) -> None:
        """Add a step to what is counted, and note that it is.

        Parameters
        ----------
        retractable
            For how long after its arrival a vote can be taken back.
        oldest
            How long before its arrival an answer may have been given.
        own
            The source of answers by people who registered themselves.
        judged
            The projects whose levels ask for so many answers or days: people are to be judged by them.
        """
        counted = []
        if step.rows:
            counted = await self._connection.fetch(
                _SQL["fold"], step.since, step.until, retractable, own, oldest, list(judged)
            )
        await self._connection.execute(_SQL["mark"], step.until)
        if counted:
            await self._connection.execute(_SQL["check"], [row[0] for row in counted], [row[1] for row in counted])
