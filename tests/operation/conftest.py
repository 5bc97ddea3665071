"""Commands and services as people run them, over a database of the test, and the same from within."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from api.factory import open_services
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Connection
from tests.cli.program import Chaffinch, environment_of, runner


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of commands over the test's database."""
    return environment_of(database_url, tmp_path / "data")


@pytest.fixture
def chaffinch(environment: dict[str, str]) -> Chaffinch:
    """Run a command to its end, with nobody at the keyboard."""
    return runner(environment)


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
