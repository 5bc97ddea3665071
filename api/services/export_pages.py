"""Exports over HTTP: pages of a table, whole in memory, few at a time, so that votes never wait for an export."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from api.caller import Caller
from api.errors import NotAllowedError, OverloadedError, UnknownProjectError
from api.exports.columns import Table
from api.exports.sink import Write
from api.services.exporting import Exported, Wish, described, export
from api.services.ledger_reading import ReadMonth
from api.services.reachable import reachable
from api.services.sequencing import sequence
from api.store.engine import Pool
from api.store.exports import StoredProject, find_project, open_snapshot

AT_ONCE: Final = 1
"""Exports that one process makes at a time: a second one would only take the votes' share of the processor."""

MOST_WAITING: Final = 8


class Exports:
    """Shows tables of projects to their researchers."""

    def __init__(self, pool: Pool, database_url: str, read_month: ReadMonth) -> None:
        self._pool = pool
        self._url = database_url
        self._read_month = read_month
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @reachable
    async def page(self, caller: Caller, slug: str, wish: Wish) -> tuple[bytes, Exported]:
        """Return a page of a table as a file, and what is known of it.

        Raises
        ------
        UnknownProjectError, NotAllowedError
            There is no such project, or the token is not one of its researchers'.
        OverloadedError
            Too many exports wait.
        """
        async with self._pool.acquire() as connection:
            project = _allowed(await find_project(connection, slug, caller.sight), slug, caller)
            if wish.table is Table.LABELS:
                await sequence(connection)
        parts: list[bytes] = []
        async with self._its_turn():
            done = await asyncio.to_thread(
                export, self._url, project, wish, _kept(parts), patience_seconds=0, read_month=self._read_month
            )
        return b"".join(parts), done

    @reachable
    async def dictionary(self, caller: Caller, slug: str, table: Table) -> dict[str, Any]:
        """Return what there is to know of a table before it is exported; raises as `page` does."""
        async with self._pool.acquire() as connection:
            project = _allowed(await find_project(connection, slug, caller.sight), slug, caller)
        async with self._its_turn():
            return await asyncio.to_thread(self._described, project, table)

    def _described(self, project: StoredProject, table: Table) -> dict[str, Any]:
        with open_snapshot(self._url) as snapshot:
            return described(project, snapshot.versions(project.id), table)

    @asynccontextmanager
    async def _its_turn(self) -> AsyncIterator[None]:
        if self._waiting >= MOST_WAITING:
            raise OverloadedError("too many exports wait")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1


def _kept(parts: list[bytes]) -> Write:
    """Return what keeps the bytes that it is given; what they were in may be used again."""
    keep: Callable[[bytes], None] = parts.append
    return lambda content: keep(bytes(content))


def _allowed(project: StoredProject | None, slug: str, caller: Caller) -> StoredProject:
    if project is None:
        raise UnknownProjectError(slug)
    if not caller.researches(project.id):
        raise NotAllowedError(f"the exports of {slug} are for its researchers; this token is not one of theirs")
    return project
