"""Receivers of webhooks on loopback: one that takes everything, and others that answer as they please."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Got:
    """A post as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = json.loads(self.body)["events"]
        return events

    @property
    def positions(self) -> list[int]:
        return [event["position"] for event in self.events]


@dataclass
class Receiver:
    """What has come; the next posts get these answers, all others 204."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append(Got({name.lower(): value for name, value in request.headers.items()}, body))
        if self.answers:
            return await self.answers.pop(0)(request)
        return web.Response(status=204)

    @property
    def positions(self) -> list[int]:
        return [position for got in self.got for position in got.positions]


@asynccontextmanager
async def a_receiver(*answers: Answer) -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(answers=list(answers))
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


def says(status: int, text: str = "", **headers: str) -> Answer:
    """Answer with a status."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


async def cuts_off(request: web.Request) -> web.StreamResponse:
    """Hang up without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()
