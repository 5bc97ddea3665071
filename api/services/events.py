"""Events: what happens in a project, page by page or as it happens, for researchers.

A position is a cursor: who has read up to one has read everything before it, and gets everything after it once. Reading
by kinds, the cursor moves over what was left out, so that nobody reads the same stretch again and again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from api.caller import Caller
from api.errors import NotAllowedError, OverloadedError, UnknownEventError, UnknownProjectError
from api.services.hub import Hub
from api.services.labels import label_views
from api.services.pseudonyms import Pseudonyms
from api.services.reachable import reachable
from api.services.sequencing import sequence
from api.services.voevents import voevent
from api.store.engine import Pool
from api.store.events import Event, EventProject, EventStore
from api.store.failures import CONFLICTS, UNREACHABLE
from mobile_schemas.events import LABEL_KINDS
from mobile_schemas.subjects import subject_id

PAGE: Final = 500
"""Events that a stream reads at a time; it reads on when they are sent."""

HEARTBEAT_SECONDS: Final = 15.0
"""After which a stream that has nothing to tell says that it is alive."""

AWAY_SECONDS: Final = 1.0
"""Between two attempts of a stream while the database is away."""

MOST_STREAMS: Final = 1000
"""Streams of one process."""

View = dict[str, Any]
Kinds = tuple[str, ...] | None

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Feed:
    """The events of one project, for someone who may read them."""

    project_id: int
    slug: str
    pseudonyms: Pseudonyms

    @classmethod
    def of(cls, project: EventProject) -> "Feed":
        """Return the feed of a project."""
        return cls(project.id, project.slug, Pseudonyms(project.pseudonym_key))


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the cursor to go on from. A stream sends empty ones to show that it is alive."""

    events: Sequence[View]
    cursor: int


