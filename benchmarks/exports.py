"""Exports of a vote log of millions, in every form: rows a second and memory, beside a bare COPY of the same rows."""

import asyncio
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from api.exports.columns import Table
from api.exports.forms import Form
from api.services.exporting import Wish, exported
from api.settings import Settings
from api.store.statements import statements
from benchmarks.campaign import SLUG, campaign

VOLUNTEERS = 20_000
SUBJECTS_PER_VOTE = 0.1
FEWER = {Form.VOTABLE: 5, Form.NDJSON: 2, Form.FITS: 2}
"""By how much fewer rows are written in a form, so that the whole takes minutes."""

VOTES = """
INSERT INTO classification (received_at, kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt,
    answer, flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at, dwell_ms, session,
    utc_offset_minutes, language, source)
SELECT now() - $1 * interval '150 ms' + i * interval '150 ms', 0, v, v, 1, 1 + i * 104729 % $2, gen_random_uuid(), 0,
       i % 2, i % 1000 = 0, 1, 0, 1 + i * 10 / $1, -105361 - i % 7, -2302585 + i % 5, i % 50, 1,
       now() - $1 * interval '150 ms' + i * interval '150 ms' - i % 9 * interval '1.25 s', 500 + i % 4000,
       'session-' || i / 40, 60, (ARRAY['en-GB', 'de', 'fr'])[1 + i % 3], 'app'
FROM generate_series(1::bigint, $1::bigint) i, LATERAL (SELECT 1 + i * 7919 % $3 AS v) who
"""
TAKEN_BACK = """
INSERT INTO swipe_key (person_id, client_id, workflow_id, subject_id, retracted_at)
SELECT person_id, client_id, workflow_id, subject_id, now() FROM classification WHERE dwell_ms % 100 = 0
"""
LABELS = """
WITH decided AS (
    UPDATE stage SET state = 2, answer = subject_id % 2, reason = 4, revision = 1, retired_at = now(), ordinal = 10,
        decided_ordinal = 10, first_vote_at = now(), last_vote_at = now()
    RETURNING workflow_id, subject_id, answer
), labelled AS (
    INSERT INTO label (workflow_id, subject_id, revision, project_id, answer, reason, log_odds, votes, version_id)
    SELECT workflow_id, subject_id, 1, 1, answer, 4, 3000000 - 6000000 * answer, 10, 1 FROM decided
)
INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision, position)
SELECT 1, 'subject.retired', workflow_id, subject_id, 1, row_number() OVER () FROM decided
"""


@dataclass(frozen=True)
class Measured:
    """One export; memory is the resident set in MB at points of its way."""

    table: str
    form: str
    rows: int
    rows_per_second: int
    size_mb: int
    rss_mb_at_quarters: list[int]
    rss_mb_peak: int


async def run_exports(settings: Settings, rows: int) -> dict[str, Any]:
    """Return how fast a vote log of so many rows leaves in every form, and labels and subjects as Parquet."""
    subjects = int(rows * SUBJECTS_PER_VOTE)
    async with campaign(settings, subjects=subjects, volunteers=VOLUNTEERS, gold=10) as made:
        await _fill(made.url, rows, subjects)
        results: dict[str, Any] = {"copy": await _bare_copy(made.url)}
        print(f"bare COPY of the same rows, to nowhere: {results['copy']:,} rows/s", flush=True)
        with TemporaryDirectory(prefix="chaffinch-exports-") as folder:
            wishes = [Wish(Table.VOTES, form, limit=rows // FEWER[form] if form in FEWER else None) for form in Form]
            wishes += [Wish(Table.LABELS, Form.PARQUET), Wish(Table.SUBJECTS, Form.PARQUET)]
            for wish in wishes:
                measured = await asyncio.to_thread(_in_a_process_of_its_own, made.url, wish, folder)
                print(_said(measured), flush=True)
                results[f"{measured.table} {measured.form}"] = asdict(measured)
    return results


async def _fill(url: str, rows: int, subjects: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(VOTES, rows, subjects, VOLUNTEERS, timeout=3600)
        for statement in (TAKEN_BACK, LABELS, "VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement, timeout=3600)
    finally:
        await connection.close()


async def _bare_copy(url: str) -> int:
    """Return the rows a second at which the server gives the statement of the export, read and thrown away."""
    connection = await asyncpg.connect(url)
    try:
        query = statements("exports")["votes"]
        for place, value in (
            *(("$10", "NULL"), ("$9", f"'{'0' * 32}'::uuid"), ("$8", "0"), ("$7", "0"), ("$6", "0"), ("$5", "0")),
            *(
                ("$4", "'-infinity'::timestamptz"),
                ("$3", "now()"),
                ("$2", "'-infinity'::timestamptz"),
                ("$1", "'{1,2}'"),
            ),
        ):
            query = query.replace(place, value)
        await connection.execute("SET work_mem = '64MB'; SET jit = off")
        started = time.perf_counter()
        status = await connection.copy_from_query(query, output=_forget, format="binary", timeout=3600)
        return round(int(status.split()[1]) / (time.perf_counter() - started))
    finally:
        await connection.close()


async def _forget(_content: bytes) -> None:
    """Throw bytes away."""


def _in_a_process_of_its_own(url: str, wish: Wish, folder: str) -> Measured:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure, url, wish, Path(folder, "export")).result()


def _measure(url: str, wish: Wish, path: Path) -> Measured:
    held: list[int] = []
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(held, done))
    watcher.start()
    started = time.perf_counter()
    try:
        with path.open("wb") as file:
            result = asyncio.run(_export(url, wish, file.write))
    finally:
        done.set()
        watcher.join()
    speed = round(result.rows / (time.perf_counter() - started))
    quarters = [held[len(held) * quarter // 4 - (quarter == 4)] for quarter in (1, 2, 3, 4)]
    size_mb = round(result.size_bytes / 1e6)
    return Measured(wish.table.value, wish.form.value, result.rows, speed, size_mb, quarters, max(held))


async def _export(url: str, wish: Wish, write: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await exported(connection, url, SLUG, wish, write)
    finally:
        await connection.close()


def _watch(held: list[int], done: threading.Event) -> None:
    """Note the resident set, in MB, until told that it is done."""
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1e6
    while True:
        held.append(round(int(Path("/proc/self/statm").read_text().split()[1]) * page_mb))
        if done.wait(0.1):
            return


def _said(measured: Measured) -> str:
    return (
        f"{measured.table} as {measured.form}: {measured.rows:,} rows, {measured.rows_per_second:,} rows/s,"
        f" {measured.size_mb} MB; resident MB at each quarter {measured.rss_mb_at_quarters},"
        f" at most {measured.rss_mb_peak}"
    )
