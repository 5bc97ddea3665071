"""What our figures stand beside: the bare statements, and a bare route with group commit.

Both do the least that could be called storing a vote: one insert into a ledger and one counter per subject. They know
no cards, no skill, no decision, no duplicates; they are limits, not rivals.
"""

import asyncio
import json
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.services.group_commit import GroupCommit
from api.store.engine import Pool, open_pool

TABLES = """
CREATE TABLE bare_vote (id uuid PRIMARY KEY, subject_id bigint NOT NULL, answer smallint NOT NULL, body text);
CREATE TABLE bare_counter (subject_id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0) WITH (fillfactor = 60);
INSERT INTO bare_counter SELECT i FROM generate_series(1, 100000) i;
"""
WRITE = """
WITH q AS MATERIALIZED (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::smallint[]) AS q (id, subject_id, answer)),
votes AS (INSERT INTO bare_vote (id, subject_id, answer) SELECT * FROM q ON CONFLICT DO NOTHING)
UPDATE bare_counter c SET n = c.n + g.n
FROM (SELECT subject_id, count(*) AS n FROM q GROUP BY subject_id) g WHERE c.subject_id = g.subject_id
"""

Vote = tuple[uuid.UUID, int, int]


async def create_tables(url: str) -> None:
    """Make the two tables."""
    connection = await asyncpg.connect(url)
    await connection.execute(TABLES)
    await connection.close()


async def write(pool: Pool, votes: Sequence[Vote]) -> list[int]:
    """Store a group of votes."""
    ordered = sorted(votes, key=lambda vote: vote[1])
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM bare_counter WHERE subject_id = ANY($1::bigint[]) ORDER BY subject_id FOR NO KEY UPDATE",
            [vote[1] for vote in ordered],
        )
        await connection.execute(WRITE, *(list(column) for column in zip(*ordered, strict=True)))
    return [1] * len(votes)


async def raw_statements(url: str, batch: int, seconds: float, connections: int = 8) -> float:
    """Return the rows per second of the bare statements on asyncpg, without HTTP."""
    pool = await open_pool(url, connections)
    done = 0
    until = time.perf_counter() + seconds

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until:
            votes = [(uuid.uuid4(), random.randrange(1, 100_000), 1) for _ in range(batch)]
            written = await write(pool, votes)
            done += len(written)

    started = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(connections)))
    elapsed = time.perf_counter() - started
    await pool.close()
    return done / elapsed


def bare_app() -> Starlette:
    """Return a Starlette application with one route: parse the body, commit in groups, answer."""
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pool = state["pool"] = await open_pool(os.environ["BENCH_URL"], 4)
        state["commit"] = GroupCommit(lambda votes: write(pool, votes), lambda _: 0, lanes=2)
        yield
        await state["commit"].close()
        await pool.close()

    async def classify(request: Request) -> Response:
        items = json.loads(await request.body())["classifications"]
        votes = [(uuid.UUID(i["id"]), int(i["subject"][1:]) % 100_000 + 1, i["answer"] == "yes") for i in items]
        results = await state["commit"].submit(votes)
        verdicts = ",".join('{"verdict":"created"}' for _ in results)
        return Response(f'{{"verdicts":[{verdicts}]}}', media_type="application/json")

    return Starlette(routes=[Route("/v1/classifications", classify, methods=["POST"])], lifespan=lifespan)
