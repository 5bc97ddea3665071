"""Videos, as they were made ready for phones, whole or in parts."""

from collections.abc import AsyncGenerator

import structlog

from api.errors import StorageError, UnknownVideoError
from api.media.images import video_key
from api.media.objects import PIECE_BYTES
from api.media.storage import Storage, Stored
from api.media.video import SUFFIXES

log = structlog.get_logger(__name__)


class Videos:
    """Reads prepared videos, a piece at a time."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def find(self, digest: str, mime: str) -> Stored:
        """Return where a video lies, and how many bytes it has.

        Raises
        ------
        UnknownVideoError
            There is no such video, or it is of another kind.
        StorageError
            The store does not answer.
        """
        key = video_key(digest, mime)
        try:
            stored = None if key is None else await self._storage.head_async(key)
        except StorageError as error:
            log.warning("the store of videos does not answer", place=error.place, reason=error.reason)
            raise
        if stored is None:
            raise UnknownVideoError(digest, SUFFIXES[mime])
        return stored

    async def read(self, stored: Stored, start: int, end: int) -> bytes | AsyncGenerator[bytes, None]:
        """Return the bytes of a video from `start` on, those before `end`: at once if they are few, else as they come.

        Raises
        ------
        StorageError
            The store does not answer; one that stops answering in the middle breaks the generator off.
        """
        if end - start <= PIECE_BYTES:
            return await self._storage.get_range_async(stored.key, start, end - start) or b""
        return self._storage.stream_range(stored.key, start, end)
