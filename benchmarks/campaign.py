"""A campaign made by SQL, as large as a measurement needs, with gold, routing and a crowd that has tokens."""

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from api.postgres.embedded import running_postgres
from api.settings import Settings
from api.store.schema import upgrade

SLUG = "bench"
DECLARATION = """
project: bench
workflows:
  - name: first
    question: Is it?
    prior: {score: machine}
    then: {yes: second, no: retire, contested: retire}
  - name: second
    question: Is it really?
"""
FIRST, SECOND = 1, 2


@dataclass(frozen=True)
class Campaign:
    """Where it lives and how large it is. The answer to a subject is yes if its number is odd."""

    url: str
    subjects: int
    gold: int
    volunteers: int


def token(volunteer: int) -> str:
    """Return the token of a volunteer of the campaign."""
    return f"chf_bench{volunteer:040d}"


@asynccontextmanager
async def campaign(
    settings: Settings,
    *,
    subjects: int,
    volunteers: int,
    gold: int = 2000,
    likely: int = 0,
    declaration: str = DECLARATION,
) -> AsyncIterator[Campaign]:
    """Make a campaign in a database of its own, and drop it afterwards.

    `likely` of the subjects carry a machine score that holds them for a yes. A declaration has the workflows first and
    second.
    """
    async with running_postgres(settings) as server:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        await _execute(server, f"CREATE DATABASE {name}")
        parts = urlsplit(server)
        url = parts._replace(path=f"/{name}").geturl()
        try:
            await upgrade(url)
            await _fill(url, subjects, volunteers, gold, likely, declaration)
            await asyncio.to_thread(os.sync)  # what was filled in must not be on its way to the disk while we measure
            yield Campaign(url, subjects, gold, volunteers)
        finally:
            await _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fill(url: str, subjects: int, volunteers: int, gold: int, likely: int, declaration: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement, values in _statements(subjects, gold, likely, declaration):
            await connection.execute(statement, *values, timeout=1800)
        await connection.execute("INSERT INTO person SELECT FROM generate_series(1, $1::int)", volunteers)
        await connection.execute("INSERT INTO volunteer (person_id) SELECT id FROM person ORDER BY id")
        tokens = [(hashlib.sha256(token(n).encode()).digest(), "volunteer", n, "app") for n in range(1, volunteers + 1)]
        await connection.copy_records_to_table(
            "token", records=tokens, columns=["sha256", "scope", "volunteer_id", "source"]
        )
        await connection.execute("VACUUM ANALYZE", timeout=1800)
        await connection.execute("CHECKPOINT", timeout=600)
    finally:
        await connection.close()


def _statements(subjects: int, gold: int, likely: int, declaration: str) -> list[tuple[str, tuple[object, ...]]]:
    number = "(random() * 2147483647)::int"
    ids = json.dumps({"first": FIRST, "second": SECOND})
    return [
        ("INSERT INTO project (slug) VALUES ($1)", (SLUG,)),
        (
            "INSERT INTO workflow (project_id, name, question) VALUES (1, 'first', '1?'), (1, 'second', '2?')",
            (),
        ),
        (
            "INSERT INTO cascade_version (project_id, number, digest, declaration, workflow_ids)"
            " VALUES (1, 1, 'bench', $1, $2)",
            (declaration, ids),
        ),
        ("UPDATE project SET version_id = 1", ()),
        (
            "INSERT INTO subject (project_id, external_id, metadata)"
            " SELECT 1, 'e' || i, '{\"survey\": \"bench\"}' FROM generate_series(1, $1::int) i",
            (subjects + gold,),
        ),
        (
            "INSERT INTO location (subject_id, ordinal, digest, mime, width, height, blurhash, variants)"
            " SELECT id, 1, encode(sha256(id::text::bytea), 'hex'), 'image/png', 512, 512,"
            " 'LEHV6nWB2yk8pyo0adR*.7kCMdnj', '[[320, 320, 20000], [512, 512, 40000]]' FROM subject",
            (),
        ),
        (
            "INSERT INTO stage (workflow_id, subject_id, draw, version_id, need, machine, prior)"
            f" SELECT 1, i, {number}, 1, 2, (i <= $2)::int, CASE WHEN i <= $2 THEN 500000 ELSE 0 END"
            " FROM generate_series(1, $1::int) i",
            (subjects, likely),
        ),
        ("INSERT INTO dealable SELECT workflow_id, machine, draw, subject_id FROM stage", ()),
        (
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw, explanation)"
            f" SELECT i, 'first', 1, 1, i % 2, {number}, 'As the guide shows.'"
            " FROM generate_series($1::int + 1, $1::int + $2::int) i",
            (subjects, gold),
        ),
    ]
