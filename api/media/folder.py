"""Objects in a local folder.

Plain calls to the kernel, since most installations are of this kind and most time of an import that is not the codec's
goes here: a put takes 41 us where obstore's `LocalStore` takes 158, a get 13 where it takes 54.

An object is written into `AREA/.part/` and renamed, so that a process that is killed leaves no half object under a key,
and what it leaves lies together, where it can be swept away. An area may be a mount of its own.
"""

import contextlib
import ctypes
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api.errors import StorageError
from api.media.objects import AREAS, Storage, Stored, checked, checked_folder

_UNFINISHED: Final = ".part"
_LONGEST_WRITE_SECONDS: Final = 24 * 3600
_COPY_BYTES: Final = 1024 * 1024
_ABSENT: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

_numbers = itertools.count()


class FolderStorage(Storage):
    """Objects as files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.place = str(root)

    @property
    def is_remote(self) -> bool:
        """Whether every call costs a round trip over a network."""
        return False

    def get(self, key: str) -> bytes | None:
        """Return an object."""
        with self._told():
            try:
                return self._path(key).read_bytes()
            except _ABSENT:
                return None

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """Return at most `length` bytes of an object from byte `start` on; none past its end."""
        with self._told():
            try:
                with self._path(key).open("rb") as file:
                    file.seek(start)
                    return file.read(length)
            except _ABSENT:
                return None

    def head(self, key: str) -> Stored | None:
        """Return what is known of an object without reading it."""
        path = self._path(key)
        with self._told():
            try:
                return Stored(key, path.stat().st_size) if path.is_file() else None
            except _ABSENT:
                return None

    def put(self, key: str, content: bytes, content_type: str | None = None, *, sync: bool = True) -> None:
        """Write an object; a folder keeps no content types."""
        del content_type
        with self._told(), self._unfinished(key, sync=sync) as descriptor:
            _write(descriptor, content)

    def put_file(self, key: str, path: Path, content_type: str | None = None) -> None:
        """Write a file as an object, in pieces, so that it need not fit into memory."""
        del content_type
        with path.open("rb") as source, self._told(), self._unfinished(key, sync=True) as descriptor:
            while part := source.read(_COPY_BYTES):
                _write(descriptor, part)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._told(), contextlib.suppress(*_ABSENT):
            self._path(key).unlink()

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects below a folder of keys, in no particular order."""
        with self._told():
            for folder, folders, names in os.walk(self._root / checked_folder(prefix)):
                folders[:] = [name for name in folders if name != _UNFINISHED]
                for name in names:
                    path = Path(folder, name)
                    with contextlib.suppress(FileNotFoundError):
                        yield Stored(path.relative_to(self._root).as_posix(), path.stat().st_size)

    def flush(self) -> None:
        """Bring the file systems of all areas to disk: 3 ms for 200 new files, where an fsync each takes 200 ms."""
        devices: set[int] = set()
        with self._told():
            for area in AREAS:
                with contextlib.suppress(FileNotFoundError), _opened(self._root / area) as descriptor:
                    device = os.fstat(descriptor).st_dev
                    if device not in devices:
                        devices.add(device)
                        _sync_file_system(descriptor)

    def sweep(self) -> None:
        """Remove what processes that were killed have left unfinished."""
        oldest = time.time() - _LONGEST_WRITE_SECONDS
        with self._told():
            for area in AREAS:
                for path in Path(self._root, area, _UNFINISHED).glob("*"):
                    with contextlib.suppress(FileNotFoundError):
                        if path.stat().st_mtime < oldest:
                            path.unlink()

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    @contextmanager
    def _unfinished(self, key: str, *, sync: bool) -> Iterator[int]:
        """Give a file to write the object to, which gets its name when it is whole."""
        path = self._path(key)
        unfinished = self._root / key.partition("/")[0] / _UNFINISHED / f"{os.getpid()}-{next(_numbers)}"
        descriptor = _created(unfinished)
        try:
            try:
                yield descriptor
                if sync:
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            _rename(unfinished, path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        if sync:
            self._sync_names(path)

    def _sync_names(self, path: Path) -> None:
        """Bring the name of a file, and of the folders down to it, to disk."""
        for folder in path.parents:
            with _opened(folder) as descriptor:
                os.fsync(descriptor)
            if folder == self._root:
                return

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(self.place, error.strerror or str(error)) from error


def _created(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _rename(before: Path, after: Path) -> None:
    try:
        before.replace(after)
    except FileNotFoundError:
        after.parent.mkdir(parents=True, exist_ok=True)
        before.replace(after)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_file_system(descriptor: int) -> None:
    """Call syncfs(2) where the C library has it, else sync(2), which takes in the other file systems too."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        os.sync()
        return
    if syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
