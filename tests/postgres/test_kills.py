"""A kill -9 of anything at any moment. It proves process crashes; what a power loss does cannot be tested here."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from api.postgres.embedded import Postgres
from api.postgres.errors import ServerStartError
from api.postgres.home import DATABASE, Home
from api.postgres.probe import State, probe
from api.postgres.programs import find_programs
from api.settings import Settings
from tests.conftest import WaitUntilStopped
from tests.postgres.servers import (
    Enter,
    eventually,
    kill_server,
    kill_supervisor,
    runs_anew,
    server_pid,
    start_user,
    supervisor_pid,
)

# What asyncpg raises when its server dies; the last where that happens between two messages of one call.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def _insert(url: str, acknowledged: list[int], stop: asyncio.Event) -> None:
    """Insert numbers, each committed on its own, over new connections as the old ones are lost."""
    number = 0
    while not stop.is_set():
        with contextlib.suppress(*LOST):
            connection = await asyncpg.connect(url, timeout=5)
            try:
                while not stop.is_set():
                    number += 1
                    await connection.execute("INSERT INTO vote VALUES ($1)", number)
                    acknowledged.append(number)
            finally:
                connection.terminate()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kill", [kill_server, kill_supervisor])
async def test_what_is_killed_comes_back_by_itself_with_every_acknowledged_row(
    enter: Enter, home: Home, kill: Callable[[Home], None]
) -> None:
    url = enter().url
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE vote (number integer PRIMARY KEY)")
    await connection.close()
    acknowledged: list[int] = []
    stop = asyncio.Event()
    writer = asyncio.create_task(_insert(url, acknowledged, stop))

    for _ in range(3):
        await asyncio.sleep(random.uniform(0, 0.3))
        server = server_pid(home)
        kill(home)
        assert await asyncio.to_thread(eventually, partial(runs_anew, home, server))
    seen = len(acknowledged)
    assert await asyncio.to_thread(eventually, lambda: len(acknowledged) > seen)
    stop.set()
    await writer

    connection = await asyncpg.connect(url)
    rows = {row["number"] for row in await connection.fetch("SELECT number FROM vote")}
    await connection.close()
    assert set(acknowledged) <= rows


async def test_a_killed_backend_leaves_the_server_to_the_others(enter: Enter, home: Home) -> None:
    url = enter().url
    server = server_pid(home)
    connection = await asyncpg.connect(url)

    os.kill(await connection.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")

    assert await asyncio.to_thread(eventually, lambda: probe(home.run, DATABASE).state is State.READY)
    assert server_pid(home) == server


async def test_a_backend_that_computes_does_not_hold_up_the_recovery(enter: Enter, home: Home) -> None:
    connection = await asyncpg.connect(enter().url)
    endless = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1e12::bigint)"))
    await asyncio.sleep(0.2)
    server = server_pid(home)

    kill_server(home)

    assert await asyncio.to_thread(eventually, partial(runs_anew, home, server), 10)
    with pytest.raises(LOST):
        await endless


async def test_a_supervisor_killed_while_the_server_recovers_does_not_hold_it_up(enter: Enter, home: Home) -> None:
    connection = await asyncpg.connect(enter().url)
    server, supervisor = server_pid(home), supervisor_pid(home)
    await connection.execute("CREATE TABLE written AS SELECT generate_series(1, 500000)")

    os.kill(connection.get_server_pid(), signal.SIGKILL)
    assert eventually(lambda: "reinitializing" in home.log.read_text())
    os.kill(supervisor, signal.SIGKILL)

    assert await asyncio.to_thread(eventually, partial(runs_anew, home, server), 8)
    connection.terminate()


def test_nothing_is_left_when_the_supervisor_and_the_last_user_are_killed(
    enter: Enter, data_dir: Path, home: Home, wait_until_stopped: WaitUntilStopped
) -> None:
    user = enter()
    user.kill()
    kill_supervisor(home)

    wait_until_stopped(data_dir)

    assert enter().url == user.url


def test_everything_killed_at_once_starts_again(enter: Enter, home: Home) -> None:
    user = enter()
    pids = [supervisor_pid(home), server_pid(home), user.process.pid]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)

    assert enter().url == user.url


@pytest.mark.parametrize("seconds", [0.1, 0.4])
def test_a_first_start_killed_on_its_way_is_made_up_for(
    data_dir: Path, home: Home, enter: Enter, seconds: float
) -> None:
    user = start_user(data_dir)
    eventually(home.log.exists)
    time.sleep(seconds)
    with contextlib.suppress(ValueError):  # too early or too late for it
        kill_supervisor(home)
    user.kill()
    user.communicate()

    assert enter().url == home.url()


def test_a_server_that_cannot_start_says_why_and_starts_once_it_can(enter: Enter, data_dir: Path, home: Home) -> None:
    home.data.mkdir()
    (home.data / "PG_VERSION").write_text(f"{find_programs(Settings().postgres_bin).major}\n")

    with pytest.raises(ServerStartError, match="server configuration file"):
        Postgres(Settings(data_dir=data_dir)).acquire()

    shutil.rmtree(home.data)
    assert enter().url == home.url()
