"""Subjects whose pictures are far, files that are sent elsewhere, and processes that are killed in between."""

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from api.caller import Scope
from api.cli import app
from api.factory import open_services
from api.services.house import Services
from api.services.importing import import_rows
from api.settings import Settings
from api.store.engine import Connection, Pool, open_pool
from tests.cli.program import PROGRAM, Chaffinch
from tests.cli.test_serving import Service
from tests.services.imports import a_manifest, a_picture, a_row

IMPORTING = "datname = current_database() AND application_name = 'chaffinch-hot'"
"""A connection of the command; other tests of the session may have such ones to databases of their own."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    opened = await open_services(Settings(data_dir=tmp_path), database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, 1)
    yield opened
    await opened.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """A server of the test's folder, and what it was asked for."""
    asked: list[str] = []

    async def picture(request: web.Request) -> web.StreamResponse:
        asked.append(request.match_info["name"])
        return web.FileResponse(tmp_path / request.match_info["name"])

    app = web.Application()
    app.router.add_get("/{name}", picture)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.port}/", asked


async def until(database: Connection, condition: str) -> None:
    deadline = time.monotonic() + 60
    while not await database.fetchval(f"SELECT {condition}"):
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.01)  # what is waited for happens in another process


def begun(environment: dict[str, str], *arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def ended(environment: dict[str, str], *arguments: str | Path) -> tuple[int | None, str, str]:
    """Run a command to its end, while this process serves it."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *map(str, arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_an_import_of_far_pictures_that_is_killed_goes_on_where_it_was(
    environment: dict[str, str], database: Connection, site: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = site
    environment |= {"CHAFFINCH_PRIVATE_ADDRESSES": "true"}
    rows = [
        {"external_id": f"galaxy {number}", "location:1": url + a_picture(tmp_path, f"{number}.png", number)}
        for number in range(900)
    ]
    manifest = a_manifest(tmp_path, rows)
    arguments = ("subjects", "import", url + manifest.name, "--project", "lenses")

    first = begun(environment, *arguments)
    await until(database, "count(*) > 250 FROM subject")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    await until(database, f"count(*) = 0 FROM pg_stat_activity WHERE {IMPORTING}")
    at_kill = await database.fetchval("SELECT count(*) FROM subject")
    asked.clear()
    code, out, err = await ended(environment, *arguments)

    assert (code, [line for line in err.splitlines() if not line.startswith("line ")]) == (0, [])
    assert out == f"{url}manifest.csv: {900 - at_kill} imported, 0 updated, {at_kill} unchanged, 0 bad.\n"
    assert await database.fetchval("SELECT count(*) FROM subject") == 900
    assert len(asked) == 1 + 900 - at_kill  # and the manifest itself
    assert [path for path in (tmp_path / "incoming").iterdir() if path.is_dir()] == []


def test_a_private_address_is_refused_by_its_row(chaffinch: Chaffinch, tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "a", "location:1": "http://127.0.0.1:1/a.png"}])

    done = chaffinch("subjects", "import", str(manifest), "--project", "lenses")

    assert done.returncode == 1
    assert done.stderr.startswith(
        f"{manifest}:2: location:1: http://127.0.0.1:1/a.png: 127.0.0.1 is not a public address; put the pictures"
    )


async def test_scores_are_imported_with_the_hash_of_their_model(
    chaffinch: Chaffinch, pool: Pool, tmp_path: Path
) -> None:
    await import_rows(pool, "lenses", [a_row("a")])
    (tmp_path / "model.onnx").write_bytes(b"abc")
    scores = tmp_path / "scores.csv"
    scores.write_text("external_id,score\na,0.5\nb,0.5\n")
    given = ("--project", "lenses", "--name", "cnn")

    model = ("--model-file", str(tmp_path / "model.onnx"))
    first = await asyncio.to_thread(chaffinch, "scores", "import", str(scores), *given, *model)
    second = CliRunner().invoke(app, ["scores", "import", str(scores), *given, "--model", "abc"])

    assert first.returncode == 1
    assert first.stdout.startswith(f"{scores}: 1 imported, 0 updated, 0 unchanged, 1 bad.\n")
    assert first.stderr == (f"{scores}:3: external_id: is 'b', no subject of lenses; import the subject first\n")
    assert await pool.fetchval("SELECT model FROM score") == hashlib.sha256(b"abc").hexdigest()
    assert second.exit_code == 2


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[Service]:
    started = Service(environment)
    yield started
    started.end()


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = begun(environment, "worker")
    yield process
    process.terminate()
    process.wait()


async def test_a_file_is_sent_on_after_its_sender_was_killed_and_imported(
    environment: dict[str, str],
    services: Services,
    pool: Pool,
    service: Service,
    worker: subprocess.Popen[bytes],
    database: Connection,
    tmp_path: Path,
) -> None:
    assert worker.poll() is None
    await import_rows(pool, "lenses", [a_row("g0")])
    (tmp_path / "token").write_text((await services.tokens.issue("lenses", Scope.RESEARCHER, "test")).token)
    archive = an_archive(tmp_path, 5, padding=30_000_000)
    arguments = ("upload", archive, "--project", "lenses", "--url", service.url, "--token-file", tmp_path / "token")

    first = begun(environment, *arguments)
    await until(database, "received > 0 FROM upload")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    at_kill = await database.fetchval("SELECT received FROM upload")
    left = min((tmp_path / "uploads").rglob("0*"))
    before = left.stat().st_mtime_ns
    second = asyncio.create_task(ended(environment, *arguments))
    await until(database, f"received > {at_kill} OR received = 0 FROM upload")
    kept = not left.exists() or left.stat().st_mtime_ns == before
    code, out, err = await second

    assert 0 < at_kill < archive.stat().st_size
    assert kept
    assert (code, out) == (1, f"{archive}: 4 imported, 1 updated, 0 unchanged, 1 bad.\n")
    assert f"{archive}:7: location:1: lost.png: there is no such file; check the spelling" in err
    assert await database.fetchval("SELECT count(*) FROM subject") == 5


def an_archive(folder: Path, count: int, padding: int = 0) -> Path:
    path = folder / f"{count}.zip"
    rows = [{"external_id": f"g{n}", "location:1": a_picture(folder, f"{n}.png", n)} for n in range(count)]
    if padding:
        rows.append({"external_id": "lost", "location:1": "lost.png"})
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(a_manifest(folder, rows), "manifest.csv")
        for n in range(count):
            archive.write(folder / f"{n}.png", f"{n}.png")
        archive.writestr("padding", random.Random(1).randbytes(padding))
    return path
