"""The statements about bans, as one method each, over one connection."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from api.store.engine import Connection
from api.store.exclusions import ExcludedVote
from api.store.statements import statements

_SQL = statements("bans")

ALL_VOTES: Final = datetime.fromtimestamp(0, UTC)
"""Since when votes are taken out where none is left in."""


class Ban(NamedTuple):
    """That a person is kept out of a project: why, by whom, until when if not for good, and whether it was lifted.

    Votes that arrived since `exclude_since` are out of the sums, all of them at `excluded_at`.
    """

    id: int
    project_id: int
    person_id: int
    volunteer_id: int
    why: str
    by_volunteer_id: int | None
    since: datetime
    until: datetime | None
    exclude_since: datetime | None
    excluded_at: datetime | None
    votes_excluded: int
    lifted_at: datetime | None
    lifted_by: int | None
    lifted_why: str | None


class PendingBan(NamedTuple):
    """A ban of which votes are still in the sums."""

    id: int
    project_id: int
    person_id: int
    exclude_since: datetime


class BanStore:
    """Reads and writes bans."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, slug: str, volunteer_id: int) -> tuple[int, int] | None:
        """Return the numbers of a project and of a volunteer's person, who stays that; None if one is not known."""
        row = await self._connection.fetchrow(_SQL["find"], slug, volunteer_id)
        return None if row is None else (row[0], row[1])

    async def knows_project(self, slug: str) -> bool:
        """Say whether there is such a project."""
        return await self._connection.fetchval("SELECT 1 FROM project WHERE slug = $1", slug) is not None

    async def add(
        self,
        project_id: int,
        person_id: int,
        volunteer_id: int,
        why: str,
        by_volunteer_id: int | None,
        until: datetime | None,
        exclude_since: datetime | None,
    ) -> Ban | None:
        """Ban a person; None if a ban is in force."""
        await self._connection.execute(_SQL["end_what_ran_out"], project_id, person_id)
        row = await self._connection.fetchrow(
            _SQL["add"], project_id, person_id, volunteer_id, why, by_volunteer_id, until, exclude_since
        )
        return None if row is None else Ban(*row)

    async def in_force_until(self, project_id: int, person_id: int) -> datetime | None:
        """Return when the ban in force ends; None if never."""
        until: datetime | None = await self._connection.fetchval(_SQL["in_force_until"], project_id, person_id)
        return until

    async def lift(self, project_id: int, person_id: int, by_volunteer_id: int | None, why: str) -> Ban | None:
        """Lift the ban in force; None if there is none."""
        await self._connection.execute(_SQL["end_what_ran_out"], project_id, person_id)
        row = await self._connection.fetchrow(_SQL["lift"], project_id, person_id, by_volunteer_id, why)
        return None if row is None else Ban(*row)

    async def pending(self) -> list[PendingBan]:
        """Return the bans of which votes are still to be taken out."""
        return [PendingBan(*row) for row in await self._connection.fetch(_SQL["pending"])]

    async def try_to_exclude(self, ban_id: int) -> bool:
        """Take the votes of a ban for oneself, unless another process has them."""
        return bool(await self._connection.fetchval(_SQL["try_to_exclude"], ban_id))

    async def stop_excluding(self, ban_id: int) -> None:
        """Let others have the votes of a ban."""
        await self._connection.execute(_SQL["stop_excluding"], ban_id)

    async def lock_votes(self, ban: PendingBan, after: tuple[int, int], most: int) -> list[ExcludedVote]:
        """Lock the next votes to be taken out, after a workflow and subject."""
        rows = await self._connection.fetch(
            _SQL["lock_votes"], ban.project_id, ban.person_id, ban.exclude_since, *after, most
        )
        return [ExcludedVote(*row) for row in rows]

    async def count_excluded(self, ban_id: int, votes: int) -> None:
        """Note how many more votes are out."""
        await self._connection.execute(_SQL["count_excluded"], ban_id, votes)

    async def mark_excluded(self, ban: PendingBan) -> None:
        """Note that all votes of a ban are out, if it is so."""
        await self._connection.execute(_SQL["mark_excluded"], ban.id, ban.person_id)
