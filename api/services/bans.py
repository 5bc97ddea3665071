"""Bans: who is kept out of a project, until when, and whether their votes count.

Dealing and voting look bans up in their own transactions, so a ban holds from the next request on: no deck, and swipes
that come from offline are kept with the reason `banned`.

With `exclude_votes` the votes that the person gave leave the sums of the project's subjects. The worker does that, in
batches of one transaction each, from the row of the ban: what is out is marked on its card, so whoever is killed in the
middle leaves whole batches behind, and the next one goes on. It begins when every transaction has ended that may have
counted a vote without knowing of the ban. The cards stay answered: nobody answers again what was excluded.

Lifting a ban lets the person in again. What was excluded stays excluded, and what was to be excluded still will be.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from api.errors import UnknownProjectError, UnknownVolunteerError
from api.moderation_errors import AlreadyBannedError, NotBannedError
from api.services.excluding import exclude
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.services.settling import outlast_running_transactions
from api.store.bans import ALL_VOTES, Ban, BanStore, PendingBan
from api.store.engine import Connection, Pool
from api.store.publishing import PublishingStore
from cascade.vocabulary import Exclusion
from mobile_schemas.volunteers import volunteer_id as public_id

BATCH: Final = 200
"""Votes that are taken out in one transaction: their subjects are locked meanwhile."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BanWish:
    """Who is to be kept out of which project, and why.

    `by_volunteer_id` is who says so, None for who runs the service. Without `until` it is for good. With
    `exclude_votes` votes are taken out of the sums: all of them, or those that arrived since `votes_since`.
    """

    slug: str
    volunteer_id: int
    why: str
    by_volunteer_id: int | None = None
    until: datetime | None = None
    exclude_votes: bool = False
    votes_since: datetime | None = None


async def ban(connection: Connection, wish: BanWish) -> Ban:
    """Keep a person out of a project, in a transaction that the caller opened.

    Raises
    ------
    UnknownProjectError, UnknownVolunteerError
        There is no such project, or no such volunteer.
    AlreadyBannedError
        A ban is in force.
    """
    store = BanStore(connection)
    project_id, person_id = await _find(store, wish.slug, wish.volunteer_id)
    since = (wish.votes_since or ALL_VOTES) if wish.exclude_votes else None
    added = await store.add(project_id, person_id, wish.volunteer_id, wish.why, wish.by_volunteer_id, wish.until, since)
    if added is None:
        until = await store.in_force_until(project_id, person_id)
        raise AlreadyBannedError(public_id(wish.volunteer_id), wish.slug, until)
    return added


async def lift(connection: Connection, slug: str, volunteer_id: int, by_volunteer_id: int | None, why: str) -> Ban:
    """Let a person into a project again, in a transaction that the caller opened; excluded votes stay excluded.

    Raises
    ------
    UnknownProjectError, UnknownVolunteerError
        There is no such project, or no such volunteer.
    NotBannedError
        No ban is in force.
    """
    store = BanStore(connection)
    lifted = await store.lift(*await _find(store, slug, volunteer_id), by_volunteer_id, why)
    if lifted is None:
        raise NotBannedError(public_id(volunteer_id), slug)
    return lifted


async def _find(store: BanStore, slug: str, volunteer_id: int) -> tuple[int, int]:
    found = await store.find(slug, volunteer_id)
    if found is not None:
        return found
    raise (
        UnknownVolunteerError(public_id(volunteer_id)) if await store.knows_project(slug) else UnknownProjectError(slug)
    )


class Bans:
    """Bans people, and lifts bans."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def ban(self, wish: BanWish) -> Ban:
        """Keep a person out of a project from the next request on. Raises what `ban` raises."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await ban(connection, wish)

    @reachable
    async def lift(self, slug: str, volunteer_id: int, by_volunteer_id: int | None, why: str) -> Ban:
        """Let a person in again. Raises what `lift` raises."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await lift(connection, slug, volunteer_id, by_volunteer_id, why)


class Excluding:
    """Takes the votes of the banned out of the sums, batch by batch."""

    def __init__(self, published: PublishedCascades, dice: random.Random, batch: int = BATCH) -> None:
        self._published = published
        self._dice = dice
        self._batch = batch

    async def turn(self, connection: Connection) -> None:
        """Take out what bans are waiting for, unless another worker is at it."""
        store = BanStore(connection)
        pending = await store.pending()
        if not pending:
            return
        await outlast_running_transactions(PublishingStore(connection))
        for each in pending:
            if not await store.try_to_exclude(each.id):
                continue
            try:
                await self._exclude(connection, store, each)
            finally:
                await store.stop_excluding(each.id)

    async def _exclude(self, connection: Connection, store: BanStore, pending: PendingBan) -> None:
        after, out = (0, 0), 0
        while True:
            async with connection.transaction():
                votes = await store.lock_votes(pending, after, self._batch)
                await exclude(connection, self._published, self._dice, votes, Exclusion.BANNED)
                await store.count_excluded(pending.id, len(votes))
            if not votes:
                break
            after, out = (votes[-1].workflow_id, votes[-1].subject_id), out + len(votes)
        await store.mark_excluded(pending)
        log.info("votes of a banned volunteer were excluded", ban=pending.id, votes=out)
