"""Builds every service, in plain lines."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import structlog

from api.postgres.embedded import running_postgres
from api.postgres.errors import ServerUnreachableError
from api.services.classifications import Classifications
from api.services.decks import Decks
from api.services.health import Health
from api.services.house import Services
from api.services.levels import Levels
from api.services.pictures import Pictures
from api.services.projects import Projects
from api.services.published import PublishedCascades
from api.services.retractions import Retractions
from api.services.subjects import Subjects
from api.services.tokens import Tokens
from api.services.volunteers import Volunteers
from api.settings import Settings
from api.store.engine import Pool, open_engine, open_pool
from api.store.failures import is_starting
from api.store.schema import create_partitions, upgrade
from api.store.sessions import Sessions

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 0.5
"""Between attempts to reach a database that is starting."""


async def open_services(settings: Settings, database_url: str | None = None) -> Services:
    """Open the services over the database of the settings, or over another one, brought to the newest schema.

    A database that is starting is waited for, however long it replays its log.

    Raises
    ------
    PostgresError
        The database cannot be had.
    """
    async with AsyncExitStack() as resources:
        url = database_url or await _database(settings, resources)
        await upgrade(url)
        pool = await open_pool(url, settings.hot_pool_size)
        resources.push_async_callback(pool.close)
        await _create_partitions(pool)
        sessions = Sessions(open_engine(url))
        resources.push_async_callback(sessions.close)
        services = _build(settings, pool, sessions, resources.pop_all())
        services.open_resources.push_async_callback(services.classifications.close)
        return services
    raise AssertionError("unreachable")


def media_dir(settings: Settings) -> Path:
    """Return the folder of the prepared pictures."""
    return settings.data_dir / "media"


async def _database(settings: Settings, resources: AsyncExitStack) -> str:
    while True:
        try:
            return await resources.enter_async_context(running_postgres(settings))
        except ServerUnreachableError as error:
            if not is_starting(error.__cause__):
                raise
            log.info("waiting for the database", why=str(error))
            await asyncio.sleep(PAUSE_SECONDS)


async def _create_partitions(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await create_partitions(connection, datetime.now(UTC).date())


def _build(settings: Settings, pool: Pool, sessions: Sessions, resources: AsyncExitStack) -> Services:
    published = PublishedCascades()
    dice = random.Random()  # noqa: S311  # chooses cards and audits; secrets are made by `secrets`
    return Services(
        classifications=Classifications(pool, published, dice),
        decks=Decks(pool, published, np.random.default_rng()),
        retractions=Retractions(pool, published, dice),
        volunteers=Volunteers(sessions),
        projects=Projects(sessions),
        subjects=Subjects(sessions),
        media=Pictures(media_dir(settings)),
        health=Health(pool),
        tokens=Tokens(pool, sessions),
        levels=Levels(sessions),
        open_resources=resources,
    )
