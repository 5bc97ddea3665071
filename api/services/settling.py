"""Settling: the subjects of a project follow the version of its cascade that has come into force.

Theory of operation
-------------------
Settling comes after the switch, in small transactions, so that a million subjects hold nobody up. The undecided stages
of closed workflows are withdrawn, and their subjects go on: to the new edition of a changed question, else to where
their last label leads in the new cascade, else to its beginning. Then every subject that no workflow has had enters.
Each step may be repeated, and the version is marked when all is done: what a crash interrupts goes on with the next
publication of the project, or with the worker.

Nothing slips through between the two:

- A vote that had read the old version may still let a subject enter a workflow that the switch has closed. It holds a
  card by then, so it has a transaction number; settling begins when every transaction that was under way at the
  switch has ended, and then nobody is left who knows the old version.
- An import reads the version under a share lock of the project's row, and so does each step of settling: the switch
  waits for them, and they for the switch.
- A vote and settling meet at the stage's row lock. The vote comes first and the stage may retire, and settling leaves
  it alone; or it comes second, finds the stage withdrawn, and is kept as late.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from api.services.entering import Arrival, arrivals, first_stages
from api.services.priors import attributes_of
from api.services.published import Published, PublishedCascades
from api.store.ballot import BallotStore
from api.store.engine import Connection
from api.store.publishing import Edition, Homeless, PublishingStore
from cascade.graph import Attributes
from cascade.vocabulary import NO_ANSWER, Answer, Reason

PAGE: Final = 10_000
"""Subjects that follow in one transaction."""

POLL_SECONDS: Final = 0.02
TELL_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)

Report = Callable[[int, int], None]
"""Told how many subjects have been looked at, and of how many."""


def unheard(_done: int, _of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many stages of closed workflows were withdrawn, and how many subjects have begun a stage."""

    withdrawn: int
    entered: int


async def settle(
    connection: Connection, published: PublishedCascades, dice: random.Random, project_id: int, report: Report
) -> Settled:
    """Let the subjects of a project follow the version in force, if they have not all done so."""
    async with _sole_settler(PublishingStore(connection), project_id):
        return await _Settling(connection, published, dice, project_id, report).run()


class _Settling:
    """The subjects of one project on their way to the version in force."""

    def __init__(
        self, connection: Connection, published: PublishedCascades, dice: random.Random, project_id: int, report: Report
    ) -> None:
        self._connection = connection
        self._store = PublishingStore(connection)
        self._published = published
        self._dice = dice
        self._project_id = project_id
        self._report = report
        self._looked_at = self._waiting = 0
        self._withdrawn = self._entered = 0

    async def run(self) -> Settled:
        """Withdraw, let enter, and mark the version; begin again if another one came into force meanwhile."""
        while (version_id := await self._unsettled_version()) is not None:
            await outlast_running_transactions(self._store)
            self._looked_at, self._waiting = 0, await self._store.count_waiting(self._project_id)
            editions = await self._store.editions(self._project_id)
            for edition in editions:
                if edition.closed:
                    await self._close(edition, [each.id for each in editions])
            await self._admit([each.id for each in editions])
            async with self._connection.transaction():
                if await self._store.hold_version(self._project_id) == version_id:
                    await self._store.mark_settled(version_id)
        return Settled(self._withdrawn, self._entered)

    async def _unsettled_version(self) -> int | None:
        async with self._connection.transaction():
            version_id = await self._store.hold_version(self._project_id)
            settled = version_id is None or await self._store.is_settled(version_id)
        return None if settled else version_id

    async def _close(self, edition: Edition, workflow_ids: Sequence[int]) -> None:
        """Withdraw the undecided stages of a closed workflow, page by page, and let their subjects go on."""
        after, page = 0, PAGE
        while page == PAGE:
            async with self._connection.transaction():
                published = await self._version_in_force()
                homeless = await self._store.withdraw_stages(edition.id, after, PAGE, workflow_ids)
                goals = [(each, _goal(published, edition.name, each)) for each in homeless if not each.gold]
                await self._enter(
                    published, [Arrival(each.subject_id, goal, _attributes(each)) for each, goal in goals if goal]
                )
            page = len(homeless)
            after = homeless[-1].subject_id if homeless else after
            self._withdrawn += page
            self._tell(page)
        while await self._store.clear_piles([edition.id], PAGE):
            pass

    async def _admit(self, workflow_ids: Sequence[int]) -> None:
        """Let the subjects enter that no workflow has had, page by page."""
        after, page = 0, PAGE
        while page == PAGE:
            async with self._connection.transaction():
                published = await self._version_in_force()
                subjects = await self._store.read_newcomers(self._project_id, after, PAGE, workflow_ids)
                newcomers = [(each.id, attributes_of(each.metadata, each.scores)) for each in subjects if each.enters]
                await self._enter(published, arrivals(published, newcomers))
            page = len(subjects)
            after = subjects[-1].id if subjects else after
            self._tell(page)

    async def _version_in_force(self) -> Published:
        version_id = await self._store.hold_version(self._project_id)
        assert version_id is not None
        return await self._published.in_force(self._connection, version_id)

    async def _enter(self, published: Published, arriving: Sequence[Arrival]) -> None:
        if arriving:
            await BallotStore(self._connection).enter_stages(first_stages(published, arriving, self._dice))
            self._entered += len(arriving)

    def _tell(self, more: int) -> None:
        self._looked_at += more
        self._report(self._looked_at, max(self._looked_at, self._waiting))


@asynccontextmanager
async def _sole_settler(store: PublishingStore, project_id: int) -> AsyncIterator[None]:
    """Wait until nobody else settles the project."""
    while not await store.try_to_settle(project_id):  # noqa: ASYNC110  # the other process has no event of ours
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        await store.stop_settling(project_id)


async def outlast_running_transactions(store: PublishingStore) -> None:
    """Wait until every transaction has ended that may have read the version, or the calibration, before."""
    under_way = await store.running_transactions()
    since = time.monotonic()
    told = False
    while under_way:
        await asyncio.sleep(POLL_SECONDS)
        under_way &= await store.running_transactions()
        if not told and time.monotonic() - since > TELL_SECONDS:
            log.info("subjects wait for transactions that began before the change", transactions=len(under_way))
            told = True


def _goal(published: Published, closed: str, homeless: Homeless) -> str | None:
    """Return the workflow that takes a subject whose workflow was closed."""
    cascade, attributes = published.cascade, _attributes(homeless)
    if closed in published.ids:
        return cascade.enter(closed, attributes)
    label = published.names.get(homeless.label_workflow_id or 0)
    if label is None:
        return cascade.enter(cascade.entry.name, attributes)
    answer = None if homeless.label_answer in (None, NO_ANSWER) else Answer(homeless.label_answer)
    return cascade.route(label, answer, attributes, Reason(homeless.label_reason or 0))


def _attributes(homeless: Homeless) -> Attributes:
    return attributes_of(homeless.metadata, homeless.scores)
