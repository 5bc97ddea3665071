"""The statements of dealing, as one method each; a group of decks costs as many round trips as one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.failures import OnePersonError, SameMomentError
from api.store.statements import statements

_SQL = statements("deck")


class Seat(NamedTuple):
    """Who asks for cards of which workflow, under which key; a token may be bound to one project, or be that one's."""

    person_id: int
    volunteer_id: int
    workflow_id: int
    key: UUID
    bound_to: int | None = None
    of_project: int | None = None


class Table(NamedTuple):
    """What the dealer must know of a workflow, a person and a key.

    `open_cards` are (subject, gold) of the unanswered cards of the last decks; `counts` are gold answers: no, yes x3.
    """

    project_id: int
    name: str
    closed: bool
    version_id: int
    level: int
    banned: bool
    contested_bar: int | None
    deck_workflow: int | None
    subject_ids: list[int] | None
    open_cards: list[tuple[int, bool]]
    dealt: int
    counts: tuple[int, ...]
    informedness: int | None


class GoldAsk(NamedTuple):
    """A wish of a seat (by place) for gold of a truth, from a draw onwards and round the end."""

    place: int
    truth: int
    wanted: int
    start: int


class StageAsk(NamedTuple):
    """A wish of a seat (by place) for stages of a pile, from a draw onwards and round the end."""

    place: int
    tier: int
    wanted: int
    start: int


class Clocks(NamedTuple):
    """How long a card counts against its subject's need, and how long its answer is taken."""

    reservation: timedelta
    acceptance: timedelta


class NewDeck(NamedTuple):
    """A deck to be written: the seat's place, the version, the subjects in order, and how many cards are new."""

    place: int
    version_id: int
    subjects: list[int]
    new: int


@dataclass(frozen=True, slots=True)
class Location:
    """A picture and the sizes in which it can be had: [width, height, bytes], the narrowest first.

    `video` is what it is a still of: mime, width, height, bytes, seconds.
    """

    digest: str
    blurhash: str
    variants: Sequence[Sequence[int]]
    video: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class DealtCard:
    """A card with all that a phone shows."""

    subject_id: int
    reserved_until: datetime
    accepted_until: datetime
    metadata: dict[str, str]
    locations: list[Location]


