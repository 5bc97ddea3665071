"""What moderators see of people, and what they write down, over one connection of the caller's."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("desk")


class PersonBrief(NamedTuple):
    """A volunteer in a project."""

    id: int
    person_id: int
    name: str | None
    level: int
    roles: list[str]
    votes: int
    days: int
    last_day: date | None
    candidate: bool
    banned: bool
    reports_open: int


class Note(NamedTuple):
    """What a moderator wrote down about somebody."""

    id: int
    body: str
    by_volunteer_id: int | None
    by_name: str | None
    created_at: datetime


class Ban(NamedTuple):
    """That somebody is kept out of a project, or was."""

    id: int
    volunteer_id: int
    why: str
    by_volunteer_id: int | None
    by_name: str | None
    since: datetime
    until: datetime | None
    in_force: bool
    votes_excluded: int
    lifted_at: datetime | None
    lifted_by: int | None
    lifted_name: str | None
    lifted_why: str | None


class Report(NamedTuple):
    """What somebody found wrong."""

    id: int
    slug: str
    project_id: int
    subject_id: int | None
    about_person_id: int | None
    about_volunteer_id: int | None
    about_name: str | None
    kind: str
    body: str
    by_volunteer_id: int
    by_name: str | None
    created_at: datetime
    closed_at: datetime | None
    closed_by: int | None
    closed_name: str | None
    outcome: str | None


class Search(NamedTuple):
    """Whom to look for: an id (0 for any), a part of a name's key, the highest level (0), and a kind of people."""

    after: int
    number: int
    part: str
    level: int
    only: str


class DeskStore:
    """Reads people, notes and reports, and writes the latter."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def people(self, project_id: int, search: Search, limit: int) -> list[int]:
        """Return the numbers of volunteers that are found, in order."""
        rows = await self._connection.fetch(_SQL["people"], project_id, *search, limit)
        return [row[0] for row in rows]

    async def briefs(self, project_id: int, volunteers: Sequence[int]) -> dict[int, PersonBrief]:
        """Return what is known of volunteers, by number."""
        rows = await self._connection.fetch(_SQL["briefs"], project_id, list(volunteers))
        return {row[0]: PersonBrief(*row) for row in rows}

    async def others(self, person_id: int, volunteer_id: int) -> list[tuple[int, str | None]]:
        """Return number and name of other volunteers that are the same person."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["others"], person_id, volunteer_id)]

    async def add_note(self, project_id: int, person_id: int, by: int, body: str) -> int:
        """Add a note; return its number."""
        number: int = await self._connection.fetchval(_SQL["add_note"], project_id, person_id, by, body)
        return number

    async def notes(self, project_id: int, person_id: int, limit: int) -> list[Note]:
        """Return the notes about a person, the newest first."""
        return [Note(*row) for row in await self._connection.fetch(_SQL["notes"], project_id, person_id, limit)]

    async def bans(self, project_id: int, person_id: int, limit: int) -> list[Ban]:
        """Return the bans of a person, the newest first."""
        return [Ban(*row) for row in await self._connection.fetch(_SQL["bans"], project_id, person_id, limit)]

    async def has_subject(self, project_id: int, subject_id: int) -> bool:
        """Say whether a subject is the project's."""
        found: bool = await self._connection.fetchval(_SQL["subject_in"], subject_id, project_id)
        return found

    async def reported_lately(self, project_id: int, person_id: int, volunteer_id: int) -> int:
        """Return how many reports a person has sent in a day, and keep them from more until this transaction ends."""
        await self._connection.execute(_SQL["hold_reporter"], volunteer_id)
        number: int = await self._connection.fetchval(_SQL["reported_lately"], project_id, person_id)
        return number

    async def report(
        self,
        project_id: int,
        by: int,
        subject_id: int | None,
        about: tuple[int, int] | None,
        kind: str,
        body: str,
    ) -> tuple[int, datetime]:
        """Add a report about a subject or somebody (person, volunteer); return its number and when that was."""
        person_id, volunteer_id = about or (None, None)
        row = await self._connection.fetchrow(
            _SQL["report"], project_id, by, subject_id, person_id, volunteer_id, kind, body
        )
        assert row is not None
        return row[0], row[1]

    async def reports(
        self, project_id: int, before: int, which: str, about_person_id: int | None, limit: int
    ) -> list[Report]:
        """Return reports older than one (0: all), open (yes), closed (no) or all, the newest first."""
        rows = await self._connection.fetch(_SQL["reports"], project_id, before, which, about_person_id, limit)
        return [Report(*row) for row in rows]

    async def find_report(self, number: int) -> Report | None:
        """Return the report of a number."""
        row = await self._connection.fetchrow(_SQL["find_report"], number)
        return None if row is None else Report(*row)

    async def reports_open(self, project_id: int) -> int:
        """Return how many reports are open."""
        number: int = await self._connection.fetchval(_SQL["reports_open"], project_id)
        return number

    async def close_report(self, number: int, by: int, outcome: str) -> bool:
        """Close a report; say whether it was open."""
        return await self._connection.fetchval(_SQL["close_report"], number, by, outcome) is not None
