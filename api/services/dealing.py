"""The transaction that deals: a group of wishes in, cards for each out, everything or nothing.

Theory of operation
-------------------
    lock seats, read tables  ->  plan (the engine's)  ->  pick, reserve and deal  ->  write decks  ->  read cards

A deck is a plan (so many gold, contested, audit, likely and ordinary cards) filled from piles. Each pile is walked from
a random start and round the end, within a small window, so that the cost of a deck does not depend on how many subjects
there are or how many the person has seen; what a pile cannot supply comes from the others, and at last from a wide
window.

A subject wants only so many cards on their way at once (`need`: the fewest votes that could decide it). Dealing puts
one more on its way, under a lock that skips subjects which are being decided at this very moment. A reservation that
runs out frees its place; the card itself stays good for days.

Cards of the last decks that are open and reserved, and that the phone does not say it holds, are dealt again first: the
reply was lost, or the phone lost them. Nothing in a deck tells gold from the rest: neither its place nor its number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import numpy as np

from api.caller import Caller
from api.errors import (
    BannedError,
    ChaffinchError,
    DeckKeyReusedError,
    LevelNotHeldError,
    NotAllowedError,
    UnknownWorkflowError,
    WorkflowRetiredError,
)
from api.services.level_rules import deals_training
from api.services.published import Published, PublishedCascades
from api.store.decks import Clocks, DealtCard, DeckStore, GoldAsk, NewDeck, Seat, StageAsk, Table
from api.store.engine import Connection
from cascade.dealing import Plan, arrange, plan
from cascade.graph import EXPERT
from cascade.skill import proven
from cascade.vocabulary import Answer, Tier
from mobile_schemas.decks import DeckIn
from mobile_schemas.subjects import subject_number

CLOCKS: Final = Clocks(reservation=timedelta(minutes=15), acceptance=timedelta(days=7))
"""How long a card counts against its subject's need, and how long its answer is taken."""

NEAR: Final = 100
"""Places of a pile that are looked at first."""

FAR: Final = 20_000
"""Places of a pile that are looked at before a deck stays short."""

_LAST_DRAW = 2**31 - 1


@dataclass(slots=True)
class Wish:
    """One request for a deck, and how far it has come."""

    caller: Caller
    workflow_id: int
    deck: DeckIn
    published: Published | None = None
    plan: Plan | None = None
    cards: list[int] = field(default_factory=list)
    gold: list[int] = field(default_factory=list)
    new: int = 0

    @property
    def seat(self) -> Seat:
        """Who asks for what."""
        return seat_of(self.caller, self.workflow_id, self.deck.key)

    @property
    def missing(self) -> int:
        """How many cards the deck lacks."""
        return self.deck.size - len(self.cards)


@dataclass(frozen=True, slots=True)
class Deck:
    """What was dealt; without cards, why there is none."""

    version: int
    cards: Sequence[DealtCard]
    reason: str | None = None


def seat_of(caller: Caller, workflow_id: int, key: UUID) -> Seat:
    """Return where a caller sits."""
    return Seat(caller.person_id, caller.volunteer_id, workflow_id, key, caller.project_id, caller.of_project)


async def sit_down(
    store: DeckStore, published: PublishedCascades, connection: Connection, seats: Sequence[Seat]
) -> list[tuple[Table, Published] | ChaffinchError]:
    """Lock the seats; return the table and the cascade for each, or why it is dealt nothing."""
    found: list[tuple[Table, Published] | ChaffinchError] = []
    for seat, table in zip(seats, await store.sit_down(), strict=True):
        if table is None:
            found.append(UnknownWorkflowError(seat.workflow_id))
            continue
        version = await published.get(connection, table.version_id)
        refusal = _refusal(seat, table, version)
        found.append((table, version) if refusal is None else refusal)
    return found


def _refusal(seat: Seat, table: Table, published: Published) -> ChaffinchError | None:
    if seat.bound_to not in (None, table.project_id):
        return NotAllowedError("the token is for another project")
    if table.deck_workflow not in (None, seat.workflow_id):
        return DeckKeyReusedError(seat.key)
    if table.closed or seat.workflow_id not in published.names:
        return WorkflowRetiredError(seat.workflow_id)
    if table.banned:
        return BannedError(seat.workflow_id)
    needed = published.workflow(seat.workflow_id).level
    return LevelNotHeldError(seat.workflow_id, needed, table.level) if table.level < needed else None


