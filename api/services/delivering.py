"""Delivering: events are posted to webhooks, in their order, until each receiver has taken them.

Theory of operation
-------------------
A webhook has a position: everything up to it was taken. What comes behind it is posted in batches, one at a time, and
the position moves in the transaction that logs the answer, only when the answer was 2xx. So events come in their order,
none is left out, and what a killed worker had posted without hearing the answer is posted again: at least once. A batch
that failed is posted again as it was, under the same `webhook-id`, later and later; events have their position, by
which a receiver can tell what it has.

Each webhook that has something to send has a task of its own, so one that is slow delays no other. The worker claims it
by an advisory lock on the connection of the job, which also listens to the sequencer: any number of workers share the
webhooks, and none sends for one while another does. When that connection is lost the claims are lost with it, so
everything under way is given up.

This module knows no HTTP: it is given what posts.
"""

import asyncio
import base64
import contextlib
import hmac
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from pydantic_core import to_json

from api.services.events import Feed, event_views
from api.services.voevents import voevent
from api.services.webhooks import SECRET_PREFIX
from api.store.engine import Connection, Pool
from api.store.events import Event, EventStore
from api.store.failures import CONFLICTS, UNREACHABLE
from api.store.listening import hear
from api.store.webhooks import Attempt, Webhook, WebhookStore
from mobile_schemas.events import LABEL_KINDS

BATCH: Final = 100
"""Events in one post."""

LOOK_SECONDS: Final = 1.0
"""Between two looks for what is due, if nothing is heard meanwhile."""

LONGEST_PAUSE_SECONDS: Final = 3600.0
MOST_FAILURES: Final = 84
"""In a row, after which a webhook is paused: the pauses double from 1 s to an hour, so that is about three days."""

LOG_ROWS: Final = 1000
"""Attempts that are kept of each webhook."""

TRIM_EVERY: Final = 100

STOP_SECONDS: Final = 3.0
"""How long posts under way may take to be answered when the worker stops; after that they are posted again."""

GONE: Final = 410

log = structlog.get_logger(__name__)


class Answer(Protocol):
    """What a receiver answered: a status, or None; when it asks to be tried again; and what was wrong, if anything."""

    @property
    def status(self) -> int | None:
        """The HTTP status."""

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the receiver asks to be left alone."""

    @property
    def error(self) -> str | None:
        """What was wrong; None if the receiver has taken the post."""


Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]
"""Posts a body with headers to an address; never raises for what a receiver does."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one post carries."""

    first: int
    last: int
    events: int
    body: bytes
    media_type: str


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message as Standard Webhooks has it: `v1,` and the HMAC-SHA256 in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(signed).decode()


def pause_seconds(failures: int, retry_after_seconds: float | None, dice: random.Random) -> float:
    """Return how long to wait after so many failures in a row: never less than the receiver asks for, up to an hour."""
    longest = min(2.0 ** (min(failures, 20) - 1), LONGEST_PAUSE_SECONDS)
    return max(longest * dice.uniform(0.8, 1.2), min(retry_after_seconds or 0.0, LONGEST_PAUSE_SECONDS))


