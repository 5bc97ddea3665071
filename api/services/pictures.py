"""Pictures, as they were made ready for phones."""

import time
from typing import Final, NamedTuple

import structlog

from api.errors import StorageError, UnknownMediaError
from api.media.images import key
from api.media.storage import Storage
from api.media.variants import AVIF, WEBP

log = structlog.get_logger(__name__)

FORGET_SECONDS: Final = 60.0
"""How long an AVIF that was not there is not asked for again, where asking takes a round trip over a network."""

_REMEMBERED: Final = 100_000


class Picture(NamedTuple):
    """A picture as it is sent."""

    content: bytes
    media_type: str


class Pictures:
    """Reads prepared pictures."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._absent: dict[str, float] = {}

    async def read(self, digest: str, width: int, *, avif: bool) -> Picture:
        """Return a picture, as AVIF if that is taken and there is one, else as WebP.

        Raises
        ------
        UnknownMediaError
            There is no such picture, or not in this width.
        StorageError
            The store does not answer.
        """
        name = key(digest, width, "avif") if avif else None
        if name is not None and (content := await self._get_avif(name)) is not None:
            return Picture(content, AVIF)
        name = key(digest, width)
        content = None if name is None else await self._get(name)
        if content is None:
            raise UnknownMediaError(digest, width)
        return Picture(content, WEBP)

    async def read_avif(self, digest: str, width: int) -> Picture:
        """Return a picture as AVIF. Raises what `read` raises, also where there is only WebP."""
        name = key(digest, width, "avif")
        content = None if name is None else await self._get_avif(name)
        if content is None:
            raise UnknownMediaError(digest, width)
        return Picture(content, AVIF)

    async def _get_avif(self, name: str) -> bytes | None:
        if self._storage.is_remote and self._absent.get(name, 0.0) > time.monotonic():
            return None
        content = await self._get(name)
        if content is None and self._storage.is_remote:
            if len(self._absent) >= _REMEMBERED:
                self._absent.clear()
            self._absent[name] = time.monotonic() + FORGET_SECONDS
        return content

    async def _get(self, name: str) -> bytes | None:
        try:
            return await self._storage.get_async(name)
        except StorageError as error:
            log.warning("the store of pictures does not answer", place=error.place, reason=error.reason)
            raise
