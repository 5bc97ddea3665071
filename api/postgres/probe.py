"""A conversation with the embedded server in its own protocol, small enough for a supervisor and free of an event loop.

A server counts as running when it lets us in, never because a file holds a process id. The message formats are those of
https://www.postgresql.org/docs/current/protocol-message-formats.html (protocol version 3.0, trust authentication).
"""

import contextlib
import enum
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.postgres.errors import ServerRefusedError

USER = "chaffinch"
PORT = 5432  # a part of the socket's file name only: no TCP port is opened
TIMEOUT_SECONDS = 5.0
_PROTOCOL_3_0 = 196608
GOING_OR_COMING = ("57P01", "57P02", "57P03")  # admin_shutdown, crash_shutdown, cannot_connect_now
_NO_SUCH_DATABASE = "3D000"
_FULL = "53300"  # too_many_connections


class State(enum.Enum):
    """What a connection attempt tells of the server."""

    ABSENT = enum.auto()
    STARTING = enum.auto()
    WITHOUT_DATABASE = enum.auto()
    READY = enum.auto()


@dataclass(frozen=True)
class Answer:
    """The state of the server, and its own words for it."""

    state: State
    message: str


def probe(folder: Path, database: str) -> Answer:
    """Try to connect to a database of the server whose socket is in the folder.

    Raises ServerRefusedError for an answer that waiting would not change.
    """
    try:
        with _session(folder, database):
            return Answer(State.READY, "ready")
    except ServerRefusedError as refusal:
        states = dict.fromkeys(GOING_OR_COMING, State.STARTING)
        states |= {_NO_SUCH_DATABASE: State.WITHOUT_DATABASE, _FULL: State.READY}
        if refusal.sqlstate not in states:
            raise
        return Answer(states[refusal.sqlstate], refusal.message)
    except (FileNotFoundError, ConnectionRefusedError):
        return Answer(State.ABSENT, "no server listens")
    except OSError as error:  # a full queue, a reset, a silence of seconds: somebody is there, and not ready
        return Answer(State.STARTING, f"the server does not answer yet ({error})")


def execute(folder: Path, database: str, statement: str) -> None:
    """Run one statement that returns no rows. Raises ServerRefusedError."""
    with _session(folder, database) as connection:
        connection.sendall(_message(b"Q", statement.encode() + b"\0"))
        _read_until_ready(connection)


@contextlib.contextmanager
def _session(folder: Path, database: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(str(folder / f".s.PGSQL.{PORT}"))
        parameters = f"user\0{USER}\0database\0{database}\0\0".encode()
        connection.sendall(_message(b"", struct.pack("!i", _PROTOCOL_3_0) + parameters))
        _read_until_ready(connection)
        yield connection
        connection.sendall(_message(b"X", b""))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _read_until_ready(connection: socket.socket) -> None:
    refusal: ServerRefusedError | None = None
    while True:
        kind, body = _read_message(connection)
        if kind == b"E":
            fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
            refusal = ServerRefusedError(fields.get(b"C", "?????"), fields.get(b"M", "no message"))
            if fields.get(b"S") == "FATAL" or fields.get(b"V") == "FATAL":
                raise refusal
        if kind == b"R" and struct.unpack("!i", body[:4])[0] != 0:
            raise ServerRefusedError("28000", "the server asks for a password; pg_hba.conf must say trust")
        if kind == b"Z":
            if refusal:
                raise refusal
            return


def _read_message(connection: socket.socket) -> tuple[bytes, bytes]:
    head = _read_exactly(connection, 5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], _read_exactly(connection, length - 4)


def _read_exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionResetError("the connection was closed in the middle of a message")
        received += chunk
    return bytes(received)
