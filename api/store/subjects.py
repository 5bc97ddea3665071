"""Subjects, as everybody may see them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import col, select

from api.store.decks import Location
from api.store.sessions import Session
from api.store.tables import LocationRow, ProjectRow, SubjectRow


class Subject(NamedTuple):
    """A subject with all that is shown of it; hidden metadata is still among it."""

    id: int
    project: str
    metadata: dict[str, str]
    locations: Sequence[Location]


class SubjectStore:
    """Reads subjects."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_number(self, number: int, sight: Sequence[int]) -> Subject | None:
        """Return the subject of a number, if its project is not private, or in sight."""
        found = await self._session.exec(
            select(SubjectRow.metadata_, ProjectRow.slug)
            .join(ProjectRow, col(ProjectRow.id) == col(SubjectRow.project_id))
            .where(
                col(SubjectRow.id) == number,
                (col(ProjectRow.visibility) != "private") | col(ProjectRow.id).in_(sight),
            )
        )
        row = found.first()
        return None if row is None else Subject(number, row[1], dict(row[0]), await self._locations(number))

    async def _locations(self, number: int) -> Sequence[Location]:
        rows = await self._session.exec(
            select(LocationRow).where(col(LocationRow.subject_id) == number).order_by(col(LocationRow.ordinal))
        )
        return [
            Location(row.digest, row.blurhash, [(v[0], v[1], v[2]) for v in row.variants], row.video) for row in rows
        ]
