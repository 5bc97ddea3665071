"""Whatever phones send, in whatever order, however often, and whatever breaks meanwhile: the books are right.

Here transactions break at their end, by rollback or by a backend that the server terminates before or after the
commit; whole processes and servers are killed in `tests/crash`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.caller import Caller, Scope
from api.store.engine import Connection
from benchmarks.books import audit
from tests.services.campaigns import SLUG, Campaign, a_campaign, a_person, a_swipe, deal_named
from tests.services.crashing import WRITTEN, Bench, Crash, crashing
from tests.services.phones import Action, Kind, Noise, Order, Phone, picked, word

CASCADE = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: sequential
    votes: {min: 2, max: 3, contested: 2}
    flag: 2
    audit: 0.5
    then: {yes: lens, no: lens, contested: retire}
  - name: lens
    question: Is it a lens?
    policy: {count: 1}
    audit: 0.5
"""
PERSONS, PROVEN = 4, 3
TIMES_AND_DICE = (
    "id",
    "answered_at",
    "draw",
    "created_at",
    "dealt_at",
    "entered_at",
    "first_vote_at",
    "last_vote_at",
    "received_at",
    "retired_at",
    "retracted_at",
    "since",
    "reserved_until",
    "accepted_until",
)
REUSED = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""All examples share one database, which begins anew for each."""


def actions() -> st.SearchStrategy[Action]:
    kinds: list[Kind] = ["deal", "swipe", "swipe", "swipe", "swipe", "resend", "retract", "retract early", "change"]
    return st.builds(
        Action,
        kind=st.sampled_from(kinds),
        person=st.integers(0, PERSONS - 1),
        workflow=st.sampled_from(["arc", "lens", "lens"]),
        picks=st.lists(st.integers(0, 50), min_size=2, max_size=8).map(tuple),
        crash=st.sampled_from([Crash.NONE, Crash.NONE, Crash.NONE, *Crash]),
        grouped=st.booleans(),
    )


def histories() -> st.SearchStrategy[list[list[Action]]]:
    """Return rounds of actions; those of a round happen at once."""
    return st.lists(st.lists(actions(), min_size=2, max_size=4), min_size=5, max_size=12)


@st.composite
def plans(draw: st.DrawFn, workflow: int, subjects: list[int], gold: set[int]) -> list[Order]:
    """Return orders in which nobody answers a card that carries an answer."""
    free = [list(subjects) for _ in range(PERSONS)]
    live: list[dict[UUID, int]] = [{} for _ in range(PERSONS)]
    picks = st.lists(st.integers(0, 50), min_size=1, max_size=6).map(tuple)
    noises = st.none() | st.builds(
        Noise, st.lists(st.sampled_from(Crash), max_size=2).map(tuple), st.booleans(), st.just(()) | picks
    )
    ids = count()
    orders = []
    for _ in range(draw(st.integers(2, 8))):
        person, chosen, noise = draw(st.integers(0, PERSONS - 1)), draw(picks), draw(noises)
        if live[person] and draw(st.integers(0, 3)) == 0:
            back = picked(list(live[person]), chosen)
            free[person] += [live[person].pop(each) for each in back]
            orders.append(Order(person, back=tuple(back), noise=noise))
        elif cards := picked(free[person], chosen):
            swipes = tuple(a_swipe(workflow, each, word(chosen[0] + each), id=_numbered(next(ids))) for each in cards)
            free[person] = [each for each in free[person] if each not in cards]
            live[person] |= {swipe.id: card for swipe, card in zip(swipes, cards, strict=True) if card not in gold}
            orders.append(Order(person, swipes, noise=noise))
    return orders


def _numbered(number: int) -> UUID:
    return UUID(int=number | 0x7 << 76 | 0x2 << 62)


async def _stored(connection: Connection) -> dict[tuple[int, UUID], list[int]]:
    """Return the kinds of the ledger's entries by person and id."""
    stored: dict[tuple[int, UUID], list[int]] = defaultdict(list)
    for person, client_id, kind in await connection.fetch("SELECT person_id, client_id, kind FROM classification"):
        stored[person, client_id].append(kind)
    return stored


