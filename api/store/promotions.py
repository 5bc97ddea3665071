"""The ledger of promotions, the levels held by it, and the open questions, over one connection of the caller's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("promotions")


class PromotedProject(NamedTuple):
    """A project in which people are promoted; `version_id` is that of its cascade in force."""

    id: int
    slug: str
    title: str | None
    version_id: int | None


class Known(NamedTuple):
    """A volunteer, as whom a person is named."""

    id: int
    person_id: int
    name: str | None


class Grant(NamedTuple):
    """A level that a person holds, or held until now (`over`); `made_by` is who gave it."""

    person_id: int
    level: int
    granted_at: datetime
    ends_at: datetime | None
    probation_until: datetime | None
    over: bool
    on_probation: bool
    made_by: str


class Candidate(NamedTuple):
    """A person about whom moderators are asked, by an entry of the ledger."""

    person_id: int
    level: int
    promotion_id: int
    since: datetime
    deferred_until: datetime | None


class Entry(NamedTuple):
    """An entry of the ledger; `evidence` is JSON."""

    id: int
    person_id: int
    volunteer_id: int
    name: str | None
    level: int
    action: str
    made_by: str
    by_volunteer_id: int | None
    by_name: str | None
    why: str | None
    evidence: str | None
    ends_at: datetime | None
    probation_until: datetime | None
    created_at: datetime


class Check(NamedTuple):
    """A person who is to be judged: their evidence changed at that time."""

    project_id: int
    person_id: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is entered about a person and a level."""

    level: int
    action: str
    made_by: str
    by_volunteer_id: int | None = None
    why: str | None = None
    evidence: Mapping[str, Any] | None = None
    ends_at: datetime | None = None
    probation_until: datetime | None = None


