"""How commands run that need the database alone, and not all of the services."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.cli.speaking import say
from api.postgres.embedded import running_postgres
from api.settings import Settings
from api.store.engine import Connection, connect
from api.store.schema import upgrade

Result = TypeVar("Result")


def over_database(name: str, work: Callable[[Connection, str], Awaitable[Result]]) -> Result:
    """Do something over one connection to the database of the settings, of which the URL is given too."""
    return asyncio.run(_over_database(name, work))


async def _over_database(name: str, work: Callable[[Connection, str], Awaitable[Result]]) -> Result:
    async with running_postgres(Settings(), say) as url:
        await upgrade(url)
        async with connect(url, name) as connection:
            return await work(connection, url)
