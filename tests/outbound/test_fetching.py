"""Files fetched from servers that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.outbound.errors import (
    EncodedAnswerError,
    FetchError,
    PrivateHostError,
    RedirectedError,
    TooManyBytesError,
    TooSlowError,
    UnreachableError,
    WrongAddressError,
    WrongAnswerError,
)
from api.outbound.fetching import Fetcher, Manners

QUICK = Manners(first_pause_seconds=0.01, longest_pause_seconds=0.2, grace_seconds=0.3, least_bytes_per_second=1e6)
CONTENT = bytes(range(256)) * 400

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Misbehaving:
    """A server with one path for each way to misbehave; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.answers: dict[str, Answer] = {
            "good": self.good,
            "moved": self.moved,
            "flaky": self.flaky,
            "busy": self.busy,
            "broken": self.broken,
            "cut": self.cut,
            "drip": self.drip,
            "silent": self.silent,
            "packed": self.packed,
            "frame.fits.gz": self.packed,
            "endless": self.endless,
            "slow": self.slow,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        return await self.answers[name](request)

    async def good(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=CONTENT, content_type="text/html")

    async def moved(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPMovedPermanently("/good")

    async def flaky(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if self.asked.count("flaky") < 3 else await self.good(request)

    async def busy(self, request: web.Request) -> web.StreamResponse:
        if self.asked.count("busy") == 1:
            return web.Response(status=429, headers={"Retry-After": "3600"})
        return await self.good(request)

    async def broken(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async def cut(self, request: web.Request) -> web.StreamResponse:
        if self.asked.count("cut") > 1:
            return await self.good(request)
        reply = web.StreamResponse(headers={"Content-Length": str(len(CONTENT))})
        await reply.prepare(request)
        await reply.write(CONTENT[:500])
        assert request.transport is not None
        request.transport.abort()
        return reply

    async def drip(self, request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(b"x")
            await asyncio.sleep(0.01)

    async def silent(self, _: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async def packed(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})

    async def endless(self, request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        while True:
            await reply.write(CONTENT)

    async def slow(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.05)
        self.at_once -= 1
        return await self.good(request)


@pytest.fixture
async def served() -> AsyncIterator[tuple[Misbehaving, str]]:
    behaviour = Misbehaving()
    app = web.Application()
    app.router.add_get("/{name}", behaviour.answer)
    server = TestServer(app, host="127.0.0.1", shutdown_timeout=0.1)
    async with server:
        yield behaviour, f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("name", "attempts"), [("good", 1), ("flaky", 3), ("busy", 2), ("cut", 2)])
async def test_a_file_is_fetched_whole_however_often_it_takes(
    served: tuple[Misbehaving, str], tmp_path: Path, name: str, attempts: int
) -> None:
    behaviour, url = served
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        await fetch(f"{url}/{name}", tmp_path / "file", 200_000)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert behaviour.asked == [name] * attempts


@pytest.mark.parametrize(
    ("name", "error", "says", "attempts"),
    [
        ("moved", RedirectedError, "301, a redirect to /good; give the final address", 1),
        ("broken", WrongAnswerError, "the answer is 503, 4 times; try again later", 4),
        ("nothing/here", WrongAnswerError, "the answer is 404; open the address in a browser", 0),
        ("packed", EncodedAnswerError, r"the content is packed \(gzip\)", 1),
        ("endless", TooManyBytesError, "more than 200,000 bytes", 1),
        ("drip", TooSlowError, "bytes came in 0 s", 4),
        ("silent", TooSlowError, "only 0 bytes", 4),
    ],
)
async def test_what_cannot_be_fetched_says_why(
    served: tuple[Misbehaving, str], tmp_path: Path, name: str, error: type[FetchError], says: str, attempts: int
) -> None:
    behaviour, url = served
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        with pytest.raises(error, match=says):
            await fetch(f"{url}/{name}", tmp_path / "file", 200_000)

    assert len(behaviour.asked) == attempts


async def test_a_declared_size_beyond_the_limit_is_not_read(served: tuple[Misbehaving, str], tmp_path: Path) -> None:
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        with pytest.raises(TooManyBytesError):
            await fetch(f"{served[1]}/good", tmp_path / "file", 1000)

    assert not (tmp_path / "file").exists()


async def test_a_gz_file_is_kept_as_it_is_though_the_server_calls_it_packed(
    served: tuple[Misbehaving, str], tmp_path: Path
) -> None:
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        await fetch(f"{served[1]}/frame.fits.gz", tmp_path / "file", 200_000)

    assert gzip.decompress((tmp_path / "file").read_bytes()) == CONTENT


async def test_a_host_is_asked_for_a_few_files_at_once(served: tuple[Misbehaving, str], tmp_path: Path) -> None:
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        await asyncio.gather(*(fetch(f"{served[1]}/slow", tmp_path / str(number), 200_000) for number in range(12)))

    assert served[0].most_at_once == QUICK.at_once_per_host


async def test_a_host_that_never_succeeds_is_not_asked_again_and_again(
    served: tuple[Misbehaving, str], tmp_path: Path
) -> None:
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        for _ in range(22):
            with pytest.raises(WrongAnswerError):
                await fetch(f"{served[1]}/broken", tmp_path / "file", 200_000)

    assert len(served[0].asked) == 20 * QUICK.attempts + 2


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://",
        "http://[::1",
        "https:///x",
        "http://example..org/x",
        f"http://{'a' * 64}.example/x",
        "http://xn--a/x",
    ],
)
async def test_what_is_no_address_of_the_web_is_refused(tmp_path: Path, url: str) -> None:
    async with Fetcher(private_addresses=False, manners=QUICK) as fetch:
        with pytest.raises(WrongAddressError):
            await fetch(url, tmp_path / "file", 1000)


async def test_a_private_address_is_refused_at_once(served: tuple[Misbehaving, str], tmp_path: Path) -> None:
    async with Fetcher(private_addresses=False, manners=QUICK) as fetch:
        with pytest.raises(PrivateHostError, match=r"127\.0\.0\.1 is not a public address"):
            await fetch(f"{served[1]}/good", tmp_path / "file", 1000)

    assert served[0].asked == []


async def test_a_server_that_is_not_there_is_said_to_be_unreachable(tmp_path: Path) -> None:
    async with Fetcher(private_addresses=True, manners=QUICK) as fetch:
        with pytest.raises(UnreachableError, match="4 times"):
            await fetch("http://127.0.0.1:9/", tmp_path / "file", 1000)
