import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import pytest
from aiohttp import web

from api.errors import NotAllowedError, TooManyWebhooksError, UnknownWebhookError
from api.outbound.posting import Poster
from api.services.delivering import MOST_FAILURES, Delivering, pause_seconds
from api.services.sequencing import sequence
from api.services.webhooks import MOST_WEBHOOKS, View, Webhooks
from api.store.engine import Connection, Pool, open_pool
from api.store.webhooks import WebhookStore
from cascade.vocabulary import Answer
from mobile_schemas.webhooks import DeliveriesOut, PostOut, WebhookCreatedOut, WebhookIn, WebhookOut
from tests.services.harvest import ARC_LENS, Connect, Harvest, a_researcher, revise, sow
from tests.services.receivers import Got, Receiver, a_receiver, cuts_off, says

T = TypeVar("T")
Start = Callable[[], Awaitable[None]]


@pytest.fixture
def webhooks(pool: Pool) -> Webhooks:
    return Webhooks(pool)


@pytest.fixture
async def sending(connect: Connect, database_url: str) -> AsyncIterator[Start]:
    """Start workers that send, until the test ends."""
    tasks: list[asyncio.Task[None]] = []
    pools: list[Pool] = []

    async def start(*, private_addresses: bool = True) -> None:
        pool = await open_pool(database_url, 2)
        pools.append(pool)
        tasks.append(asyncio.create_task(send(connect, pool, private_addresses)))

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for pool in pools:
        await pool.close()


async def send(connect: Connect, pool: Pool, private_addresses: bool) -> None:
    """Do what a worker does: number events and post them."""
    sequencer, claims = await connect(), await connect()
    poster = Poster(private_addresses, timeout_seconds=1)
    delivering = Delivering(pool, poster.post, "observatory.example", random.Random(1))
    try:
        while True:
            await sequence(sequencer)
            async with asyncio.timeout(5):  # Python 3.11's wait_for may swallow the test's end, and go on for ever
                await asyncio.shield(delivering.turn(claims))
    finally:
        await delivering.close()
        await poster.close()


async def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the receiver has no event of ours
            await asyncio.sleep(0.01)


async def a_hook(webhooks: Webhooks, receiver: Receiver, **wanted: object) -> WebhookCreatedOut:
    return WebhookCreatedOut(**await webhooks.add(None, "lenses", WebhookIn(url=receiver.url, **wanted)))  # type: ignore[arg-type]  # the test names fields


async def now(webhooks: Webhooks, number: int) -> WebhookOut:
    """Return how a webhook stands."""
    listed = await webhooks.of_project(None, "lenses")
    return next(WebhookOut(**each) for each in listed["webhooks"] if each["id"] == number)


async def log_of(webhooks: Webhooks, number: int) -> list[tuple[int | None, str | None, int]]:
    """Return status, error and number of each attempt, the oldest first."""
    listed = DeliveriesOut(**await webhooks.deliveries(None, number, 100))
    return [(each.status, each.error, each.attempt) for each in reversed(listed.deliveries)]


async def hurry(harvest: Harvest) -> None:
    """Let the pause after a failure be over."""
    await harvest.connection.execute("UPDATE webhook SET next_at = now()")


def documented(name: str) -> Callable[[str, Mapping[str, str], bytes], bool]:
    """Return a function as docs/events.md shows it."""
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    (shown,) = [block for block in re.findall("```python\n(.*?)```", text, re.DOTALL) if f"def {name}(" in block]
    found: dict[str, Any] = {}
    exec(shown, found)
    function: Callable[[str, Mapping[str, str], bytes], bool] = found[name]
    return function


verify = documented("verify")


async def test_events_are_posted_in_order_and_signed(harvest: Harvest, webhooks: Webhooks, sending: Start) -> None:
    await harvest.retired("before the hook")
    async with a_receiver() as receiver:
        hook = await a_hook(webhooks, receiver)
        await sending()
        for number in range(3):
            await harvest.retired(f"galaxy {number}")

        await eventually(lambda: len(receiver.positions) == 6)

        assert receiver.positions == [3, 4, 5, 6, 7, 8]
        for got in receiver.got:
            PostOut.model_validate_json(got.body)
            assert verify(hook.secret, got.headers, got.body)
            assert not verify(hook.secret, got.headers, got.body + b" ")
            assert got.id == f"{hook.id}-{got.positions[0]}-{got.positions[-1]}"
        await eventually_at(webhooks, hook.id, 8)


async def settled(read: Callable[[], Awaitable[T]], right: Callable[[T], object]) -> T:
    """Read until it is right."""
    async with asyncio.timeout(15):
        while not right(found := await read()):  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.02)
    return found


