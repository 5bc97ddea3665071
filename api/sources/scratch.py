"""Folders for what is fetched or unpacked, gone when they are no longer needed, even where their owner was killed.

A folder is held by a lock on a file in it, which the kernel lets go of when a process dies. Whoever makes a new folder
removes those that nobody holds.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from api.sources.errors import NoRoomError

_LOCK: Final = ".held"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a folder of our own below `parent`, removed at the end; remove what others have left there.

    Raises
    ------
    NoRoomError
        Nothing can be written there.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with _held(parent / _LOCK, wait=True):
            _sweep(parent)
            folder = Path(tempfile.mkdtemp(dir=parent))
            lock = _take(folder / _LOCK, wait=True)
    except OSError as error:
        raise NoRoomError("What is fetched or unpacked", parent, error.strerror or str(error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@asynccontextmanager
async def own_scratch(parent: Path) -> AsyncIterator[Path]:
    """Give a scratch folder as `scratch_folder` does, without holding up the event loop while it is removed."""
    folder = scratch_folder(parent)
    path = await asyncio.to_thread(folder.__enter__)
    try:
        yield path
    finally:
        await asyncio.to_thread(folder.__exit__, None, None, None)


def _sweep(parent: Path) -> None:
    """Remove the folders whose owners are gone."""
    for folder in parent.iterdir():
        if folder.is_dir():
            with _held(folder / _LOCK, wait=False) as held:
                if held:
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(path: Path, *, wait: bool) -> Iterator[bool]:
    lock = _take(path, wait=wait)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _take(path: Path, *, wait: bool) -> int | None:
    """Return the descriptor of a lock, or None where somebody else has it, or its folder is going."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None
