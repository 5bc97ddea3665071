"""Merging: two persons turn out to be one."""

import random
from dataclasses import dataclass

from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.merging import MergingStore


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of two persons."""

    from_person: int
    into_person: int


async def merge_persons(
    connection: Connection,
    published: PublishedCascades,
    dice: random.Random,
    *,
    from_person: int,
    into_person: int,
) -> Merged:
    """Let one person be another from now on, inside a transaction of the caller's."""
    del published, dice
    await MergingStore(connection).move(from_person, into_person)
    return Merged(from_person, into_person)
