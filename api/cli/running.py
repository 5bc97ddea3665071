"""How commands run: over the services, and with what was foreseen said in a line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import typer
from rich.console import Console

from api.factory import open_services
from api.postgres.embedded import running_postgres
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Connection, connect
from api.store.schema import upgrade

Result = TypeVar("Result")

console = Console(highlight=False, soft_wrap=True)
"""What a command was asked for."""

asides = Console(stderr=True, highlight=False, soft_wrap=True)
"""What a command says besides."""


def over_services(work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Do something with the services over the database of the settings."""
    return asyncio.run(_over_services(work))


def over_database(name: str, work: Callable[[Connection, str], Awaitable[Result]]) -> Result:
    """Do something over one connection to the database of the settings, of which the URL is given too."""
    return asyncio.run(_over_database(name, work))


async def _over_database(name: str, work: Callable[[Connection, str], Awaitable[Result]]) -> Result:
    async with running_postgres(Settings(), say) as url:
        await upgrade(url)
        async with connect(url, name) as connection:
            return await work(connection, url)


async def _over_services(work: Callable[[Services], Awaitable[Result]]) -> Result:
    services = await open_services(Settings(), say=say)
    try:
        return await work(services)
    finally:
        await services.close()


def say(what: str) -> None:
    """Say something besides."""
    asides.print(what, markup=False)


def fail(why: str) -> NoReturn:
    """Say why a command cannot do what it was asked, and end it."""
    asides.print(why, style="red", markup=False)
    raise typer.Exit(1)
