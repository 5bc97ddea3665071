"""Which part of something a client asks for: the headers Range and If-Range, as RFC 9110 has them.

One part of bytes is given; where several are asked for, or something that makes no sense, the whole is, as the standard
allows.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from api.errors import NoSuchRangeError
from api.http.calls import first_header

_RANGE: Final = re.compile(rb"\s*bytes\s*=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class Part(NamedTuple):
    """The bytes from `start` on, those before `end`."""

    start: int
    end: int


def part_of(headers: Iterable[tuple[bytes, bytes]], tag: bytes, size_bytes: int) -> Part | None:
    """Return the part that a client wants of what bears this entity tag, or None if it is to get the whole.

    Raises
    ------
    NoSuchRangeError
        The part begins behind the end.
    """
    headers = tuple(headers)
    asked = _RANGE.fullmatch(first_header(headers, b"range") or b"")
    known = first_header(headers, b"if-range")
    if asked is None or (known is not None and known.strip() != tag):  # a date is no tag of ours
        return None
    first, last = asked.groups()
    if not first:
        return _last(int(last), size_bytes) if last else None
    start, end = int(first), int(last) + 1 if last else size_bytes
    if end <= start and last:
        return None
    if start >= size_bytes:
        raise NoSuchRangeError(size_bytes)
    return Part(start, min(end, size_bytes))


def _last(length: int, size_bytes: int) -> Part:
    """Return the last bytes, as many as there are."""
    if not length or not size_bytes:
        raise NoSuchRangeError(size_bytes)
    return Part(max(0, size_bytes - length), size_bytes)
