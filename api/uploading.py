"""A researcher's client of our own API: sends a file in chunks, and follows its import to the end.

The service says how far a file has come, so a broken connection costs one chunk, and the same command after a kill goes
on where the other was.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from api.errors import CommandError
from api.phone import Phone, RefusedError
from mobile_schemas.imports import (
    FromUploadIn,
    ImportIn,
    ImportOut,
    ScoresIn,
    SubjectsIn,
    UploadIn,
    UploadOut,
)

CHUNK_BYTES: Final = 4_000_000
"""Of one request: within the 30 s that a reply is waited for, that asks for 1 Mbit/s."""

FOLLOW_SECONDS: Final = 1.0
_READ_BYTES: Final = 1 << 20
_MISPLACED: Final = 409

Sent = Callable[[UploadOut], None]
"""Told after every chunk how far the file is."""


class UnreadableFileError(CommandError):
    """The file cannot be read, or became another while it was sent."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be read ({why})")
        self.path = path


class Courier(Phone):
    """A client with a researcher's token."""

    def __init__(self, url: str, token: str, patience_seconds: float = 300.0) -> None:
        super().__init__(url, patience_seconds, connections=1)
        self._token = token

    async def send(self, path: Path, slug: str, sent: Sent, name: str | None = None) -> UploadOut:
        """Send what is not there yet of a file; return the upload.

        Raises
        ------
        UnreadableFileError, RefusedError, UnansweredError
        """
        file = await asyncio.to_thread(_described, path, name)
        upload = await self._ask("begin_upload", UploadOut, self._token, {"slug": slug}, file)
        sent(upload)
        while not upload.complete:
            chunk = await asyncio.to_thread(_read, path, upload.received, min(CHUNK_BYTES, upload.chunk_bytes))
            try:
                upload = await self._put(upload, chunk)
            except RefusedError as refused:
                if refused.problem.status != _MISPLACED:
                    raise
                # Somebody else sends the same file, or a lost reply was followed by another chunk size.
                upload = await self._ask("get_upload", UploadOut, self._token, {"upload": upload.upload})
            sent(upload)
        return upload

    async def begin_import(self, slug: str, upload: UploadOut, content: SubjectsIn | ScoresIn) -> ImportOut:
        """Ask for the import of a file that was sent. A lost reply may begin a second one, which changes nothing."""
        wish = ImportIn(source=FromUploadIn(upload=upload.upload), content=content)
        return await self._ask("begin_import", ImportOut, self._token, {"slug": slug}, wish)

    async def follow(self, number: int) -> AsyncIterator[ImportOut]:
        """Yield how far an import is, until it has ended."""
        while True:
            now = await self._ask("get_import", ImportOut, self._token, {"import_id": number})
            yield now
            if now.state in ("done", "failed"):
                return
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _put(self, upload: UploadOut, chunk: bytes) -> UploadOut:
        path = {"upload": upload.upload, "offset": upload.received}
        return await self._ask("put_chunk", UploadOut, self._token, path, chunk)


def _described(path: Path, name: str | None) -> UploadIn:
    """Return what a file is called, its size and its SHA-256."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    if not size:
        raise UnreadableFileError(path, "it is empty")
    return UploadIn(name=name or _plain(path.name), bytes=size, sha256=digest.hexdigest())


def _plain(name: str) -> str:
    """Return a file's name with nothing in it that the service does not take."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in " _.()+-") else "_" for letter in name
    )
    return plain.lstrip(" .()+-")[:200] or "file"


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(size)
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    if not chunk:
        raise UnreadableFileError(path, "it has become shorter since it was begun to be sent")
    return chunk
