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
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

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
from api.store.decks import Ask, DealtCard, DeckStore, Picked, Table
from api.store.engine import Connection, Pool
from api.store.failures import SameMomentError
from cascade.dealing import arrange, plan
from cascade.graph import EXPERT
from cascade.skill import proven
from cascade.standing import Integers
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
        holding = [subject_number(subject) for subject in deck.holding]
        async with self._pool.acquire() as connection, connection.transaction():
            sitting = await self._sit_down(connection, caller, workflow_id, deck.key, holding, deck.size)
            cards = await sitting.stored_deck()
            if cards is None:
                cards = await sitting.write(*await sitting.choose(deck.size, self._rng))
            reason = None if cards else await sitting.why_empty()
        return {
            "key": deck.key,
            "workflow": workflow_id,
            "version": sitting.published.number,
            "cards": [_clocks(card) | card_view(card.metadata, card.locations, deck.width) for card in cards],
            "next_at": NEXT_AT,
            "reason": reason,
        }

    @reachable
    async def deal_named(self, caller: Caller, workflow_id: int, deal: DealIn) -> dict[str, Any]:
        """Return cards of exactly the named subjects, for an importer."""
        async with self._pool.acquire() as connection, connection.transaction():
            sitting = await self._sit_down(connection, caller, workflow_id, deal.key, [], 0)
            cards = await sitting.stored_deck()
            if cards is None:
                named = await sitting.named(deal.subjects)
                cards = await sitting.write(named, len(named))
        return {
            "key": deal.key,
            "workflow": workflow_id,
            "version": sitting.published.number,
            "cards": [_clocks(card) for card in cards],
        }

    async def _sit_down(
        self, connection: Connection, caller: Caller, workflow_id: int, key: UUID, holding: list[int], lost: int
    ) -> "_Sitting":
        """Lock the person's place at the table; refuse a workflow that does not deal, and a key of another deck."""
        store = DeckStore(connection)
        table = await store.sit_down(workflow_id, caller.person_id, key, holding, lost)
        if table is None:
            raise UnknownWorkflowError(workflow_id)
        if table.deck_workflow not in (None, workflow_id):
            raise DeckKeyReusedError(key)
        if table.closed:
            raise WorkflowRetiredError(workflow_id)
        published = await self._published.get(connection, table.version_id)
        needed = published.workflow(workflow_id).level
        if table.level < needed:
            raise LevelNotHeldError(workflow_id, needed, table.level)
        return _Sitting(store, caller, workflow_id, key, table, published)


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One person at the table of one workflow, for one key."""

    store: DeckStore
    caller: Caller
    workflow_id: int
    key: UUID
    table: Table
    published: Published

    async def stored_deck(self) -> list[DealtCard] | None:
        """Return the deck that the key has brought before, if it has."""
        if self.table.subject_ids is None:
            return None
        return await self.store.read_deck(self.caller.person_id, self.workflow_id, self.table.subject_ids)

    async def choose(self, size: int, rng: np.random.Generator) -> tuple[list[tuple[int, bool]], int]:
        """Return the cards (subject, gold) of a new deck in the order of the deck, and how many of them are new."""
        lost = self.table.lost
        fresh = await self._fresh(size - len(lost), rng) if len(lost) < size else []
        return arrange([lost, fresh], rng), len(fresh)

    async def _fresh(self, size: int, rng: np.random.Generator) -> list[tuple[int, bool]]:
        counts = np.array(self.table.counts, dtype=np.int64).reshape(2, 3)
        wish = plan(size, self.table.dealt, counts, (size, size), self._may_settle(counts), rng)
        wanted = {tier: number for tier, number in wish.tiers.items() if number}
        gold_wanted = wish.gold_no + wish.gold_yes
        picked = await self._pick(wanted, NEAR, [], rng, gold_wanted)
        gold = _gold(picked, wish.gold_no, gold_wanted)
        stages = picked.stages
        for window in (NEAR, FAR):
            for tier in wish.fallback:
                if (missing := size - len(gold) - len(stages)) > 0:
                    stages += (await self._pick({tier: missing}, window, stages, rng)).stages
        return [*((subject, True) for subject in gold), *((subject, False) for subject in stages)]

    async def _pick(
        self, wanted: Mapping[Tier, int], window: int, taken: list[int], rng: np.random.Generator, gold: int = 0
    ) -> Picked:
        asks = [Ask(tier, number, _draw(rng)) for tier, number in wanted.items()]
        return await self.store.pick(
            self.caller.person_id,
            self.workflow_id,
            self.table,
            (gold, _draw(rng)),
            asks,
            taken,
            (window, RESERVATION),
        )

    def _may_settle(self, counts: Integers) -> bool:
        """Say whether contested subjects may go to this person: an expert's question, or skill in the top quarter."""
        if self.published.workflow(self.workflow_id).level == EXPERT:
            return True
        if not proven(counts[np.newaxis])[0]:
            return False
        return (self.table.informedness or 0) >= (self.table.contested_bar or 0)

    async def named(self, subjects: Sequence[str]) -> list[tuple[int, bool]]:
        """Return the cards of the named subjects; all of them must be of the importer's project."""
        if self.caller.project_id != self.table.project_id:
            raise NotAllowedError("the token is for another project")
        numbers = [subject_number(subject) for subject in subjects]
        found = await self.store.read_named(self.table.project_id, self.workflow_id, numbers)
        if len(found) < len(numbers):
            raise UnknownSubjectsError({n: subject for n, subject in enumerate(subjects) if n not in found})
        return list(dict(found[place] for place in sorted(found)).items())

    async def write(self, cards: Sequence[tuple[int, bool]], new: int) -> list[DealtCard]:
        """Write a deck; the same key at the same moment leaves one of the two to try again."""
        if not cards:
            return []
        owner = (self.caller.person_id, self.caller.volunteer_id)
        deck = (self.key, self.table.version_id, new)
        written = await self.store.deal(owner, self.workflow_id, cards, (RESERVATION, ACCEPTANCE), deck)
        if not written:
            raise SameMomentError
        return written

    async def why_empty(self) -> str:
        """Return why there is no card for this person."""
        dealable, unseen = await self.store.anything_left(self.caller.person_id, self.workflow_id, FAR)
        if not dealable:
            return "all_done"
        return "all_dealt" if unseen else "all_seen"


def _gold(picked: Picked, wanted_no: int, wanted: int) -> list[int]:
    """Return as much gold of each truth as was wanted, and more of the other where one falls short."""
    short_of_yes = max(wanted - wanted_no - len(picked.gold_yes), 0)
    no = picked.gold_no[: wanted_no + short_of_yes]
    return no + picked.gold_yes[: wanted - len(no)]


def _draw(rng: np.random.Generator) -> int:
    return int(rng.integers(0, _LAST_DRAW))


def _clocks(card: DealtCard) -> dict[str, Any]:
    return {
        "subject": subject_id(card.subject_id),
        "reserved_until": card.reserved_until,
        "accepted_until": card.accepted_until,
    }
