"""Sessions that reach public addresses only."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from api.outbound.addresses import RedirectError, is_public, is_refused, open_session


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello", headers={"Set-Cookie": "a=b"})

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1/secret")

    async def cookie(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Cookie", "none"))

    app = web.Application()
    app.add_routes([web.get("/", hello), web.get("/elsewhere", elsewhere), web.get("/cookie", cookie)])
    running = TestServer(app, host="127.0.0.1")
    async with running:
        yield running


class Rebinding(AbstractResolver):
    """Names are those of this machine, however public they were when somebody looked before."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.170",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1%lo",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_of_a_special_kind_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "0x7f000001"],
)
async def test_no_spelling_of_this_machine_is_connected_to(server: TestServer, host: str) -> None:
    async with open_session(private_addresses=False, timeout_seconds=5) as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(f"http://{host}:{server.port}/")

    assert is_refused(caught.value)


@pytest.mark.parametrize("host", ["2130706433", "017700000001", "0177.0.0.1", "127.1"])
async def test_a_number_in_the_place_of_a_name_is_no_address(server: TestServer, host: str) -> None:
    async with open_session(private_addresses=False, timeout_seconds=5) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{host}:{server.port}/")


async def test_a_name_that_turns_to_this_machine_is_refused_at_the_socket(server: TestServer) -> None:
    async with open_session(private_addresses=False, timeout_seconds=5, resolver=Rebinding()) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://rebound.example:{server.port}/")

    assert is_refused(caught.value)
    assert "its address is not a public one" in str(caught.value)


async def test_private_addresses_are_reached_where_that_is_allowed(server: TestServer) -> None:
    async with open_session(private_addresses=True, timeout_seconds=5) as session:
        async with session.get(f"http://127.0.0.1:{server.port}/") as reply:
            assert await reply.text() == "hello"
        async with session.get(f"http://127.0.0.1:{server.port}/cookie") as reply:
            assert await reply.text() == "none"


async def test_a_redirect_is_told_and_not_followed(server: TestServer) -> None:
    async with open_session(private_addresses=True, timeout_seconds=5) as session:
        with pytest.raises(RedirectError, match=r"302 .*/secret'; give the final address") as caught:
            await session.get(f"http://127.0.0.1:{server.port}/elsewhere")

    assert caught.value.status == 302
