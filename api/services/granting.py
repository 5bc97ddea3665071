"""Granting: whoever asked to be told of more is told once there is some, in the transaction that forgets the wish.

Theory of operation
-------------------
A wish is granted when the workflow is in force, the person holds its level, and dealing would find a subject there that
the person has no card for. Looking for one is bounded: a window of the pile, from a random start, so that a person who
has seen nearly everything is found more at one of the next looks. Workflows with nothing on their piles cost one probe,
however many people wait; in the others, those who have waited longest for a look come first, and whoever has waited
for long is looked for less often.

A turn grants no more wishes in a workflow than it has subjects: one new subject calls one person, and the next one some
seconds later if nobody has taken it, rather than everybody.

One worker grants at a time. All wishes of a person that can be granted are granted together, by one message, and
then nothing more is said to them for some hours. Whoever has no subscription keeps the wish.
"""

import random
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from api.services.published import PublishedCascades
from api.services.push import FIRST_LOOK
from api.store.engine import Connection
from api.store.push import Patience, PushStore

PATIENCE: Final = Patience(
    quiet=timedelta(hours=4), first=FIRST_LOOK, least=timedelta(minutes=1), most=timedelta(minutes=15)
)
"""Four hours between two messages to a person; a wish is looked at every minute at first, every quarter later."""

WINDOW: Final = 200
"""Places of a pile that are looked at on either side of the start: some milliseconds for whoever has seen them all."""

PERSONS: Final = 100
"""People whose wishes one turn looks at."""

FORGET_SECONDS: Final = 600.0

_LAST_DRAW: Final = 2**31 - 1


class Granting:
    """One worker's looks at the wishes."""

    def __init__(self, published: PublishedCascades, dice: random.Random) -> None:
        self._published = published
        self._dice = dice
        self._forgotten_at = float("-inf")

    async def look(self, connection: Connection) -> int:
        """Grant what can be granted; return how many messages that makes."""
        store = PushStore(connection)
        if time.monotonic() - self._forgotten_at > FORGET_SECONDS:
            await store.forget(PATIENCE.quiet)
            self._forgotten_at = time.monotonic()
        levels = await self._levels(connection, await store.wished_for())
        if not levels:
            return 0
        async with connection.transaction():
            if not await store.lock_granting():
                return 0
            start = self._dice.randint(0, _LAST_DRAW)
            _, messages = await store.grant_wishes(levels, WINDOW, start, PERSONS, PATIENCE)
        return messages

    async def _levels(self, connection: Connection, wished: list[tuple[int, int]]) -> Mapping[int, int]:
        """Return the level that each workflow asks for, of those that are in force."""
        levels = {}
        for workflow_id, version_id in wished:
            published = await self._published.get(connection, version_id)
            if workflow_id in published.names:
                levels[workflow_id] = published.workflow(workflow_id).level
        return levels
