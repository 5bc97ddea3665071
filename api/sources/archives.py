"""Archives (zip, and tar in any packing) unpacked into a folder, with nothing of them believed.

Plain files and folders with relative names are taken, and nothing else. What comes out is counted as it comes, so that
no declared size is trusted, and neither is what lies between the files: a tar's headers are read within a bound of
their own, and a zip's directory only up to a size.
"""

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from bz2 import BZ2File
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Final, Protocol, cast

from api.sources.errors import (
    ArchiveError,
    DamagedArchiveError,
    EncryptedArchiveError,
    NoRoomError,
    TooMuchUnpackedError,
    UnsafeEntryError,
)
from api.sources.stopping import Stop, StoppedError

_CHUNK_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = 1 << 20
_LZMA_MEMORY_BYTES: Final = 1 << 28
_NAME_BYTES: Final = 1000
_ZIP_DIRECTORY_BYTES: Final = 500_000_000
_ZIP_END: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP_ENTRY: Final = b"PK\x01\x02"
_ZIP_ENDS_BYTES: Final = 200
"""What may lie between a zip's directory and its very end, and more."""
_FAILURES: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
    OverflowError,
)
"""What the standard library raises on broken archives."""


class Readable(Protocol):
    """Something that bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come out of an archive: entries, bytes, and bytes for each byte of it (beyond the first 100 MB)."""

    entries: int = 1_000_000
    unpacked_bytes: int = 100_000_000_000
    ratio: int = 200
    free_bytes: int = 100_000_000


def is_archive(path: Path) -> bool:
    """Tell whether a file begins as one of the archives that are unpacked."""
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
    except OSError:
        return False
    return (
        beginning.startswith((b"PK\x03\x04", _ZIP_END)) or _packing(beginning) != "" or beginning[257:262] == b"ustar"
    )


def unpack(archive: Path, folder: Path, bounds: Bounds, stop: Stop | None = None) -> None:
    """Unpack an archive into an empty folder, until that is done or `stop` is asked to.

    Raises
    ------
    ArchiveError
        The entry is named.
    NoRoomError
        The folder cannot be written.
    StoppedError
    """
    budget = _Budget(archive, bounds, stop or Stop())
    with archive.open("rb") as file:
        beginning = file.read(512)
        file.seek(0)
        with _damage_named(archive, budget):
            if beginning.startswith((b"PK\x03\x04", _ZIP_END)):
                _unzip(file, folder, budget)
            else:
                _untar(_Unpacked(_opened(file, _packing(beginning)), budget), folder, budget)


class _Budget:
    """What has come out of an archive so far, against its bounds."""

    def __init__(self, archive: Path, bounds: Bounds, stop: Stop) -> None:
        self._stop = stop
        self.archive = archive
        self.entry: str | None = None
        self._bounds = bounds
        self._entries = 0
        self._bytes = 0
        self._most_bytes = min(bounds.unpacked_bytes, max(bounds.free_bytes, archive.stat().st_size * bounds.ratio))

    def begin(self, entry: str) -> None:
        """Count an entry, and check its name."""
        self._stop.check()
        self.entry = entry
        self._entries += 1
        if self._entries > self._bounds.entries:
            raise self._too_much(f"more than {self._bounds.entries:,} entries")
        parts = entry.split("/")
        if entry.startswith("/") or "\\" in entry or "\0" in entry or ".." in parts or ":" in parts[0]:
            raise UnsafeEntryError(self.archive, entry[:_NAME_BYTES], "has a name that leads out of it")

    def expect(self, entries: int) -> None:
        """Refuse an archive that says beforehand that it has more entries than are taken."""
        if entries > self._bounds.entries:
            raise self._too_much(f"more than {self._bounds.entries:,} entries")

    def refuse(self, problem: str) -> UnsafeEntryError:
        return UnsafeEntryError(self.archive, (self.entry or "")[:_NAME_BYTES], problem)

    def count(self, size: int) -> None:
        self._stop.check()
        self._bytes += size
        if self._bytes > self._most_bytes:
            raise self._too_much(f"more than {self._most_bytes:,} bytes when unpacked")

    def _too_much(self, problem: str) -> TooMuchUnpackedError:
        return TooMuchUnpackedError(self.archive, self.entry, problem, "make several smaller ones, or unpack it first")


class _Unpacked:
    """The bytes of a packed tar as they come; reading a header may not take many."""

    def __init__(self, file: Readable, budget: _Budget) -> None:
        self._file = file
        self._budget = budget
        self.header_bytes: int | None = 0  # `tarfile.open` reads the first header

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._file.read(size)
        self._budget.count(len(chunk))
        if self.header_bytes is not None:
            self.header_bytes += len(chunk)
            if self.header_bytes > _HEADER_BYTES:
                raise DamagedArchiveError(self._budget.archive, None, "it has a header of more than 1 MB")
        return chunk