class DeckStore:
    """Reads and writes what a group of decks touches, over one connection inside a transaction of the caller's."""

    def __init__(self, connection: Connection, seats: Sequence[Seat]) -> None:
        self._connection = connection
        self._seats = list(seats)

    async def sit_down(self) -> list[Table | None]:
        """Lock what each person has shown, and return what the dealer must know; `None`: no such workflow.

        Who turned out to be another person is dealt to as that one from then on.

        Raises
        ------
        OnePersonError
            Two seats turned out to be of one person.
        """
        persons = [seat.person_id for seat in self._seats]
        workflows = [seat.workflow_id for seat in self._seats]
        columns = (
            persons,
            workflows,
            [seat.key for seat in self._seats],
            [seat.bound_to for seat in self._seats],
            [seat.of_project for seat in self._seats],
        )
        rows = await self._connection.fetch(_SQL["sit_down"], *columns)
        if any(row["dealt"] is None for row in rows):
            await self._connection.execute(_SQL["hold_persons"], persons)
            await self._connection.execute(_SQL["begin_skills"], persons, workflows)
            rows = await self._connection.fetch(_SQL["sit_down"], *columns)
        for row in rows:
            self._seats[row["n"] - 1] = self._seats[row["n"] - 1]._replace(person_id=row["person_id"])
        if len({row["person_id"] for row in rows}) < len({persons[row["n"] - 1] for row in rows}):
            raise OnePersonError
        tables: list[Table | None] = [None] * len(self._seats)
        for row in map(tuple, rows):
            open_cards = list(zip(row[10] or (), row[11] or (), strict=True))
            reads = dict(zip(Table._fields[:9], row[1:10], strict=True))
            tables[row[0] - 1] = Table(
                **reads, open_cards=open_cards, dealt=row[12], counts=row[13:19], informedness=row[19]
            )
        return tables

    async def pick(
        self,
        tables: Sequence[Table | None],
        gold: Sequence[GoldAsk],
        stages: Sequence[StageAsk],
        window: int,
        clocks: Clocks,
    ) -> list[list[tuple[int, bool]]]:
        """Deal unseen gold and unseen stages, looking at no more than `window` of a pile.

        Returns (subject, whether it is gold) by seat.
        """
        named = [(t.project_id, t.name) if t is not None else (0, "") for t in tables]
        gold_columns = _columns(((*self._owner(g.place), *named[g.place], g.truth, g.wanted, g.start) for g in gold), 9)
        stage_columns = _columns(((*self._owner(s.place), s.tier, s.wanted, s.start) for s in stages), 7)
        rows = await self._connection.fetch(
            _SQL["pick"], *gold_columns, *stage_columns[:6], window, stage_columns[6], *clocks
        )
        dealt: list[list[tuple[int, bool]]] = [[] for _ in self._seats]
        for place, subject_id, is_gold in rows:
            dealt[place].append((subject_id, is_gold))
        return dealt

    async def take_back(self, cards: Sequence[tuple[int, int]]) -> None:
        """Take back cards (place of the seat, subject) that this transaction has dealt."""
        seats = [self._seats[place] for place, _ in cards]
        await self._connection.execute(
            _SQL["take_back"],
            [seat.person_id for seat in seats],
            [seat.workflow_id for seat in seats],
            [subject for _, subject in cards],
        )

    def _owner(self, place: int) -> tuple[int, int, int, int]:
        seat = self._seats[place]
        return place, seat.person_id, seat.volunteer_id, seat.workflow_id

    async def anything_left(self, place: int, window: int) -> tuple[bool, bool]:
        """Say whether the workflow has open subjects, and whether this person has not seen some of them."""
        seat = self._seats[place]
        row = await self._connection.fetchrow(_SQL["anything_left"], seat.person_id, seat.workflow_id, window)
        assert row is not None
        return row[0], row[1]

    async def deal_named(self, place: int, cards: Sequence[tuple[int, bool]], clocks: Clocks) -> None:
        """Deal exactly these subjects (subject, gold) to a seat."""
        _, *owner = self._owner(place)
        await self._connection.execute(
            _SQL["deal_named"], *owner, [card[0] for card in cards], [card[1] for card in cards], *clocks
        )

    async def write_decks(self, decks: Sequence[NewDeck]) -> None:
        """Write the replies to the keys.

        Raises
        ------
        SameMomentError
            A key was used at this very moment; the transaction must be given up.
        """
        seats = [self._seats[deck.place] for deck in decks]
        cards = [(number, subject) for number, deck in enumerate(decks, 1) for subject in deck.subjects]
        rows = await self._connection.fetch(
            _SQL["write_decks"],
            [seat.person_id for seat in seats],
            [seat.workflow_id for seat in seats],
            [seat.key for seat in seats],
            [deck.version_id for deck in decks],
            [deck.new for deck in decks],
            *_columns(cards, 2),
        )
        if len(rows) < len(decks):
            raise SameMomentError

    async def read_cards(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, list[DealtCard]]:
        """Return the cards of subjects, by seat and in order."""
        owners = {place: self._owner(place) for place in wanted}
        rows = await self._connection.fetch(
            _SQL["read_cards"],
            *_columns(
                (
                    (place, owners[place][1], owners[place][3], subject)
                    for place, subjects in wanted.items()
                    for subject in subjects
                ),
                4,
            ),
        )
        cards: dict[int, dict[int, DealtCard]] = {place: {} for place in wanted}
        for place, subject_id, reserved, accepted, metadata, digest, blurhash, variants, video in rows:
            card = cards[place].get(subject_id)
            if card is None:
                card = DealtCard(subject_id, reserved, accepted, json.loads(metadata), [])
                cards[place][subject_id] = card
            if digest is not None:
                card.locations.append(Location(digest, blurhash, json.loads(variants), json.loads(video or "null")))
        return {place: list(of_seat.values()) for place, of_seat in cards.items()}

    async def read_named(self, place: int, project_id: int, subjects: list[int]) -> dict[int, tuple[int, bool]]:
        """Return, by place, the named subjects that can be dealt here, and whether they are gold."""
        rows = await self._connection.fetch(_SQL["read_named"], project_id, self._seats[place].workflow_id, subjects)
        return {row[0] - 1: (row[1], row[2]) for row in rows}


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into columns, as many as there should be even where there is no row."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
