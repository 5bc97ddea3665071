"""The services over a database of the test's own, connections to look behind them, and a harvest."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import httpx2
import pytest

from api.app import App
from api.factory import open_services
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Connection, Pool, open_pool
from tests.services.harvest import Connect, Harvest, sow
from tests.services.people import People


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of one process."""
    opened = await open_services(Settings(data_dir=tmp_path), database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def other_services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of another process over the same database."""
    opened = await open_services(Settings(data_dir=tmp_path), database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(connect: "Connect") -> Connection:
    return await connect()


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Connect]:
    """Open connections that are closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one() -> Connection:
            opened = await asyncpg.connect(database_url)
            stack.push_async_callback(opened.close)
            return opened

        yield open_one


@pytest.fixture
async def connection(connect: Connect) -> Connection:
    return await connect()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, 2)
    yield pool
    await pool.close()


@pytest.fixture
async def harvest(connection: Connection) -> Harvest:
    return await sow(connection)


@pytest.fixture
async def people(services: Services, database: Connection) -> AsyncIterator[People]:
    """Builds people who ask one process for things."""
    transport = httpx2.ASGITransport(app=App(services=services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://chaffinch") as client:
        yield People(database, client)
