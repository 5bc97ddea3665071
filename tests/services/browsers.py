"""A browser that logs in: over HTTP, with the secret that only it knows."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx2

from api.app import App
from api.services.house import Services

ORIGIN = "http://localhost:8000"


def base64url(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


class Browser:
    """One browser: its secret, and its token once it has one."""

    def __init__(self, services: Services, origin: str = ORIGIN) -> None:
        self._client = httpx2.AsyncClient(transport=httpx2.ASGITransport(App(services=services)), base_url=origin)
        self.secret = secrets.token_urlsafe(32)
        self.token: str | None = None

    async def ask(self, method: str, path: str, json: Any = None, **headers: str) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = {} if json is None else {"json": json}
        return await self._client.request(method, path, headers={**bearer, **headers}, **sent)

    async def register(self, name: str | None = None) -> dict[str, Any]:
        """Begin to swipe on this phone, without an account."""
        created: dict[str, Any] = (await self.ask("POST", "/v1/volunteers", {"name": name})).json()
        self.token = created["token"]
        return created

    async def begin(self, provider: str = "lab") -> str:
        """Begin a login; return where the browser is sent."""
        challenge = base64url(hashlib.sha256(self.secret.encode()).digest())
        begun = await self.ask("POST", "/v1/logins", {"provider": provider, "challenge": challenge, "back_to": "/"})
        assert begun.status_code == 201, begun.text
        assert begun.headers["cache-control"] == "no-store"
        url: str = begun.json()["url"]
        return url

    async def visit(self, url: str) -> str:
        """Go to a provider; return where it sends the browser back to."""
        async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as reply:
            assert reply.status == 302
            return reply.headers["Location"]

    async def come_back(self, url: str) -> dict[str, str]:
        """Follow the provider's redirect to us; return what our page is told."""
        back = await self._client.get(url)
        assert back.status_code == 303, back.text
        assert (back.headers["referrer-policy"], back.headers["cache-control"]) == ("no-referrer", "no-store")
        place = urlsplit(back.headers["location"])
        assert (place.path, place.netloc) == ("/account", "")
        return {name: values[0] for name, values in parse_qs(place.query).items()}

    async def end(self, code: str, *, link: bool = False) -> httpx2.Response:
        """Fetch the session, and keep its token."""
        ended = await self.ask("POST", "/v1/sessions", {"code": code, "secret": self.secret, "link": link})
        assert ended.headers.get("cache-control") == "no-store" or ended.status_code != 201
        if ended.status_code == 201:
            self.token = ended.json()["token"]
        return ended

    async def log_in(self, provider: str = "lab", *, link: bool = False) -> dict[str, Any]:
        """Go all the way."""
        told = await self.come_back(await self.visit(await self.begin(provider)))
        ended = await self.end(told["code"], link=link)
        assert ended.status_code == 201, ended.text
        session: dict[str, Any] = ended.json()
        return session
