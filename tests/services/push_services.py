"""A push service on loopback, and browsers that read what it was given: decrypted, with the signature checked."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import http_ece
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid.jwt import decode

from mobile_schemas.push import PushMessageOut, PushSubscriptionIn

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def base64url(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


@dataclass(frozen=True)
class Pushed:
    """A message as it came to the push service."""

    path: str
    headers: dict[str, str]
    body: bytes

    def claims(self) -> dict[str, Any]:
        """Return what the sender claims, with a signature that holds, and under which key."""
        scheme, parts = self.headers["authorization"].split(" ")
        token, key = (part.partition("=")[2] for part in parts.split(","))
        assert scheme == "vapid"
        claims: dict[str, Any] = decode(token, key)
        return claims | {"key": key}


@dataclass
class PushService:
    """What has come; the next messages get these answers, all others 201."""

    url: str = ""
    got: list[Pushed] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Pushed(request.path, headers, await request.read()))
        if self.answers:
            return await self.answers.pop(0)(request)
        return web.Response(status=201)


@dataclass(frozen=True)
class Browser:
    """One browser, with the keys that only it knows."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: token_bytes(16))

    def wanted(self, language: str | None = None) -> PushSubscriptionIn:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        body = {"endpoint": self.endpoint, "p256dh": base64url(point), "auth": base64url(self.secret)}
        return PushSubscriptionIn.model_validate_json(json.dumps(body | {"language": language}))

    def read(self, pushed: Pushed) -> PushMessageOut:
        assert pushed.headers["content-encoding"] == "aes128gcm"
        text: bytes = http_ece.decrypt(pushed.body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        assert len(text) < 3000
        return PushMessageOut.model_validate_json(text)


@asynccontextmanager
async def a_push_service(*answers: Answer) -> AsyncIterator[PushService]:
    """Run a push service."""
    service = PushService(answers=list(answers))
    app = web.Application()
    app.router.add_post("/send/{browser}", service.take)
    async with TestServer(app) as server:
        service.url = str(server.make_url("/send/")).rstrip("/")
        yield service
