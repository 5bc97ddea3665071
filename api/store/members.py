"""Members: who may do what in a project."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, union

from api.store.sessions import Session
from api.store.tables import MemberRow, ProjectRow, VolunteerRow

OWNER = "owner"


class Holding(NamedTuple):
    """A role that somebody holds: since when, and which volunteer gave it; None is the operator, or a link's maker."""

    role: str
    since: datetime
    added_by: int | None


class Member(NamedTuple):
    """A person with the roles that they hold, by the volunteer as whom they are shown: one with a name comes first."""

    person_id: int
    volunteer_id: int
    name: str | None
    holdings: Sequence[Holding]


class MemberStore:
    """Adds, lists and removes members."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, project_id: int, person_id: int, role: str, added_by: int | None = None) -> bool:
        """Give a person a role in a project; say whether they did not have it before."""
        member = insert(MemberRow).values(project_id=project_id, person_id=person_id, role=role, added_by=added_by)
        added = await self._session.exec(member.on_conflict_do_nothing())
        return added.rowcount == 1

    async def remove(self, project_id: int, person_id: int, role: str) -> bool:
        """Take a role away; say whether it was held."""
        removed = await self._session.exec(
            delete(MemberRow).where(
                col(MemberRow.project_id) == project_id,
                col(MemberRow.person_id) == person_id,
                col(MemberRow.role) == role,
            )
        )
        return removed.rowcount == 1

    async def lock_owners(self, project_ids: Sequence[int]) -> dict[int, list[int]]:
        """Return the owners of projects as persons, and let nobody else change who they are until the end."""
        rows = await self._session.exec(
            select(MemberRow.project_id, MemberRow.person_id)
            .where(col(MemberRow.project_id).in_(project_ids), col(MemberRow.role) == OWNER)
            .order_by(col(MemberRow.project_id), col(MemberRow.person_id))
            .with_for_update()
        )
        owners: dict[int, list[int]] = {number: [] for number in project_ids}
        for project_id, person_id in rows:
            owners[project_id].append(person_id)
        return owners

    async def page(self, project_id: int, after: int, limit: int) -> list[Member]:
        """Return members in the order of their persons, after one of these."""
        persons = await self._session.exec(
            select(MemberRow.person_id)
            .where(col(MemberRow.project_id) == project_id, col(MemberRow.person_id) > after)
            .group_by(col(MemberRow.person_id))
            .order_by(col(MemberRow.person_id))
            .limit(limit)
        )
        return await self.of_persons(project_id, persons.all())

    async def of_persons(self, project_id: int, persons: Sequence[int]) -> list[Member]:
        """Return persons with their roles in a project, in their order; somebody may hold none."""
        shown = await self._shown_as(persons)
        rows = await self._session.exec(
            select(MemberRow)
            .where(col(MemberRow.project_id) == project_id, col(MemberRow.person_id).in_(persons))
            .order_by(col(MemberRow.since), col(MemberRow.role))
        )
        held: dict[int, list[Holding]] = {person: [] for person in persons}
        for row in rows:
            held[row.person_id].append(Holding(row.role, row.since, row.added_by))
        return [Member(person, *shown[person], held[person]) for person in persons if person in shown]

    async def known(self, after: int, limit: int) -> list[Member]:
        """Return people with a name or a role, without these roles, in the order of their persons after one of them."""
        named = select(VolunteerRow.person_id).where(col(VolunteerRow.name).is_not(None))
        known = union(named, select(MemberRow.person_id)).subquery()
        persons = await self._session.exec(
            select(known.c.person_id).where(known.c.person_id > after).order_by(known.c.person_id).limit(limit)
        )
        chosen = persons.all()
        shown = await self._shown_as(chosen)
        return [Member(person, *shown[person], ()) for person in chosen if person in shown]

    async def roles_of(self, person_id: int) -> list[tuple[str, Holding]]:
        """Return the roles of a person in all projects, by slug."""
        rows = await self._session.exec(
            select(ProjectRow.slug, MemberRow)
            .join(MemberRow, col(MemberRow.project_id) == col(ProjectRow.id))
            .where(col(MemberRow.person_id) == person_id)
            .order_by(col(ProjectRow.slug), col(MemberRow.role))
        )
        return [(slug, Holding(member.role, member.since, member.added_by)) for slug, member in rows]

    async def leave_all(self, person_id: int) -> None:
        """Take all roles of a person away."""
        await self._session.exec(delete(MemberRow).where(col(MemberRow.person_id) == person_id))

    async def _shown_as(self, persons: Sequence[int]) -> dict[int, tuple[int, str | None]]:
        """Return the volunteer, and its name, as whom each person is shown."""
        rows = await self._session.exec(
            select(VolunteerRow.person_id, VolunteerRow.id, VolunteerRow.name)
            .where(col(VolunteerRow.person_id).in_(persons))
            .order_by(col(VolunteerRow.name).is_(None).desc(), col(VolunteerRow.id).desc())
        )
        return {person: (number, name) for person, number, name in rows}