async def eventually_at(webhooks: Webhooks, number: int, position: int) -> None:
    await settled(lambda: now(webhooks, number), lambda hook: hook.position == position)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (says(500, "out of\nhens"), 500, "answered 500: out of hens"),
        (says(429, Retry_After="1"), 429, "answered 429"),
        (says(302, Location="http://127.0.0.1/elsewhere"), 302, "it answers 302 and points to"),
        (cuts_off, None, "Server disconnected"),
    ],
    ids=["fails", "is busy", "redirects", "cuts off"],
)
async def test_a_batch_that_is_not_taken_is_posted_again_as_it_was(
    harvest: Harvest,
    webhooks: Webhooks,
    sending: Start,
    answer: object,
    status: int,
    error: str,
) -> None:
    async with a_receiver(answer) as receiver:  # type: ignore[arg-type]  # parametrize knows no types
        hook = await a_hook(webhooks, receiver)
        await harvest.retired("one")
        await sending()
        await eventually(lambda: len(receiver.got) == 1)
        await harvest.retired("two")
        await settled(lambda: now(webhooks, hook.id), lambda hook: hook.failures)
        await hurry(harvest)

        await eventually(lambda: len(receiver.got) >= 3)

        first, again, rest = receiver.got[:3]
        assert (first.id, first.positions) == (again.id, again.positions)
        assert (again.positions, rest.positions) == ([1, 2], [3, 4])
        await eventually_at(webhooks, hook.id, 4)
        log = await log_of(webhooks, hook.id)
        assert (log[0][0], log[0][2]) == (status, 1)
        assert (log[0][1] or "").startswith(error)
        assert log[1:] == [(204, None, 2), (204, None, 1)]


