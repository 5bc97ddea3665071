"""What a client takes and has: the headers Accept and If-None-Match, as RFC 9110 has them."""

import re
from collections.abc import Iterable
from typing import Final

from api.http.calls import first_header

_QUALITY: Final = re.compile(rb"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

Headers = Iterable[tuple[bytes, bytes]]


def quality(headers: Headers, media_type: bytes) -> float:
    """Return how much a client wants a type that it names, 0 to 1: 0 where it does not name it.

    Wildcards do not count: `image/*` is sent by browsers that cannot show every image.
    """
    for name, value in headers:
        if name == b"accept":
            for part in value.split(b","):
                given, *parameters = (each.strip() for each in part.split(b";"))
                if given.lower() == media_type:
                    return _quality(parameters)
    return 0.0


def _quality(parameters: Iterable[bytes]) -> float:
    for parameter in parameters:
        if parameter[:1].lower() == b"q":
            found = _QUALITY.fullmatch(parameter)
            return float(found[1]) if found else 0.0
    return 1.0


def has_already(headers: Headers, tag: bytes) -> bool:
    """Tell whether a client has what bears this entity tag."""
    given = first_header(headers, b"if-none-match") or b""
    return given.strip() == b"*" or tag in (each.strip().removeprefix(b"W/") for each in given.split(b","))