class PromotionStore:
    """Reads and writes the ledger and what follows from it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def project(self, slug: str) -> PromotedProject | None:
        """Return a project by its short name."""
        row = await self._connection.fetchrow(_SQL["project"], slug)
        return None if row is None else PromotedProject(*row)

    async def project_by_number(self, number: int) -> PromotedProject | None:
        """Return a project by its number."""
        row = await self._connection.fetchrow(_SQL["project_by_number"], number)
        return None if row is None else PromotedProject(*row)

    async def hold_person(self, person_id: int) -> None:
        """Keep others from deciding about a person until the transaction ends."""
        await self._connection.execute(_SQL["hold_person"], person_id)

    async def grants(self, project_id: int, persons: Sequence[int]) -> list[Grant]:
        """Return the levels of persons, the lowest first."""
        return [Grant(*row) for row in await self._connection.fetch(_SQL["grants"], project_id, list(persons))]

    async def candidates_of(self, project_id: int, persons: Sequence[int]) -> list[Candidate]:
        """Return the open questions about persons."""
        rows = await self._connection.fetch(_SQL["candidates_of"], project_id, list(persons))
        return [Candidate(*row) for row in rows]

    async def last_entries(self, project_id: int, persons: Sequence[int]) -> list[Entry]:
        """Return the newest entry of each kind about each person and level."""
        return [Entry(*row) for row in await self._connection.fetch(_SQL["last_entries"], project_id, list(persons))]

    async def entries(
        self, project_id: int, before: int, persons: Sequence[int] | None, level: int, action: str, limit: int
    ) -> list[Entry]:
        """Return entries older than one (0: all), of persons (None: all), a level (0) and a kind (''), newest first."""
        wanted = None if persons is None else list(persons)
        rows = await self._connection.fetch(_SQL["entries"], project_id, before, wanted, level, action, limit)
        return [Entry(*row) for row in rows]

    async def entries_of_each(self, project_id: int, persons: Sequence[int], limit: int) -> list[Entry]:
        """Return the newest entries of each person, without their evidence."""
        rows = await self._connection.fetch(_SQL["entries_of_each"], project_id, list(persons), limit)
        return [Entry(*row) for row in rows]

    async def entries_named(self, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return entries by their numbers."""
        rows = await self._connection.fetch(_SQL["entries_named"], list(numbers))
        return {row[0]: Entry(*row) for row in rows}

    async def enter(self, project_id: int, whom: Known, entry: NewEntry) -> int:
        """Add an entry to the ledger; return its number."""
        number: int = await self._connection.fetchval(
            _SQL["enter"],
            project_id,
            whom.person_id,
            whom.id,
            entry.level,
            entry.action,
            entry.made_by,
            entry.by_volunteer_id,
            entry.why,
            None if entry.evidence is None else json.dumps(entry.evidence),
            entry.ends_at,
            entry.probation_until,
        )
        return number

    async def give(self, project_id: int, person_id: int, entry: NewEntry, number: int) -> None:
        """Let a person hold a level by an entry."""
        await self._connection.execute(
            _SQL["give"], person_id, project_id, entry.level, entry.ends_at, entry.probation_until, number
        )

    async def take(self, project_id: int, person_id: int, level: int) -> None:
        """Let a person hold a level no more."""
        await self._connection.execute(_SQL["take"], person_id, project_id, level)

    async def ask(self, project_id: int, person_id: int, level: int, number: int) -> None:
        """Ask moderators about a person, by an entry."""
        await self._connection.execute(_SQL["ask"], project_id, person_id, level, number)

    async def put_off(self, project_id: int, person_id: int, level: int, until: datetime) -> None:
        """Ask again later."""
        await self._connection.execute(_SQL["put_off"], project_id, person_id, level, until)

    async def settle(self, project_id: int, person_id: int, level: int) -> None:
        """Ask no more."""
        await self._connection.execute(_SQL["settle"], project_id, person_id, level)

    async def announce(self, project_id: int, volunteer_id: int, level: int, before: int, action: str) -> None:
        """Announce the highest level that a volunteer holds from now on, when this transaction commits."""
        await self._connection.execute(_SQL["announce"], project_id, volunteer_id, level, before, action)

    async def tell(self, person_id: int, project: PromotedProject, level: int) -> None:
        """Let a push message tell a person of the level that they hold from now on."""
        facts = {"slug": project.slug, "title": project.title, "level": level}
        await self._connection.execute(_SQL["tell"], person_id, json.dumps(facts))

    async def queue(self, project_id: int, after: int, level: int, show: str, limit: int) -> list[Candidate]:
        """Return candidates in the order of the entries that ask, after one of these."""
        rows = await self._connection.fetch(_SQL["queue"], project_id, after, level, show, limit)
        return [Candidate(*row) for row in rows]

    async def waiting(self, project_id: int) -> int:
        """Return how many candidates are due."""
        number: int = await self._connection.fetchval(_SQL["waiting"], project_id)
        return number

    async def over(self, limit: int) -> list[tuple[int, int]]:
        """Return project and person of levels whose end has come and that are still to be entered."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["over"], limit)]

    async def shown_volunteer(self, person_id: int) -> Known | None:
        """Return as whom a person is named."""
        row = await self._connection.fetchrow(_SQL["shown_volunteer"], person_id)
        return None if row is None else Known(*row)

    async def volunteers(self, numbers: Sequence[int]) -> dict[int, Known]:
        """Return volunteers by their numbers, but for those who have left."""
        return {row[0]: Known(*row) for row in await self._connection.fetch(_SQL["volunteers"], list(numbers))}

    async def volunteer_by_name(self, key: str) -> Known | None:
        """Return the volunteer whose name has this key."""
        row = await self._connection.fetchrow(_SQL["volunteer_by_name"], key)
        return None if row is None else Known(*row)

    async def take_up_checks(self, limit: int) -> list[Check]:
        """Take up persons to be judged."""
        return [Check(*row) for row in await self._connection.fetch(_SQL["take_up_checks"], limit)]

    async def done_checks(self, checks: Sequence[Check]) -> None:
        """Forget checks that were made, but for those of persons whose evidence has changed since."""
        columns = [list(column) for column in zip(*checks, strict=True)]
        if columns:
            await self._connection.execute(_SQL["done_checks"], *columns)

    async def versions(self) -> list[tuple[int, int]]:
        """Return every project that has a cascade in force, with its version."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["versions"])]
