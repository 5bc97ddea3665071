"""How commands run over the services."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.cli.speaking import say
from api.factory import open_services
from api.services.house import Services
from api.settings import Settings

Result = TypeVar("Result")


def over_services(work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Do something with the services over the database of the settings."""
    return asyncio.run(_over_services(work))


async def _over_services(work: Callable[[Services], Awaitable[Result]]) -> Result:
    services = await open_services(Settings(), say=say)
    try:
        return await work(services)
    finally:
        await services.close()