class _Unlzma:
    """Unpacks xz as it is read, within a bound of memory, which `lzma.open` does not have."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decompressor = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES)

    def read(self, size: int = -1, /) -> bytes:
        while not self._decompressor.eof:
            packed = self._file.read(_CHUNK_BYTES) if self._decompressor.needs_input else b""
            if self._decompressor.needs_input and not packed:
                raise EOFError("it ends too early")
            if chunk := self._decompressor.decompress(packed, size):
                return chunk
        return b""


def _packing(beginning: bytes) -> str:
    known = ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zst"))
    return next((name for magic, name in known if beginning.startswith(magic)), "")


def _opened(file: IO[bytes], packing: str) -> Readable:
    if packing == "gz":
        return GzipFile(fileobj=file)
    if packing == "bz2":
        return BZ2File(file)
    if packing == "xz":
        return _Unlzma(file)
    if packing == "zst":
        import pyarrow as pa  # noqa: PLC0415  # 0.3 s that few imports need

        return cast("Readable", pa.CompressedInputStream(pa.PythonFile(file), "zstd"))
    return file


@contextmanager
def _damage_named(archive: Path, budget: _Budget) -> Iterator[None]:
    try:
        yield
    except (ArchiveError, NoRoomError, StoppedError):
        raise
    except RuntimeError as error:  # what zipfile raises for a password
        raise EncryptedArchiveError(archive, budget.entry or "") from error
    except _FAILURES as error:
        raise DamagedArchiveError(archive, budget.entry, str(error) or type(error).__name__) from error


def _unzip(file: IO[bytes], folder: Path, budget: _Budget) -> None:
    size, end = _zip_directory(file)
    if size > _ZIP_DIRECTORY_BYTES:
        raise DamagedArchiveError(budget.archive, None, "its directory has more than 500 MB")
    budget.expect(_zip_entries(file, size, end))
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            budget.begin(entry.filename)
            kind = entry.external_attr >> 16
            if entry.flag_bits & 1:
                raise EncryptedArchiveError(budget.archive, entry.filename)
            if kind and not S_ISREG(kind) and not S_ISDIR(kind) and kind & 0o170000:
                raise budget.refuse("is a link or a device")
            if not entry.is_dir():
                with archive.open(entry) as content:
                    _write(content, folder, budget, counted=False)


def _zip_entries(file: IO[bytes], size: int, end: int) -> int:
    """Return how many entries a zip's directory has at most: `zipfile` makes 300 bytes or more of each."""
    file.seek(max(0, end - size - _ZIP_ENDS_BYTES))
    count, before = 0, b""
    while chunk := file.read(_CHUNK_BYTES):
        count += (before + chunk).count(_ZIP_ENTRY)
        before = chunk[-len(_ZIP_ENTRY) + 1 :]
    return count


def _zip_directory(file: IO[bytes]) -> tuple[int, int]:
    """Return how large a zip says that its directory is, all of which `zipfile` reads, and about where it ends."""
    size = file.seek(0, io.SEEK_END)
    beginning = file.seek(max(0, size - 65_536 - 100))
    tail = file.read()
    place = tail.rfind(_ZIP_END)
    if place < 0:
        return 0, 0
    if place >= 20 and tail[place - 20 : place - 16] == _ZIP64_LOCATOR:
        file.seek(struct.unpack("<Q", tail[place - 12 : place - 4])[0])
        record = file.read(56)
        return int(struct.unpack("<Q", record[40:48])[0]), beginning + place
    return int(struct.unpack("<L", tail[place + 12 : place + 16])[0]), beginning + place


def _untar(unpacked: _Unpacked, folder: Path, budget: _Budget) -> None:
    # A stream is read once, from front to end, so nothing points back and no member is kept.
    with tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r|") as archive:
        while (entry := _next(archive, unpacked)) is not None:
            budget.begin(entry.name)
            if entry.isdir():
                continue
            if not entry.isreg():
                raise budget.refuse("is a link or a device")
            content = archive.extractfile(entry)
            assert content is not None
            _write(content, folder, budget, counted=not entry.issparse())
            archive.members = []  # type: ignore[attr-defined]  # absent from typeshed; kept, they fill the memory


def _next(archive: tarfile.TarFile, unpacked: _Unpacked) -> tarfile.TarInfo | None:
    unpacked.header_bytes = 0
    entry = archive.next()
    unpacked.header_bytes = None
    return entry


def _write(content: IO[bytes], folder: Path, budget: _Budget, *, counted: bool) -> None:
    """Write one entry's content to its file; what was `counted` as it came is not counted again."""
    assert budget.entry is not None
    path = folder / budget.entry
    with _room_missed(budget, folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    with file:
        while chunk := content.read(_CHUNK_BYTES):
            if not counted:
                budget.count(len(chunk))
            with _room_missed(budget, folder):
                file.write(chunk)


@contextmanager
def _room_missed(budget: _Budget, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoRoomError(budget.archive, folder, error.strerror or str(error)) from error
