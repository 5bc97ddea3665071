"""Dealing: which cards a person gets, in one transaction, the same ones again for the same key.

Theory of operation
-------------------
A deck is a plan (the engine's: so many gold, contested, audit, likely and ordinary cards) filled from piles. Each pile
is walked from a random start and round the end, within a small window, so that the cost of a deck does not depend on
how many subjects there are or how many the person has seen; what a pile cannot supply comes from the others, and at
last from a wide window.

A subject wants only so many cards on their way at once (`need`: the fewest votes that could decide it). Dealing puts
one more on its way, under a lock that skips subjects which are being decided at this very moment. A reservation that
runs out frees its place; the card itself stays good for days.

Cards of the last decks that are open, and that the phone does not say it holds, are dealt again first: the reply was
lost, or the phone lost them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np

from api.caller import Caller
from api.errors import (
    DeckKeyReusedError,
    LevelNotHeldError,
    NotAllowedError,
    UnknownSubjectsError,
    UnknownWorkflowError,
    WorkflowRetiredError,
)
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.views import card_view
from api.store.decks import Ask, DealtCard, DeckStore, Shown, Table
from api.store.engine import Pool
from cascade.dealing import Plan, arrange, plan
from cascade.graph import EXPERT
from cascade.skill import proven
from cascade.vocabulary import Tier
from mobile_schemas.decks import DealIn, DeckIn
from mobile_schemas.subjects import subject_id, subject_number

RESERVATION: Final = timedelta(minutes=15)
"""How long a card counts against its subject's need."""

ACCEPTANCE: Final = timedelta(days=7)
"""How long an answer to a card is taken."""

NEXT_AT: Final = 8
"""Cards left on the phone when it should ask for the next deck."""

NEAR: Final = 200
"""Places of a pile that are looked at first."""

FAR: Final = 20_000
"""Places of a pile that are looked at before a deck stays short."""

_LAST_DRAW = 2**31 - 1


class Decks:
    """Deals cards."""

    def __init__(self, pool: Pool, published: PublishedCascades, rng: np.random.Generator) -> None:
        self._pool = pool
        self._published = published
        self._rng = rng

    @reachable
    async def deal(self, caller: Caller, workflow_id: int, deck: DeckIn) -> dict[str, Any]:
        """Return a deck for a volunteer: the stored one if the key has been used, else a new one."""
        async with self._pool.acquire() as connection:
            store = DeckStore(connection)
            async with connection.transaction():
                shown, table = await _sit_down(store, caller, workflow_id, deck.key)
                published = await self._published.get(connection, table.deck_version or table.version_id)
                subjects = table.subject_ids
                if subjects is None:
                    _check_level(published, table, workflow_id)
                    dealing = _Dealing(store, caller, workflow_id, table, shown, published, self._rng)
                    subjects = await dealing.deal(deck)
            cards = await store.read_cards(caller.person_id, workflow_id, subjects)
            reason = None if cards else await _why_empty(store, caller, workflow_id)
        return _deck_view(deck, workflow_id, published, cards, reason)

    @reachable
    async def deal_named(self, caller: Caller, workflow_id: int, deal: DealIn) -> dict[str, Any]:
        """Return cards of exactly the named subjects, for an importer."""
        async with self._pool.acquire() as connection:
            store = DeckStore(connection)
            async with connection.transaction():
                _, table = await _sit_down(store, caller, workflow_id, deal.key)
                if caller.project_id != table.project_id:
                    raise NotAllowedError("the token is for another project")
                published = await self._published.get(connection, table.deck_version or table.version_id)
                subjects = table.subject_ids
                if subjects is None:
                    _check_level(published, table, workflow_id)
                    named = [subject_number(subject) for subject in deal.subjects]
                    found = await store.read_named(table.project_id, workflow_id, named)
                    if len(found) < len(named):
                        raise UnknownSubjectsError({n: s for n, s in enumerate(deal.subjects) if n not in found})
                    dealt = dict(found[place] for place in sorted(found))
                    subjects = list(dealt)
                    await _write(store, caller, workflow_id, deal.key, table, list(dealt.items()), len(dealt))
            cards = await store.read_cards(caller.person_id, workflow_id, subjects)
        return {
            "key": deal.key,
            "workflow": workflow_id,
            "version": published.number,
            "cards": [_clocks(card) for card in cards],
        }


