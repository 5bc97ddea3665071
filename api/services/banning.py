"""Banning at the desk: what a moderator may do about whom."""

from datetime import UTC, datetime

from api.caller import Caller, Role
from api.errors import NotAllowedError
from api.moderation_errors import NotBannableError
from api.services.bans import BanWish, ban, lift
from api.services.moderation import ban_view, moderated
from api.services.promotion_views import View
from api.services.promotions import volunteer_of
from api.services.reachable import reachable
from api.store.desk import DeskStore
from api.store.engine import Connection, Pool
from api.store.promotions import Known
from mobile_schemas.moderation import BanIn
from mobile_schemas.volunteers import volunteer_id

ABOVE_BANS = frozenset({Role.OWNER.value, Role.RESEARCHER.value, Role.MODERATOR.value})
"""Whoever has such a role is not banned: an owner takes the role away first."""


class Banning:
    """Bans people, and lifts bans, for moderators."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def ban(self, caller: Caller, slug: str, volunteer: str, wish: BanIn) -> View:
        """Keep somebody out of a project from the next request on (`mobile_schemas.moderation.BanOut`).

        Raises
        ------
        UnknownProjectError, UnknownVolunteerError
            There is no such project, or no such volunteer.
        NotAllowedError
            The token is no moderator's, or the ban is about themself.
        NotBannableError
            They have a role in the project, or the end lies in the past.
        AlreadyBannedError
            A ban is in force.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            project_id, whom = await _about(connection, caller, slug, volunteer)
            store = DeskStore(connection)
            roles = ABOVE_BANS.intersection((await store.briefs(project_id, [whom.id]))[whom.id].roles)
            if roles:
                raise NotBannableError(volunteer, f"is {min(roles)} of {slug}; an owner takes the role away first")
            if wish.until is not None and wish.until <= datetime.now(UTC):
                raise NotBannableError(
                    volunteer, "would be banned until a time that is over; give a later one, or none"
                )
            await ban(
                connection,
                BanWish(
                    slug=slug,
                    volunteer_id=whom.id,
                    why=wish.why,
                    by_volunteer_id=caller.volunteer_id,
                    until=wish.until,
                    exclude_votes=wish.exclude_votes,
                ),
            )
            return ban_view((await store.bans(project_id, whom.person_id, 1))[0])

    @reachable
    async def lift(self, caller: Caller, slug: str, volunteer: str, why: str) -> View:
        """Let somebody in again; what was excluded stays so. Raises what `ban` raises, or NotBannedError."""
        async with self._pool.acquire() as connection, connection.transaction():
            project_id, whom = await _about(connection, caller, slug, volunteer)
            lifted = await lift(connection, slug, whom.id, caller.volunteer_id, why)
            shown = await DeskStore(connection).bans(project_id, whom.person_id, 100)
            return ban_view(next(each for each in shown if each.id == lifted.id))


async def _about(connection: Connection, caller: Caller, slug: str, volunteer: str) -> tuple[int, Known]:
    """Return the project and whom it is about, who is not the moderator."""
    project_id = await moderated(connection, caller, slug)
    whom = await volunteer_of(connection, volunteer)
    if whom.person_id == caller.person_id:
        raise NotAllowedError(f"nobody decides about themself; {volunteer_id(whom.id)} is you")
    return project_id, whom
