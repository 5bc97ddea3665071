"""One embedded PostgreSQL for the whole test session, and a fresh database for each test that asks for one."""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.postgres import Postgres
from api.postgres.home import Home, open_home
from api.postgres.locks import open_lock
from api.postgres.probe import execute
from api.settings import Settings


def wait_until_stopped(data_dir: Path) -> None:
    """Return when the embedded server of the folder has no supervisor any more."""
    lock = open_lock(open_home(data_dir).supervisor_lock)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)


@pytest.fixture(scope="session")
def server_home() -> Iterator[Home]:
    # Not below pytest's own folders: these are closed to the account that runs the server for root.
    folder = Path(tempfile.mkdtemp(prefix="chaffinch tests "))
    folder.chmod(0o755)
    data_dir = folder / "ä data folder"
    postgres = Postgres(Settings(data_dir=data_dir, database_url=None, postgres_linger_seconds=0))
    try:
        postgres.acquire()
        yield open_home(data_dir)
    finally:
        postgres.release()
        wait_until_stopped(data_dir)
        shutil.rmtree(folder)


@pytest.fixture
def empty_database_url(server_home: Home) -> Iterator[str]:
    """The URL of a database without tables, dropped after the test."""
    yield from _fresh_database(server_home, "template0")


def _fresh_database(home: Home, template: str) -> Iterator[str]:
    url = home.url(f"test_{uuid.uuid4().hex}")
    name = urlsplit(url).path[1:]
    execute(home.run, "postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    yield url
    execute(home.run, "postgres", f"DROP DATABASE {name} WITH (FORCE)")
