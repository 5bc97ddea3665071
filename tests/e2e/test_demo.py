"""The demonstration, from an empty folder to labels, with the embedded server: as a newcomer sees it."""

import asyncio
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from api.postgres.home import open_home
from api.services.published import PublishedCascades
from api.services.verifying import verify
from tests.conftest import WaitUntilStopped
from tests.e2e.running import environment, run, running


@pytest.fixture
def data_dir(open_folder: Path, wait_until_stopped: WaitUntilStopped) -> Iterator[Path]:
    folder = open_folder / "demonstration"
    yield folder
    wait_until_stopped(folder)


def test_the_demonstration_serves_galaxies_and_a_crowd_retires_them(data_dir: Path) -> None:
    env = environment(data_dir=str(data_dir), postgres_linger_seconds="0")

    with running(env, "Ctrl-C stops", "demo", "--port", "0") as said:
        [page] = [line.strip() for line in said if line.endswith("/p/hubble")]
        url = page.removesuffix("/p/hubble")
        crowd = run(env, "crowd", "--volunteers", "16", "--seed", "5", "--minutes", "1", "--url", url)
        with urllib.request.urlopen(page, timeout=10) as reply:
            shown = reply.read().decode()
        verification = asyncio.run(replayed(data_dir))

    assert "Galaxies: 300 imported, 0 updated, 0 there already." in said
    assert "Version 1 of the cascade is published." in said
    assert "Pages of hubble: about, tutorial, guide new." in said
    assert f"  {url}/ has all projects" in said
    assert "  CHAFFINCH_HOST=0.0.0.0 make demo" in said
    assert '"/v1/projects/hubble"' in shown
    assert crowd.returncode == 0, crowd.stdout
    table = {row[0]: row for line in crowd.stdout.splitlines() if (row := line.split()) and len(row) > 8}
    assert int(table["galaxy"][1]) > 200
    assert float(table["galaxy"][table["galaxy"].index("%") - 1]) > 90
    assert "nothing was left for them" in crowd.stdout
    assert verification == []

    began = time.monotonic()
    with running(env, "Ctrl-C stops", "demo", "--port", "0") as said:
        took = time.monotonic() - began

    assert "Galaxies: 0 imported, 0 updated, 300 there already." in said
    assert "Version 1 of the cascade is in force already." in said
    assert "Pages of hubble: about, tutorial, guide unchanged." in said
    assert took < 20  # 5 s where nothing else runs


async def replayed(data_dir: Path) -> list[str]:
    connection = await asyncpg.connect(open_home(data_dir).url())
    try:
        return list((await verify(connection, PublishedCascades(), "hubble")).discrepancies)
    finally:
        await connection.close()


def test_a_port_that_is_taken_is_said_in_one_line(data_dir: Path) -> None:
    env = environment(data_dir=str(data_dir), postgres_linger_seconds="0")
    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        done = run(env, "demo", "--port", str(port))
        server.close()

    assert done.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in done.stdout
    assert "Traceback" not in done.stdout
