"""Accounts: what is kept about a person, and how it goes when they leave."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlmodel import col, delete, func, or_, select, update

from api.store.engine import Connection
from api.store.sessions import Session
from api.store.statements import statements
from api.store.tables import (
    CandidateRow,
    FavouriteRow,
    IdentityRow,
    LevelCheckRow,
    LevelGrantRow,
    MemberRow,
    NoteRow,
    PasskeyChallengeRow,
    PasskeyRow,
    PushMessageRow,
    PushSubscriptionRow,
    PushToldRow,
    PushWishRow,
    ReportRow,
    TokenRow,
    VolunteerRow,
)

_SQL = statements("accounts")

KINDS: Final = tuple(name for name in _SQL if name != "cards")
"""What is kept beside the cards, by kind."""

_OF_VOLUNTEERS: Final = (IdentityRow, PasskeyRow, PasskeyChallengeRow, PushSubscriptionRow)
_OF_PERSONS: Final = (
    MemberRow,
    LevelGrantRow,
    CandidateRow,
    LevelCheckRow,
    PushWishRow,
    PushToldRow,
    FavouriteRow,
    NoteRow,
)


class AccountCard(NamedTuple):
    """A card with the answer that it carries."""

    workflow_id: int
    subject_id: int
    volunteer_id: int
    dealt_at: Any
    accepted_until: Any
    client_id: str | None
    answer: int | None
    exclusion: int | None
    flag: bool | None
    truth: int | None
    received_at: Any


async def read_facts(connection: Connection, person_id: int, kind: str) -> list[Mapping[str, Any]]:
    """Return what is kept of one kind about a person."""
    return [dict(row) for row in await connection.fetch(_SQL[kind], person_id)]


async def read_cards(connection: Connection, person_id: int, after: tuple[int, int], limit: int) -> list[AccountCard]:
    """Return a page of a person's cards after one of (workflow, subject)."""
    return [AccountCard(*row) for row in await connection.fetch(_SQL["cards"], person_id, *after, limit)]


class AccountStore:
    """Takes from a person everything that leads to somebody."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def volunteers(self, person_id: int) -> list[VolunteerRow]:
        """Return the volunteers of a person that are left, and let others who change them wait."""
        found = await self._session.exec(
            select(VolunteerRow)
            .where(col(VolunteerRow.person_id) == person_id, col(VolunteerRow.deleted_at).is_(None))
            .order_by(col(VolunteerRow.id))
            .with_for_update()
        )
        return list(found)

    async def owned(self, person_id: int) -> list[int]:
        """Return the projects that a person owns, in order."""
        found = await self._session.exec(
            select(MemberRow.project_id)
            .where(col(MemberRow.person_id) == person_id, col(MemberRow.role) == "owner")
            .order_by(col(MemberRow.project_id))
        )
        return list(found)

    async def erase(self, person_id: int) -> None:
        """Take names, ways in, roles and levels away; votes stay under the number, and the ledger is never changed."""
        mine = select(VolunteerRow.id).where(col(VolunteerRow.person_id) == person_id)
        reached = select(PushSubscriptionRow.id).where(col(PushSubscriptionRow.volunteer_id).in_(mine))
        await self._session.exec(delete(PushMessageRow).where(col(PushMessageRow.subscription_id).in_(reached)))
        for table in _OF_VOLUNTEERS:
            await self._session.exec(delete(table).where(col(table.volunteer_id).in_(mine)))
        for row in _OF_PERSONS:
            await self._session.exec(delete(row).where(col(row.person_id) == person_id))
        about = or_(col(ReportRow.about_person_id) == person_id, col(ReportRow.about_volunteer_id).in_(mine))
        await self._session.exec(delete(ReportRow).where(about))
        await self._session.exec(
            update(TokenRow)
            .where(col(TokenRow.volunteer_id).in_(mine))
            .values(label=None, revoked_at=func.coalesce(col(TokenRow.revoked_at), func.now()))
        )
        await self._session.exec(
            update(VolunteerRow)
            .where(col(VolunteerRow.person_id) == person_id)
            .values(name=None, name_key=None, on_boards=False, deleted_at=func.now())
        )
