"""Long work in a thread that ends soon after nobody waits for it any more.

A thread cannot be cancelled: left alone, it goes on writing into a folder that is being removed, and the program waits
for it at its end.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class StoppedError(Exception):
    """Nobody waits for what was being done."""


class Stop:
    """Asked now and then by the thread, whether it should go on."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Let the next `check` raise."""
        self._asked.set()

    def check(self) -> None:
        """Raise `StoppedError` if nobody waits any more."""
        if self._asked.is_set():
            raise StoppedError


async def in_thread(function: Callable[[Stop], Result]) -> Result:
    """Return what a function returns that runs in a thread; when this is cancelled, the thread has ended too."""
    stop = Stop()
    running = asyncio.create_task(asyncio.to_thread(function, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.ask()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # or asyncio would complain that nobody looked
        raise
