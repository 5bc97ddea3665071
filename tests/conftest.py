"""One embedded PostgreSQL for the whole test session, and a fresh database for each test that asks for one."""

import asyncio
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from api.postgres.embedded import Postgres
from api.postgres.home import Home, open_home
from api.postgres.locks import close_lock, take
from api.postgres.probe import execute
from api.settings import Settings

WaitUntilStopped = Callable[[Path], None]

MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES: Final = 4 * 2**30
"""Free bytes without which servers lie on the disk: each of two pytest processes takes half a gigabyte."""


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that the account that runs PostgreSQL for root may enter, as it may not enter pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="chaffinch tests ", dir=_memory()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _memory() -> Path | None:
    """Return a folder in memory, where there is one with room: a database has 600 files, and each test makes one."""
    room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    return MEMORY if room else None


@pytest.fixture(scope="session")
def wait_until_stopped() -> WaitUntilStopped:
    """Wait for the supervisor of a data folder to go, and then see that no process of its server is left."""

    def wait(data_dir: Path) -> None:
        home = open_home(data_dir)
        deadline = time.monotonic() + 60
        while (supervisor := take(home.supervisor_lock)) is None:
            assert time.monotonic() < deadline, f"the server in {data_dir} does not stop"
            time.sleep(0.02)
        while (server := take(home.server_lock)) is None:
            assert time.monotonic() < deadline, f"processes of the server in {data_dir} are left"
            time.sleep(0.02)
        close_lock(server)
        close_lock(supervisor)

    return wait


@pytest.fixture(scope="session")
def server_home(open_folder: Path, wait_until_stopped: WaitUntilStopped) -> Iterator[Home]:
    """The home of the one server that the tests of everything else share."""
    data_dir = open_folder / "shared"
    postgres = Postgres(Settings(data_dir=data_dir, postgres_linger_seconds=0))
    postgres.acquire()
    yield open_home(data_dir)
    postgres.release()
    wait_until_stopped(data_dir)


@pytest.fixture(scope="session")
def migrated_template(server_home: Home) -> str:
    """The name of a database with the newest schema and no rows, to be copied."""
    from api.store.schema import upgrade  # noqa: PLC0415 (tests that need no schema run without it)

    execute(server_home.run, "postgres", "ALTER DATABASE postgres SET wal_compression = off")  # most of a copy's time
    execute(server_home.run, "postgres", "CREATE DATABASE migrated")
    asyncio.run(upgrade(server_home.url("migrated")))
    return "migrated"


@pytest.fixture
def database_url(server_home: Home, migrated_template: str) -> Iterator[str]:
    """The URL of a database with the newest schema and no rows, dropped after the test."""
    yield from _fresh_database(server_home, migrated_template)


@pytest.fixture
def empty_database_url(server_home: Home) -> Iterator[str]:
    """The URL of a database without tables, dropped after the test."""
    yield from _fresh_database(server_home, "template0")


def _fresh_database(home: Home, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    execute(home.run, "postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    yield home.url(name)
    execute(home.run, "postgres", f"DROP DATABASE {name} WITH (FORCE)")