class Dealing:
    """One group of wishes, no two of the same person, on its way through one transaction."""

    def __init__(
        self,
        connection: Connection,
        published: PublishedCascades,
        rng: np.random.Generator,
        wishes: Sequence[Wish],
    ) -> None:
        self._connection = connection
        self._published = published
        self._rng = rng
        self._wishes = wishes
        self._seats = [wish.seat for wish in wishes]
        self._store = DeckStore(connection, self._seats)
        self._tables: list[Table | None] = []

    async def deal(self) -> list[Deck | ChaffinchError]:
        """Return a deck for each wish, the stored one where its key has been used, or why there is none."""
        found = await sit_down(self._store, self._published, self._connection, self._seats)
        self._tables = [None if isinstance(each, ChaffinchError) else each[0] for each in found]
        stored, fresh = [], []
        for place, (wish, each) in enumerate(zip(self._wishes, found, strict=True)):
            if isinstance(each, ChaffinchError):
                continue
            table, wish.published = each
            if table.subject_ids is None:
                fresh.append(place)
            else:
                wish.cards = table.subject_ids
                stored.append(place)
        await self._fill(fresh)
        await self._write([place for place in fresh if self._wishes[place].cards])
        cards = await self._store.read_cards(
            {place: self._wishes[place].cards for place in (*stored, *fresh) if self._wishes[place].cards}
        )
        return [
            each if isinstance(each, ChaffinchError) else await self._deck(place, each[1], cards.get(place, []))
            for place, each in enumerate(found)
        ]

    async def _fill(self, places: Sequence[int]) -> None:
        """Deal as planned, and other cards in the place of those that are not to be had."""
        gold: list[GoldAsk] = []
        stages: list[StageAsk] = []
        known = self._proven()
        for place in places:
            self._wishes[place].cards = self._lost(place)
            if self._wishes[place].missing > 0:
                wish = self._wishes[place].plan = self._plan(place, known[place])
                wanted = {Answer.NO: wish.gold_no, Answer.YES: wish.gold_yes}
                gold += [GoldAsk(place, truth, number, self._draw()) for truth, number in wanted.items() if number]
                stages += [StageAsk(place, tier, n, self._draw()) for tier, n in wish.tiers.items() if n]
        await self._pick(gold, stages, NEAR)
        for window in (NEAR, FAR):
            for tier in Tier:
                short = [place for place in places if self._may_have(place, tier)]
                asks = [StageAsk(place, tier, self._wishes[place].missing, self._draw()) for place in short]
                await self._pick([], asks, window)
        await self._withhold_gold(places)

    async def _withhold_gold(self, places: Sequence[int]) -> None:
        """Take gold back from decks that lack other cards: where little else is left, it could be told by that."""
        withheld: list[tuple[int, int]] = []
        for place in places:
            wish = self._wishes[place]
            planned = 0 if wish.plan is None else sum(wish.plan.tiers.values())
            others = wish.new - len(wish.gold)
            if others < planned:
                share = math.ceil(len(wish.gold) * others / planned)
                withheld += [(place, subject) for subject in wish.gold[share:]]
        if withheld:
            await self._store.take_back(withheld)
            for place, subject in withheld:
                self._wishes[place].cards.remove(subject)
                self._wishes[place].new -= 1

    def _lost(self, place: int) -> list[int]:
        """Return the open cards of the last decks that the phone does not hold."""
        table, wish = self._tables[place], self._wishes[place]
        assert table is not None
        held = {subject_number(subject) for subject in wish.deck.holding}
        lost = dict.fromkeys(subject for subject, _ in table.open_cards if subject not in held)
        return list(lost)[: wish.deck.size]

    def _plan(self, place: int, known: bool) -> Plan:
        """Plan a deck. The contested go to the top quarter of the proven, and to the others when nothing else is left.

        Without the others a small crowd would leave a subject contested for ever: its top quarter has soon seen it.
        Candidates for a level are dealt more gold, until it is known whether the level is theirs.
        """
        table, wish = self._tables[place], self._wishes[place]
        assert table is not None
        assert wish.published is not None
        counts = np.array(table.counts, dtype=np.int64).reshape(2, 3)
        skilled = known and (table.informedness or 0) >= (table.contested_bar or 0)
        may_settle = skilled or wish.published.workflow(wish.workflow_id).level == EXPERT
        gold_left = (wish.missing, wish.missing)
        return plan(
            wish.missing,
            table.dealt,
            counts,
            gold_left,
            may_settle,
            self._rng,
            contested_last=known,
            candidate=deals_training(wish.published.levels, table.level, table.name, table.counts),
        )

    def _proven(self) -> list[bool]:
        """Say who has proven skill."""
        counts = [(0,) * 6 if table is None else table.counts for table in self._tables]
        sure: list[bool] = proven(np.array(counts, dtype=np.int64).reshape(-1, 2, 3)).tolist()
        return sure

    def _may_have(self, place: int, tier: Tier) -> bool:
        wish = self._wishes[place]
        return wish.plan is not None and wish.missing > 0 and tier in wish.plan.fallback

    async def _pick(self, gold: Sequence[GoldAsk], stages: Sequence[StageAsk], window: int) -> None:
        if not gold and not stages:
            return
        dealt = await self._store.pick(self._tables, gold, stages, window, CLOCKS)
        for wish, cards in zip(self._wishes, dealt, strict=True):
            wish.cards += [subject for subject, _ in cards]
            wish.gold += [subject for subject, is_gold in cards if is_gold]
            wish.new += len(cards)

    async def _write(self, places: Sequence[int]) -> None:
        """Write the new decks, each in an order in which nothing tells gold from the rest."""
        decks = []
        for place in places:
            wish, table = self._wishes[place], self._tables[place]
            assert table is not None
            wish.cards = arrange([wish.cards], self._rng)
            decks.append(NewDeck(place, table.version_id, wish.cards, wish.new))
        if decks:
            await self._store.write_decks(decks)

    async def _deck(self, place: int, published: Published, cards: Sequence[DealtCard]) -> Deck:
        if cards:
            return Deck(published.number, cards)
        dealable, unseen = await self._store.anything_left(place, FAR)
        if not dealable:
            return Deck(published.number, cards, "all_done")
        return Deck(published.number, cards, "all_dealt" if unseen else "all_seen")

    def _draw(self) -> int:
        return int(self._rng.random() * _LAST_DRAW)  # a tenth of the cost of integers()
