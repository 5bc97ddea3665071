"""kill -9 of anything at random moments under load: what was acknowledged is there once, and nothing is stuck.

A service of two API processes over the embedded PostgreSQL, and phones that keep what is not acknowledged and send it
again. In each round something is killed: an API process, their parent, PostgreSQL's postmaster, one of its backends,
its supervisor, or all of them at once. The service recovers by itself, but for the parent of the API processes, which
is started again as systemd would. In the end every promise is held against the ledger, the books are audited, all cards
have been answered, and a fresh crowd finishes every subject.

This proves crashes of processes. A loss of power, in which the disk's own cache counts, cannot be tested here.
"""

import asyncio
import random
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import asyncpg

from api.errors import ChaffinchError
from api.factory import open_services
from api.postgres.errors import PostgresError
from api.services.house import Services
from api.settings import Settings
from api.store.failures import CONFLICTS, UNREACHABLE
from benchmarks.books import audit
from benchmarks.killing import VICTIMS, Service, StuckError, kill
from benchmarks.stubborn import Promises, StubbornPhone, swipe_to_the_end, swipe_until

SLUG: Final = "crash"
DECLARATION: Final = """
project: crash
workflows:
  - name: first
    question: Is it?
    policy: sequential
    votes: {min: 2, max: 4, contested: 2}
    then: {yes: second, no: retire, contested: second}
  - name: second
    question: Is it really?
    policy: {count: 2}
"""
GOLD: Final = 60
PHONES: Final = 16
CROWD: Final = 8
CROWD_VOLUNTEERS: Final = 12
ENOUGH: Final = 600
"""Subjects on the first pile, below which as many more are imported."""

AT_ONCE: Final = 0.2
"""The share of kills that do not wait until the service has recovered from the one before."""

RECOVERY_SECONDS: Final = 60.0
FINISH_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Kill:
    """One round: the victim, when, and until when the service was not whole."""

    victim: str
    at: float
    whole_at: float