async def test_a_receiver_that_hangs_or_is_gone_delays_no_other(
    harvest: Harvest, webhooks: Webhooks, sending: Start
) -> None:
    async def hangs(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with a_receiver(hangs) as slow, a_receiver(says(410)) as gone, a_receiver() as quick:
        hooks = [await a_hook(webhooks, each) for each in (slow, gone, quick)]
        await sending()
        for number in range(5):
            await harvest.retired(f"galaxy {number}")

        await eventually(lambda: len(quick.positions) == 10, 5)

        log = await settled(lambda: log_of(webhooks, hooks[0].id), bool)
        assert log == [(None, "no answer within 1 s", 1)]
        paused = await now(webhooks, hooks[1].id)
        assert (paused.why_paused, len(gone.got)) == ("the receiver answered 410: it is gone for good", 1)

        await webhooks.resume(None, hooks[1].id)
        await eventually(lambda: set(gone.positions) == set(range(1, 11)))


async def test_addresses_that_are_not_public_are_refused(
    harvest: Harvest, webhooks: Webhooks, sending: Callable[..., Awaitable[None]]
) -> None:
    async with a_receiver() as receiver:
        hook = await a_hook(webhooks, receiver)
        await sending(private_addresses=False)
        await harvest.retired()

        log = await settled(lambda: log_of(webhooks, hook.id), bool)

        assert log == [(None, "the address is not a public one", 1)]
        assert receiver.got == []


async def test_many_workers_send_each_event_once_and_in_order(
    harvest: Harvest, webhooks: Webhooks, sending: Start
) -> None:
    async with a_receiver() as one, a_receiver() as other:
        for receiver in (one, other):
            await a_hook(webhooks, receiver)
        for _ in range(3):
            await sending()
        for number in range(30):
            await harvest.retired(f"galaxy {number}")

        await eventually(lambda: len(one.positions) >= 60 and len(other.positions) >= 60)

        assert one.positions == other.positions == list(range(1, 61))


async def test_a_worker_that_is_cut_off_is_followed_by_another(
    harvest: Harvest, webhooks: Webhooks, connect: Connect, database_url: str
) -> None:
    async with a_receiver() as receiver, open_for(database_url) as pool:
        hook = await a_hook(webhooks, receiver)
        killed = asyncio.Event()

        async def dies(url: str, body: bytes, headers: Mapping[str, str]) -> object:
            await poster.post(url, body, headers)
            killed.set()
            await asyncio.sleep(30)  # the answer is never heard
            return None

        poster = Poster(True)
        await harvest.retired()
        claims = await connect()
        await sequence(claims)
        first = Delivering(pool, dies, "a.example", random.Random(1))  # type: ignore[arg-type]  # never answers
        turn = asyncio.create_task(first.turn(claims))
        await killed.wait()
        await turn
        second, others = Delivering(pool, poster.post, "a.example", random.Random(1)), await connect()
        await second.turn(others)
        while_it_lives = len(receiver.got)

        await claims.close()
        await second.turn(others)
        await eventually(lambda: len(receiver.got) == 2)
        await second.close()
        await first._give_up()
        await poster.close()

    assert while_it_lives == 1
    assert [got.id for got in receiver.got] == [f"{hook.id}-1-2"] * 2


@asynccontextmanager
async def open_for(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, 2)
    try:
        yield pool
    finally:
        await pool.close()


async def test_a_replay_sends_again_and_kinds_are_kept_to(harvest: Harvest, webhooks: Webhooks, sending: Start) -> None:
    async with a_receiver() as receiver:
        hook = await a_hook(webhooks, receiver, kinds=["subject.moved_on"])
        await harvest.retired("a")
        await harvest.retired("b", "no")
        await sending()
        await eventually(lambda: receiver.positions == [2])
        await eventually_at(webhooks, hook.id, 3)

        replayed = await webhooks.replay(None, hook.id, 0)
        beyond = await webhooks.replay(None, hook.id, 2**62)
        await webhooks.replay(None, hook.id, 0)

        await eventually(lambda: receiver.positions == [2, 2])
        assert (replayed["position"], beyond["position"]) == (0, 3)


async def test_the_form_of_voevents_posts_labels_with_a_position_one_by_one(
    harvest: Harvest, webhooks: Webhooks, sending: Start
) -> None:
    async with a_receiver() as receiver:
        hook = await a_hook(webhooks, receiver, form="voevent")
        await harvest.retired("nowhere")
        somewhere = await harvest.retired("somewhere", "no")
        await harvest.connection.execute("UPDATE subject SET ra = 10, dec = -5 WHERE id = $1", somewhere)
        await revise(harvest, somewhere, Answer.YES)
        await sending()

        await eventually(lambda: len(receiver.got) == 2)
        await eventually_at(webhooks, hook.id, 5)

        assert [name(got) for got in receiver.got] == [
            f"ivo://observatory.example/lenses#{harvest.workflows['arc']}.S{somewhere}.{revision}"
            for revision in (1, 2)
        ]
        assert receiver.got[0].headers["content-type"] == "application/xml"
        assert verify(hook.secret, receiver.got[0].headers, receiver.got[0].body)


def name(got: Got) -> str | None:
    return ElementTree.fromstring(got.body).get("ivorn")


async def test_a_receiver_that_fails_for_days_is_paused(harvest: Harvest, webhooks: Webhooks, sending: Start) -> None:
    async with a_receiver(says(500)) as receiver:
        hook = await a_hook(webhooks, receiver)
        await harvest.retired()
        await harvest.connection.execute("UPDATE webhook SET failures = $1", MOST_FAILURES - 1)
        await sending()

        paused = await settled(lambda: now(webhooks, hook.id), lambda hook: hook.paused_at)

        assert paused.why_paused == "84 attempts in a row failed, over about three days; the last: answered 500"


def test_pauses_double_up_to_an_hour_and_respect_the_receiver() -> None:
    dice = random.Random(3)

    own = [pause_seconds(failures, None, dice) for failures in range(1, MOST_FAILURES + 1)]

    assert 0.8 <= own[0] <= 1.2
    assert 6.4 <= own[3] <= 9.6
    assert max(own) <= 1.2 * 3600
    assert 2.5 * 86400 < sum(own) < 3.5 * 86400
    assert pause_seconds(1, 120, dice) == 120
    assert pause_seconds(1, 1e9, dice) == 3600
    assert pause_seconds(12, 1, dice) > 1000


async def test_webhooks_belong_to_the_researchers_of_their_project(harvest: Harvest, webhooks: Webhooks) -> None:
    other = await sow(harvest.connection, ARC_LENS.replace("lenses", "rings"))
    theirs, ours = a_researcher(other.project_id), a_researcher(harvest.project_id)
    wanted = WebhookIn(url="https://observatory.example/hook")
    hook: View = await webhooks.add(ours, "lenses", wanted)

    with pytest.raises(NotAllowedError):
        await webhooks.add(theirs, "lenses", wanted)
    with pytest.raises(NotAllowedError):
        await webhooks.of_project(theirs, "lenses")
    for verb in (webhooks.remove, webhooks.pause, webhooks.resume):
        with pytest.raises(UnknownWebhookError):
            await verb(theirs, hook["id"])
    for verb_of_number in (webhooks.deliveries, webhooks.replay):
        with pytest.raises(UnknownWebhookError):
            await verb_of_number(theirs, hook["id"], 1)
    assert "secret" not in (await webhooks.of_project(ours, "lenses"))["webhooks"][0]
    await webhooks.remove(ours, hook["id"])
    assert await webhooks.of_project(ours, "lenses") == {"webhooks": []}


async def test_a_project_has_only_so_many_webhooks(harvest: Harvest, webhooks: Webhooks, database: Connection) -> None:
    wanted = WebhookIn(url="https://observatory.example/hook")
    for _ in range(MOST_WEBHOOKS - 1):
        await webhooks.add(None, harvest.slug, wanted)

    async with database.transaction():
        store = WebhookStore(database)
        project_id = await database.fetchval("SELECT id FROM project WHERE slug = $1", harvest.slug)
        await store.hold_project(project_id)
        await store.add(project_id, wanted.url, "whsec_", None, "json", MOST_WEBHOOKS)
        at_once = asyncio.ensure_future(webhooks.add(None, harvest.slug, wanted))
        await asyncio.wait({at_once}, timeout=0.3)

    with pytest.raises(TooManyWebhooksError):
        await at_once
    assert len((await webhooks.of_project(None, harvest.slug))["webhooks"]) == MOST_WEBHOOKS
