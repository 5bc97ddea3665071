"""Objects by key: what a store of pictures, uploads and archives can do.

An object appears whole or not at all, and what is absent is `None`, never an error.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

MEDIA: Final = "media"
UPLOADS: Final = "uploads"
LEDGER: Final = "ledger"
AREAS: Final = (MEDIA, UPLOADS, LEDGER)

_KEY: Final = re.compile(rf"(?:{'|'.join(AREAS)})(?:/[A-Za-z0-9_=-][A-Za-z0-9_=.+-]{{0,199}})+")
_PART_BYTES: Final = 4 * 1024 * 1024
PIECE_BYTES: Final = 512 * 1024
"""What is held of an object for each phone that it is sent to."""
_THREADS: Final = 32
"""Calls of one process that wait for the store at once; threads start as they are needed."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is there."""

    key: str
    size_bytes: int


class Storage(ABC):
    """Objects by key. Safe to use from many threads and processes at once, over the same keys too.

    Every method raises `api.errors.StorageError` where the store does not answer, is full, or refuses; each has a twin
    `..._async` that does not block the event loop. `place` says in errors which store it is.
    """

    place: str

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """Return an object."""

    @abstractmethod
    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """Return at most `length` bytes of an object from byte `start` on; none past its end."""

    @abstractmethod
    def head(self, key: str) -> Stored | None:
        """Return what is known of an object without reading it."""

    @abstractmethod
    def put(self, key: str, content: bytes, content_type: str | None = None, *, sync: bool = True) -> None:
        """Write an object, in the place of any that is there.

        When it returns the object survives a loss of power; not so with `sync=False`, which is for many small objects:
        then `flush` must follow.
        """

    @abstractmethod
    def put_file(self, key: str, path: Path, content_type: str | None = None) -> None:
        """Write a file as an object, in pieces, so that it need not fit into memory."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects below a folder of keys, such as `uploads/7`, in no particular order."""

    @abstractmethod
    def flush(self) -> None:
        """Make what any process has put without `sync` survive a loss of power."""

    def sweep(self) -> None:  # noqa: B027 - most stores have nothing to do
        """Remove what writers that were killed have left unfinished."""

    @property
    @abstractmethod
    def is_remote(self) -> bool:
        """Whether every call costs a round trip over a network."""

    def fetch(self, key: str, path: Path) -> bool:
        """Write an object into a file, in pieces; tell whether it is there."""
        stored = self.head(key)
        if stored is None:
            return False
        with path.open("wb") as file:
            for start in range(0, stored.size_bytes, _PART_BYTES):
                file.write(self.get_range(key, start, _PART_BYTES) or b"")
        return True

    async def get_async(self, key: str) -> bytes | None:
        """Return an object."""
        return await self._in_thread(self.get, key)

    async def get_range_async(self, key: str, start: int, length: int) -> bytes | None:
        """Return at most `length` bytes of an object from byte `start` on; none past its end."""
        return await self._in_thread(self.get_range, key, start, length)

    async def head_async(self, key: str) -> Stored | None:
        """Return what is known of an object without reading it."""
        return await self._in_thread(self.head, key)

    async def put_async(self, key: str, content: bytes, content_type: str | None = None) -> None:
        """Write an object, in the place of any that is there; it survives a loss of power."""
        await self._in_thread(self.put, key, content, content_type)

    async def put_file_async(self, key: str, path: Path, content_type: str | None = None) -> None:
        """Write a file as an object, in pieces, so that it need not fit into memory."""
        await self._in_thread(self.put_file, key, path, content_type)

    async def delete_async(self, key: str) -> None:
        """Remove an object, if it is there."""
        await self._in_thread(self.delete, key)

    async def list_async(self, prefix: str) -> tuple[Stored, ...]:
        """Return the objects below a folder of keys, in no particular order."""
        return await self._in_thread(lambda: tuple(self.list(prefix)))

    async def flush_async(self) -> None:
        """Make what any process has put without `sync` survive a loss of power."""
        await self._in_thread(self.flush)

    async def sweep_async(self) -> None:
        """Remove what writers that were killed have left unfinished."""
        await self._in_thread(self.sweep)

    async def fetch_async(self, key: str, path: Path) -> bool:
        """Write an object into a file, in pieces; tell whether it is there."""
        return await self._in_thread(self.fetch, key, path)

    async def stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield an object in pieces of some megabytes; none where it is absent."""
        start = 0
        while part := await self.get_range_async(key, start, _PART_BYTES):
            yield part
            start += len(part)

    async def stream_range(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object from `start` on, those before `end`, in pieces that a slow phone may hold up."""
        while start < end and (part := await self.get_range_async(key, start, min(PIECE_BYTES, end - start))):
            yield part
            start += len(part)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")

    async def _in_thread(self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: function(*given, **named))


def checked(key: str) -> str:
    """Return a key that is one; keys are made by us, so another is a fault of ours."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key: an area ({', '.join(AREAS)}), then names, all parted by slashes")
    return key


def checked_folder(prefix: str) -> str:
    """Return an area, or what could be a key, for listing what lies below."""
    return prefix if prefix in AREAS else checked(prefix)
