"""The id, the log lines and the numbers of a request."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import structlog
from starlette.routing import Router

from api.http.adapter import nothing_here, routes
from api.http.exchanges import AccessLog
from api.metrics import exposition
from tests.http.garden import HANDLERS, TABLE, TOKEN, Garden, authenticate, bearer, post

UUID7 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """What is logged, with what is bound."""
    found: list[Any] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        found.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, keep])
    yield found
    structlog.reset_defaults()


@pytest.mark.parametrize("path", ["/nests", "/nests/0", "/fall", "/taken", "/nowhere"])
async def test_every_reply_has_a_new_id(client: httpx2.AsyncClient, path: str) -> None:
    first, second = await client.get(path), await client.get(path)

    ids = [reply.headers["x-request-id"] for reply in (first, second)]
    assert all(map(UUID7.fullmatch, ids))
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("phone-7_b.2", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("x" * 7, False),
        ("eight ok", False),
        ("<script>", False),
        ("12345678\n", False),
    ],
)
async def test_the_id_of_a_client_is_taken_if_it_is_sane(client: httpx2.AsyncClient, sent: str, taken: bool) -> None:
    reply = await client.get("/nests", headers=[(b"x-request-id", sent.encode())])

    assert (reply.headers["x-request-id"] == sent) is taken


async def test_what_is_logged_on_the_way_carries_the_id(client: httpx2.AsyncClient, lines: list[Any]) -> None:
    await client.get("/fall", headers={"x-request-id": "fallen-nest"})

    fault, access = lines
    assert (fault["request_id"], access["request_id"]) == ("fallen-nest", "fallen-nest")
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_a_line_has_the_template_and_the_token_s_id_and_no_secret(
    client: httpx2.AsyncClient, lines: list[Any]
) -> None:
    await post(client, "/nests?secret=yes", '{"eggs": 1}')
    await client.get("/nests/12")

    refused, _fine = lines
    assert refused == {
        "event": "request",
        "level": "info",
        "request_id": refused["request_id"],
        "method": "POST",
        "path": "/nests",
        "status": 422,
        "ms": refused["ms"],
        "token": "c8c10ac8a462",
    }
    assert TOKEN not in str(lines)


@pytest.mark.parametrize(
    ("access_log", "levels"),
    [("errors", ["debug", "info", "warning"]), ("all", ["info", "info", "warning"]), ("off", [])],
)
async def test_an_operator_chooses_which_requests_get_a_line(
    lines: list[Any], access_log: AccessLog, levels: list[str]
) -> None:
    found = routes(TABLE, HANDLERS, authenticate, Garden, access_log)
    app = Router(found, redirect_slashes=False, default=nothing_here)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://garden") as client:
        for path in ("/nests", "/taken", "/away"):
            await client.get(path)

    assert [line["level"] for line in lines] == levels


async def test_requests_are_counted_by_names_of_the_table_only(client: httpx2.AsyncClient) -> None:
    await client.get("/nests/12")
    await client.get("/away", headers=bearer())
    await client.request("BREW", "/coffee")

    told = exposition([], "")[0].decode()
    assert 'chaffinch_requests_total{endpoint="nest",method="GET",status="200"}' in told
    assert 'chaffinch_requests_total{endpoint="away",method="GET",status="503"}' in told
    assert 'chaffinch_requests_total{endpoint="unknown",method="unknown",status="404"}' in told
    assert 'chaffinch_request_seconds_bucket{endpoint="nest",le="+Inf"}' in told
    assert "coffee" not in told
