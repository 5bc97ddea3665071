"""A connection that hears when the sequencer has given positions."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import asyncpg

from api.store.engine import Connection, connect
from api.store.outbox import CHANNEL

PATIENCE_SECONDS: Final = 20.0
"""A statement on this connection that takes longer is given up, and the connection with it."""


@contextlib.asynccontextmanager
async def listening(
    database_url: str, name: str, heard: Callable[[], None]
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Open a connection that calls `heard` whenever positions have been given, and when it is lost.

    What is given before the block begins is not heard of: look once when it has. The connection may be used for
    statements besides.
    """
    async with connect(database_url, name, PATIENCE_SECONDS) as connection:
        await hear(connection, heard)
        yield connection


async def hear(connection: Connection, heard: Callable[[], None]) -> None:
    """Let a connection call `heard` from now on, as above."""
    connection.add_termination_listener(lambda _: heard())
    await connection.add_listener(CHANNEL, lambda *_: heard())
