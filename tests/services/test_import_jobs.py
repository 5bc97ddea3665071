"""Imports that were asked for over HTTP: done by workers, one of which is killed."""

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.caller import Caller
from api.media.storage import Place
from api.outbound.errors import PrivateHostError
from api.services.house import Services
from api.services.import_jobs import ImportJobs
from api.services.uploads import folder_key
from api.sources import Fetch
from api.store.engine import Connection, Pool, connect
from api.store.uploads import ImportStore
from mobile_schemas.imports import ImportIn
from tests.services.imports import a_manifest, a_picture
from tests.services.test_uploads import a_caller, a_file

ROOT = Path(__file__).parents[2]
MODEL = "c" * 64


class Far:
    """An address that gives one file, or none."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content = content

    async def __call__(self, url: str, into: Path, limit_bytes: int) -> None:
        if self.content is None:
            raise PrivateHostError("127.0.0.1")
        assert (url[:5], len(self.content) < limit_bytes) == ("http:", True)
        await asyncio.to_thread(into.write_bytes, self.content)


def the_jobs(pool: Pool, folder: Path, far: Far | None = None) -> ImportJobs:
    @asynccontextmanager
    async def same_pool() -> AsyncIterator[Pool]:
        yield pool

    @asynccontextmanager
    async def fetching() -> AsyncIterator[Fetch]:
        yield far or Far()

    return ImportJobs(same_pool, fetching, Place(folder), folder / "incoming")


async def uploaded(services: Services, caller: Caller, content: bytes, name: str, chunk: int = 50_000) -> str:
    upload: str = (await services.uploads.begin(caller, "lenses", a_file(content, name=name)))["upload"]
    for offset in range(0, len(content), chunk):
        await services.uploads.put(caller, upload, offset, content[offset : offset + chunk])
    return upload


async def wished(services: Services, caller: Caller, source: dict[str, str], **content: Any) -> int:
    wish = ImportIn.model_validate({"source": source, "content": {"kind": "subjects"} | content})
    number: int = (await services.uploads.begin_import(caller, "lenses", wish))["id"]
    return number


def an_archive(folder: Path, count: int, lost: int = 0) -> bytes:
    rows = [
        {"external_id": f"galaxy {number}", "location:1": a_picture(folder, f"{number}.png", number)}
        for number in range(count)
    ]
    rows += [{"external_id": f"lost {number}", "location:1": "lost.png"} for number in range(lost)]
    manifest = a_manifest(folder, rows)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in (manifest, *(folder / f"{number}.png" for number in range(count))):
            archive.add(path, path.name)
    return out.getvalue()


async def test_an_archive_that_was_uploaded_is_imported_and_thrown_away(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    caller = await a_caller(pool)
    upload = await uploaded(services, caller, an_archive(tmp_path, 20, lost=1), "subjects.tar.gz", 700)
    number = await wished(services, caller, {"upload": upload}, title="Lenses")

    await the_jobs(pool, tmp_path).turn(database)

    done = await services.uploads.get_import(caller, number)
    assert (done["state"], done["error"], done["line"], done["lines"]) == ("done", None, 22, 22)
    assert (done["report"]["imported"], done["report"]["bad"]) == (20, 1)
    assert done["problems"] == [
        {
            "line": 22,
            "column": "location:1",
            "problem": "lost.png: there is no such file",
            "remedy": "check the spelling, capital letters too, or copy the file",
        }
    ]
    assert await database.fetchval("SELECT title FROM project WHERE slug = 'lenses'") == "Lenses"
    assert (await services.uploads.get(caller, upload))["received"] == 0
    assert list(Place(tmp_path).open().list(folder_key(UUID(upload)))) == []
    assert [path for path in (tmp_path / "incoming").iterdir() if path.is_dir()] == []


async def test_a_file_that_is_not_what_was_announced_is_thrown_away(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    caller = await a_caller(pool)
    wrong = a_file(b"abc", sha256=hashlib.sha256(b"abd").hexdigest())
    upload = (await services.uploads.begin(caller, "lenses", wrong))["upload"]
    await services.uploads.put(caller, upload, 0, b"abc")
    number = await wished(services, caller, {"upload": upload})

    await the_jobs(pool, tmp_path).turn(database)

    done = await services.uploads.get_import(caller, number)
    assert done["state"] == "failed"
    assert "what was sent is thrown away: upload it again" in done["error"]
    assert (await services.uploads.get(caller, upload))["received"] == 0


async def test_scores_and_addresses_are_imported_too_and_what_fails_says_why(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    caller = await a_caller(pool)
    csv = await uploaded(services, caller, b"external_id,score\none,0.5\ntwo,0.5\n", "scores.csv")
    numbers = [
        await wished(services, caller, {"upload": csv}, kind="scores", name="cnn", model=MODEL),
        await wished(services, caller, {"url": "http://example.org/s.csv"}, kind="scores", name="far", model=MODEL),
        await wished(services, caller, {"url": "http://example.org/archive"}),
    ]

    far = b"external_id,score\none,0.75\n"
    await the_jobs(pool, tmp_path, Far(far)).turn(database)
    numbers.append(await wished(services, caller, {"url": "http://intern/s.zip"}))
    await the_jobs(pool, tmp_path).turn(database)

    done = [await services.uploads.get_import(caller, number) for number in numbers]
    assert [each["state"] for each in done] == ["done", "done", "failed", "failed"]
    assert (done[0]["report"]["imported"], done[0]["report"]["bad"]) == (1, 1)
    assert done[2]["error"].startswith("archive: line 1, column 2 (score) is not a column of a manifest")
    assert done[3]["error"].startswith("http://intern/s.zip: 127.0.0.1 is not a public address")
    rows = await database.fetch("SELECT name, value, model FROM score ORDER BY name")
    assert [tuple(row) for row in rows] == [("cnn", 0.5, MODEL), ("far", 0.75, MODEL)]


async def test_uploads_that_nobody_imports_are_thrown_away_after_days(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    caller = await a_caller(pool)
    old = await uploaded(services, caller, b"old" * 100, "old.csv")
    new = await uploaded(services, caller, b"new" * 100, "new.csv")
    await database.execute("UPDATE upload SET received_at = now() - interval '8 days' WHERE name = 'old.csv'")
    await database.execute("UPDATE upload SET created_at = now() - interval '800 days'")

    await the_jobs(pool, tmp_path).turn(database)

    assert [(await services.uploads.get(caller, upload))["received"] for upload in (old, new)] == [0, 300]
    assert list(Place(tmp_path).open().list(folder_key(UUID(old)))) == []


async def test_an_import_that_ends_every_worker_at_the_same_place_is_given_up(
    services: Services, pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    caller = await a_caller(pool)
    upload = await uploaded(services, caller, an_archive(tmp_path, 1), "subjects.tar.gz")

    async def imported_after(*lines: int) -> dict[str, Any]:
        """Return an import that workers have taken up, come to these lines with, and died of."""
        number = await wished(services, caller, {"upload": upload})
        for line in lines:
            async with connect(database_url, "a worker that is killed", 60) as doomed:
                assert await ImportStore(doomed).claim() == number
                await ImportStore(doomed).write_progress(number, line, 9, {}, [])
        await the_jobs(pool, tmp_path).turn(database)
        return await services.uploads.get_import(caller, number)

    given_up, done = await imported_after(3, 7, 7, 6, 7, 7), await imported_after(3, 7, 7, 6, 7, 8)

    assert given_up["error"].startswith("5 workers in a row ended while they did it, behind line 7; what is imported")
    assert (given_up["state"], done["state"]) == ("failed", "done")
    assert await database.fetchval("SELECT sum(taken_up) FROM import_job") == 0


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(tmp_path)}


def a_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    program = "from api.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "worker"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def test_what_a_killed_worker_was_importing_is_ended_by_the_next_without_a_duplicate(
    services: Services, pool: Pool, database: Connection, tmp_path: Path, environment: dict[str, str]
) -> None:
    caller = await a_caller(pool)
    upload = await uploaded(services, caller, an_archive(tmp_path, 900), "subjects.tar.gz")
    number = await wished(services, caller, {"upload": upload})

    async def until(condition: str) -> None:
        deadline = time.monotonic() + 90
        while not await database.fetchval(f"SELECT {condition}"):
            assert time.monotonic() < deadline, condition
            await asyncio.sleep(0.02)  # what is waited for happens in another process

    first = a_worker(environment)
    try:
        await until("count(*) > 300 FROM subject")
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    at_kill = await database.fetchval("SELECT count(*) FROM subject")
    state = (await services.uploads.get_import(caller, number))["state"]
    second = a_worker(environment)
    try:
        await until("state = 'done' FROM import_job")
    finally:
        second.terminate()
        second.wait()

    done = await services.uploads.get_import(caller, number)
    assert (state, 300 < at_kill < 901) == ("running", True)
    assert (done["report"]["imported"], done["report"]["unchanged"]) == (901 - at_kill, at_kill - 1)
    assert await database.fetchval("SELECT count(*) FROM subject") == 901  # and the one that made the project
