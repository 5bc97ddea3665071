"""What schemathesis cannot know of our formats: of UUIDs the version, of times the years, of keys the curve."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

import schemathesis
from hypothesis import strategies as st

POINTS = (
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
)
"""The public keys of the example in RFC 8291."""

_MINUTES_WEST, _MINUTES_EAST = -12 * 60, 14 * 60


def uuid7(milliseconds: int, dice: int) -> str:
    """Return the UUID of version 7 with this time and these 74 random bits."""
    high, low = dice >> 62, dice & (2**62 - 1)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


offsets = st.integers(_MINUTES_WEST, _MINUTES_EAST).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def declare() -> None:
    """Tell schemathesis how to make them."""
    schemathesis.openapi.format("uuid", st.builds(uuid7, st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1)))
    schemathesis.openapi.format("p256-point", st.sampled_from(POINTS))
    schemathesis.openapi.format(
        "date-time",
        st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30), timezones=offsets).map(datetime.isoformat),
    )
