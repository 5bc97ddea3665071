"""Votes that come after the deciding one, when many phones hold decks of few subjects."""

import asyncio
import json
import random
import time
from typing import Any

import asyncpg

from api.settings import Settings
from benchmarks.campaign import FIRST, campaign, token
from benchmarks.phones import Connection, client_id, swipe
from benchmarks.serving import free_port, serving

PHONES = 200
SUBJECTS = 2000
DECK = 10
MOST_SECONDS = 300

COUNTS = """
SELECT count(*) FILTER (WHERE bucket <> 3) AS votes, count(*) FILTER (WHERE bucket = 4) AS late,
       count(*) FILTER (WHERE bucket = 5) AS audit, count(*) FILTER (WHERE bucket = 3) AS gold
FROM classification WHERE workflow_id = 1
"""


async def run_overshoot(settings: Settings) -> dict[str, Any]:
    """Let 200 phones finish 2,000 subjects, one swipe a post, and count the votes after the deciding ones."""
    async with campaign(settings, subjects=SUBJECTS, volunteers=PHONES) as made:
        port = free_port()
        environment = {
            "CHAFFINCH_DATABASE_URL": made.url,
            "CHAFFINCH_LOG_LEVEL": "warning",
            "CHAFFINCH_LIMITS": "false",
        }
        command = ["api.cli", "serve", "--processes", "2", "--port", str(port)]
        async with serving(command, port, environment):
            until = time.monotonic() + MOST_SECONDS
            await asyncio.gather(*(_phone(port, number, until) for number in range(PHONES)))
        connection = await asyncpg.connect(made.url)
        counts = dict(await connection.fetchrow(COUNTS) or {})
        retired = await connection.fetchval("SELECT count(*) FROM stage WHERE workflow_id = 1 AND state = 2")
        await connection.close()
    result = counts | {"retired": retired, "late_share": counts["late"] / counts["votes"]}
    print(f"{PHONES} phones, decks of {DECK}, {SUBJECTS} subjects: {result}", flush=True)
    return result


async def _phone(port: int, number: int, until: float) -> None:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    rng = random.Random(number)
    bearer = token(number + 1)
    waits = 0
    while time.monotonic() < until:
        wish = f'{{"key":"{client_id()}","size":{DECK},"width":640}}'.encode()
        status, reply = await connection.post(f"/v1/workflows/{FIRST}/decks", bearer, wish)
        deck = json.loads(reply)
        if status != 200:
            raise RuntimeError(f"deck: {status} {reply[:300]!r}")
        if not deck["cards"]:
            waits += 1
            if deck["reason"] != "all_dealt" or waits > 100:
                return
            await asyncio.sleep(0.2)
        for card in deck["cards"]:
            body = f'{{"classifications":[{swipe(card["subject"], rng)}]}}'.encode()
            status, reply = await connection.post("/v1/classifications", bearer, body)
            if status != 200:
                raise RuntimeError(f"swipe: {status} {reply[:300]!r}")
