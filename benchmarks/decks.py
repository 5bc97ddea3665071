"""Decks of 20 from a million active subjects, measured in the service: by who asks, and what they have seen."""

import random
import time
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import numpy as np

from api.caller import Caller, Scope
from api.services.decks import Decks
from api.services.published import PublishedCascades
from api.settings import Settings
from api.store.engine import open_pool
from benchmarks.campaign import FIRST, campaign
from benchmarks.swipes import percentiles
from mobile_schemas.decks import DeckIn

SUBJECTS = 1_000_000
SEEN = 10_000
DECK = 20

SEE = """
INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until, client_id)
SELECT $1, 1, subject_id, $1, false, now(), now() + $3, gen_random_uuid() FROM unnest($2::bigint[]) AS q (subject_id)
"""


async def run_decks(settings: Settings, decks: int) -> dict[str, Any]:
    """Return the milliseconds of a deck for a new volunteer and for two who have seen 10,000 subjects.

    The likeliest 10,000 subjects are those that a machine score holds for a yes: a pile of their own, from which up to
    half of every deck is dealt.
    """
    results: dict[str, Any] = {}
    async with campaign(settings, subjects=SUBJECTS, volunteers=10, gold=500, likely=SEEN) as made:
        connection = await asyncpg.connect(made.url)
        week = timedelta(days=7)
        await connection.execute(SEE, 2, random.sample(range(SEEN + 1, SUBJECTS), SEEN), week)
        await connection.execute(SEE, 3, list(range(1, SEEN + 1)), week)
        await connection.execute("VACUUM ANALYZE card")
        await connection.close()
        pool = await open_pool(made.url, 2)
        service = Decks(pool, PublishedCascades(), np.random.default_rng())
        who = {"has seen nothing": 1, "has seen 10,000 at random": 2, "has seen exactly the 10,000 likeliest": 3}
        for name, person in who.items():
            results[name] = await _measure(service, person, decks)
            print(f"deck of {DECK} of {SUBJECTS:,}, volunteer {name}: ms {results[name]}", flush=True)
        await pool.close()
    return results


async def _measure(service: Decks, person: int, decks: int) -> dict[str, float]:
    caller = Caller(person, person, None, Scope.VOLUNTEER, None, "app")
    holding: list[str] = []
    times = []
    for number in range(decks + 20):
        wish = DeckIn(key=uuid.uuid4(), size=DECK, width=640, holding=holding[-100:])
        started = time.perf_counter()
        reply = await service.deal(caller, FIRST, wish)
        if number >= 20:  # the first ones fill caches and prepare statements
            times.append((time.perf_counter() - started) * 1e3)
        if len(reply["cards"]) < DECK:
            raise RuntimeError(f"a deck of {len(reply['cards'])} cards: {reply['reason']}")
        holding += [card["subject"] for card in reply["cards"]]
    return percentiles(times)
