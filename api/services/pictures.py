"""Pictures, as they were made ready for phones."""

from api.errors import UnknownMediaError
from api.media.images import key
from api.media.storage import Storage


class Pictures:
    """Reads prepared pictures."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, digest: str, width: int) -> bytes:
        """Return a picture as WebP.

        Raises
        ------
        UnknownMediaError
            There is no such picture, or not in this width.
        StorageError
            The store does not answer.
        """
        name = key(digest, width)
        content = None if name is None else await self._storage.get_async(name)
        if content is None:
            raise UnknownMediaError(digest, width)
        return content
