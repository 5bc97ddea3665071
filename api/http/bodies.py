"""Receives request bodies: only JSON, only so large, and only whole."""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import Receive

from api.errors import BodyTooLargeError, WrongMediaTypeError
from api.http.calls import first_header
from mobile_schemas.endpoints import BODY_LIMIT_BYTES

_JSON: Final = re.compile(rb'\s*application/json\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)
_MEDIA_TYPE_SHOWN: Final = 100


class DisconnectedError(Exception):
    """The client went away before its body was complete."""


async def receive_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """Return the body.

    Starlette's own middleware for the limit answers in plain text, so the limit is kept here, chunked or not.

    Raises
    ------
    WrongMediaTypeError
        The body is not said to be JSON in UTF-8.
    BodyTooLargeError
        It is larger than `BODY_LIMIT_BYTES`; no more than that is kept of it.
    """
    media_type = first_header(headers, b"content-type")
    if media_type is None:
        raise WrongMediaTypeError(None)
    if not _JSON.fullmatch(media_type):
        raise WrongMediaTypeError(media_type[:_MEDIA_TYPE_SHOWN].decode("latin-1"))
    length = first_header(headers, b"content-length") or b"0"
    if length.isdigit() and int(length[:20]) > BODY_LIMIT_BYTES:
        raise BodyTooLargeError(BODY_LIMIT_BYTES)
    return await _receive_at_most(BODY_LIMIT_BYTES, receive)


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