class Events:
    """Shows events."""

    def __init__(self, pool: Pool, hub: Hub, authority: str) -> None:
        self._pool = pool
        self._authority = authority
        self._hub = hub
        self._streams = 0
        self._reads: dict[tuple[object, ...], asyncio.Task[Page]] = {}

    @reachable
    async def feed(self, caller: Caller | None, slug: str) -> Feed:
        """Return the feed of a project; the operator, who needs no token, is None.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is not one of its researchers'.
        """
        async with self._pool.acquire() as connection:
            project = await EventStore(connection).find_project(slug)
        if project is None:
            raise UnknownProjectError(slug)
        if caller is not None and not caller.researches(project.id):
            raise NotAllowedError(f"the events of {slug} are for its researchers; this token is not one of theirs")
        return Feed.of(project)

    @reachable
    async def page(self, feed: Feed, after: int, limit: int, kinds: Kinds) -> Page:
        """Return up to `limit` events after a cursor.

        What is committed and waits for its position gets one first, so the feed is whole without a worker.
        """
        async with self._pool.acquire() as connection:
            await sequence(connection)
        return await self._read(feed, after, limit, kinds)

    @reachable
    async def get(self, feed: Feed, position: int) -> View:
        """Return one event. Raises UnknownEventError."""
        return event_views(feed, [await self._event(feed, position)])[0]

    @reachable
    async def voevent(self, feed: Feed, position: int) -> bytes:
        """Return one event as a VOEvent.

        Raises
        ------
        UnknownEventError
            The project has no event of this position.
        NoVOEventError
            The event brings no label, or its subject has no place in the sky.
        """
        event = await self._event(feed, position)
        return voevent(event_views(feed, [event])[0], self._authority, event.question)

    def follow(self, feed: Feed, after: int | None, kinds: Kinds) -> AsyncGenerator[Page, None]:
        """Yield events as they happen, after a cursor or from now on, until the process is asked to stop.

        The first page comes at once, and may be empty: its cursor is where the stream begins. Later empty ones come
        when nothing happens. While the database is away, nothing happens.

        Raises
        ------
        OverloadedError
            Too many streams are open.
        """
        if self._streams >= MOST_STREAMS or self._hub.ended:
            raise OverloadedError("too many streams of events are open")
        return self._stream(feed, after, kinds)

    def end_streams(self) -> None:
        """End all streams: the process is asked to stop."""
        self._hub.end()

    async def _event(self, feed: Feed, position: int) -> Event:
        async with self._pool.acquire() as connection:
            found, _ = await EventStore(connection).page(feed.project_id, position - 1, 1, until=position)
        if not found:
            raise UnknownEventError(feed.slug, position)
        return found[0]

    async def _stream(self, feed: Feed, after: int | None, kinds: Kinds) -> AsyncGenerator[Page, None]:
        self._streams += 1
        try:
            with self._hub.bell() as bell:
                async with contextlib.aclosing(self._follow(feed, after, kinds, bell)) as pages:
                    async for page in pages:
                        yield page
        finally:
            self._streams -= 1

    async def _follow(
        self, feed: Feed, after: int | None, kinds: Kinds, bell: asyncio.Event
    ) -> AsyncGenerator[Page, None]:
        cursor, told = after, float("-inf")
        while not self._hub.ended:
            bell.clear()
            page = await self._read_together(feed, cursor, kinds)
            if page is not None:
                cursor = page.cursor
                if page.events or time.monotonic() >= told + HEARTBEAT_SECONDS:
                    yield page
                    told = time.monotonic()
                if len(page.events) == PAGE:
                    continue
            patience = AWAY_SECONDS if page is None else max(told + HEARTBEAT_SECONDS - time.monotonic(), 0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), patience)

    async def _read_together(self, feed: Feed, after: int | None, kinds: Kinds) -> Page | None:
        """Read what a stream sends next; streams that are at the same place share a read. None if it cannot be had.

        A read that began before the last bell does not count: it may have seen less than the bell was rung for.
        """
        key = (self._hub.rung, feed.project_id, after, kinds)
        reading = self._reads.get(key)
        if reading is None:
            reading = self._reads[key] = asyncio.create_task(self._read(feed, after, PAGE, kinds))
            reading.add_done_callback(partial(self._have_read, key))
        try:
            return await asyncio.shield(reading)
        except (*CONFLICTS, *UNREACHABLE) as error:
            log.warning("a stream of events waits for the database", error=repr(error))
            return None

    def _have_read(self, key: tuple[object, ...], reading: "asyncio.Task[Page]") -> None:
        self._reads.pop(key, None)
        if not reading.cancelled():
            reading.exception()  # nobody may be left to hear of it

    async def _read(self, feed: Feed, after: int | None, limit: int, kinds: Kinds) -> Page:
        async with self._pool.acquire() as connection:
            store = EventStore(connection)
            if after is None:
                await sequence(connection)  # what is committed has happened already
                _, latest = await store.page(feed.project_id, 0, 0)
                return Page((), latest)
            found, latest = await store.page(feed.project_id, after, limit, kinds=kinds)
        full = len(found) == limit
        return Page(event_views(feed, found), found[-1].position if full else max(after, latest))


def event_views(feed: Feed, events: Sequence[Event]) -> list[View]:
    """Return events as the contract has them (`mobile_schemas.events.EventOut`), without what is not known."""
    labelled = [event for event in events if event.label is not None and event.kind in LABEL_KINDS]
    labels = dict(
        zip(
            (event.position for event in labelled),
            label_views([event.label for event in labelled if event.label is not None]),
            strict=True,
        )
    )
    return [_view(feed, event, labels.get(event.position)) for event in events]


def _view(feed: Feed, event: Event, label: View | None) -> View:
    told = event.label if label is not None else None
    view: View = {
        "position": event.position,
        "event": event.kind,
        "at": event.at,
        "project": feed.slug,
        "subject": None if event.subject_id is None else subject_id(event.subject_id),
        "external_id": event.external_id,
        "sky": None if event.ra is None else {"ra": event.ra, "dec": event.dec},
        "workflow": event.workflow_id,
        "workflow_name": event.workflow_name,
        "to": event.detail.get("to"),
        "label": None if label is None else {"cursor": event.position} | label,
        "author": told.author if told else None,
        "why": told.why if told else None,
        "volunteer": None if event.volunteer_id is None else feed.pseudonyms.of(event.volunteer_id),
        "level": event.detail.get("level"),
        "before": event.detail.get("before"),
        "action": event.detail.get("action"),
        "calibration": event.detail.get("calibration"),
    }
    return {name: value for name, value in view.items() if value is not None}
