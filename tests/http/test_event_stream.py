"""The form of a stream of events, without a service behind it."""

from collections.abc import AsyncGenerator

import pytest

from api.routes import events
from api.services.events import Page

EVENT = {"position": 7, "event": "workflow.finished", "project": "lenses", "why": "a\nb"}


async def pages(*given: Page) -> AsyncGenerator[Page, None]:
    for page in given:
        yield page


async def poured(*given: Page, welcome: bool = True) -> list[bytes]:
    async def is_welcome() -> bool:
        return welcome

    return [part async for part in events._pour(pages(*given), is_welcome)]


async def test_a_stream_begins_with_its_position_and_tells_each_event_in_a_block() -> None:
    begin, alive, told = await poured(Page((), 3), Page((EVENT,), 7))

    assert begin + alive == b"retry: 1000\n: alive\nid: 3\n\n"
    assert told == (
        b'id: 7\nevent: workflow.finished\ndata: {"position":7,"event":"workflow.finished","project":"lenses",'
        b'"why":"a\\nb"}\n\n'
    )


async def test_a_stream_ends_when_its_token_is_no_longer_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0)

    welcome = await poured(Page((), 1), Page((), 2))
    unwelcome = await poured(Page((), 1), Page((), 2), welcome=False)

    assert (len(welcome), len(unwelcome)) == (3, 2)
