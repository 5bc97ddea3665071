"""The statements of dealing, as one method each, over one connection inside a transaction of the caller's."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("deck")


class Table(NamedTuple):
    """What the dealer must know of a workflow, a person and a key.

    `lost` are (subject, gold) of open cards that the phone does not hold; `counts` are gold answers: no x3, yes x3.
    """

    project_id: int
    name: str
    closed: bool
    version_id: int
    level: int
    contested_bar: int | None
    deck_workflow: int | None
    subject_ids: list[int] | None
    deck_version: int | None
    lost: list[tuple[int, bool]]
    dealt: int
    counts: tuple[int, ...]
    informedness: int | None


class Ask(NamedTuple):
    """A wish for stages of a pile, from a draw onwards and round the end."""

    tier: int
    wanted: int
    start: int


class Picked(NamedTuple):
    """Gold subjects by truth, and stages that are now reserved; the statement names the kinds by their place here."""

    gold_no: list[int]
    gold_yes: list[int]
    stages: list[int]


@dataclass(frozen=True, slots=True)
class Location:
    """A picture and the sizes in which it can be had: [width, height, bytes], the narrowest first."""

    digest: str
    blurhash: str
    variants: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class DealtCard:
    """A card with all that a phone shows."""

    subject_id: int
    reserved_until: datetime
    accepted_until: datetime
    metadata: dict[str, str]
    locations: list[Location]


class DeckStore:
    """Reads and writes what dealing touches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sit_down(
        self, workflow_id: int, person_id: int, key: UUID, holding: list[int], lost_at_most: int
    ) -> Table | None:
        """Lock the person's place and return what the dealer must know, or `None` if there is no such workflow."""
        asked = (workflow_id, person_id, key, holding, lost_at_most)
        row = await self._connection.fetchrow(_SQL["sit_down"], *asked)
        if row is not None and row["dealt"] is None:
            await self._connection.execute(_SQL["begin_skill"], person_id, workflow_id)
            row = await self._connection.fetchrow(_SQL["sit_down"], *asked)
        if row is None:
            return None
        plain: tuple[Any, ...] = tuple(row)
        lost = list(zip(plain[9], plain[10], strict=True))
        reads = dict(zip(Table._fields[:9], plain[:9], strict=True))
        return Table(**reads, lost=lost, dealt=plain[11], counts=plain[12:18], informedness=plain[18])

    async def pick(
        self,
        person_id: int,
        workflow_id: int,
        table: Table,
        gold: tuple[int, int],
        asks: Sequence[Ask],
        taken: list[int],
        bounds: tuple[int, timedelta],
    ) -> Picked:
        """Choose unseen gold of each truth, and reserve unseen stages of the piles asked for.

        `gold` is how many of each truth, and the draw to start from; `bounds` are how much of a pile to look at, and
        for how long to reserve. Stages in `taken` are passed over.
        """
        columns = [list(column) for column in zip(*asks, strict=True)] or [[], [], []]
        window, reservation = bounds
        rows = await self._connection.fetch(
            _SQL["pick"],
            person_id,
            workflow_id,
            table.project_id,
            table.name,
            *gold,
            window,
            *columns,
            taken,
            reservation,
        )
        picked = Picked([], [], [])
        for kind, subject_id in rows:
            picked[kind].append(subject_id)
        return picked

    async def anything_left(self, person_id: int, workflow_id: int, window: int) -> tuple[bool, bool]:
        """Say whether the workflow has open subjects, and whether this person has not seen some of them."""
        row = await self._connection.fetchrow(_SQL["anything_left"], person_id, workflow_id, window)
        assert row is not None
        return row[0], row[1]

    async def deal(
        self,
        owner: tuple[int, int],
        workflow_id: int,
        cards: Sequence[tuple[int, bool]],
        clocks: tuple[timedelta, timedelta],
        deck: tuple[UUID, int, int],
    ) -> list[DealtCard]:
        """Write cards (subject, gold) of (person, volunteer) and their deck (key, version, new cards); return them.

        Nothing is returned if the key was used meanwhile; the transaction must then be given up.
        """
        rows = await self._connection.fetch(
            _SQL["deal"], owner[0], workflow_id, owner[1], [c[0] for c in cards], [c[1] for c in cards], *clocks, *deck
        )
        return _cards(rows)

    async def read_deck(self, person_id: int, workflow_id: int, subjects: list[int]) -> list[DealtCard]:
        """Return the cards of a stored deck, in its order."""
        return _cards(await self._connection.fetch(_SQL["read_deck"], person_id, workflow_id, subjects))

    async def read_named(self, project_id: int, workflow_id: int, subjects: list[int]) -> dict[int, tuple[int, bool]]:
        """Return, by place, the named subjects that can be dealt here, and whether they are gold."""
        rows: list[Any] = await self._connection.fetch(_SQL["read_named"], project_id, workflow_id, subjects)
        return {row[0] - 1: (row[1], row[2]) for row in rows}


def _cards(rows: Iterable[Any]) -> list[DealtCard]:
    """Gather one row a location into one card a subject."""
    cards: dict[int, DealtCard] = {}
    for subject_id, reserved, accepted, metadata, digest, blurhash, variants in rows:
        card = cards.get(subject_id)
        if card is None:
            card = cards[subject_id] = DealtCard(subject_id, reserved, accepted, json.loads(metadata), [])
        if digest is not None:
            card.locations.append(Location(digest, blurhash, json.loads(variants)))
    return list(cards.values())
