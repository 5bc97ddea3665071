"""Which bytes a client asks for: the examples of RFC 9110, and what is let pass as if nothing had been asked."""

import pytest

from api.errors import NoSuchRangeError
from api.http.ranges import Part, part_of

TAG = b'"abc"'


def asked(value: bytes, size: int = 10_000, **more: bytes) -> Part | None:
    headers = [(b"range", value), *((name.replace("_", "-").encode(), given) for name, given in more.items())]
    return part_of(headers, TAG, size)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b"bytes=0-499", Part(0, 500)),
        (b"bytes=500-999", Part(500, 1000)),
        (b"bytes=-500", Part(9500, 10_000)),
        (b"bytes=9500-", Part(9500, 10_000)),
        (b"bytes=0-0", Part(0, 1)),
        (b"bytes=-1", Part(9999, 10_000)),
        (b"bytes=0-1", Part(0, 2)),
        (b"bytes=0-", Part(0, 10_000)),
        (b"bytes=9999-99999999", Part(9999, 10_000)),
        (b"bytes=-20000", Part(0, 10_000)),
        (b"Bytes=5-7", Part(5, 8)),
    ],
)
def test_a_part_is_given_as_it_is_asked_for(value: bytes, part: Part) -> None:
    assert asked(value) == part


@pytest.mark.parametrize(
    "value",
    [b"bytes=7-5", b"bytes=-", b"bytes=0-1,4-5", b"bytes=a-b", b"lines=0-1", b"bytes", b"", b"bytes=0-" + b"9" * 5000],
)
def test_what_makes_no_sense_is_answered_with_the_whole(value: bytes) -> None:
    assert asked(value) is None


@pytest.mark.parametrize("value", [b"bytes=10000-", b"bytes=10000-10001", b"bytes=-0"])
def test_a_part_behind_the_end_is_refused_with_the_size(value: bytes) -> None:
    with pytest.raises(NoSuchRangeError) as refused:
        asked(value)

    assert refused.value.size_bytes == 10_000


def test_a_part_of_something_else_is_not_given() -> None:
    assert asked(b"bytes=0-1", if_range=TAG) == Part(0, 2)
    assert asked(b"bytes=0-1", if_range=b'"other"') is None
    assert asked(b"bytes=0-1", if_range=b'W/"abc"') is None
    assert asked(b"bytes=0-1", if_range=b"Sat, 21 Nov 2026 10:00:00 GMT") is None
