"""Where the bytes of an export go, counted and hashed on their way."""

import hashlib
from collections.abc import Callable

Write = Callable[[bytes | memoryview], object]


class Sink:
    """Passes bytes on, and knows how many they were and their SHA-256."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, content: bytes | memoryview) -> int:
        """Pass bytes on. Has the form that a file's has, for libraries that write to files."""
        self._hash.update(content)
        self._write(content)
        self.bytes += len(content)
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing waits here."""

    @property
    def sha256(self) -> bytes:
        """The digest of everything so far."""
        return self._hash.digest()
