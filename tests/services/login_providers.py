"""Providers of logins on loopback: OpenID Connect with real keys and signatures, and Discord's own way."""

import asyncio
import base64
import hashlib
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT: Final = "chaffinch-of-tests"
SECRET: Final = "a secret of tests"

KEYS: Final = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, auto_kid=False) for kid in ("old", "new")]
STRANGER: Final = RSAKey.generate_key(2048, {"kid": "new"})
"""A key of somebody else's who calls it as the provider calls its own."""


@dataclass
class Grant:
    """What was asked for when somebody logged in."""

    redirect_uri: str
    challenge: str
    nonce: str | None


@dataclass
class LoginProvider:
    """One provider, with both kinds of endpoints; who logs in with it is whoever `claims` says.

    `broken` are paths that answer with rubbish; `key` signs the ID tokens, under a header that may be changed.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "caroline", "preferred_username": "Caroline"})
    header: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEYS[1])
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    calls_itself: str | None = None
    denies: bool = False
    grants: dict[str, Grant] = field(default_factory=dict)
    bearers: set[str] = field(default_factory=set)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_get("/oauth2/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_post("/api/v10/oauth2/token", self._token)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/api/v10/users/@me", self._me)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path in self.broken:
            return web.Response(text="<h1>Under maintenance</h1>", content_type="text/html")
        reply: web.StreamResponse = await handler(request)
        return reply

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.calls_itself or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        """Let in whoever asks; a real one would show a page first."""
        query = request.query
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == ("code", CLIENT, "S256")
        if self.denies:
            back = {"state": query["state"], "error": "access_denied"}
        else:
            code = secrets.token_urlsafe(16)
            self.grants[code] = Grant(query["redirect_uri"], query["code_challenge"], query.get("nonce"))
            back = {"state": query["state"], "code": code}
        back |= {"iss": self.url} if request.path == "/authorize" else {}
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(back)}&session_state=whatever")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        right = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        grant = self.grants.pop(str(form["code"]), None)
        verifier = str(form["code_verifier"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            request.headers["Authorization"] != f"Basic {right}"
            or grant is None
            or form["redirect_uri"] != grant.redirect_uri
            or challenge != grant.challenge
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        self.bearers.add(access)
        return web.json_response(
            {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(grant.nonce)}
        )

    def _id_token(self, nonce: str | None) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}
        return jwt.encode({"alg": "RS256", "kid": "new", **self.header}, claims, self.key, ["RS256", "HS256"])

    async def _keys(self, _request: web.Request) -> web.Response:
        keys: list[Any] = [key.as_dict(private=False) for key in KEYS]
        return web.json_response({"keys": [*keys, {"kty": "XYZ", "kid": "of a kind to come"}]})

    async def _me(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].removeprefix("Bearer ") in self.bearers
        return web.json_response(
            {"id": "80351110224678912", "username": "nelly", "global_name": "Nelly", **self.claims}
        )


@asynccontextmanager
async def a_login_provider() -> AsyncIterator[LoginProvider]:
    """Run a provider in this event loop."""
    provider = LoginProvider()
    async with TestServer(provider.application()) as server:
        provider.url = str(server.make_url("/")).rstrip("/")
        yield provider


@contextmanager
def a_login_provider_beside() -> Iterator[LoginProvider]:
    """Run a provider in a thread of its own, for browsers."""
    provider, loop = LoginProvider(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(provider.application())
    asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(10)
    provider.url = str(server.make_url("/")).rstrip("/")
    try:
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
