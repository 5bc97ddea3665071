"""Events: pages of them, as they happen, and one by one."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Final

from pydantic_core import to_json

from api.caller import Caller
from api.errors import InvalidInputError, NotAllowedError, UnavailableError, UnknownProjectError
from api.http.calls import Answer, Call, Reply, first_header
from api.services.events import HEARTBEAT_SECONDS, Page
from api.services.house import Services
from api.services.tokens import sha256_of
from mobile_schemas.endpoint import CURSOR_HEADER
from mobile_schemas.events import FROM_NOW_ON, EventPath, EventsQuery, StreamQuery, kinds_of
from mobile_schemas.fields import BIGINT_MAX
from mobile_schemas.problems import FieldProblemOut
from mobile_schemas.projects import ProjectPath

RETRY_MS: Final = 1000
"""After which a client that has lost its stream should ask for it again."""

_STREAM_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until it has a buffer full of them
)


async def page(services: Services, call: Call[ProjectPath, EventsQuery, None]) -> Answer:
    """Send the events after a cursor, one a line, and the cursor to go on from."""
    feed = await services.events.feed(call.caller, call.path.slug)
    found = await services.events.page(feed, call.query.after, call.query.limit, kinds_of(call.query.kinds))
    lines = b"".join(to_json(event) + b"\n" for event in found.events)
    return Reply(lines, ((CURSOR_HEADER.lower().encode(), str(found.cursor).encode()),))


async def stream(services: Services, call: Call[ProjectPath, StreamQuery, None]) -> Answer:
    """Send events as they happen."""
    after = _last_event_id(call)
    if after is None and call.query.after != FROM_NOW_ON:
        after = call.query.after
    feed = await services.events.feed(call.caller, call.path.slug)
    pages = services.events.follow(feed, after, kinds_of(call.query.kinds))
    return Reply(_pour(pages, partial(_is_welcome, services, call)), _STREAM_HEADERS)


async def get(services: Services, call: Call[EventPath, None, None]) -> Answer:
    """Show an event."""
    feed = await services.events.feed(call.caller, call.path.slug)
    return await services.events.get(feed, call.path.position)


async def voevent(services: Services, call: Call[EventPath, None, None]) -> Answer:
    """Send an event as a VOEvent."""
    feed = await services.events.feed(call.caller, call.path.slug)
    return Reply(await services.events.voevent(feed, call.path.position))


async def _pour(
    pages: AsyncGenerator[Page, None], is_welcome: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """Yield pages as server-sent events; a token that is revoked ends the stream soon."""
    looked_at = time.monotonic()
    yield b"retry: %d\n" % RETRY_MS
    async with aclosing(pages):
        async for each in pages:
            yield b"".join(map(_told, each.events)) or b": alive\nid: %d\n\n" % each.cursor
            if time.monotonic() - looked_at >= HEARTBEAT_SECONDS:
                if not await is_welcome():
                    return
                looked_at = time.monotonic()


def _told(event: dict[str, Any]) -> bytes:
    kind: str = event["event"]
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["position"], kind.encode(), to_json(event))


async def _is_welcome(services: Services, call: Call[Any, Any, Any]) -> bool:
    """Say whether the token is still in force, and its bearer may still be told; while nobody can tell, they may."""
    credentials = first_header(call.headers, b"authorization") or b""
    try:
        token = sha256_of(credentials.split()[-1].decode("ascii"))
        caller: Caller | None = await services.authenticate(token, believing=False)
        if caller is None:
            return False
        await services.events.feed(caller, call.path.slug)
    except UnavailableError:
        return True
    except (NotAllowedError, UnknownProjectError):
        return False
    return True


def _last_event_id(call: Call[Any, Any, Any]) -> int | None:
    sent = first_header(call.headers, b"last-event-id")
    if not sent:
        return None
    if not sent.isdigit() or int(sent[:20]) > BIGINT_MAX:
        problem = FieldProblemOut(
            parameter="Last-Event-ID", problem="is no position", remedy="the `id` of the last event that was received"
        )
        raise InvalidInputError([problem], 1)
    return int(sent)