class Delivering:
    """One worker's deliveries."""

    def __init__(self, pool: Pool, post: Post, authority: str, dice: random.Random) -> None:
        self._pool = pool
        self._post = post
        self._authority = authority
        self._dice = dice
        self._claims: Connection | None = None
        self._bell = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._feeds: dict[int, Feed] = {}
        self._stopping = False

    async def turn(self, connection: Connection) -> None:
        """Start what is due, and wait until there may be more; the connection holds the claims from turn to turn."""
        if connection is not self._claims:
            await self._give_up()
            await hear(connection, self._bell.set)
            self._claims = connection
        self._bell.clear()
        store = WebhookStore(connection)
        for number in [number for number, task in self._under_way.items() if task.done()]:
            del self._under_way[number]
            await store.let_go(number)
        for number in await store.due():
            if number not in self._under_way and await store.claim(number):
                task = self._under_way[number] = asyncio.create_task(self._deliver(number), name=f"webhook {number}")
                task.add_done_callback(lambda _: self._bell.set())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), LOOK_SECONDS)

    async def close(self) -> None:
        """Let posts under way be answered, for a while."""
        self._stopping = True
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=STOP_SECONDS)
        await self._give_up()

    async def _give_up(self) -> None:
        """End everything under way: nobody else is kept from it any more."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._under_way.clear()

    async def _deliver(self, number: int) -> None:
        """Send what waits for one webhook, until nothing does or the receiver does not take it."""
        structlog.contextvars.bind_contextvars(webhook=number)
        try:
            while not self._stopping and await self._deliver_batch(number):
                pass
        except (*CONFLICTS, *UNREACHABLE) as error:
            log.warning("a delivery was interrupted", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)
        except Exception:
            log.exception("a delivery failed on our side")
            await asyncio.sleep(LOOK_SECONDS)

    async def _deliver_batch(self, number: int) -> bool:
        """Send one batch; say whether to go on."""
        async with self._pool.acquire() as connection:
            webhook = await WebhookStore(connection).find_ready(number)
            batch = None if webhook is None else await self._read(connection, webhook)
        if webhook is None or batch is None:
            return False
        message_id, timestamp, began = f"{webhook.id}-{batch.first}-{batch.last}", int(time.time()), time.monotonic()
        headers = {
            "Content-Type": batch.media_type,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(webhook.secret, message_id, timestamp, batch.body),
        }
        answer = await self._post(webhook.url, batch.body, headers)
        await self._note(webhook, batch, answer, round((time.monotonic() - began) * 1000))
        return answer.error is None

    async def _read(self, connection: Connection, webhook: Webhook) -> _Batch | None:
        """Return the batch to send next; if nothing is left that the webhook wants, note that it has it all."""
        store, webhooks = EventStore(connection), WebhookStore(connection)
        feed = await self._feed(store, webhook.project_id)
        packets = webhook.form == "voevent"
        kinds = webhook.kinds
        if packets:
            kinds = [kind for kind in LABEL_KINDS if kinds is None or kind in kinds]
        until = await webhooks.failed_batch(webhook.id) if webhook.failures else None
        if until is not None and until <= webhook.position:
            until = None
        events, latest = await store.page(
            webhook.project_id, webhook.position, 1 if packets else BATCH, kinds=kinds, in_the_sky=packets, until=until
        )
        if not events:
            await webhooks.advance(webhook.id, webhook.position, latest if until is None else until)
            return None
        body = self._packet(feed, events[0]) if packets else _json(feed, events)
        media_type = "application/xml" if packets else "application/json"
        return _Batch(events[0].position, events[-1].position, len(events), body, media_type)

    async def _feed(self, store: EventStore, project_id: int) -> Feed:
        found = self._feeds.get(project_id)
        if found is None:
            project = await store.project_of(project_id)
            assert project is not None  # a webhook holds on to its project
            found = self._feeds[project_id] = Feed.of(project)
        return found

    def _packet(self, feed: Feed, event: Event) -> bytes:
        return voevent(event_views(feed, [event])[0], self._authority, event.question)

    async def _note(self, webhook: Webhook, batch: _Batch, answer: Answer, took_ms: int) -> None:
        """Log an attempt, and move the position or wait, in one transaction."""
        failures = webhook.failures + 1
        attempt = Attempt(batch.first, batch.last, batch.events, failures, took_ms, answer.status, answer.error)
        async with self._pool.acquire() as connection, connection.transaction():
            store = WebhookStore(connection)
            logged = await store.log(webhook.id, attempt)
            if logged is not None and logged % TRIM_EVERY == 0:
                await store.trim_log(webhook.id, LOG_ROWS)
            if answer.error is None:
                await store.advance(webhook.id, webhook.position, batch.last)
                return
            seconds = pause_seconds(failures, answer.retry_after_seconds, self._dice)
            await store.postpone(webhook.id, webhook.position, seconds, _why_paused(answer, failures))
        log.info("a webhook did not take a post", error=answer.error, attempt=failures, again_in_seconds=seconds)


def _json(feed: Feed, events: list[Event]) -> bytes:
    return to_json({"project": feed.slug, "events": event_views(feed, events)})


def _why_paused(answer: Answer, failures: int) -> str | None:
    """Return why a webhook is tried no more, or None."""
    if answer.status == GONE:
        return "the receiver answered 410: it is gone for good"
    if failures >= MOST_FAILURES:
        return f"{failures} attempts in a row failed, over about three days; the last: {answer.error}"
    return None
