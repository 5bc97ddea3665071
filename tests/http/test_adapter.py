"""The adapter: who is let in, what reaches a handler, and how everything else is told."""

from typing import Any

import httpx2
import pytest
import structlog

from tests.http.garden import RESEARCHER_TOKEN, TOKEN, Garden, NestIn, bearer, planted, post, problem


async def test_a_good_request_reaches_its_handler_with_its_caller(client: httpx2.AsyncClient, garden: Garden) -> None:
    response = await post(client, "/nests", '{"eggs": 3}')

    assert (response.status_code, response.json()) == (201, {"eggs": 3})
    assert response.headers["content-type"] == "application/json"
    assert garden.laid == [(7, NestIn(eggs=3))]


async def test_a_client_that_goes_away_gets_no_answer(garden: Garden) -> None:
    app = planted(garden)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/nests", "query_string": b"", "headers": headers}
    await app(scope, receive, send)

    assert sent == []


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer chf_unknown", "Basic Y2hmOg==", "Bearer chf_a b", "ä"]
)
async def test_without_a_valid_token_nothing_is_read(
    client: httpx2.AsyncClient, garden: Garden, authorization: str | None
) -> None:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    response = await client.post("/nests", content=b"not even JSON", headers=headers)

    assert response.status_code == 401
    assert problem(response)["type"] == "/problems/not-authenticated"
    invalid = "" if authorization is None else ', error="invalid_token"'
    assert response.headers["www-authenticate"] == f'Bearer realm="chaffinch"{invalid}'
    assert garden.laid == []


async def test_the_scheme_of_a_token_is_written_as_one_likes(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", '{"eggs": 1}', authorization=f"bearer  {TOKEN}")

    assert response.status_code == 201


async def test_a_token_of_another_scope_is_refused(client: httpx2.AsyncClient) -> None:
    response = await post(client, "/nests", '{"eggs": 1}', **bearer(RESEARCHER_TOKEN))

    assert response.status_code == 403
    assert "researcher" in problem(response)["detail"]


async def test_parameters_are_read_as_what_they_mean(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/nests/12")).json() == {"number": 12}
    assert (await client.get("/nests?limit=5")).json() == {"limit": 5}
    assert (await client.get("/nests")).json() == {"limit": 10}


@pytest.mark.parametrize("number", ["0", "-1", "012", "+1", "1_0", "1.0", "x", "%00", "%F1", "٣", "9" * 30, "12%0A"])
async def test_a_path_that_cannot_be_is_not_found(client: httpx2.AsyncClient, number: str) -> None:
    response = await client.get(f"/nests/{number}")

    assert response.status_code == 404
    assert [error["parameter"] for error in problem(response)["errors"]] == ["number"]
    assert "a whole number 1 to 2147483647" in problem(response)["errors"][0]["remedy"]


@pytest.mark.parametrize(
    ("query", "parameter", "remedy"),
    [
        ("limit=0", "limit", "a whole number 1 to 100"),
        ("limit=", "limit", "a whole number 1 to 100"),
        ("limit=ten", "limit", "a whole number 1 to 100"),
        ("limit=1&limit=2", "limit", "give it once"),
        ("limti=3", "limti", "leave it out, or say limit"),
        ("%FF=%FF", "\N{REPLACEMENT CHARACTER}", "leave it out; known are limit"),
    ],
)
async def test_a_wrong_query_is_told_what_would_be_right(
    client: httpx2.AsyncClient, query: str, parameter: str, remedy: str
) -> None:
    response = await client.get(f"/nests?{query}")

    assert response.status_code == 422
    error = problem(response)["errors"][0]
    assert (error["pointer"], error["parameter"], error["remedy"]) == (None, parameter, remedy)


async def test_an_endpoint_without_a_query_takes_none(client: httpx2.AsyncClient) -> None:
    response = await client.get("/nests/12?limit=3")

    assert response.status_code == 422
    assert problem(response)["errors"][0]["remedy"] == "leave it out; none is known here"


@pytest.mark.parametrize("path", ["/", "/nest", "/nests/", "/nests/1/2", "//nests", "/nests%2F1/x", "/NESTS"])
async def test_an_unknown_path_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert response.status_code == 404
    assert problem(response)["type"] == "/problems/unknown-path"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "QUERY", "BREW", "head "])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/nests", "POST, GET, HEAD, OPTIONS"), ("/swipes", "POST, OPTIONS"), ("/nests/x", "GET, HEAD, OPTIONS")],
)
async def test_an_unknown_method_is_told_all_that_are_known(
    client: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert problem(response)["type"] == "/problems/method-not-allowed"


async def test_options_names_the_methods(client: httpx2.AsyncClient) -> None:
    response = await client.options("/nests")

    assert (response.status_code, response.headers["allow"]) == (204, "POST, GET, HEAD, OPTIONS")
    assert (response.content, response.headers.get("content-length")) == (b"", None)


async def test_head_has_the_headers_of_get(client: httpx2.AsyncClient) -> None:
    same = {"x-request-id": "the-same-nest"}
    got = await client.get("/nests/12", headers=same)
    head = await client.head("/nests/12", headers=same)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers
    assert head.headers["etag"] == '"one"'


async def test_a_foreseen_error_is_told_by_the_table(client: httpx2.AsyncClient) -> None:
    response = await client.get("/taken")

    assert problem(response) == {
        "type": "/problems/name-taken",
        "title": "The name is taken",
        "status": 409,
        "detail": "the name 'Robin' is taken; choose another, or leave it out",
        "instance": "/taken",
        "errors": [],
    }


async def test_a_database_that_is_away_says_when_to_ask_again(client: httpx2.AsyncClient) -> None:
    response = await client.get("/away")

    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert problem(response)["type"] == "/problems/database-unavailable"


async def test_an_unforeseen_error_is_logged_once_and_told_by_its_id(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await client.get("/fall")

    told = problem(response)
    assert response.status_code == 500
    assert told["instance"].startswith("urn:uuid:")
    assert told["instance"] in told["detail"]
    assert "branch" not in response.text
    entry, access = logs
    assert access == {"event": "request", "log_level": "warning", "method": "GET", "path": "/fall", "status": 500} | {
        "ms": access["ms"]
    }
    assert (entry["event"], entry["id"], entry["path"]) == ("unforeseen error", told["instance"], "/fall")
    assert isinstance(entry["exc_info"], ZeroDivisionError)
