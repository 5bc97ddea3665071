"""The line between a phone and the service: a loopback proxy that can be cut, before a reply or altogether."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

PART_BYTES = 65_536

Mode = Literal["open", "down"]


class Line:
    """Forwards connections to `target`. While it is `down`, every connection is broken off at once."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.mode: Mode = "open"
        self.url = ""
        self._swallow: Callable[[], None] | None = None
        self.swallowed = 0
        self.strangers: list[int] = []
        """Statuses with which somebody in between answers the next batches of swipes, in the service's place."""
        self.scripts: dict[str, str] = {}
        """Scripts that the line has instead of the service's, by path."""

    def swallow_next_verdicts(self, then: Callable[[], None]) -> None:
        """Let the next batch of swipes through, keep its reply to oneself, and do something before the line breaks."""
        self._swallow = then

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = None
        try:
            if self.mode == "down":
                return
            target = urlsplit(self.target)
            to_read, upstream = await asyncio.open_connection(target.hostname, target.port)
            sent = _Sent()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, upstream, writer, sent))
                both.create_task(self._down(to_read, writer, sent))
        except* (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, upstream):
                if each is not None:
                    each.close()

    async def _up(
        self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, writer: asyncio.StreamWriter, sent: "_Sent"
    ) -> None:
        while part := await reader.read(PART_BYTES):
            if self.mode == "down":
                raise EOFError
            if self.strangers and part.startswith(b"POST /v1/classifications "):
                writer.write(_page_of_a_stranger(self.strangers.pop(0)))
                await writer.drain()
                raise EOFError
            asked = next((path for path in self.scripts if part.startswith(f"GET {path} ".encode())), None)
            if asked is not None:
                writer.write(_script(self.scripts[asked]))
                await writer.drain()
                continue
            if part.startswith((b"POST ", b"GET ", b"DELETE ")):
                sent.classifications = part.startswith(b"POST /v1/classifications ")
            upstream.write(part)
            await upstream.drain()
        raise EOFError

    async def _down(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: "_Sent") -> None:
        while part := await upstream.read(PART_BYTES):
            if self.mode == "down":
                raise EOFError
            if sent.classifications and self._swallow is not None:
                then, self._swallow = self._swallow, None
                self.swallowed += 1
                await asyncio.to_thread(then)
                raise EOFError
            writer.write(part)
            await writer.drain()
        raise EOFError


def _page_of_a_stranger(status: int) -> bytes:
    head = f"HTTP/1.1 {status} No\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: 13\r\n\r\n"
    return f"{head}<p>Log in</p>".encode()


def _script(content: str) -> bytes:
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/javascript\r\ncache-control: no-cache\r\n"
    return f"{head}content-length: {len(content.encode())}\r\n\r\n{content}".encode()


class _Sent:
    """What the last request on a connection was for."""

    classifications = False


@contextmanager
def a_line(target: str) -> Iterator[Line]:
    """Run a line in a thread of its own, for as long as the context lasts."""
    line = Line(target)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def run(stop: asyncio.Event) -> None:
        server = await line.serve()
        ready.set()
        await stop.wait()
        server.close()

    stop = asyncio.Event()

    def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(run(stop))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    try:
        yield line
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
