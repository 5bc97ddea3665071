"""Receives request bodies: only of the promised kind, only so large, and only whole."""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import Receive

from api.errors import BodyTooLargeError, WrongMediaTypeError
from api.http.calls import first_header
from mobile_schemas.endpoint import BODY_LIMIT_BYTES, BYTES, CHUNK_LIMIT_BYTES

_JSON: Final = re.compile(rb'\s*application/json\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)
_BYTES: Final = re.compile(rb"\s*application/octet-stream\s*", re.IGNORECASE)
_MEDIA_TYPE_SHOWN: Final = 100


class DisconnectedError(Exception):
    """The client went away before its body was complete."""


async def receive_json(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """Return a body of JSON."""
    return await _receive(headers, receive, _JSON, "application/json, in UTF-8", BODY_LIMIT_BYTES)


async def receive_bytes(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """Return a body that is a chunk of a file."""
    return await _receive(headers, receive, _BYTES, BYTES, CHUNK_LIMIT_BYTES)


async def _receive(
    headers: Iterable[tuple[bytes, bytes]], receive: Receive, kind: re.Pattern[bytes], right: str, limit_bytes: int
) -> bytes:
    """Return the body.

    Starlette's own middleware for the limit answers in plain text, so the limit is kept here, chunked or not.

    Raises
    ------
    WrongMediaTypeError
        The body is not said to be of the kind.
    BodyTooLargeError
        It is larger than the limit; no more than that is kept of it.
    """
    media_type = first_header(headers, b"content-type")
    if media_type is None:
        raise WrongMediaTypeError(None, right)
    if not kind.fullmatch(media_type):
        raise WrongMediaTypeError(media_type[:_MEDIA_TYPE_SHOWN].decode("latin-1"), right)
    length = first_header(headers, b"content-length") or b"0"
    if length.isdigit() and int(length[:20]) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    return await _receive_at_most(limit_bytes, receive)


async def _receive_at_most(limit_bytes: int, receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit_bytes:
            raise BodyTooLargeError(limit_bytes)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
