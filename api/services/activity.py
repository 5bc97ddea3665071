"""Answers by day: the ledger, folded into small tables that streaks and the pages of projects are read from.

The ledger is followed up to the horizon below which every transaction has ended (see `api.store.exports`), a bounded
step at a time. A step adds its rows and moves the mark in one transaction, so each row is counted exactly once, however
often workers are killed and however many there are: one folds at a time, by advisory lock. A database that has votes
already is folded from its beginning. A month that leaves the ledger is folded first (`catch_up`); months that had left
before there was a fold are not counted, unless they are restored before a worker begins.

The day of an answer is that of the person's own calendar: the phone's time and offset, or UTC if it sends no offset.
Phones' clocks lie, so an answer was given no later than it arrived, and at most `OLDEST` before.
"""

from datetime import timedelta
from typing import Final

from api.services.project_rules import ProjectRules
from api.services.retractions import WINDOW
from api.services.volunteers import SOURCE
from api.store.activity import ActivityStore
from api.store.engine import Connection

STEP_ROWS: Final = 20_000
"""Rows of the ledger in one transaction."""

STEPS_A_TURN: Final = 20
"""Steps between two looks at whether the worker should end."""

OLDEST: Final = timedelta(days=8)
"""A card is accepted for 7 days; the eighth is for clocks that are wrong by some hours."""


async def fold(connection: Connection, step_rows: int = STEP_ROWS, rules: ProjectRules | None = None) -> None:
    """Fold what is new, in up to `STEPS_A_TURN` steps, unless another worker is at it.

    Whoever took part is to be judged by it, where one of the `rules` counts answers or days.
    """
    for _ in range(STEPS_A_TURN):
        if not await fold_step(connection, step_rows, rules=rules):
            return


async def catch_up(connection: Connection) -> None:
    """Fold all that is below the horizon, after whoever is at it."""
    while await fold_step(connection, STEP_ROWS, wait=True):
        pass


async def fold_step(
    connection: Connection, step_rows: int, *, wait: bool = False, rules: ProjectRules | None = None
) -> bool:
    """Fold one step of about so many rows; say whether there may be more at once."""
    store = ActivityStore(connection)
    async with connection.transaction():
        if not await store.claim(wait=wait):
            return False
        step = await store.next_step(step_rows)
        if step is not None:
            judged = await rules.counting(connection) if rules is not None and step.rows else []
            await store.fold(step, WINDOW, OLDEST, SOURCE, judged)
    return step is not None and step.rows >= step_rows
