"""The phone client: its files, and its page at every address that it knows.

The page comes with what its first view shows (the project, or the subject of a shared link), so that a phone on a slow
link asks once less, and programs that only read pages (chats that show a preview) are told title and picture.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Final, NamedTuple

from starlette.types import Receive, Scope, Send

from api.errors import ChaffinchError, ClientNotBuiltError
from api.http.adapter import nothing_here, send_reply
from api.http.calls import Reply
from api.http.client_files import ClientFiles, client_files
from api.http.exchanges import AccessLog, Exchange
from api.http.problems import foreseen, kind_of, unforeseen
from api.http.rates import UNLIMITED, Rates, address_of
from api.services.house import Services
from mobile_schemas.subjects import subject_number

_PAGES: Final = re.compile(
    r"/|/settings/?|/join/?|(?P<account>/account/?)"
    r"|/p/(?P<slug>(?=[^/]{1,64}(?:/|$))[a-z0-9]+(?:-[a-z0-9]+)*)(?:/(?:[1-9][0-9]{0,9}|guide|you))?/?"
    r"|/s/(?P<subject>S[1-9][0-9]{0,17})/?"
    r"|/desk/(?=[^/]{1,64}(?:/|$))[a-z0-9]+(?:-[a-z0-9]+)*(?:/(?:ledger|reports|people(?:/V[1-9][0-9]{0,17})?))?/?"
)
"""The client's addresses, as its own router has them. The desk's come without data: theirs takes a token."""


class _View(NamedTuple):
    """What a page shows first."""

    replies: Mapping[str, object]
    title: str = ""
    picture: str = ""
    status: int = 200
    referrer: bytes = b"same-origin"


class Client:
    """Answers what is in no table of endpoints: the client's, or nobody's. An ASGI application."""

    def __init__(
        self,
        services: Callable[[], Services],
        access_log: AccessLog,
        files: ClientFiles | None = None,
        rates: Rates = UNLIMITED,
    ) -> None:
        self._rates = rates
        self._services = services
        self._access_log = access_log
        self._files = client_files() if files is None else files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not self._knows(scope["path"]):
            await nothing_here(scope, receive, send, self._access_log)
            return
        with Exchange(scope, self._access_log) as exchange:
            try:
                reply = await self._answer(scope, exchange)
            except ChaffinchError as error:
                reply = foreseen(error, scope["path"])
            except Exception as error:
                reply = unforeseen(error, scope["method"], scope["path"])
            await send_reply(reply, receive, send, exchange)

    def _knows(self, path: str) -> bool:
        return self._files.file(path) is not None or _PAGES.fullmatch(path) is not None

    async def _answer(self, scope: Scope, exchange: Exchange) -> Reply:
        path, headers = scope["path"], scope["headers"]
        if (file := self._files.file(path)) is not None:
            exchange.endpoint = "client_file"
            await self._rates.admit_stranger("files", address_of(scope))
            return file.reply(headers)
        if not self._files.built:
            raise ClientNotBuiltError
        exchange.endpoint = "client_page"
        await self._rates.admit_stranger("usual", address_of(scope))
        return self._page(headers, await self._view(path), _origin(scope))

    async def _view(self, path: str) -> _View:
        """Return what a page shows first. Where that cannot be had, the page itself says what is wrong."""
        named = _PAGES.fullmatch(path)
        try:
            if named is not None and named["slug"]:
                return await self._project_view(named["slug"])
            if named is not None and named["subject"]:
                return await self._subject_view(named["subject"])
        except ChaffinchError as error:
            return _View({}, status=kind_of(type(error)).status)
        if named is not None and named["account"]:
            return _View({}, referrer=b"no-referrer")  # a login comes back to it with its code in the address
        return _View({})

    async def _project_view(self, slug: str) -> _View:
        project = await self._services().projects.get(slug)
        return _View({f"/v1/projects/{slug}": project}, project["title"], _picture(project.get("picture")))

    async def _subject_view(self, subject: str) -> _View:
        found = await self._services().subjects.get(subject_number(subject))
        project = await self._services().projects.get(found["project"])
        replies = {f"/v1/subjects/{subject}": found, f"/v1/projects/{found['project']}": project}
        picture = _picture(next(iter(found["locations"]), None))
        return _View(replies, f"{subject} · {project['title']}", picture)

    def _page(self, headers: Iterable[tuple[bytes, bytes]], view: _View, origin: str) -> Reply:
        title = escape(f"{view.title} · Chaffinch") if view.title else ""
        about = ""
        if title:
            about = f'<meta property="og:title" content="{title}" /><meta property="og:type" content="website" />'
        if view.picture:
            about += f'<meta property="og:image" content="{escape(origin + view.picture)}" />'
        return self._files.page(headers, view.replies, title, about, view.status, view.referrer)


def _picture(location: Any) -> str:
    """Return the address of a picture as WebP, which every reader of pages can show."""
    return "" if location is None else f"{location['url']}.webp"


def _origin(scope: Scope) -> str:
    """Return the address of the service as the client sees it: previews want whole addresses."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return f"{scope.get('scheme', 'http')}://{host}" if re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host) else ""
