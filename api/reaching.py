"""The database of the settings, reached and brought up to date before anything is opened over it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Final, TypeVar

import structlog

from api.postgres.embedded import running_postgres
from api.postgres.errors import ServerUnreachableError
from api.services.partitions import keep_ahead
from api.settings import Settings
from api.store.engine import connect
from api.store.failures import CONFLICTS, is_away, is_starting
from api.store.schema import upgrade

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 0.5
"""Between attempts to reach a database that is away."""

Say = Callable[[str], None]
Opened = TypeVar("Opened")


async def reach(
    settings: Settings,
    work: Callable[[str, AsyncExitStack], Awaitable[Opened]],
    database_url: str | None = None,
    say: Say = log.info,
) -> Opened:
    """Do something over the database of the settings, or over another one, brought to the newest schema.

    Parameters
    ----------
    work
        Is given the database's URL, and a stack that closes what is open already when something goes wrong; it takes
        over what is to stay open.
    say
        Told in a sentence what is waited for.

    Raises
    ------
    PostgresError
        The database cannot be had, or was away for longer than the settings have patience.
    """
    deadline = time.monotonic() + settings.database_patience_seconds
    told = False
    while True:
        async with AsyncExitStack() as resources:
            try:
                if database_url is None:
                    url = await resources.enter_async_context(running_postgres(settings, say))
                return await _attempt(database_url or url, work, resources)
            except ServerUnreachableError as error:
                if not is_starting(error) and (not is_away(error) or time.monotonic() > deadline):
                    raise
                if not told:
                    say(f"Waiting for the database. {error}")
                told = True
        await asyncio.sleep(PAUSE_SECONDS)


async def bring_up_to_date(settings: Settings, say: Say) -> None:
    """Bring the database of the settings to the newest schema, and do nothing more."""
    await reach(settings, _nothing, say=say)


async def _attempt(
    url: str, work: Callable[[str, AsyncExitStack], Awaitable[Opened]], resources: AsyncExitStack
) -> Opened:
    try:
        await upgrade(url)
        await _create_partitions(url)
        return await work(url, resources)
    except Exception as error:
        if is_away(error):
            raise ServerUnreachableError("the database", str(error)) from error
        raise


async def _create_partitions(url: str) -> None:
    """Make the ledger's partitions; where something is in the way, the worker makes them in time."""
    async with connect(url, "partitions") as connection:
        with suppress(*CONFLICTS):
            await keep_ahead(connection, datetime.now(UTC).date())


async def _nothing(_url: str, _resources: AsyncExitStack) -> None:
    """Do nothing: reaching the database was enough."""
