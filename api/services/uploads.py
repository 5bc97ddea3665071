"""Files that researchers send in chunks, and the imports that they ask for.

A chunk is an object of its own in the storage of pictures, and the row says how many bytes are here. A chunk is stored
while its upload's row is locked, and the row advanced after that: what is acknowledged survives a kill, and of two
senders one is told where the other has got to.
"""

from typing import Any, Final
from uuid import UUID, uuid4

from api.caller import Caller
from api.errors import (
    ChunkMisplacedError,
    NotAllowedError,
    UnknownImportError,
    UnknownProjectError,
    UnknownUploadError,
    UploadContradictedError,
    UploadIncompleteError,
    UploadTooLargeError,
)
from api.media.storage import UPLOADS, Storage
from api.services.reachable import reachable
from api.store.engine import Connection, Pool
from api.store.uploads import ImportStore, StoredImport, StoredUpload, UploadStore
from mobile_schemas.endpoint import CHUNK_LIMIT_BYTES
from mobile_schemas.imports import FromUploadIn, ImportIn, UploadIn

CONNECTIONS: Final = 2
"""Of the pool for uploads: each is held while a chunk is stored, so they are not those that commit swipes."""


def chunk_key(upload_id: UUID, offset: int) -> str:
    """Return the key of a chunk; in the order of the keys a file's chunks are in the order of its bytes."""
    return f"{folder_key(upload_id)}/{offset:013d}"


def folder_key(upload_id: UUID) -> str:
    """Return what the keys of an upload's chunks begin with."""
    return f"{UPLOADS}/{upload_id}"


class Uploads:
    """Takes files in, and imports of them down."""

    def __init__(self, pool: Pool, storage: Storage, limit_bytes: int) -> None:
        self._pool = pool
        self._storage = storage
        self._limit_bytes = limit_bytes

    @reachable
    async def begin(self, caller: Caller, slug: str, file: UploadIn) -> dict[str, Any]:
        """Return the upload of a file: a new one, or the one of the same file with how far it has come.

        Raises
        ------
        UploadTooLargeError
            The file is larger than the setting allows.
        UploadContradictedError
            A file of this name and SHA-256 was begun with another size.
        UnknownProjectError, NotAllowedError
            The project is not the token's.
        """
        if file.bytes > self._limit_bytes:
            raise UploadTooLargeError(file.bytes, self._limit_bytes)
        async with self._pool.acquire() as connection:
            project_id = await _own_project(connection, caller, slug)
            upload = await UploadStore(connection).begin(uuid4(), project_id, file.name, file.bytes, file.sha256)
        if upload.size_bytes != file.bytes:
            raise UploadContradictedError(file.name, upload.size_bytes)
        return _upload_view(upload)

    @reachable
    async def get(self, caller: Caller, upload_id: str) -> dict[str, Any]:
        """Return how far an upload has come. Raises UnknownUploadError."""
        async with self._pool.acquire() as connection:
            return _upload_view(_own_upload(caller, upload_id, await UploadStore(connection).read(UUID(upload_id))))

    @reachable
    async def put(self, caller: Caller, upload_id: str, offset: int, content: bytes) -> dict[str, Any]:
        """Store a chunk, unless it is here already; return how far the upload has come.

        Raises
        ------
        ChunkMisplacedError
            The chunk is not the next one.
        UnknownUploadError, StorageError
        """
        async with self._pool.acquire() as connection, connection.transaction():
            store = UploadStore(connection)
            upload = _own_upload(caller, upload_id, await store.lock(UUID(upload_id)))
            end = offset + len(content)
            if end <= upload.received:
                return _upload_view(upload)
            if offset != upload.received or end > upload.size_bytes:
                raise ChunkMisplacedError(offset, len(content), upload.received, upload.size_bytes)
            await self._storage.put_async(chunk_key(upload.id, offset), content)
            await store.advance(upload.id, end)
            return _upload_view(upload._replace(received=end, complete=end == upload.size_bytes))

    @reachable
    async def begin_import(self, caller: Caller, slug: str, wish: ImportIn) -> dict[str, Any]:
        """Take an import down for the worker.

        Raises
        ------
        UnknownUploadError, UploadIncompleteError
            The file is not here.
        UnknownProjectError, NotAllowedError
            The project is not the token's.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            project_id = await _own_project(connection, caller, slug)
            upload = await _complete_upload(connection, caller, wish)
            url = None if isinstance(wish.source, FromUploadIn) else wish.source.url
            options = wish.content.model_dump(mode="json", exclude={"kind"})
            store = ImportStore(connection)
            number = await store.begin(project_id, wish.content.kind, upload, url, options)
            return _import_view(await store.read(number), number)

    @reachable
    async def get_import(self, caller: Caller, number: int) -> dict[str, Any]:
        """Return what became of an import so far. Raises UnknownImportError."""
        async with self._pool.acquire() as connection:
            found = await ImportStore(connection).read(number)
        if found is not None and not caller.researches(found.project_id):
            found = None
        return _import_view(found, number)


async def _own_project(connection: Connection, caller: Caller, slug: str) -> int:
    project_id = await UploadStore(connection).project_number(slug, caller.sight)
    if project_id is None:
        raise UnknownProjectError(slug)
    if not caller.researches(project_id):
        raise NotAllowedError(f"imports into {slug} are for its researchers; this token is not one of theirs")
    return project_id


def _own_upload(caller: Caller, upload_id: str, upload: StoredUpload | None) -> StoredUpload:
    """Return an upload of the caller's project; of others it is not even said that they are there."""
    if upload is None or not caller.researches(upload.project_id):
        raise UnknownUploadError(upload_id)
    return upload


async def _complete_upload(connection: Connection, caller: Caller, wish: ImportIn) -> UUID | None:
    """Return the upload that is to be imported, all of which is here; None where the file is elsewhere."""
    if not isinstance(wish.source, FromUploadIn):
        return None
    found = await UploadStore(connection).lock(UUID(wish.source.upload))
    upload = _own_upload(caller, wish.source.upload, found)
    if not upload.complete:
        raise UploadIncompleteError(upload.received, upload.size_bytes)
    return upload.id


def _upload_view(upload: StoredUpload) -> dict[str, Any]:
    return {
        "upload": str(upload.id),
        "name": upload.name,
        "bytes": upload.size_bytes,
        "sha256": upload.sha256,
        "received": upload.received,
        "complete": upload.complete,
        "chunk_bytes": CHUNK_LIMIT_BYTES,
    }


def _import_view(found: StoredImport | None, number: int) -> dict[str, Any]:
    if found is None:
        raise UnknownImportError(number)
    hidden = {"project_id", "upload_id", "url", "options", "furthest", "taken_up"}
    return {name: value for name, value in found._asdict().items() if name not in hidden}
