"""One swipe on its way through a batch, and what becomes of one that repeats a card or a client id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.caller import Caller
from api.services.verdicts import Verdict, again, duplicate, rejected, retry
from api.store.ballot import CardNow, Key
from cascade.vocabulary import Exclusion
from mobile_schemas.classifications import ClassificationIn

CardKey = tuple[int, int, int]


@dataclass(slots=True)
class Swipe:
    """One swipe of a batch, and what the transaction finds out about it."""

    caller: Caller
    item: ClassificationIn
    subject_id: int
    card: CardNow | None = None
    context: int = -1
    exclusion: int = 0
    truth: int | None = None
    explanation: str | None = None
    skill_revision: int = 0
    stage: int = -1
    bucket: int = 0
    ordinal: int = 0
    if_yes: int = 0
    if_no: int = 0

    @property
    def card_key(self) -> CardKey:
        """Which card this is a vote on."""
        return (self.caller.person_id, self.item.workflow, self.subject_id)

    @property
    def client_key(self) -> tuple[int, UUID]:
        """Under which id the client will ask for it."""
        return (self.caller.person_id, self.item.id)


def key_columns(swipes: Sequence[Swipe]) -> list[list[Any]]:
    """Return the columns person, client id, workflow, subject."""
    return [
        [swipe.caller.person_id for swipe in swipes],
        [swipe.item.id for swipe in swipes],
        [swipe.item.workflow for swipe in swipes],
        [swipe.subject_id for swipe in swipes],
    ]


def first_of_each(swipes: Sequence[Swipe]) -> tuple[list[int], list[int]]:
    """Split the places of a batch into the first swipe of each card and client id, and those that repeat one."""
    cards: set[CardKey] = set()
    ids: set[tuple[int, UUID]] = set()
    first, repeats = [], []
    for place, swipe in enumerate(swipes):
        if swipe.card_key in cards or swipe.client_key in ids:
            repeats.append(place)
        else:
            cards.add(swipe.card_key)
            ids.add(swipe.client_key)
            first.append(place)
    return first, repeats


def repeat_verdict(swipe: Swipe, earlier: Sequence[tuple[Swipe, Verdict]]) -> Verdict:
    """Settle a swipe by the earlier one of its batch whose card or client id it repeats.

    Where the earlier one came from the same person as somebody else, this one is kept when it comes again.
    """
    for other, verdict in earlier:
        if other.card_key == swipe.card_key and other.client_key == swipe.client_key:
            return verdict if verdict["verdict"] in ("rejected", "retry") else again(verdict)
        if other.card_key == swipe.card_key and verdict["verdict"] == "rejected" and verdict["reason"] != "id_reused":
            return rejected(swipe.item, verdict["reason"])
    stored = [other for other, verdict in earlier if verdict["verdict"] not in ("rejected", "retry")]
    if any(other.client_key == swipe.client_key for other in stored):
        return rejected(swipe.item, "id_reused")
    if any(
        other.card_key == swipe.card_key
        and other.exclusion != Exclusion.RETRACTED
        and other.caller.volunteer_id == swipe.caller.volunteer_id
        for other in stored
    ):
        return rejected(swipe.item, "already_answered")
    return retry(swipe.item)


def settle_known_key(swipe: Swipe, key: Key) -> Verdict | None:
    """Settle a swipe whose client id was used before; `None` if it will be stored after all.

    It will if the id was claimed for this very card just now, or if only its retraction was seen so far.
    """
    if key.retracted and key.subject_id is None:
        swipe.exclusion = int(Exclusion.RETRACTED)
        return None
    if (key.workflow_id, key.subject_id) != (swipe.item.workflow, swipe.subject_id):
        return rejected(swipe.item, "id_reused")
    if not key.retracted:
        return None
    swipe.exclusion = key.exclusion
    return duplicate(swipe.item, swipe.exclusion, None, None, None)
