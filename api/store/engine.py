"""Connections: a pool for the hot path, single ones for long work; those of the cool paths are in `sessions`."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Pool: TypeAlias = "asyncpg.Pool[Any]"

HOT_SETTINGS = {
    # Plans of the hot path must not depend on when a table was last analysed: always walk the index.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    # An acknowledged vote is on disk, whatever a server of one's own is set to.
    "synchronous_commit": "on",
    "application_name": "chaffinch-hot",
}


class HotConnection(asyncpg.Connection):
    """A connection whose state no statement of ours changes, so that nothing need be reset on release."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the signature of asyncpg
        """End a transaction whose end was interrupted, and else do nothing: a reset costs 0.2 ms for every use."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)


async def open_pool(database_url: str, size: int) -> Pool:
    """Open the pool of the hot path."""
    return await asyncpg.create_pool(
        database_url,
        init_size=1,
        min_size=0,  # a floor is restored with a traceback in the log for each attempt while the server is away
        max_size=size,
        connection_class=HotConnection,
        server_settings=HOT_SETTINGS,
        command_timeout=20,
    )


async def ping(pool: Pool) -> None:
    """Ask the database for nothing, to see that it answers."""
    await pool.execute("SELECT 1")


@contextlib.asynccontextmanager
async def connect(
    database_url: str, name: str, statement_seconds: float | None = None
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Open one connection with the planner's usual settings, for jobs and exports; `name` is what the server calls it.

    A statement that takes longer than `statement_seconds` is given up.
    """
    connection = await asyncpg.connect(
        database_url,
        timeout=15,
        command_timeout=statement_seconds,
        server_settings={"application_name": f"chaffinch-{name}"},
    )
    try:
        yield connection
    finally:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await connection.close(timeout=5)