@dataclass
class World:
    """A campaign, some people, and a loop to run them in."""

    runner: asyncio.Runner
    bench: Bench
    campaign: Campaign
    people: list[Caller]

    async def play(self, history: list[list[Action]]) -> list[str]:
        """Let phones do what the history says, and all the rest; return what is wrong afterwards."""
        await self.bench.begin_anew()
        async with self.bench.process() as process:
            phones = [Phone(caller, process, self.campaign) for caller in self.people]
            for phone in phones:
                await self._prepare(phone, proven=phone in phones[:PROVEN])
            for at_once in history:
                await asyncio.gather(*(asyncio.create_task(phones[each.person].do(each)) for each in at_once))
            for phone in phones:
                await phone.settle()
        async with self.bench.killer.acquire() as connection:
            stored = await _stored(connection)
            wrong = [*await audit(connection, SLUG), *(each for phone in phones for each in phone.misses(stored))]
        sent = {(phone.caller.person_id, each) for phone in phones for each in phone.sent}
        return [*wrong, *(f"{each} was never sent" for each in stored.keys() - sent)]

    async def _prepare(self, phone: Phone, *, proven: bool) -> None:
        """Give somebody cards of everything, and let them answer some of the gold, rightly or wrongly."""
        arc, gold = self.campaign.arc, list(self.campaign.gold)
        shown, hidden = gold[:3] + gold[-3:], gold[3:-3]
        await deal_named(phone.process, phone.caller, arc, *self.campaign.subjects, *gold)
        phone.cards = [(arc, each) for each in (*self.campaign.subjects, *hidden)]
        swipes = [a_swipe(arc, each, word(self.campaign.gold[each] + (not proven))) for each in shown]
        phone.sent |= {swipe.id: swipe for swipe in swipes}
        await phone.settle()

    async def obey(self, orders: list[Order]) -> dict[str, list[str]]:
        """Carry out orders one after the other; return all that is stored then, but for times and dice."""
        await self.bench.begin_anew()
        async with self.bench.process() as process:
            phones = [Phone(caller, process, self.campaign) for caller in self.people]
            for phone in phones:
                await deal_named(process, phone.caller, self.campaign.arc, *self.campaign.subjects, *self.campaign.gold)
            for order in orders:
                await order.reach(phones[order.person])
        return {table: await self._rows(table) for table in WRITTEN if table != "deck"}

    async def _rows(self, table: str) -> list[str]:
        rows = await self.bench.killer.fetch(
            f"SELECT (to_jsonb(t) - $1::text[])::text AS row FROM {table} t ORDER BY 1", list(TIMES_AND_DICE)
        )
        return [row[0] for row in rows]


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
        campaign = await a_campaign(process, connection, CASCADE, subjects=6, gold=(5, 5))
    people = [await a_person(campaign, scope=Scope.IMPORT) for _ in range(PERSONS)]
    await bench.keep()
    return World(runner, bench, campaign, people)


@settings(REUSED, max_examples=45)
@given(history=histories())
def test_the_books_are_right_whatever_happens(world: World, history: list[list[Action]]) -> None:
    assert world.runner.run(world.play(history)) == []


@settings(REUSED, max_examples=30)
@given(data=st.data())
def test_what_is_stored_does_not_depend_on_how_often_it_was_sent(world: World, data: st.DataObject) -> None:
    orders = data.draw(
        plans(world.campaign.arc, [*world.campaign.subjects, *world.campaign.gold], set(world.campaign.gold))
    )
    plain = world.runner.run(world.obey([replace(order, noise=None) for order in orders]))

    noisy = world.runner.run(world.obey(orders))

    assert noisy == plain