class _Dealing:
    """One new deck."""

    def __init__(
        self,
        store: DeckStore,
        caller: Caller,
        workflow_id: int,
        table: Table,
        shown: Shown,
        published: Published,
        rng: np.random.Generator,
    ) -> None:
        self._store = store
        self._caller = caller
        self._workflow_id = workflow_id
        self._table = table
        self._shown = shown
        self._published = published
        self._rng = rng

    async def deal(self, deck: DeckIn) -> list[int]:
        """Choose the cards, write them, and return their subjects in the order of the deck."""
        holding = [subject_number(subject) for subject in deck.holding]
        lost = await self._store.read_lost_cards(self._caller.person_id, self._workflow_id, holding, deck.size)
        fresh = await self._choose(deck.size - len(lost)) if len(lost) < deck.size else []
        cards = arrange([lost, fresh], self._rng)
        if cards:
            await _write(self._store, self._caller, self._workflow_id, deck.key, self._table, cards, len(fresh))
        return [subject for subject, _ in cards]

    async def _choose(self, size: int) -> list[tuple[int, bool]]:
        person = self._caller.person_id
        gold_no, gold_yes = await self._store.pick_gold(
            person, self._workflow_id, self._table, (size + 1) // 2, self._draw()
        )
        counts = np.array(self._shown.counts, dtype=np.int64).reshape(2, 3)
        wish = plan(size, self._shown.dealt, counts, (len(gold_no), len(gold_yes)), self._may_settle(counts), self._rng)
        gold = gold_no[: wish.gold_no] + gold_yes[: wish.gold_yes]
        others = await self._fill(wish, size - len(gold))
        return [*((subject, True) for subject in gold), *((subject, False) for subject in others)]

    def _may_settle(self, counts: "np.ndarray[Any, np.dtype[np.int64]]") -> bool:
        """Say whether contested subjects may go to this person: an expert's question, or skill in the top quarter."""
        if self._published.workflow(self._workflow_id).level == EXPERT:
            return True
        if not proven(counts[np.newaxis])[0]:
            return False
        return (self._shown.informedness or 0) >= (self._table.contested_bar or 0)

    async def _fill(self, wish: Plan, size: int) -> list[int]:
        """Reserve stages as planned, and others in the place of those that are not to be had."""
        taken = await self._take({tier: number for tier, number in wish.tiers.items() if number}, NEAR, set())
        for window in (NEAR, FAR):
            for tier in wish.fallback:
                if len(taken) < size:
                    taken |= await self._take({tier: size - len(taken)}, window, taken)
        return list(taken)

    async def _take(self, wanted: Mapping[Tier, int], window: int, taken: set[int]) -> set[int]:
        """Reserve up to so many stages of each pile, from a random start and round the end."""
        if not wanted:
            return set()
        asks = []
        for tier, number in wanted.items():
            start = self._draw()
            asks += [Ask(tier, number, start, _LAST_DRAW), Ask(tier, number, 0, start - 1)]
        picked = await self._store.pick_stages(self._caller.person_id, self._workflow_id, asks, window)
        subjects: list[int] = []
        for number, (ahead, behind) in zip(wanted.values(), zip(picked[::2], picked[1::2], strict=True), strict=True):
            subjects += [subject for subject in (*ahead, *behind) if subject not in taken][:number]
        return await self._store.reserve(self._workflow_id, subjects, RESERVATION) if subjects else set()

    def _draw(self) -> int:
        return int(self._rng.integers(0, _LAST_DRAW))


async def _sit_down(store: DeckStore, caller: Caller, workflow_id: int, key: Any) -> tuple[Shown, Table]:
    """Lock the person's place at the table and read it; refuse a workflow that does not deal, and a key of another."""
    if await store.read_table(workflow_id, caller.person_id, key) is None:
        raise UnknownWorkflowError(workflow_id)
    shown = await store.lock_shown(caller.person_id, workflow_id)
    table = await store.read_table(workflow_id, caller.person_id, key)
    assert table is not None
    if table.deck_workflow not in (None, workflow_id):
        raise DeckKeyReusedError(key)
    if table.closed:
        raise WorkflowRetiredError(workflow_id)
    return shown, table


def _check_level(published: Published, table: Table, workflow_id: int) -> None:
    if workflow_id not in published.names:
        raise WorkflowRetiredError(workflow_id)
    needed = published.workflow(workflow_id).level
    if table.level < needed:
        raise LevelNotHeldError(workflow_id, needed, table.level)


async def _write(
    store: DeckStore,
    caller: Caller,
    workflow_id: int,
    key: Any,
    table: Table,
    cards: Sequence[tuple[int, bool]],
    new: int,
) -> None:
    owner = (caller.person_id, caller.volunteer_id)
    await store.deal_cards(owner, workflow_id, cards, (RESERVATION, ACCEPTANCE))
    subjects = [card[0] for card in cards]
    await store.write_deck(caller.person_id, key, workflow_id, table.version_id, subjects, new)


async def _why_empty(store: DeckStore, caller: Caller, workflow_id: int) -> str:
    dealable, unseen = await store.anything_left(caller.person_id, workflow_id)
    if not dealable:
        return "all_done"
    return "all_dealt" if unseen else "all_seen"


def _deck_view(
    deck: DeckIn, workflow_id: int, published: Published, cards: Sequence[DealtCard], reason: str | None
) -> dict[str, Any]:
    return {
        "key": deck.key,
        "workflow": workflow_id,
        "version": published.number,
        "cards": [_clocks(card) | card_view(card.metadata, card.locations, deck.width) for card in cards],
        "next_at": NEXT_AT,
        "reason": reason,
    }


def _clocks(card: DealtCard) -> dict[str, Any]:
    return {
        "subject": subject_id(card.subject_id),
        "reserved_until": card.reserved_until,
        "accepted_until": card.accepted_until,
    }
