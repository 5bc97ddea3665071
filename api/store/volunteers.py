"""Persons, the volunteers they are known as, and the levels that they hold."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from api.store.sessions import Session
from api.store.tables import (
    LevelGrantRow,
    PersonRow,
    ProjectRow,
    VolunteerRow,
)

_IN_FORCE = col(LevelGrantRow.ends_at).is_(None) | (col(LevelGrantRow.ends_at) > func.now())


class Volunteer(NamedTuple):
    """One way in which a person takes part."""

    id: int
    person_id: int
    name: str | None


class VolunteerStore:
    """Adds and finds volunteers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, name: str | None = None, key: str | None = None) -> Volunteer | None:
        """Add a person with its first volunteer, or return None if somebody has a name with this key."""
        person = PersonRow()
        self._session.add(person)
        await self._session.flush()
        added = await self._session.exec(
            insert(VolunteerRow)
            .values(person_id=person.id, name=name, name_key=key)
            .on_conflict_do_nothing()
            .returning(col(VolunteerRow.id))
        )
        number = added.scalar_one_or_none()
        return None if number is None else Volunteer(number, person.id, name)

    async def by_number(self, number: int) -> Volunteer | None:
        """Return the volunteer of a number."""
        row = await self._session.get(VolunteerRow, number)
        return None if row is None else Volunteer(row.id, row.person_id, row.name)

    async def by_name(self, key: str) -> Volunteer | None:
        """Return the volunteer whose name has this key."""
        row = (await self._session.exec(select(VolunteerRow).where(col(VolunteerRow.name_key) == key))).first()
        return None if row is None else Volunteer(row.id, row.person_id, row.name)

    async def levels(self, person_id: int) -> Mapping[str, int]:
        """Return the highest level that a person holds in each project, by slug."""
        rows = await self._session.exec(
            select(ProjectRow.slug, func.max(LevelGrantRow.level))
            .join(LevelGrantRow, col(LevelGrantRow.project_id) == col(ProjectRow.id))
            .where(col(LevelGrantRow.person_id) == person_id, _IN_FORCE)
            .group_by(col(ProjectRow.slug))
            .order_by(col(ProjectRow.slug))
        )
        return dict(rows.all())
