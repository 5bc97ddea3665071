"""Turns errors into problem documents (RFC 9457): the foreseen by the table, the unforeseen into a 500 with an id."""

from typing import Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from pydantic_core import to_json

from api.account_errors import TooManyRequestsError
from api.errors import (
    FAULT,
    ChaffinchError,
    Kind,
    MethodNotAllowedError,
    NoSuchRangeError,
    NotAuthenticatedError,
    UnavailableError,
)
from api.http.calls import Headers, Reply
from api.http.kinds import KINDS
from mobile_schemas.problems import PROBLEM_MEDIA_TYPE, ProblemOut

_CONTENT_TYPE: Final = (b"content-type", PROBLEM_MEDIA_TYPE.encode())
_PATH_SHOWN: Final = 200

log = structlog.get_logger()


def foreseen(error: ChaffinchError, path: str) -> Reply:
    """Return the problem document of an error that has its place in the table."""
    kind = kind_of(type(error))
    problem = ProblemOut(
        type=f"/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=str(error),
        instance=quote(path[:_PATH_SHOWN]),
        errors=list(error.fields),
    )
    return _reply(problem, _headers(error))


def unforeseen(error: Exception, method: str, path: str) -> Reply:
    """Log an exception that nobody expected, once, and return the problem document that names the log's entry."""
    instance = uuid4().urn
    log.error("unforeseen error", id=instance, method=method, path=path[:_PATH_SHOWN], exc_info=error)
    problem = ProblemOut(
        type=f"/problems/{FAULT.name}",
        title=FAULT.title,
        status=FAULT.status,
        detail=f"This is our fault, and logged as {instance}. Sending the same again is safe.",
        instance=instance,
        errors=[],
    )
    return _reply(problem, ())


def kind_of(error: type[ChaffinchError]) -> Kind:
    """Return how a class of errors is told; a class that is not in the table is told as its nearest ancestor there."""
    return next((KINDS[ancestor] for ancestor in error.__mro__ if ancestor in KINDS), FAULT)


def _headers(error: ChaffinchError) -> Headers:
    match error:
        case NotAuthenticatedError(token_sent=sent):
            invalid = b', error="invalid_token"' if sent else b""
            return ((b"www-authenticate", b'Bearer realm="chaffinch"' + invalid),)
        case MethodNotAllowedError(allowed=allowed):
            return ((b"allow", ", ".join(allowed).encode()),)
        case NoSuchRangeError(size_bytes=size):
            return ((b"content-range", b"bytes */%d" % size), (b"accept-ranges", b"bytes"))
        case UnavailableError(retry_after_seconds=seconds) | TooManyRequestsError(retry_after_seconds=seconds):
            return ((b"retry-after", str(seconds).encode()),)
        case _:
            return ()


def _reply(problem: ProblemOut, headers: Headers) -> Reply:
    return Reply(to_json(problem), (_CONTENT_TYPE, *headers), problem.status)
