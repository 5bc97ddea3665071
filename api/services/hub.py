"""The hub: wakes whoever waits for events of this process, over one connection that listens to the database.

Theory of operation
-------------------
The sequencer notifies when it has given positions. The hub hears it on its connection, and rings the bell of everyone
who waits; they read for themselves what has come, page by page, so nothing is queued for a reader that is slow. A bell
that rings twice before it is heard has rung once.

While somebody waits, the hub sequences too: events do not depend on a worker. That also shows within moments when the
connection is gone. It is opened with the first who waits, opened again after whatever happened to it, with longer and
longer pauses, and everyone is woken then, since notifications may have been missed meanwhile.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from typing import Final

import structlog

from api.services.sequencing import sequence
from api.store.engine import Connection
from api.store.failures import CONFLICTS, UNREACHABLE
from api.store.listening import listening

SEQUENCE_SECONDS: Final = 0.2
"""Between two looks for rows without a position: one probe of an index that is empty most of the time."""

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Hub:
    """Rings bells. Made without a connection; needs a running event loop only when somebody waits."""

    def __init__(self, database_url: str, name: str = "events") -> None:
        self._database_url = database_url
        self._name = name
        self._bells: set[asyncio.Event] = set()
        self._someone = asyncio.Event()
        self._ears: asyncio.Task[None] | None = None
        self._ended = False
        self.rung = 0
        """How often it has rung: what was read before the last time may be old."""

    @contextlib.contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever there may be something new, and at the end; who heard it clears it."""
        bell = asyncio.Event()
        self._bells.add(bell)
        self._someone.set()
        if self._ears is None and not self._ended:
            self._ears = asyncio.create_task(self._listen(), name="hub")
        try:
            yield bell
        finally:
            self._bells.discard(bell)
            if not self._bells:
                self._someone.clear()

    @property
    def waiting(self) -> int:
        """How many wait for something new."""
        return len(self._bells)

    @property
    def ended(self) -> bool:
        """Whether those who wait should go."""
        return self._ended

    def end(self) -> None:
        """Send everyone who waits away, now and from now on."""
        self._ended = True
        self.ring()

    def ring(self) -> None:
        """Wake everyone who waits."""
        self.rung += 1
        for bell in self._bells:
            bell.set()

    async def close(self) -> None:
        """End, and close the connection."""
        self.end()
        if self._ears is not None:
            self._ears.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ears

    async def _listen(self) -> None:
        """Keep a connection that listens, whatever happens to it."""
        failures = 0
        while True:
            try:
                async with listening(self._database_url, self._name, self.ring) as connection:
                    failures = 0
                    self.ring()
                    await self._sequence(connection)
            except (*CONFLICTS, *UNREACHABLE) as error:
                log.warning("the connection that listens for events is lost", error=repr(error))
            except Exception:
                log.exception("listening for events failed")
            failures += 1
            longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311  # spreads attempts

    async def _sequence(self, connection: Connection) -> None:
        while True:
            await self._someone.wait()
            await sequence(connection)
            await asyncio.sleep(SEQUENCE_SECONDS)
