"""Pictures, as they were made ready for phones."""

import asyncio
from pathlib import Path

from api.errors import UnknownMediaError
from api.media.files import find


class Pictures:
    """Reads prepared pictures."""

    def __init__(self, media_dir: Path) -> None:
        self._media_dir = media_dir

    async def read(self, digest: str, width: int) -> bytes:
        """Return a picture as WebP.

        Raises
        ------
        UnknownMediaError
            There is no such picture, or not in this width.
        """
        content = await asyncio.to_thread(self._read, digest, width)
        if content is None:
            raise UnknownMediaError(digest, width)
        return content

    def _read(self, digest: str, width: int) -> bytes | None:
        path = find(self._media_dir, digest, width)
        return None if path is None else path.read_bytes()