def run_crash(rounds: int, seed: int) -> dict[str, Any]:
    """Run so many rounds and return what was found; nothing is stuck or lost if `wrong` is empty."""
    folder = Path(tempfile.mkdtemp(prefix="chaffinch-crash-"))
    folder.chmod(0o755)  # the embedded PostgreSQL does not run as root, and must get there
    try:
        result = asyncio.run(_run(folder / "data", rounds, seed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{rounds} kills: {result}", flush=True)
    return result


async def _run(data_dir: Path, rounds: int, seed: int) -> dict[str, Any]:
    port = _port()
    service = Service(data_dir, port)
    await service.start()
    try:
        result = await _Rounds(service, port, random.Random(seed)).run(rounds)
    finally:
        await service.stop()
    return {"rounds": rounds, "seed": seed} | result


def _port() -> int:
    """Return a free port from below those from which connections are made: nobody may take it between two starts."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Rounds:
    """Kills, and what they are held against."""

    def __init__(self, service: Service, port: int, rng: random.Random) -> None:
        self._service = service
        self._port = port
        self._rng = rng
        self._promises = Promises()
        self._first = self._second = 0
        self._kills: list[Kill] = []

    async def run(self, rounds: int) -> dict[str, Any]:
        await self._begin()
        stop = asyncio.Event()
        phones = [self._phone(skill=0.85) for _ in range(PHONES)]
        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(swipe_until(stop, phone, [*[self._first] * 3, self._second], self._dice()))
            supply = group.create_task(self._supply())
            await asyncio.sleep(0.5)
            for victim in self._victims(rounds):
                await self._round(victim)
            stop.set()
            supply.cancel()
        unanswered = await self._ask("SELECT count(*) FROM card WHERE client_id IS NULL")
        wrong = [f"{unanswered} cards cannot be answered"] if unanswered else []
        unfinished = await self._finish()
        wrong += [f"{unfinished} subjects cannot be finished"] if unfinished else []
        wrong += self._promises.broken + await self._held_against_the_books()
        return await self._report(wrong)

    def _phone(self, skill: float) -> StubbornPhone:
        return StubbornPhone(self._port, self._promises, self._dice(), skill)

    def _dice(self) -> random.Random:
        return random.Random(self._rng.random())

    def _victims(self, rounds: int) -> list[str]:
        """Return each victim about as often as any other, in random order."""
        names = [*VICTIMS] * (rounds // len(VICTIMS) + 1)
        names = names[:rounds]
        self._rng.shuffle(names)
        return names

    async def _begin(self) -> None:
        await self._ask("INSERT INTO project (slug) VALUES ($1) RETURNING id", SLUG)
        await self._import(GOLD + ENOUGH)
        await self._ask(
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
            " SELECT id, 'first', 1, project_id, id % 2, (random() * 2147483646)::int FROM subject ORDER BY id LIMIT $1"
            " RETURNING 1",
            GOLD,
        )
        async with self._services() as services:
            await services.publishing.publish(DECLARATION)
        async with self._connection() as connection:
            rows = await connection.fetch("SELECT id FROM workflow ORDER BY id")
            self._first, self._second = (row[0] for row in rows)

    async def _import(self, count: int) -> None:
        await self._ask(
            "INSERT INTO subject (project_id, external_id, metadata)"
            " SELECT id, gen_random_uuid()::text, '{}' FROM project, generate_series(1, $1::int) RETURNING 1",
            count,
        )

    async def _round(self, victim: str) -> None:
        """Kill something at a random moment, and wait until all is well again; not always."""
        await asyncio.sleep(self._rng.uniform(0, 1))
        killed_at = time.monotonic()
        while not kill(self._service, victim, self._rng):
            await asyncio.sleep(0.01)
            killed_at = time.monotonic()
        if self._rng.random() >= AT_ONCE:
            await self._recover()
        self._kills.append(Kill(victim, killed_at, time.monotonic()))

    async def _recover(self) -> None:
        """Wait until the service is whole and swipes are acknowledged. Raises StuckError."""
        await self._service.until_whole()
        heard, until = len(self._promises.heard), time.monotonic() + RECOVERY_SECONDS
        while len(self._promises.heard) < heard + 3:
            if time.monotonic() > until:
                raise StuckError(f"no swipe is acknowledged; {self._promises.answers}; {self._service.last_words()}")
            await asyncio.sleep(0.01)

    async def _supply(self) -> None:
        """Import subjects whenever few are left, whatever is being killed meanwhile."""
        while True:
            with suppress(*UNREACHABLE, *CONFLICTS, ChaffinchError, PostgresError):
                query = "SELECT count(*) FROM dealable WHERE workflow_id = $1 AND tier = 0"
                if await self._ask(query, self._first) < ENOUGH:
                    await self._import(ENOUGH)
                    await self._ask("UPDATE cascade_version SET settled_at = NULL RETURNING 1")
                async with self._services() as services:
                    await services.publishing.settle_all()
            await asyncio.sleep(0.5)

    async def _finish(self) -> int:
        """Let all reservations run out, and a fresh crowd finish every subject; return how many it could not."""
        await self._ask("UPDATE stage SET reserved_until = now() - interval '1 s' RETURNING 1")
        crowd = [self._phone(skill=0.95) for _ in range(CROWD)]
        async with asyncio.timeout(FINISH_SECONDS):
            await asyncio.gather(
                *(swipe_to_the_end(phone, (self._first, self._second), CROWD_VOLUNTEERS) for phone in crowd)
            )
        for phone in crowd:
            phone.close()
        return int(await self._ask("SELECT count(*) FROM stage WHERE state < 2"))

    async def _held_against_the_books(self) -> list[str]:
        """Return the promises that were not kept, and what is wrong in the books."""
        async with self._connection() as connection:
            wrong = list(await audit(connection, SLUG))
            rows = await connection.fetch(
                "SELECT kind, 'V' || volunteer_id, client_id::text, workflow_id, 'S' || subject_id, answer"
                " FROM classification"
            )
        votes = {tuple(row)[1:3]: tuple(row)[3:] for row in rows if row[0] == 0}
        back = {tuple(row)[1:3] for row in rows if row[0] == 1}
        for promise, swipe in self._promises.votes.items():
            wanted = (swipe["workflow"], swipe["subject"], int(swipe["answer"] == "yes"))
            if votes.get(promise) != wanted:
                wrong.append(f"lost: {swipe} of {promise[0]}; the ledger has {votes.get(promise)}")
        wrong += [f"not taken back: {promise}" for promise in self._promises.retractions - back]
        return wrong + [
            f"stored though never acknowledged: {each}" for each in votes.keys() - self._promises.votes.keys()
        ]

    async def _report(self, wrong: Sequence[str]) -> dict[str, Any]:
        silences = {name: self._silences(name) for name in VICTIMS}
        return {
            "wrong": list(wrong[:50]),
            "acknowledged": len(self._promises.votes),
            "taken_back": len(self._promises.retractions),
            "replies": dict(self._promises.answers),
            "labels": await self._ask("SELECT count(*) FROM label"),
            "starts": self._service.starts,
            "silence_seconds": _summary([each for found in silences.values() for each in found]),
            "by_victim": {name: _summary(found) for name, found in silences.items()},
        }

    def _silences(self, victim: str) -> list[float]:
        """Return, for each kill, the longest time after it in which nobody's swipe was acknowledged."""
        found = []
        for killed in self._kills:
            if killed.victim == victim:
                within = [at for at in self._promises.heard if killed.at <= at <= killed.whole_at]
                after = next((at for at in self._promises.heard if at > killed.whole_at), killed.whole_at)
                times = [killed.at, *within, after]
                found.append(max(later - earlier for earlier, later in pairwise(times)))
        return found

    async def _ask(self, query: str, *values: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchval(query, *values)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        connection = await asyncpg.connect(self._service.home.url())
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def _services(self) -> AsyncIterator[Services]:
        """Open the services in this process: they do not hold the database, as the ones to be killed do."""
        services = await open_services(Settings(data_dir=self._service.home.folder.parent), self._service.home.url())
        try:
            yield services
        finally:
            await services.close()


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    if not ordered:
        return {"kills": 0}
    return {"kills": len(ordered), "p50": round(ordered[len(ordered) // 2], 2), "max": round(ordered[-1], 2)}
