"""The ASGI application that answers a table of endpoints.

Theory of operation
-------------------
    path -> method -> how often -> token and its scope -> parameters -> media type -> size -> JSON -> model
    -> handler -> reply

Starlette's router finds the path. A `Resource` is one path with its methods; it lets in, reads, calls the handler, and
is the one place where an exception becomes a problem document. There is no middleware: what another framework wraps
around every request (limits, errors, authentication) happens here once, in that order, so that a body is not read
before its sender is known, and nothing is parsed that will be refused.
"""

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, Generic

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.caller import Caller
from api.caller import Scope as TokenScope
from api.errors import (
    ChaffinchError,
    MethodNotAllowedError,
    NotAllowedError,
    NotAuthenticatedError,
    UnknownPathError,
)
from api.http.bodies import DisconnectedError, receive_bytes, receive_json
from api.http.calls import Answer, Call, Handler, Handlers, Headers, Reply, Services, first_header
from api.http.exchanges import AccessLog, Exchange
from api.http.problems import foreseen, unforeseen
from api.http.rates import UNLIMITED, Rates, address_of
from api.http.validation import read_body, read_path, read_query, wrong_parameters
from api.metrics import GIVEN_UP
from mobile_schemas.endpoint import AUDIENCES, Access, Endpoint
from mobile_schemas.fields import Model

Authenticate = Callable[[Services, bytes, bool], Awaitable[Caller | None]]
"""Finds the bearer of a token by the token's SHA-256; whether what was found a moment ago may be believed."""

SCOPES: Final[Mapping[Access, frozenset[TokenScope]]] = {
    "volunteer": frozenset({TokenScope.VOLUNTEER, TokenScope.SESSION, TokenScope.PERSONAL, TokenScope.IMPORT}),
    "person": frozenset({TokenScope.VOLUNTEER, TokenScope.SESSION}),
    "account": frozenset({TokenScope.SESSION}),
    "moderator": frozenset({TokenScope.SESSION, TokenScope.PERSONAL}),
    "researcher": frozenset({TokenScope.SESSION, TokenScope.PERSONAL, TokenScope.RESEARCHER}),
    "listener": frozenset({TokenScope.SESSION, TokenScope.PERSONAL, TokenScope.RESEARCHER, TokenScope.BOT}),
    "owner": frozenset({TokenScope.SESSION}),
    "import": frozenset({TokenScope.IMPORT}),
}
"""The scopes that an endpoint lets in; what the bearer may do in which project is the services' to say."""

_BEARER: Final = re.compile(rb"Bearer +([\x21-\x7e]+)", re.IGNORECASE)


class Resource(Generic[Services]):
    """One path of the table, with every method that it knows. An ASGI application.

    `services` is asked for them at every request, since they open after the routes are made.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        handlers: Handlers[Services],
        authenticate: Authenticate[Services],
        services: Callable[[], Services],
        access_log: AccessLog = "errors",
        rates: Rates = UNLIMITED,
    ) -> None:
        self._access_log = access_log
        self._rates = rates
        self._endpoints: dict[str, tuple[Endpoint, Handler[Services], tuple[bytes, bytes]]] = {
            endpoint.method: (endpoint, handlers[endpoint.name], (b"content-type", endpoint.media_type.encode()))
            for endpoint in endpoints
        }
        if "GET" in self._endpoints:
            self._endpoints["HEAD"] = self._endpoints["GET"]
        self._allowed = [*self._endpoints, "OPTIONS"]
        self._authenticate = authenticate
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        with Exchange(scope, self._access_log) as exchange:
            try:
                reply = await self._answer(method, scope, receive, exchange)
            except DisconnectedError:
                exchange.end(GIVEN_UP)
                return
            except ChaffinchError as error:
                reply = foreseen(error, path)
            except Exception as error:
                reply = unforeseen(error, method, path)
            await send_reply(reply, receive, send, exchange)

    async def _answer(self, method: str, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        known = self._endpoints.get(method)
        if known is None:
            return self._without_endpoint(method)
        endpoint, handler, content_type = known
        exchange.endpoint, exchange.path = endpoint.name, endpoint.path
        services = self._services()
        headers = scope["headers"] if method != "HEAD" else _without_range(scope["headers"])
        bearer = await self._let_in(services, endpoint, headers, exchange, address_of(scope))
        path = None if endpoint.parameters is None else _read_path(endpoint, scope)
        query = read_query(endpoint.query, scope["query_string"])
        body = await _read_body(endpoint, headers, receive)
        answer = await handler(services, Call(path, query, body, bearer, headers))
        return _reply(answer, endpoint.status, content_type)

    def _without_endpoint(self, method: str) -> Reply:
        if method != "OPTIONS":
            raise MethodNotAllowedError(method, self._allowed)
        return Reply(b"", ((b"allow", ", ".join(self._allowed).encode()),), 204)

    async def _let_in(
        self,
        services: Services,
        endpoint: Endpoint,
        headers: Iterable[tuple[bytes, bytes]],
        exchange: Exchange,
        address: str | None,
    ) -> Caller | None:
        """Return the bearer of the token that came along, if its scope reaches so far, and it does not ask too much."""
        credentials = first_header(headers, b"authorization")
        if credentials is None or (endpoint.access == "public" and not endpoint.knows_bearer):
            await self._rates.admit_stranger(endpoint.rate, address)
            if endpoint.access == "public":
                return None
            raise NotAuthenticatedError("no token was sent", token_sent=False)
        token = _BEARER.fullmatch(credentials)
        exchange.token_sha256 = sha256(token[1]).digest() if token else None
        await self._rates.admit_bearer(exchange.token_sha256, endpoint.rate, address)
        caller = None
        if exchange.token_sha256:
            caller = await self._authenticate(services, exchange.token_sha256, endpoint.often)
        if caller is None or exchange.token_sha256 is None:
            await self._rates.not_found(exchange.token_sha256, address)
            raise NotAuthenticatedError("the token is not known, or was revoked", token_sent=True)
        await self._rates.found(exchange.token_sha256, caller.scope)
        if endpoint.access != "public" and caller.scope not in SCOPES[endpoint.access]:
            raise NotAllowedError(f"a token of scope {caller.scope} was sent; this is for {AUDIENCES[endpoint.access]}")
        return caller


def routes(
    endpoints: Iterable[Endpoint],
    handlers: Handlers[Services],
    authenticate: Authenticate[Services],
    services: Callable[[], Services],
    access_log: AccessLog = "errors",
    rates: Rates = UNLIMITED,
) -> list[Route]:
    """Return Starlette's routes for a table of endpoints, one for each path; every endpoint needs its handler."""
    paths: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        paths[endpoint.path].append(endpoint)
    return [
        Route(path, Resource(found, handlers, authenticate, services, access_log, rates), name=found[0].name)
        for path, found in paths.items()
    ]


