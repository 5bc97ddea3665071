"""Transactions that break at their most delicate moments, and a service over them that begins anew for each example."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import asyncpg
import numpy as np
from asyncpg.transaction import Transaction

from api.services.classifications import Classifications
from api.services.decks import Decks
from api.services.published import PublishedCascades
from api.services.publishing import Publishing
from api.services.retractions import Retractions
from api.store.engine import HOT_SETTINGS, HotConnection, Pool

WRITTEN = ("stage", "dealable", "classification", "card", "swipe_key", "skill", "deck", "favourite", "label", "outbox")
"""The tables that people write; the first two are not empty at first."""


class Crash(Enum):
    """What happens to a transaction when all its statements have run."""

    NONE = auto()
    ROLLED_BACK = auto()
    CUT_BEFORE_COMMIT = auto()
    CUT_AFTER_COMMIT = auto()


class KilledError(Exception):
    """The process ended here: nobody hears what became of the transaction."""


crash: ContextVar[Crash] = ContextVar("crash", default=Crash.NONE)
"""What will happen to the transactions of this task."""


class CrashingTransaction(Transaction):
    """A transaction that ends as `crash` says."""

    _connection: "CrashingConnection"

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        planned = crash.get() if kind is None else Crash.NONE
        if planned is Crash.ROLLED_BACK:
            await super().__aexit__(KilledError, KilledError(), None)
            raise KilledError
        if planned is Crash.CUT_BEFORE_COMMIT:
            await self._connection.cut()
        await super().__aexit__(kind, error, traceback)
        if planned is Crash.CUT_AFTER_COMMIT:
            await self._connection.cut()
            raise asyncpg.ConnectionDoesNotExistError


class CrashingConnection(HotConnection):
    """A connection of the hot path whose transactions may break."""

    killer: Pool

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Transaction:
        return CrashingTransaction(self, isolation, readonly, deferrable)

    async def cut(self) -> None:
        """Let the server end this connection, and wait until it has."""
        await self.killer.execute("SELECT pg_terminate_backend($1, 5000)", self.get_server_pid())


@dataclass(frozen=True)
class Bench:
    """A database with a campaign in it, to which it returns before each example."""

    pool: Pool
    killer: Pool
    published: PublishedCascades

    async def keep(self) -> None:
        """Remember the stages as they are now."""
        for table in WRITTEN[:2]:
            await self.killer.execute(f"CREATE TABLE {table}_at_first AS TABLE {table}")

    async def begin_anew(self) -> None:
        """Forget everything that people did."""
        emptied = [f"DELETE FROM {table}" for table in WRITTEN]
        restored = [f"INSERT INTO {table} SELECT * FROM {table}_at_first" for table in WRITTEN[:2]]
        await self.killer.execute(";".join(emptied + restored))

    @asynccontextmanager
    async def process(self, seed: int = 0) -> AsyncIterator["Process"]:
        """Run the services as one process does."""
        dice = random.Random(seed)
        process = Process(
            Classifications(self.pool, self.published, dice),
            Decks(self.pool, self.published, np.random.default_rng(seed)),
            Retractions(self.pool, self.published, dice),
            Publishing(self.pool, self.published, dice),
        )
        try:
            yield process
        finally:
            await asyncio.gather(process.classifications.close(), process.decks.close())


@dataclass(frozen=True)
class Process:
    """What people do, over connections that break."""

    classifications: Classifications
    decks: Decks
    retractions: Retractions
    publishing: Publishing


@asynccontextmanager
async def crashing(database_url: str) -> AsyncIterator[Bench]:
    """Open a bench over a database."""
    settings: Mapping[str, str] = HOT_SETTINGS
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as killer:
        connection_class = type("Connection", (CrashingConnection,), {"killer": killer})
        async with asyncpg.create_pool(
            database_url, min_size=1, max_size=4, connection_class=connection_class, server_settings=dict(settings)
        ) as pool:
            yield Bench(pool, killer, PublishedCascades())
