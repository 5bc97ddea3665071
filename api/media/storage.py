"""Where pictures, uploads and archives lie: objects by key, in a local folder or in an object store.

One root holds three areas, which are the first part of every key:

    media/abc/DIGEST-640.webp      prepared pictures (`api.media.images`)
    uploads/...                    what researchers send over HTTP
    ledger/...                     months of the vote log that left the database

The root is the data folder, or with `CHAFFINCH_MEDIA_URL` a bucket (`s3://`, `gs://`, `az://`), where credentials and
endpoints come from the variables that every tool knows (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ...). An object
appears whole or not at all, and what is absent is `None`, never an error.
"""

from dataclasses import dataclass
from pathlib import Path

from api.media.folder import FolderStorage
from api.media.objects import LEDGER, MEDIA, UPLOADS, Storage, Stored
from api.media.remote import RemoteStorage, WrongMediaUrlError
from api.settings import Settings

__all__ = ["LEDGER", "MEDIA", "UPLOADS", "Place", "Storage", "Stored", "WrongMediaUrlError", "open_storage", "place_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is; unlike the store it can be sent to another process."""

    folder: Path | None = None
    url: str | None = None

    def open(self) -> Storage:
        """Open the store; nothing is asked of it yet.

        Raises
        ------
        WrongMediaUrlError
            The address is none of an object store.
        """
        if self.url is None:
            assert self.folder is not None
            return FolderStorage(self.folder)
        return RemoteStorage(self.url)


def place_of(settings: Settings) -> Place:
    """Return where the settings say that pictures, uploads and archives lie."""
    url = settings.media_url
    if url is None:
        return Place(folder=settings.data_dir.absolute())
    if url.startswith("file://"):
        return Place(folder=Path(url.removeprefix("file://")))
    return Place(url=url)


def open_storage(settings: Settings) -> Storage:
    """Open the store of the settings; nothing is asked of it yet.

    Raises
    ------
    WrongMediaUrlError
        The address is none of an object store.
    """
    return place_of(settings).open()
