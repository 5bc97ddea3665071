import asyncio
import struct

import pytest

from api.postgres.check import check_server
from api.postgres.embedded import running_postgres
from api.postgres.errors import ServerTooOldError, ServerUnreachableError
from api.settings import Settings


async def _speak_as_version_14(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a client as PostgreSQL 14.9 does, up to the point where it would take a query."""
    await reader.readexactly(8)  # asks for TLS
    writer.write(b"N")
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    await reader.readexactly(length - 4)
    version = b"server_version\x0014.9\0"
    writer.write(b"R" + struct.pack("!ii", 8, 0))
    writer.write(b"S" + struct.pack("!i", 4 + len(version)) + version)
    writer.write(b"K" + struct.pack("!iii", 12, 1, 1))
    writer.write(b"Z" + struct.pack("!i", 5) + b"I")
    await reader.read(1)


async def test_a_server_of_ones_own_is_used_as_it_is(empty_database_url: str) -> None:
    async with running_postgres(Settings(database_url=empty_database_url)) as url:
        assert url == empty_database_url


async def test_a_server_that_is_too_old_is_refused() -> None:
    has_spoken = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _speak_as_version_14(reader, writer)
        writer.close()
        await writer.wait_closed()
        has_spoken.set()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        with pytest.raises(ServerTooOldError) as refusal:
            await check_server(f"postgresql://me:secret@127.0.0.1:{port}/votes")

        await has_spoken.wait()
    assert str(refusal.value) == (
        f"postgresql://me@127.0.0.1:{port}/votes is PostgreSQL 14.9; version 15 or newer is needed."
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:secret@127.0.0.1:1/votes", "onnect"),
        ("postgresql://me@/votes?host=/nowhere&password=secret", "No such file"),
        ("mysql://me:secret@127.0.0.1/votes", "must begin with postgresql://"),
        ("postgresql://me:secret@127.0.0.1:port/votes", "port"),
        ("secret", "must begin with postgresql://"),
    ],
)
async def test_a_server_that_does_not_answer_is_named_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(ServerUnreachableError) as refusal:
        await check_server(url)

    assert reason in refusal.value.reason
    assert "Check CHAFFINCH_DATABASE_URL (postgresql://user:password@host:port/database)" in str(refusal.value)
    assert "secret" not in str(refusal.value)
