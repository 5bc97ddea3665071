"""Decks: which cards a person gets, the same ones again for the same key."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from api.caller import Caller
from api.errors import ChaffinchError, NotAllowedError, OverloadedError, UnknownSubjectsError
from api.metrics import count_decks
from api.services.dealing import CLOCKS, Dealing, Deck, Wish, seat_of, sit_down
from api.services.group_commit import GroupCommit
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.services.views import card_view
from api.store.decks import DealtCard, DeckStore, NewDeck
from api.store.engine import Pool
from mobile_schemas.decks import DealIn, DeckIn
from mobile_schemas.subjects import subject_id, subject_number

NEXT_AT: Final = 8
"""Cards left on the phone when it should ask for the next deck."""

LANES: Final = 1
GROUP: Final = 32
"""Decks dealt in one transaction, at most: whoever is hard to serve holds up the others of the group."""


class Decks:
    """Deals cards."""

    def __init__(self, pool: Pool, published: PublishedCascades, rng: np.random.Generator) -> None:
        self._pool = pool
        self._published = published
        self._rng = rng
        self._group_commit: GroupCommit[Wish, Deck | ChaffinchError] = GroupCommit(
            self._deal_group, lambda _: OverloadedError(), lanes=LANES, group=GROUP, backlog=2000, kind="decks"
        )

    async def deal(self, caller: Caller, workflow_id: int, deck: DeckIn) -> dict[str, Any]:
        """Return a deck for a volunteer: the stored one if the key has been used, else a new one."""
        (dealt,) = await self._group_commit.submit([Wish(caller, workflow_id, deck)])
        if isinstance(dealt, ChaffinchError):
            raise dealt
        return {
            "key": deck.key,
            "workflow": workflow_id,
            "version": dealt.version,
            "cards": [_clocks(card) | card_view(card.metadata, card.locations, deck.width) for card in dealt.cards],
            "next_at": NEXT_AT,
            "reason": dealt.reason,
        }

    async def _deal_group(self, wishes: Sequence[Wish]) -> list[Deck | ChaffinchError]:
        """Deal to any number of persons in one transaction; whoever asks twice is dealt to in the next one."""
        first = {wish.caller.person_id: place for place, wish in reversed(list(enumerate(wishes)))}
        now = sorted(first.values())
        later = sorted(set(range(len(wishes))) - set(now))
        fresh = [Wish(wishes[place].caller, wishes[place].workflow_id, wishes[place].deck) for place in now]
        async with self._pool.acquire() as connection, connection.transaction():
            dealt = dict(zip(now, await Dealing(connection, self._published, self._rng, fresh).deal(), strict=True))
        count_decks(len(deck.cards) for deck in dealt.values() if isinstance(deck, Deck))
        if later:
            dealt |= dict(zip(later, await self._deal_group([wishes[place] for place in later]), strict=True))
        return [dealt[place] for place in range(len(wishes))]

    @reachable
    async def deal_named(self, caller: Caller, workflow_id: int, deal: DealIn) -> dict[str, Any]:
        """Return cards of exactly the named subjects, for an importer."""
        if caller.project_id is None:
            raise NotAllowedError("only the token of an importer may name subjects")
        seat = seat_of(caller, workflow_id, deal.key)
        async with self._pool.acquire() as connection, connection.transaction():
            store = DeckStore(connection, [seat])
            (found,) = await sit_down(store, self._published, connection, [seat])
            if isinstance(found, ChaffinchError):
                raise found
            table, published = found
            subjects = table.subject_ids
            if subjects is None:
                named = await _named(store, table.project_id, deal.subjects)
                await store.deal_named(0, named, CLOCKS)
                subjects = [card[0] for card in named]
                await store.write_decks([NewDeck(0, table.version_id, subjects, len(subjects))])
            cards = await store.read_cards({0: subjects})
        return {
            "key": deal.key,
            "workflow": workflow_id,
            "version": published.number,
            "cards": [_clocks(card) for card in cards[0]],
        }

    async def close(self) -> None:
        """Deal what was asked for, then stop."""
        await self._group_commit.close()


async def _named(store: DeckStore, project_id: int, subjects: Sequence[str]) -> list[tuple[int, bool]]:
    """Return the cards (subject, gold) of the named subjects, each once; all of them must be of the project."""
    found = await store.read_named(0, project_id, [subject_number(subject) for subject in subjects])
    if len(found) < len(subjects):
        raise UnknownSubjectsError({n: subject for n, subject in enumerate(subjects) if n not in found})
    return list(dict(found[place] for place in sorted(found)).items())


def _clocks(card: DealtCard) -> dict[str, Any]:
    return {
        "subject": subject_id(card.subject_id),
        "reserved_until": card.reserved_until,
        "accepted_until": card.accepted_until,
    }
