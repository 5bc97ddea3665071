"""Taking swipes in: from a request to the group commit, and its verdicts back."""

import random
from collections.abc import Sequence
from typing import Any

from api.caller import Caller
from api.metrics import count_retirements, count_swipes
from api.services.ballot import Ballot, Swipe
from api.services.group_commit import GroupCommit
from api.services.published import PublishedCascades
from api.services.verdicts import Verdict, retry
from api.store.engine import Pool
from mobile_schemas.classifications import ClassificationsIn
from mobile_schemas.subjects import subject_number

LANES = 1
"""Transactions of one process under way at once: while one waits for the disk, the next is being decided."""


class Classifications:
    """Counts swipes."""

    def __init__(self, pool: Pool, published: PublishedCascades, dice: random.Random) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice
        self._group_commit: GroupCommit[Swipe, Verdict] = GroupCommit(
            self.count, lambda swipe: retry(swipe.item), lanes=LANES, kind="swipes"
        )

    async def submit(self, caller: Caller, batch: ClassificationsIn) -> dict[str, Any]:
        """Store and count a batch; return a verdict for each swipe once all are committed."""
        swipes = [Swipe(caller, item, subject_number(item.subject)) for item in batch.classifications]
        return {"verdicts": await self._group_commit.submit(swipes)}

    async def count(self, swipes: Sequence[Swipe]) -> list[Verdict]:
        """Store and count swipes of any number of volunteers in one transaction."""
        fresh = [Swipe(swipe.caller, swipe.item, swipe.subject_id) for swipe in swipes]
        async with self._pool.acquire() as connection, connection.transaction():
            ballot = Ballot(connection, self._published, self._dice)
            verdicts = await ballot.count(fresh)
        count_swipes(verdict["verdict"] for verdict in verdicts)
        count_retirements(ballot.retired)
        return verdicts

    async def close(self) -> None:
        """Commit what waits."""
        await self._group_commit.close()
