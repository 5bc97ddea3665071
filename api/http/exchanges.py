"""One request and its reply, as the log and the metrics tell of them.

Every request has an id: the one that the client sent as `X-Request-Id` if it is sane, else a new one. It comes back
with the reply, whatever that is, and every line that is logged on the way carries it.
"""

import logging
import re
import time
from types import TracebackType
from typing import Any, Final, Literal, Self

import structlog
from starlette.types import Scope
from structlog.contextvars import bind_contextvars, reset_contextvars

from api.http.calls import first_header
from api.logs import new_request_id
from api.metrics import count_request

AccessLog = Literal["all", "errors", "off"]
"""Which requests get a line: all of them, those that were refused or failed, or none. `debug` shows all."""

UNKNOWN: Final = "unknown"
"""Stands for the endpoint or the method of a request for something that is not in the table."""

TOKEN_DIGITS: Final = 12
"""Of a token's SHA-256, as `chaffinch token list` shows them."""

_HEADER: Final = b"x-request-id"
_SANE: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_PATH_SHOWN: Final = 200

log = structlog.get_logger("chaffinch.access")


class Exchange:
    """One request on its way, from when its head was read. Used as a context, in which its id is bound.

    `endpoint` and `path` are the name and the path's template of what was found in the table; `token_sha256` is that of
    the token that came along, whether it is known or not.
    """

    __slots__ = ("_began", "_bound", "_lines", "endpoint", "header", "method", "path", "request_id", "token_sha256")

    def __init__(self, scope: Scope, lines: AccessLog) -> None:
        self._began = time.perf_counter()
        self._lines = lines
        sent = first_header(scope["headers"], _HEADER)
        self.request_id = sent.decode() if sent is not None and _SANE.fullmatch(sent) else new_request_id()
        self.header = (_HEADER, self.request_id.encode())
        self.method: str = scope["method"]
        self.endpoint = UNKNOWN
        self.path: str = scope["path"][:_PATH_SHOWN]
        self.token_sha256: bytes | None = None
        self._bound: Any = None

    def __enter__(self) -> Self:
        self._bound = bind_contextvars(request_id=self.request_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reset_contextvars(**self._bound)

    def end(self, status: int) -> None:
        """Count the request and log it, now that its reply is known."""
        seconds = time.perf_counter() - self._began
        count_request(self.endpoint, self.method if self.method in _METHODS else UNKNOWN, status, seconds)
        if self._lines == "off":
            return
        if status >= 500:
            log.warning("request", **self._told(status, seconds))
        elif status >= 400 or self._lines == "all":
            log.info("request", **self._told(status, seconds))
        elif log.is_enabled_for(logging.DEBUG):
            log.debug("request", **self._told(status, seconds))

    def _told(self, status: int, seconds: float) -> dict[str, object]:
        told: dict[str, object] = {
            "method": self.method,
            "path": self.path,
            "status": status,
            "ms": round(1000 * seconds, 1),
        }
        if self.token_sha256 is not None:
            told["token"] = self.token_sha256.hex()[:TOKEN_DIGITS]
        return told
