"""Phones as a load: a process of its own with many keep-alive connections, cheap enough to leave the cores to others.

Each connection is a phone: it asks for a deck, answers its cards (in posts of `batch`), and passes the phone on to the
next volunteer after a few decks. Latencies are those of the posts.
"""

import argparse
import asyncio
import json
import random
import time
import uuid
from dataclasses import dataclass, field

import uvloop

from benchmarks.campaign import FIRST, token

DECK = 20
DECKS_EACH = 10
SKILL = 0.85


@dataclass
class Tally:
    """What a run has seen."""

    swipes: int = 0
    decks: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    post_ms: list[float] = field(default_factory=list)
    deck_ms: list[float] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with one request at a time: no more than the service's own replies need."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are not registered

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        at = head.index(b"content-length: ") + 16
        length = int(head[at : (head + b"\r").index(b"\r", at)])
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), body))

    async def post(self, path: str, bearer: str, body: bytes) -> tuple[int, bytes]:
        """Send one request and return status and body of the reply."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        return await self._waiting


def client_id() -> uuid.UUID:
    """Return a new UUIDv7."""
    milliseconds = time.time_ns() // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62))


def swipe(subject: str, rng: random.Random) -> str:
    """Return the answer of a volunteer of the usual skill, as JSON."""
    truth = int(subject[1:]) % 2 == 1
    answer = "yes" if truth == (rng.random() < SKILL) else "no"
    return (
        f'{{"id":"{client_id()}","workflow":{FIRST},"subject":"{subject}","answer":"{answer}",'
        '"answered_at":"2026-11-21T09:30:00.250+01:00","dwell_ms":1840,"session":"s1","utc_offset_minutes":60,'
        '"language":"de-CH"}'
    )


class Load:
    """Many phones against one address for some seconds."""

    def __init__(self, port: int, batch: int, volunteers: int, offset: int) -> None:
        self._port = port
        self._batch = batch
        self._next = offset
        self._volunteers = volunteers
        self.tally = Tally()

    async def phone(self, number: int, warm: float, until: float) -> None:
        """Be one phone from now to `until`; count from `warm`."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        rng = random.Random(number)
        while time.perf_counter() < until:
            self._next += 1
            bearer = token(self._next % self._volunteers + 1)
            for _ in range(DECKS_EACH):
                if time.perf_counter() >= until:
                    return
                subjects = await self._deck(connection, bearer, warm)
                for start in range(0, len(subjects), self._batch):
                    await self._answer(connection, bearer, subjects[start : start + self._batch], rng, warm)

    async def _deck(self, connection: Connection, bearer: str, warm: float) -> list[str]:
        started = time.perf_counter()
        wish = f'{{"key":"{client_id()}","size":{DECK},"width":640}}'.encode()
        status, reply = await connection.post(f"/v1/workflows/{FIRST}/decks", bearer, wish)
        if status != 200:
            raise RuntimeError(f"deck: {status} {reply[:300]!r}")
        if started >= warm:
            self.tally.decks += 1
            self.tally.deck_ms.append((time.perf_counter() - started) * 1e3)
        return [card["subject"] for card in json.loads(reply)["cards"]]

    async def _answer(
        self, connection: Connection, bearer: str, subjects: list[str], rng: random.Random, warm: float
    ) -> None:
        body = f'{{"classifications":[{",".join(swipe(s, rng) for s in subjects)}]}}'.encode()
        started = time.perf_counter()
        status, reply = await connection.post("/v1/classifications", bearer, body)
        if status != 200:
            raise RuntimeError(f"swipe: {status} {reply[:300]!r}")
        if started < warm:
            return
        self.tally.post_ms.append((time.perf_counter() - started) * 1e3)
        self.tally.swipes += len(subjects)
        for word in (b'"created"', b'"kept"', b'"duplicate"', b'"rejected"', b'"retry"'):
            if found := reply.count(b'"verdict":' + word):
                self.tally.verdicts[word.decode()] = self.tally.verdicts.get(word.decode(), 0) + found


class BareLoad(Load):
    """The same phones against the bare route: no decks, no tokens, the same posts."""

    async def _deck(self, *_: object) -> list[str]:
        return [f"S{random.randrange(1, 100_000)}" for _ in range(DECK)]


async def run(port: int, batch: int, connections: int, seconds: float, volunteers: int, bare: bool) -> Tally:
    """Load a service for some seconds after a warm-up of two."""
    load = (BareLoad if bare else Load)(port, batch, volunteers, random.randrange(volunteers))
    warm = time.perf_counter() + 2
    until = warm + seconds
    await asyncio.gather(*(load.phone(number, warm, until) for number in range(connections)))
    return load.tally


def main() -> None:
    """Run one load and print its tally as JSON."""
    parser = argparse.ArgumentParser()
    for name in ("port", "batch", "connections", "volunteers"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bare", action="store_true")
    given = parser.parse_args()
    tally = uvloop.run(run(given.port, given.batch, given.connections, given.seconds, given.volunteers, given.bare))
    print(json.dumps(tally.__dict__))


if __name__ == "__main__":
    main()
