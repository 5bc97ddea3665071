import fcntl
import os
import signal
import threading
import warnings
from pathlib import Path

import asyncpg
import pytest

from api.postgres.embedded import Postgres, running_postgres
from api.postgres.errors import AbandonedError
from api.postgres.home import Home
from api.postgres.locks import close_lock, open_lock
from api.postgres.probe import State, execute, probe
from api.settings import Settings
from tests.conftest import WaitUntilStopped
from tests.postgres.servers import Enter, server_pid, supervisor_pid


def test_two_processes_share_one_server_until_the_last_leaves(
    enter: Enter, home: Home, data_dir: Path, wait_until_stopped: WaitUntilStopped
) -> None:
    first = enter()
    server, supervisor = server_pid(home), supervisor_pid(home)
    second = enter()
    first.leave()
    third = enter()

    assert {first.url, second.url, third.url} == {home.url()}
    assert (server_pid(home), supervisor_pid(home)) == (server, supervisor)

    second.leave()
    third.leave()
    wait_until_stopped(data_dir)

    assert "database system is shut down" in home.log.read_text().splitlines()[-1]
    assert not (home.data / "postmaster.pid").exists()
    assert not home.run.exists()


def test_users_that_come_at_once_share_one_server(enter: Enter, home: Home) -> None:
    users: list[str] = []
    threads = [threading.Thread(target=lambda: users.append(enter().url)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert users == [home.url()] * 4
    assert home.log.read_text().count("starting PostgreSQL") == 1


def test_a_forked_worker_does_not_keep_the_server(
    data_dir: Path, home: Home, wait_until_stopped: WaitUntilStopped
) -> None:
    postgres = Postgres(Settings(data_dir=data_dir, postgres_linger_seconds=0))
    postgres.acquire()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 and newer: there are threads
        worker = os.fork()
    if worker == 0:
        signal.pause()

    try:
        postgres.release()
        wait_until_stopped(data_dir)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)

    assert not home.run.exists()


def test_a_killed_user_does_not_keep_the_server(
    enter: Enter, data_dir: Path, home: Home, wait_until_stopped: WaitUntilStopped
) -> None:
    enter().kill()

    wait_until_stopped(data_dir)

    assert "database system is shut down" in home.log.read_text().splitlines()[-1]


async def test_the_server_is_durable_and_closed_to_the_network(data_dir: Path) -> None:
    names = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses", "server_encoding"]
    async with running_postgres(Settings(data_dir=data_dir, postgres_linger_seconds=0)) as url:
        connection = await asyncpg.connect(url)
        found = {name: await connection.fetchval(f"SHOW {name}") for name in names}
        await connection.close()

    expected = dict.fromkeys(names[:4], "on") | {"listen_addresses": "", "server_encoding": "UTF8"}
    assert found == expected


def test_a_dropped_database_is_created_again(enter: Enter, home: Home) -> None:
    user = enter()
    execute(home.run, "postgres", "DROP DATABASE chaffinch WITH (FORCE)")

    enter()

    assert probe(home.run, "chaffinch").state is State.READY
    assert user.url == home.url()


def test_a_release_ends_the_wait_for_a_server(data_dir: Path, home: Home) -> None:
    stopping = open_lock(home.users_lock)  # as the supervisor holds it while the server stops
    fcntl.flock(stopping, fcntl.LOCK_EX)
    said = threading.Event()
    postgres = Postgres(Settings(data_dir=data_dir), lambda _: said.set())
    releaser = threading.Timer(0.3, postgres.release)
    releaser.start()

    with pytest.raises(AbandonedError):
        postgres.acquire()

    releaser.join()
    close_lock(stopping)