async def nothing_here(scope: Scope, receive: Receive, send: Send, access_log: AccessLog = "errors") -> None:
    """Answer what no route knows: the router's `default`."""
    if scope["type"] == "websocket":
        await WebSocketClose()(scope, receive, send)
        return
    with Exchange(scope, access_log) as exchange:
        await send_reply(foreseen(UnknownPathError(exchange.path), scope["path"]), receive, send, exchange)


async def send_reply(reply: Reply, receive: Receive, send: Send, exchange: Exchange) -> None:
    """Send a reply whole or as it comes; a HEAD gets the headers that its GET would get."""
    exchange.end(reply.status or 0)
    headers = (*reply.headers, exchange.header)
    if not isinstance(reply.content, bytes):
        await _send_stream(reply.content, reply.status, headers, exchange.method, receive, send)
        return
    if reply.status not in {204, 304}:  # of a 304 it would be the length that its 200 has (RFC 9110, 8.6)
        headers = ((b"content-length", str(len(reply.content)).encode()), *headers)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if exchange.method == "HEAD" else reply.content})


async def _send_stream(
    content: AsyncGenerator[bytes, None],
    status: int | None,
    headers: Headers,
    method: str,
    receive: Receive,
    send: Send,
) -> None:
    """Send what a generator gives until it or the client has had enough; what it raises breaks the reply off."""
    pouring = leaving = None
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        pouring = asyncio.create_task(_pour(content, send))
        leaving = asyncio.create_task(_left(receive))
        await asyncio.wait({pouring, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if pouring.done():
            pouring.result()
    finally:
        for task in (pouring, leaving):
            if task is not None and not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await content.aclose()


async def _pour(content: AsyncGenerator[bytes, None], send: Send) -> None:
    async for part in content:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _without_range(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a HEAD: parts are for GET alone (RFC 9110, 14.2)."""
    return [(name, value) for name, value in headers if name != b"range"]


async def _read_body(endpoint: Endpoint, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> Any:
    if endpoint.body is None:
        return None
    if issubclass(endpoint.body, Model):
        return read_body(endpoint.body, await receive_json(headers, receive))
    return await receive_bytes(headers, receive)


def _reply(answer: Answer, status: int, content_type: tuple[bytes, bytes]) -> Reply:
    if isinstance(answer, Reply):
        if any(name == b"content-type" for name, _ in answer.headers):
            return Reply(answer.content, answer.headers, answer.status or status)
        return Reply(answer.content, (content_type, *answer.headers), answer.status or status)
    content = answer if isinstance(answer, bytes) else to_json(answer)
    return Reply(content, (content_type,), status)


def _read_path(endpoint: Endpoint, scope: Scope) -> Any:
    """Return the parameters of the path. What cannot be a path of ours does not exist: it is not found."""
    if endpoint.parameters is None:
        return None
    try:
        return read_path(endpoint.parameters, scope["path_params"])
    except ValidationError as error:
        raise UnknownPathError(scope["path"][:200], wrong_parameters(endpoint.parameters, error)) from None
