"""The statements of dealing, as one method each, over one connection inside a transaction of the caller's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("deck")


class Shown(NamedTuple):
    """What a person has been dealt and has shown in a workflow; `counts` are gold answers: no x3, yes x3."""

    dealt: int
    counts: tuple[int, ...]
    informedness: int | None


class Table(NamedTuple):
    """What the dealer must know of a workflow, a person and a key."""

    project_id: int
    name: str
    closed: bool
    version_id: int
    level: int
    contested_bar: int | None
    deck_workflow: int | None
    subject_ids: list[int] | None
    deck_version: int | None


class Ask(NamedTuple):
    """A wish for stages of a pile whose draw lies in a range, both ends included."""

    tier: int
    wanted: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Location:
    """A picture and the sizes in which it can be had: (width, height, bytes), the narrowest first."""

    digest: str
    blurhash: str
    variants: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class DealtCard:
    """A card with all that a phone shows."""

    subject_id: int
    reserved_until: datetime
    accepted_until: datetime
    metadata: dict[str, str]
    locations: Sequence[Location]


def locations_from(text: str) -> list[Location]:
    """Read locations as the statements return them."""
    return [
        Location(each["digest"], each["blurhash"], [tuple(v) for v in each["variants"]]) for each in json.loads(text)
    ]


class DeckStore:
    """Reads and writes what dealing touches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_shown(self, person_id: int, workflow_id: int) -> Shown:
        """Lock what a person has shown, beginning with nothing; decks of one person wait here for each other."""
        row = await self._connection.fetchrow(_SQL["lock_skill"], person_id, workflow_id)
        if row is None:
            await self._connection.execute(_SQL["begin_skill"], person_id, workflow_id)
            row = await self._connection.fetchrow(_SQL["lock_skill"], person_id, workflow_id)
            assert row is not None
        plain = tuple(row)
        return Shown(plain[0], plain[1:7], plain[7])

    async def read_table(self, workflow_id: int, person_id: int, key: UUID) -> Table | None:
        """Return what the dealer must know, or `None` if there is no such workflow."""
        row = await self._connection.fetchrow(_SQL["read_table"], workflow_id, person_id, key)
        return None if row is None else Table(*row)

    async def read_lost_cards(
        self, person_id: int, workflow_id: int, holding: list[int], limit: int
    ) -> list[tuple[int, bool]]:
        """Return open cards of the last decks that the phone does not hold: subject, and whether it is gold."""
        rows = await self._connection.fetch(_SQL["read_lost_cards"], person_id, workflow_id, holding, limit)
        return [(row[0], row[1]) for row in rows]

    async def pick_gold(
        self, person_id: int, workflow_id: int, table: Table, wanted: int, start: int
    ) -> tuple[list[int], list[int]]:
        """Return unseen gold subjects whose answer is no, and such whose answer is yes; up to `wanted` of each."""
        rows = await self._connection.fetch(
            _SQL["pick_gold"], person_id, table.project_id, table.name, [0, 1], [wanted] * 2, [start] * 2, workflow_id
        )
        return [row[1] for row in rows if row[0] == 0], [row[1] for row in rows if row[0] == 1]

    async def pick_stages(self, person_id: int, workflow_id: int, asks: Sequence[Ask], window: int) -> list[list[int]]:
        """Return unseen subjects that want cards, for each ask, looking at no more than `window` of its pile."""
        columns = [list(column) for column in zip(*asks, strict=True)]
        rows = await self._connection.fetch(_SQL["pick_stages"], person_id, workflow_id, *columns, window)
        picked: list[list[int]] = [[] for _ in asks]
        for place, subject_id in rows:
            picked[place - 1].append(subject_id)
        return picked

    async def reserve(self, workflow_id: int, subjects: Sequence[int], reservation: timedelta) -> set[int]:
        """Put a card more on its way for each stage that still wants one; return their subjects."""
        rows = await self._connection.fetch(_SQL["reserve"], workflow_id, subjects, reservation)
        return {row[0] for row in rows}

    async def anything_left(self, person_id: int, workflow_id: int) -> tuple[bool, bool]:
        """Say whether the workflow has open subjects, and whether this person has not seen some of them."""
        row = await self._connection.fetchrow(_SQL["anything_left"], person_id, workflow_id)
        assert row is not None
        return row[0], row[1]

    async def deal_cards(
        self,
        owner: tuple[int, int],
        workflow_id: int,
        cards: Sequence[tuple[int, bool]],
        clocks: tuple[timedelta, timedelta],
    ) -> None:
        """Write the cards (subject, gold) of (person, volunteer) with reservation and acceptance."""
        await self._connection.execute(
            _SQL["deal_cards"], owner[0], workflow_id, owner[1], [c[0] for c in cards], [c[1] for c in cards], *clocks
        )

    async def write_deck(
        self, person_id: int, key: UUID, workflow_id: int, version_id: int, subjects: list[int], new: int
    ) -> None:
        """Write the reply to a key, and count how many cards were new to the person."""
        await self._connection.execute(_SQL["write_deck"], person_id, key, workflow_id, version_id, subjects, new)

    async def read_cards(self, person_id: int, workflow_id: int, subjects: list[int]) -> list[DealtCard]:
        """Return cards with all that a phone shows, in the order given."""
        rows = await self._connection.fetch(_SQL["read_cards"], person_id, workflow_id, subjects)
        return [DealtCard(r[0], r[1], r[2], json.loads(r[3]), locations_from(r[4])) for r in rows]

    async def read_named(self, project_id: int, workflow_id: int, subjects: list[int]) -> dict[int, tuple[int, bool]]:
        """Return, by place, the named subjects that can be dealt here, and whether they are gold."""
        rows: list[Any] = await self._connection.fetch(_SQL["read_named"], project_id, workflow_id, subjects)
        return {row[0] - 1: (row[1], row[2]) for row in rows}
