"""From the swipe that retires a subject to a waiting webhook and SSE client, while API processes are killed.

`chaffinch serve --processes 2` and `chaffinch worker` run as people run them; phones swipe at a steady rate. A receiver
of webhooks and a client of server-sent events, which comes back with `Last-Event-ID` whenever its stream breaks, note
when each event arrives. The time is counted from the database's clock at the beginning of the transaction that retires
the subject, which is before the phone's reply; all clocks are those of one machine. In the end every event of the
outbox must have arrived at both, in order. A webhook may bring an event twice, which is counted; the stream may not.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
import asyncpg
from aiohttp import web

from api.caller import Scope
from api.factory import open_services
from api.settings import Settings
from benchmarks.campaign import SLUG, campaign
from benchmarks.killing import api_processes, listeners
from benchmarks.serving import free_port, serving
from mobile_schemas.webhooks import WebhookIn

PROCESSES: Final = 2
DECLARATION: Final = """
project: bench
workflows:
  - name: first
    question: Is it?
    policy: {count: 3}
    then: {yes: second, no: retire, contested: retire}
  - name: second
    question: Is it really?
    policy: {count: 3}
"""
WARM_SECONDS: Final = 3.0
"""In which the phones register; nobody is killed, and what arrives is not timed."""

CATCH_UP_SECONDS: Final = 120.0


@dataclass
class Arrivals:
    """What has arrived by one way: positions in the order of arrival, and the seconds that retirements took."""

    positions: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    since: float = float("inf")
    breaks: int = 0

    def note(self, event: dict[str, Any]) -> None:
        """Note an event that has just arrived."""
        at = time.time()
        if event["event"] == "subject.retired" and at > self.since:
            self.seconds.append(at - datetime.fromisoformat(event["label"]["retired_at"]).timestamp())
        self.positions.append(event["position"])

    @property
    def highest(self) -> int:
        """The highest position so far."""
        return max(self.positions, default=0)

    def held_against(self, announced: Sequence[int]) -> dict[str, Any]:
        """Return what was late, lost, doubled or out of order."""
        seen: set[int] = set()
        doubled = disorder = highest = 0
        for position in self.positions:
            doubled += position in seen
            disorder += position not in seen and position < highest
            seen.add(position)
            highest = max(highest, position)
        return {
            "events": len(seen),
            "retirements_timed": len(self.seconds),
            "ms": _milliseconds(self.seconds),
            "lost": len(set(announced) - seen),
            "doubled": doubled,
            "out_of_sequence": disorder,
            "breaks": self.breaks,
        }


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [float("nan")]
    found = {f"p{q}": ordered[min(len(ordered) * q // 100, len(ordered) - 1)] for q in (50, 95, 99)}
    return {name: round(value * 1000, 1) for name, value in (found | {"max": ordered[-1]}).items()}


async def run_events(
    settings: Settings, seconds: float, rate: int, kills: int, seed: int, *, subjects: int | None = None
) -> dict[str, Any]:
    """Swipe at a rate, kill so many API processes, and return what arrived how soon."""
    enough = subjects or int((seconds + WARM_SECONDS) * rate / 3 * 1.5)  # so few that many retire within the time
    async with campaign(settings, subjects=enough, volunteers=1, gold=200, declaration=DECLARATION) as made:
        environment = {
            "CHAFFINCH_DATABASE_URL": made.url,
            "CHAFFINCH_DATA_DIR": str(settings.data_dir),
            "CHAFFINCH_LOG_LEVEL": "error",
            "CHAFFINCH_LIMITS": "false",
            "CHAFFINCH_PRIVATE_ADDRESSES": "true",
        }
        port = free_port()
        command = ["api.cli", "serve", "--processes", str(PROCESSES), "--port", str(port)]
        async with serving(command, port, environment) as service, _worker(environment):
            run = _Run(settings, made.url, port, service, random.Random(seed))
            found = await run.run(seconds, rate, kills, seed)
    print(f"{rate} swipes/s for {seconds:g} s, {kills} kills: {found}", flush=True)
    return found


class _Run:
    """One measurement over a service that runs."""

    def __init__(self, settings: Settings, url: str, port: int, service: Process, rng: random.Random) -> None:
        self._settings = settings
        self._url = url
        self._port = port
        self._service = service
        self._rng = rng
        self._webhook = Arrivals()
        self._stream = Arrivals()

    async def run(self, seconds: float, rate: int, kills: int, seed: int) -> dict[str, Any]:
        async with self._receiver() as hook:
            token = await self._prepare(hook)
            following = asyncio.create_task(self._follow(token))
            async with _phones(self._port, rate, seed) as swiped:
                await asyncio.sleep(WARM_SECONDS)
                self._webhook.since = self._stream.since = time.time()
                await self._kill(kills, seconds)
            announced = await self._caught_up()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        return {
            "kills": kills,
            "seconds": round(swiped["seconds"]),
            "swipes_per_second": round(swiped["acknowledged"] / swiped["seconds"]),
            "broken": swiped["broken"],
            "announced": len(announced),
            "webhook": self._webhook.held_against(announced),
            "stream": self._stream.held_against(announced),
        }

    async def _prepare(self, hook: str) -> str:
        """Add the webhook; return a researcher's token."""
        services = await open_services(self._settings, self._url)
        try:
            await services.webhooks.add(None, SLUG, WebhookIn(url=hook))
            return (await services.tokens.issue(SLUG, Scope.RESEARCHER, "bench")).token
        finally:
            await services.close()

    async def _kill(self, kills: int, seconds: float) -> None:
        """Kill API processes at random moments, spread over the time, which grows if they are long in coming back."""
        end = time.monotonic() + seconds
        for number in range(kills):
            left = (end - time.monotonic()) / (kills - number)
            await asyncio.sleep(max(self._rng.uniform(0.3, 1) * left, 0))
            await self._until(lambda count: count == PROCESSES)
            os.kill(self._rng.choice(api_processes(self._service.pid)), signal.SIGKILL)
            await self._until(lambda count: count < PROCESSES)  # a process that dies keeps its socket for a moment
        await asyncio.sleep(max(end - time.monotonic(), 0))

    async def _until(self, right: Callable[[int], bool]) -> None:
        """Wait until the right number of processes listens."""
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while not right(await asyncio.to_thread(listeners, self._port)):  # noqa: ASYNC110  # no event of ours
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def _receiver(self) -> AsyncIterator[str]:
        async def take(request: web.Request) -> web.Response:
            for event in json.loads(await request.read())["events"]:
                self._webhook.note(event)
            return web.Response(status=204)

        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/hook", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}/hook"
        finally:
            await runner.cleanup()

    async def _follow(self, token: str) -> None:
        """Read the stream, and come back whenever it breaks."""
        cursor = "0"
        url = f"http://127.0.0.1:{self._port}/v1/projects/{SLUG}/events/stream"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=30)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20) as session:
            while True:
                headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": cursor}
                with suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(url, headers=headers) as response:
                        response.raise_for_status()
                        async for line in response.content:
                            # An event counts when its last line has come: what is cut off before comes again.
                            if line.startswith(b"data: ") and line.endswith(b"\n"):
                                event = json.loads(line[6:])
                                self._stream.note(event)
                                cursor = str(event["position"])
                self._stream.breaks += 1
                await asyncio.sleep(0.05)

    async def _caught_up(self) -> list[int]:
        """Wait until both have the last event; return the positions of all."""
        until = time.monotonic() + CATCH_UP_SECONDS
        connection = await asyncpg.connect(self._url)
        try:
            while time.monotonic() < until:
                waiting = await connection.fetchval("SELECT count(*) FROM outbox WHERE position IS NULL")
                last = await connection.fetchval("SELECT coalesce(max(position), 0) FROM outbox")
                if not waiting and min(self._webhook.highest, self._stream.highest) >= last:
                    break
                await asyncio.sleep(0.1)
            return [row[0] for row in await connection.fetch("SELECT position FROM outbox ORDER BY position")]
        finally:
            await connection.close()


@asynccontextmanager
async def _phones(port: int, rate: int, seed: int) -> AsyncIterator[dict[str, Any]]:
    """Let phones swipe until the block ends; what came of it is known then."""
    command = ["-m", "benchmarks.pacing", "--port", str(port), "--rate", str(rate), "--seed", str(seed)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE)
    found: dict[str, Any] = {}
    try:
        yield found
    finally:
        output, _ = await asyncio.wait_for(process.communicate(b""), CATCH_UP_SECONDS)  # ends its input
    if process.returncode:
        raise RuntimeError("the phones failed")
    found |= json.loads(output)


@asynccontextmanager
async def _worker(environment: dict[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli", "worker", env=os.environ | environment
    )
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
