"""Many requests, one commit: what arrives while a transaction is under way goes into the next one.

No timer: an idle service commits a single swipe at once, a busy one in groups as large as the load makes them. A group
that fails for a reason of its own is taken apart until the guilty item is alone; what fails because the database is
away is answered as such, and the client sends it again: whether it was committed does not matter, since every swipe
carries an id.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from api.errors import DatabaseUnavailableError, OverloadedError
from api.metrics import count_group
from api.store.failures import CONFLICTS, UNREACHABLE

Item = TypeVar("Item")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)

ATTEMPTS = 5
"""How often a group is tried that met another transaction or a closed connection."""


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    """What a request has brought; `context` is the request's own, in which the log knows its id."""

    items: Sequence[Item]
    answer: "asyncio.Future[Sequence[Result]]"
    context: Context


class GroupCommit(Generic[Item, Result]):
    """Collects items from many requests and commits them in groups.

    Parameters
    ----------
    commit
        Commits a group in one transaction and returns a result for each item, or raises and changes nothing.
    give_up
        Makes the result of an item that fails even alone.
    lanes
        Transactions that may be under way at once.
    group
        Items in one transaction, at most; a single request's items always stay together.
    backlog
        Items that may wait before requests are turned away.
    kind
        What the items are, for the metrics.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        give_up: Callable[[Item], Result],
        *,
        lanes: int,
        group: int = 512,
        backlog: int = 20_000,
        kind: str = "items",
    ) -> None:
        self._commit = commit
        self._give_up = give_up
        self._group = group
        self._backlog = backlog
        self._kind = kind
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._queued = 0
        self._wake = asyncio.Condition()
        self._open = True
        self._tasks = [asyncio.create_task(self._serve(), name=f"group-commit-{n}") for n in range(lanes)]

    async def submit(self, items: Sequence[Item]) -> Sequence[Result]:
        """Return the results of these items once they are committed.

        Raises
        ------
        OverloadedError
            Too much is waiting already; nothing was stored.
        DatabaseUnavailableError
            The database is away; the same items may be sent again.
        """
        if not self._open or self._queued + len(items) > self._backlog:
            raise OverloadedError
        waiting: _Waiting[Item, Result] = _Waiting(items, asyncio.get_running_loop().create_future(), copy_context())
        self._queue.append(waiting)
        self._queued += len(items)
        async with self._wake:
            self._wake.notify()
        return await waiting.answer

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._open = False
        async with self._wake:
            self._wake.notify_all()
        await asyncio.gather(*self._tasks)

    async def _serve(self) -> None:
        while True:
            async with self._wake:
                await self._wake.wait_for(lambda: bool(self._queue) or not self._open)
            if group := self._take():
                await self._answer(group)
            elif not self._open:
                return

    def _take(self) -> list[_Waiting[Item, Result]]:
        group: list[_Waiting[Item, Result]] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0].items) <= self._group):
            group.append(self._queue.popleft())
            size += len(group[-1].items)
        self._queued -= size
        return group

    async def _answer(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        items = [item for waiting in group for item in waiting.items]
        began, behind = time.perf_counter(), self._queued
        try:
            results = await self._commit_or_split(items, group)
        except UNREACHABLE as error:
            log.warning("database unavailable", error=repr(error), items=len(items))
            for waiting in group:
                _fail(waiting.answer, DatabaseUnavailableError())
        except Exception as error:  # the edge: every waiting request must hear of it
            for waiting in group:
                _fail(waiting.answer, error)
        else:
            count_group(self._kind, len(items), time.perf_counter() - began, behind)
            start = 0
            for waiting in group:
                end = start + len(waiting.items)
                if not waiting.answer.done():
                    waiting.answer.set_result(results[start:end])
                start = end

    async def _commit_or_split(
        self, items: Sequence[Item], group: Sequence[_Waiting[Item, Result]]
    ) -> Sequence[Result]:
        try:
            return await self._commit_patiently(items)
        except UNREACHABLE:
            raise
        except Exception:
            if len(items) == 1:
                brought = next(each for each in group if any(item is items[0] for item in each.items))
                brought.context.run(log.exception, "an item could not be committed", item=repr(items[0])[:2000])
                return [self._give_up(items[0])]
            middle = len(items) // 2
            return [
                *await self._commit_or_split(items[:middle], group),
                *await self._commit_or_split(items[middle:], group),
            ]

    async def _commit_patiently(self, items: Sequence[Item]) -> Sequence[Result]:
        for attempt in range(ATTEMPTS):
            try:
                return await self._commit(items)
            except (*CONFLICTS, *UNREACHABLE):
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.5) * 0.02 * 2**attempt)  # noqa: S311  # spreads retries
        raise AssertionError("unreachable")


def _fail(answer: "asyncio.Future[Sequence[Result]]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
