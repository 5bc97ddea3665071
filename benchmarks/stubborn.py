"""Phones that do not give up: what is not acknowledged is kept and sent again, under the same ids and keys.

They count what they were promised, so that the promises can be held against the ledger.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.phones import Connection, client_id

REPLY_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.05
"""Between attempts of a phone; a real one would wait longer, and hide how soon the service is back."""

STORED: Final = frozenset({"created", "kept", "duplicate"})
Swipe = dict[str, Any]


class LostError(Exception):
    """No usable reply came."""


class RefusedError(Exception):
    """The service says that this will never do, which it never should to a phone that plays by the rules."""


class Line(Connection):
    """A connection that knows when it is gone."""

    gone = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        super().connection_lost(exc)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


@dataclass
class Promises:
    """What all phones together were told, and when."""

    votes: dict[tuple[str, str], Swipe] = field(default_factory=dict)
    """Acknowledged swipes, by the volunteer's and the client's id."""

    retractions: set[tuple[str, str]] = field(default_factory=set)
    volunteers: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    """Replies by status, and attempts that got none as `no reply`."""

    broken: list[str] = field(default_factory=list)
    """Replies that no phone should ever get."""

    heard: list[float] = field(default_factory=list)
    """When swipes were acknowledged, on the monotonic clock."""


class StubbornPhone:
    """One phone at a time of one volunteer after the other."""

    def __init__(self, port: int, promises: Promises, rng: random.Random, skill: float) -> None:
        self._port = port
        self._promises = promises
        self._rng = rng
        self._skill = skill
        self._line: Line | None = None
        self._token = ""
        self.volunteer = ""

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()

    async def register(self) -> None:
        """Become another volunteer."""
        self._token = ""
        created = await self._ask("/v1/volunteers", {})
        self.volunteer, self._token = created["volunteer"], created["token"]
        self._promises.volunteers.add(self.volunteer)

    async def deck(self, workflow: int, size: int) -> tuple[list[str], str | None]:
        """Return the subjects of a new deck, or why there is none; the same key brings the same deck again."""
        path, wish = f"/v1/workflows/{workflow}/decks", {"key": str(client_id()), "size": size, "width": 640}
        deck = await self._ask(path, wish)
        subjects = [card["subject"] for card in deck["cards"]]
        if subjects and self._rng.random() < 0.1:
            again = [card["subject"] for card in (await self._ask(path, wish))["cards"]]
            if again != subjects:
                self._promises.broken.append(f"one key brought {subjects} and {again}")
        return subjects, deck["reason"]

    def swipe(self, workflow: int, subject: str) -> Swipe:
        """Return an answer; the truth of a subject is yes if its number is odd."""
        truth = int(subject[1:]) % 2 == 1
        return {
            "id": str(client_id()),
            "workflow": workflow,
            "subject": subject,
            "answer": "yes" if truth == (self._rng.random() < self._skill) else "no",
            "answered_at": "2026-11-21T09:30:00.250+01:00",
            "dwell_ms": 1840,
        }

    async def answer(self, swipes: Sequence[Swipe]) -> list[Swipe]:
        """Send swipes until each is acknowledged; return those that were no gold."""
        waiting, ordinary = list(swipes), []
        while waiting:
            reply = await self._ask("/v1/classifications", {"classifications": waiting})
            verdicts = {verdict["id"]: verdict for verdict in reply["verdicts"]}
            for swipe in waiting:
                verdict = verdicts[swipe["id"]]
                if verdict["verdict"] in STORED:
                    self._promises.votes[self.volunteer, swipe["id"]] = swipe
                    if not verdict.get("feedback"):
                        ordinary.append(swipe)
                elif verdict["verdict"] != "retry":
                    self._promises.broken.append(f"{swipe} of {self.volunteer} was answered with {verdict}")
            self._promises.heard.append(time.monotonic())
            waiting = [swipe for swipe in waiting if verdicts[swipe["id"]]["verdict"] == "retry"]
        return ordinary

    async def take_back(self, swipe: Swipe) -> None:
        """Take an answer back that was acknowledged a moment ago."""
        verdict = "retry"
        while verdict == "retry":
            reply = await self._ask("/v1/retractions", {"retractions": [{"id": swipe["id"]}]})
            verdict = reply["verdicts"][0]["verdict"]
        if verdict in ("retracted", "duplicate"):
            self._promises.retractions.add((self.volunteer, swipe["id"]))
        else:
            self._promises.broken.append(f"taking back {swipe} of {self.volunteer} was answered with {verdict}")

    async def _ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask until there is an answer."""
        content = json.dumps(body).encode()
        while True:
            try:
                status, reply = await self._once(path, content)
            except (LostError, OSError, TimeoutError):
                self._promises.answers["no reply"] += 1
                self.close()
                self._line = None
            else:
                self._promises.answers[str(status)] += 1
                if status < 300:
                    return json.loads(reply)
                if status < 500:
                    self._promises.broken.append(f"{path} was answered with {status}: {reply[:300]!r}")
                    raise RefusedError
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, path: str, content: bytes) -> tuple[int, bytes]:
        async with asyncio.timeout(REPLY_SECONDS):
            if self._line is None or self._line.gone:
                loop = asyncio.get_running_loop()
                _, self._line = await loop.create_connection(Line, "127.0.0.1", self._port)
            if self._line.gone:
                raise LostError
            return await self._line.post(path, self._token, content)


async def swipe_until(stop: asyncio.Event, phone: StubbornPhone, workflows: Sequence[int], rng: random.Random) -> None:
    """Swipe as people do, in small batches, changing an answer now and then, until told to stop; hold no card then."""
    while not stop.is_set():
        await phone.register()
        with suppress(RefusedError):
            for _ in range(20):
                if not stop.is_set():
                    await _swipe_deck(phone, rng.choice(workflows), rng)


async def _swipe_deck(phone: StubbornPhone, workflow: int, rng: random.Random) -> None:
    subjects, reason = await phone.deck(workflow, 6)
    if reason:
        await asyncio.sleep(0.1)
    for start in range(0, len(subjects), 2):
        ordinary = await phone.answer([phone.swipe(workflow, each) for each in subjects[start : start + 2]])
        if ordinary and rng.random() < 0.05:
            await phone.take_back(ordinary[0])
            await phone.answer([phone.swipe(workflow, ordinary[0]["subject"])])
        await asyncio.sleep(rng.uniform(0, 0.06))


async def swipe_to_the_end(phone: StubbornPhone, workflows: Sequence[int], volunteers: int) -> None:
    """Swipe as fast as may be, as so many volunteers one after the other, until nothing is left for any of them."""
    for _ in range(volunteers):
        await phone.register()
        reasons: dict[int, str | None] = dict.fromkeys(workflows)
        while not all(reason in ("all_done", "all_seen") for reason in reasons.values()):
            for workflow in workflows:
                subjects, reasons[workflow] = await phone.deck(workflow, 20)
                if subjects:
                    await phone.answer([phone.swipe(workflow, each) for each in subjects])
            if set(reasons.values()) <= {"all_dealt", "all_done", "all_seen"}:
                await asyncio.sleep(0.1)
        if set(reasons.values()) == {"all_done"}:
            return
