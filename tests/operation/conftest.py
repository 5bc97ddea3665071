"""Commands and services as people run them, over a database of the test, and the same from within."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from api.factory import open_services
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Connection
from tests.cli.program import PROGRAM, Chaffinch


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of commands over the test's database."""
    ours = {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(tmp_path / "data")}
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")} | ours


@pytest.fixture
def chaffinch(environment: dict[str, str]) -> Chaffinch:
    """Run a command to its end, with nobody at the keyboard."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of one process."""
    opened = await open_services(Settings(data_dir=tmp_path / "data"), database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()
