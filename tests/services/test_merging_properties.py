"""Whoever turns out to be whom, at whatever moment: each human has one vote on a subject, and the books are right."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.caller import Caller, Scope
from api.moderation_errors import SamePersonError
from api.services.merging import merge_persons
from api.services.verifying import verify
from tests.services.campaigns import SLUG, Campaign, a_campaign, a_person, deal_named
from tests.services.crashing import Bench, Crash, crashing
from tests.services.phones import Action, Kind, Phone
from tests.services.test_ingestion_properties import CASCADE, REUSED

PERSONS = 3

TWICE = """
    WITH live AS (
        SELECT coalesce(m.into_person_id, v.person_id) AS person_id, v.workflow_id, v.subject_id
        FROM classification v
        LEFT JOIN person_merge m ON m.from_person_id = v.person_id
        WHERE v.kind = 0 AND v.bucket IN (1, 2, 3, 4, 5) AND NOT EXISTS (
            SELECT FROM classification r WHERE r.kind = 1 AND r.person_id = v.person_id AND r.client_id = v.client_id)
    ), counted AS (
        SELECT person_id, workflow_id, subject_id, count(*) AS votes FROM live GROUP BY 1, 2, 3
    )
    SELECT person_id, workflow_id, subject_id, l.votes, c.client_id
    FROM counted l
    FULL JOIN (SELECT * FROM card WHERE bucket IN (1, 2, 3, 4, 5)) c USING (person_id, workflow_id, subject_id)
    WHERE l.votes IS DISTINCT FROM 1 OR c.client_id IS NULL
"""
"""Subjects on which a human has two votes, or whose card does not say what the ledger says."""

SUMMED = """
    SELECT s.workflow_id, s.subject_id
    FROM stage s
    LEFT JOIN card c ON c.workflow_id = s.workflow_id AND c.subject_id = s.subject_id AND c.bucket IN (1, 2)
    GROUP BY s.workflow_id, s.subject_id
    HAVING s.n_yes + s.n_no + s.n_unsure + s.u_yes + s.u_no + s.u_unsure <> count(c.bucket)
"""

LEFT_BEHIND = """
    SELECT person_id FROM card WHERE person_id IN (SELECT from_person_id FROM person_merge)
    UNION ALL SELECT person_id FROM swipe_key WHERE person_id IN (SELECT from_person_id FROM person_merge)
    UNION ALL SELECT person_id FROM deck WHERE person_id IN (SELECT from_person_id FROM person_merge)
    UNION ALL SELECT person_id FROM skill WHERE person_id IN (SELECT from_person_id FROM person_merge)
"""

RECORDS = """
    SELECT s.person_id, s.workflow_id
    FROM skill s
    LEFT JOIN card c ON c.person_id = s.person_id AND c.workflow_id = s.workflow_id AND c.bucket = 3
    WHERE s.drops = 0
    GROUP BY s.person_id, s.workflow_id
    HAVING s.no_no + s.no_yes + s.no_unsure + s.yes_no + s.yes_yes + s.yes_unsure <> count(c.bucket)
"""
"""Records that are not made of the answers to gold on the cards."""

RULES = {"two votes": TWICE, "wrong counts": SUMMED, "left behind": LEFT_BEHIND, "wrong records": RECORDS}


@dataclass(frozen=True)
class Merge:
    """Somebody turns out to be somebody."""

    first: int
    second: int


def actions() -> st.SearchStrategy[Action]:
    kinds: list[Kind] = ["deal", "swipe", "swipe", "swipe", "resend", "retract", "retract early", "change"]
    return st.builds(
        Action,
        kind=st.sampled_from(kinds),
        person=st.integers(0, PERSONS - 1),
        workflow=st.sampled_from(["arc", "arc", "lens"]),
        picks=st.lists(st.integers(0, 50), min_size=2, max_size=8).map(tuple),
        crash=st.just(Crash.NONE),
        grouped=st.booleans(),
    )


def histories() -> st.SearchStrategy[list[list[Action | Merge]]]:
    """Return rounds of actions and merges; those of a round happen at once."""
    persons = st.permutations(range(PERSONS))
    merges = persons.map(lambda order: Merge(order[0], order[1]))
    acts = st.one_of(actions(), actions(), actions(), actions(), merges)
    return st.lists(st.lists(acts, min_size=1, max_size=4), min_size=4, max_size=10)


@dataclass
class World:
    """A campaign, some phones' owners, and a loop to run them in."""

    runner: asyncio.Runner
    bench: Bench
    campaign: Campaign
    people: list[Caller]

    async def play(self, history: list[list[Action | Merge]]) -> list[str]:
        """Let phones do what the history says with the tokens that they had at first; return what is wrong then."""
        await self._begin_anew()
        async with self.bench.process() as process:
            phones = [Phone(caller, process, self.campaign) for caller in self.people]
            cards = [*self.campaign.subjects, *self.campaign.gold]
            for phone in phones:
                await deal_named(process, phone.caller, self.campaign.arc, *cards)
                phone.cards = [(self.campaign.arc, each) for each in cards]
            for at_once in history:
                await asyncio.gather(
                    *(self._merge(act) if isinstance(act, Merge) else phones[act.person].do(act) for act in at_once)
                )
            for phone in phones:
                await phone.settle()
        async with self.bench.killer.acquire() as connection:
            wrong = list((await verify(connection, self.bench.published, SLUG)).discrepancies)
            for name, rule in RULES.items():
                wrong += [f"{name}: {tuple(row)}" for row in await connection.fetch(rule)]
            rows = await connection.fetch("SELECT client_id FROM classification WHERE kind = 0")
        stored = Counter(row[0] for row in rows)
        acknowledged = [each for phone in phones for each in phone.acknowledged]
        return [*wrong, *(f"{each} is stored {stored[each]} times" for each in acknowledged if stored[each] != 1)]

    async def _merge(self, merge: Merge) -> None:
        first, second = (self.people[each].person_id for each in (merge.first, merge.second))
        with suppress(SamePersonError):
            async with self.bench.pool.acquire() as connection, connection.transaction():
                await merge_persons(
                    connection, self.bench.published, random.Random(0), from_person=first, into_person=second
                )

    async def _begin_anew(self) -> None:
        await self.bench.begin_anew()
        for table in ("person_merge", "skill_merge", "level_check"):
            await self.bench.killer.execute(f"DELETE FROM {table}")
        for caller in self.people:
            await self.bench.killer.execute(
                "UPDATE volunteer SET person_id = $1 WHERE id = $2", caller.person_id, caller.volunteer_id
            )


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        yield runner.run(_begin(stack, runner, database_url))
        runner.run(stack.aclose())


async def _begin(stack: AsyncExitStack, runner: asyncio.Runner, database_url: str) -> World:
    bench = await stack.enter_async_context(crashing(database_url))
    connection = await asyncpg.connect(database_url)
    stack.push_async_callback(connection.close)
    async with bench.process() as process:
        campaign = await a_campaign(process, connection, CASCADE, subjects=5, gold=(4, 4))
    people = [await a_person(campaign, scope=Scope.IMPORT) for _ in range(PERSONS)]
    await bench.keep()
    return World(runner, bench, campaign, people)


@settings(REUSED, max_examples=30)
@given(history=histories())
def test_each_human_has_one_vote_whenever_they_turn_out_to_be_one(
    world: World, history: list[list[Action | Merge]]
) -> None:
    assert world.runner.run(world.play(history)) == []
