"""Phones at a steady rate, whatever is killed meanwhile: a process of its own.

Each phone sends a small batch every so often. One that was held up by a kill catches up, so that the rate holds on the
whole; what is not acknowledged is sent again.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from typing import Final

import uvloop

from benchmarks.campaign import FIRST
from benchmarks.stubborn import Promises, RefusedError, StubbornPhone

BATCH: Final = 5
PHONE_RATE: Final = 20
"""Swipes per second of one phone: some forty people on a bus share it."""

DECKS_EACH: Final = 20


async def paced(port: int, rate: int, seed: int) -> dict[str, object]:
    """Swipe at a rate until standard input ends; return what came of it."""
    promises, phones, stop = Promises(), max(rate // PHONE_RATE, 1), asyncio.Event()
    began = time.monotonic()
    waiting = asyncio.create_task(_set_at_end(stop))
    await asyncio.gather(
        *(_swipe(port, promises, random.Random(seed * 1000 + n), rate / phones, stop) for n in range(phones))
    )
    await waiting
    return {
        "acknowledged": len(promises.votes),
        "seconds": time.monotonic() - began,
        "replies": dict(promises.answers),
        "broken": promises.broken[:5],
    }


async def _set_at_end(stop: asyncio.Event) -> None:
    await asyncio.to_thread(sys.stdin.read)
    stop.set()


async def _swipe(port: int, promises: Promises, rng: random.Random, rate: float, stop: asyncio.Event) -> None:
    phone = StubbornPhone(port, promises, rng, skill=0.85)
    due = time.monotonic() + rng.random() * BATCH / rate
    while not stop.is_set():
        await phone.register()
        with suppress(RefusedError):
            for _ in range(DECKS_EACH):
                subjects, _ = await phone.deck(FIRST, 4 * BATCH)
                for start in range(0, len(subjects), BATCH):
                    await asyncio.sleep(due - time.monotonic())
                    if stop.is_set():
                        phone.close()
                        return
                    await phone.answer([phone.swipe(FIRST, each) for each in subjects[start : start + BATCH]])
                    due += BATCH / rate
    phone.close()


def main() -> None:
    """Run the phones and print what came of it as JSON."""
    parser = argparse.ArgumentParser()
    for name in ("port", "rate", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    print(json.dumps(uvloop.run(paced(given.port, given.rate, given.seed))))


if __name__ == "__main__":
    main()
