"""Merging: two persons turn out to be one, and from then on one human has one vote on each subject.

Theory of operation
-------------------
    hold both  ->  lock cards, skills, cards again  ->  exclude the later of two votes on one card (the engine)
    ->  move cards and keys  ->  make the skills anew  ->  move all else, and write who became whom

*Locks* are taken in the order in which votes take them. Votes and decks that are under way end first; those that come
later wait, and find themselves moved: dealing and voting look their persons up in `person_merge`, so a token that is
still believed to be the first's does the second's business. While the skills are locked nobody is dealt anything; so
the cards are locked once more then, for those that were dealt between the two.

*Two votes on one card.* The earlier counts. The later is taken out as if taken back, with an entry of the ledger that
says why. An answer that had done nothing (too fast, level lost) gives way to one that counted, an open card to an
answered one. The ledger is never changed: it has what was given before under the first, and cards and client ids
remember that.

*Skill* is made anew from the answers to gold of both, each subject once, in the order in which they came, as if one
person had given them. It has a revision beyond both, and the table `skill_merge` tells the replay where the two records
became one. What a refit has learnt of the second stays until the next one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from api.moderation_errors import SamePersonError
from api.services.excluding import exclude
from api.services.people import find_volunteer
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.store.engine import Connection, Pool
from api.store.failures import CONFLICTS
from api.store.merging import HeldSkill, LearntAnswer, MergingStore
from api.store.sessions import Sessions
from api.store.volunteers import Volunteer, VolunteerStore
from cascade.drift import Records, learn_in_order
from cascade.skill import informedness_quantile
from cascade.vocabulary import Exclusion

ATTEMPTS: Final = 5
"""How often a merge is tried that met votes which waited for it in turn."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did: cards that changed hands, and votes that no longer count; `into_person` is who they are now."""

    into_person: int
    cards: int
    votes_out: int


async def merge_persons(
    connection: Connection, published: PublishedCascades, dice: random.Random, *, from_person: int, into_person: int
) -> Merged:
    """Let what was counted for the first person be counted for the second, in a transaction that the caller opened.

    The transaction is to be READ COMMITTED, and should begin with this: it holds locks until it ends.

    Raises
    ------
    SamePersonError
        They are one person already.
    """
    for attempt in range(ATTEMPTS):
        try:
            async with connection.transaction():
                return await _merge(connection, published, dice, MergingStore(connection, from_person, into_person))
        except CONFLICTS:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _merge(
    connection: Connection, published: PublishedCascades, dice: random.Random, store: MergingStore
) -> Merged:
    first, second = await store.hold()
    if first == second:
        raise SamePersonError(second)
    await store.lock_cards()
    skills = await store.lock_skills()
    await store.lock_cards()
    twice = await store.answered_twice()
    revisions = _revisions(skills, first, {each.vote.workflow_id for each in twice})
    counted = [each.vote for each in twice if not each.out]
    await exclude(connection, published, dice, counted, Exclusion.MERGED, revisions)
    moved = await store.move_cards([each.vote for each in twice])
    answers = await store.gold_answers(sorted(revisions))
    await store.write_skills(_skill_columns(skills, first, revisions, answers))
    await store.move_the_rest()
    return Merged(second, sum(moved.values()), len(counted))


class Merging:
    """Merges the persons of volunteers."""

    def __init__(self, pool: Pool, sessions: Sessions, published: PublishedCascades, dice: random.Random) -> None:
        self._pool = pool
        self._sessions = sessions
        self._published = published
        self._dice = dice

    @reachable
    async def merge(self, from_volunteer: str, into_volunteer: str) -> tuple[Volunteer, Volunteer, Merged]:
        """Let the persons of two volunteers be one; return who they are, and what that did.

        Raises
        ------
        UnknownVolunteerError
            Nobody is called so, by name or by an id such as V7.
        SamePersonError
            They are one person already.
        """
        async with self._sessions.begin() as session:
            store = VolunteerStore(session)
            first, second = [await find_volunteer(store, each) for each in (from_volunteer, into_volunteer)]
        async with self._pool.acquire() as connection, connection.transaction():
            merged = await merge_persons(
                connection, self._published, self._dice, from_person=first.person_id, into_person=second.person_id
            )
        return first, second, merged


def _revisions(skills: Sequence[HeldSkill], first: int, workflows: set[int]) -> dict[int, int]:
    """Return, by workflow, the revision at which two skills become one: beyond all that either has had."""
    wanted = workflows | {skill.workflow_id for skill in skills if skill.person_id == first}
    return {
        workflow: 1 + sum(skill.revision for skill in skills if skill.workflow_id == workflow)
        for workflow in sorted(wanted)
    }


def _skill_columns(
    skills: Sequence[HeldSkill], first: int, revisions: dict[int, int], answers: Sequence[LearntAnswer]
) -> list[list[Any]]:
    """Return the rows of the skills of both as one, column by column."""
    place = {workflow: number for number, workflow in enumerate(revisions)}
    records = Records.blank(len(place))
    volunteer = np.array([place[each.workflow_id] for each in answers], dtype=np.int64)
    truth = np.array([each.truth for each in answers], dtype=np.int64)
    answer = np.array([each.answer for each in answers], dtype=np.int64)
    after = learn_in_order(records, volunteer, truth, answer)
    for number, skill in enumerate(volunteer.tolist()):
        records.put(skill, after.counts[number], after.cusum[number], after.drops[number])
    shown = records.counts.sum(axis=(1, 2)) + records.drops > 0
    quantiles = informedness_quantile(records.counts).tolist()
    held = [[skill for skill in skills if skill.workflow_id == workflow] for workflow in revisions]
    return [
        list(revisions),
        [sum(skill.dealt for skill in both) for both in held],
        list(revisions.values()),
        [sum(skill.unwatched for skill in both if skill.person_id == first) for both in held],
        *(column.tolist() for column in records.counts.reshape(-1, 6).T),
        records.cusum.tolist(),
        records.drops.tolist(),
        [each if known else None for each, known in zip(quantiles, shown.tolist(), strict=True)],
    ]
