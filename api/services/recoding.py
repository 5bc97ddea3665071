"""AVIF of the pictures that are there, a few a round, so that no other job of the worker waits."""

from collections.abc import Sequence
from typing import Final, Protocol

from api.media.avif import worthy
from api.store.engine import Connection
from api.store.pictures import PictureStore, Untried

LOOKED_AT: Final = 500
"""Pictures of a round; most of them, where they are small, need no work."""

MADE: Final = 4
"""Pictures of a round that take work: up to about a second each, of one core that nothing else wants."""


class Maker(Protocol):
    """Makes AVIF of a picture that has these widths."""

    async def make(self, digest: str, widths: Sequence[int]) -> int:
        """Return how many widths were worth keeping."""


class Recoding:
    """Makes AVIF in rounds."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    async def turn(self, connection: Connection) -> int:
        """Do one round; return how many pictures were tried.

        Raises
        ------
        StorageError
            The store does not answer; what was not tried stays for another round.
        """
        store = PictureStore(connection)
        if not await store.claim():
            return 0
        tried: list[Untried] = []
        made = 0
        try:
            for picture in await store.untried(LOOKED_AT):
                if worthy(picture.widths):
                    if made == MADE:
                        break
                    await self._maker.make(picture.digest, picture.widths)
                    made += 1
                tried.append(picture)
        finally:
            if tried:
                await store.mark_tried(tried)
        return len(tried)
