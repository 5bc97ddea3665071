"""The phone client as it was built: its files, ready to be sent, and its one page.

The client is built by `make client` into the folder `client` beside this package's parent, from where a wheel carries
it too. All of it is some hundred kilobytes: it is read once, compressed once, and kept.
"""

import gzip
import mimetypes
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic_core import to_json

from api.http.accepting import has_already
from api.http.calls import Headers, Reply, first_header

FOLDER: Final = Path(__file__).parents[1] / "client"
PAGE: Final = "index.html"
ASSETS: Final = "/assets/"
"""Files below have the hash of their content in their names."""

_COMPRESSED: Final = frozenset({"text/html", "text/javascript", "application/manifest+json", "image/svg+xml"})
_TYPES: Final = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}
_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_LOOK_AGAIN: Final = (b"cache-control", b"no-cache")
_BY_ENCODING: Final = (b"vary", b"Accept-Encoding")
_AS_IT_SAYS: Final = (b"x-content-type-options", b"nosniff")
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_TITLE: Final = re.compile(r"<title>.*?</title>")
_PLACE: Final = "<!--chaffinch-->"


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file as it is sent: `packed` is its gzip, where that is smaller."""

    content: bytes
    packed: bytes | None
    media_type: str
    tag: bytes
    for_ever: bool

    def reply(self, headers: Iterable[tuple[bytes, bytes]]) -> Reply:
        """Return the file, or that the client has it."""
        own: Headers = (_FOR_EVER if self.for_ever else _LOOK_AGAIN, _AS_IT_SAYS, _BY_ENCODING, (b"etag", self.tag))
        if has_already(headers, self.tag):
            return Reply(b"", own, 304)
        return _encoded(self.content, self.packed, headers, ((b"content-type", self.media_type.encode()), *own))


class ClientFiles:
    """The files of one build of the client.

    Parameters
    ----------
    folder
        Where the build lies; one that is not there has no files.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        self._files = {f"/{path.relative_to(folder).as_posix()}": _file(path, folder) for path in paths}
        page = self._files.pop(f"/{PAGE}", None)
        self._page = None if page is None else page.content.decode()
        self._policy = b"" if self._page is None else _policy(self._page)

    @property
    def built(self) -> bool:
        """Whether there is a client to serve."""
        return self._page is not None

    def file(self, path: str) -> ClientFile | None:
        """Return the file at a path, or None where there is none."""
        return self._files.get(path)

    def page(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        replies: Mapping[str, object],
        title: str = "",
        about: str = "",
        status: int = 200,
        referrer: bytes = b"same-origin",
    ) -> Reply:
        """Return the page, with what its first view would ask for in it.

        Parameters
        ----------
        replies
            What the service answers, by path; the client takes it from the page instead of asking.
        title
            Of the page, as HTML; the client's own where there is none.
        about
            HTML for the head: what programs that only read pages are told.
        referrer
            Who is told the page's address by its links and requests.
        """
        if self._page is None:
            raise LookupError("the client is not built")
        titled = f"<title>{title}</title>"
        page = _TITLE.sub(lambda _: titled, self._page, count=1) if title else self._page
        content = page.replace(_PLACE, about + _data(replies)).encode()
        own: Headers = (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", self._policy),
            (b"referrer-policy", referrer),
            _LOOK_AGAIN,
            _AS_IT_SAYS,
            _BY_ENCODING,
        )
        return _encoded(content, gzip.compress(content, 6, mtime=0), headers, own, status)


@cache
def client_files() -> ClientFiles:
    """Return the files of the client that came with this installation."""
    return ClientFiles()


def _file(path: Path, folder: Path) -> ClientFile:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, 9, mtime=0) if media_type in _COMPRESSED else None
    if packed is not None and len(packed) >= len(content):
        packed = None
    tag = f'"{sha256(content).hexdigest()[:32]}"'.encode()
    for_ever = f"/{path.relative_to(folder).as_posix()}".startswith(ASSETS)
    return ClientFile(content, packed, media_type, tag, for_ever)


def _encoded(
    content: bytes, packed: bytes | None, headers: Iterable[tuple[bytes, bytes]], own: Headers, status: int = 200
) -> Reply:
    accepted = first_header(headers, b"accept-encoding") or b""
    if packed is not None and re.search(rb"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", accepted):
        return Reply(packed, (*own, (b"content-encoding", b"gzip")), status)
    return Reply(content, own, status)


def _policy(page: str) -> bytes:
    """Return what the page may load: what is ours, and the styles that are in it word for word."""
    styles = " ".join(f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in _STYLE.findall(page))
    return (
        f"default-src 'self'; style-src 'self' {styles}; img-src 'self' data: blob:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ).encode()


def _data(replies: Mapping[str, object]) -> str:
    """Return replies as a block of data. Nothing in it can end the block: no `<` is left."""
    if not replies:
        return ""
    text = to_json(replies).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="replies">{text}</script>'
