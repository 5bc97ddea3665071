"""Files packed with gzip or bzip2, unpacked up to a limit and not one byte further."""

import bz2
import gzip
import zlib
from typing import IO, Final, cast

_FAILURES: Final = (OSError, EOFError, zlib.error, ValueError)


class UnpackedTooLongError(Exception):
    """There is more in the package than is taken out."""


class BadPackageError(Exception):
    """The package is damaged, or has no end."""


def is_packed(beginning: bytes) -> bool:
    """Return whether a file that begins so is packed."""
    return beginning.startswith((b"\x1f\x8b", b"BZh"))


def opened(file: IO[bytes]) -> IO[bytes]:
    """Return what is in a file, unpacked as it is read, if it is packed."""
    beginning = file.read(3)
    file.seek(0)
    if not is_packed(beginning):
        return file
    return bz2.BZ2File(file) if beginning == b"BZh" else cast(IO[bytes], gzip.GzipFile(fileobj=file))


def unpacked(file: IO[bytes], limit_bytes: int) -> bytes:
    """Return all that a packed file holds.

    Raises
    ------
    UnpackedTooLongError, BadPackageError
    """
    try:
        content = opened(file).read(limit_bytes + 1)
    except _FAILURES as error:
        raise BadPackageError(str(error)) from error
    if len(content) > limit_bytes:
        raise UnpackedTooLongError
    return content


def beginning_of(file: IO[bytes], length: int) -> bytes:
    """Return at most the first bytes of what a packed file holds; of a broken one, none."""
    try:
        return opened(file).read(length)
    except _FAILURES:
        return b""
