"""What schemathesis cannot know of our formats: UUIDs are of version 7, and times are of the years 2000 to 2100."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

import schemathesis
from hypothesis import strategies as st

_MINUTES_WEST, _MINUTES_EAST = -12 * 60, 14 * 60


def uuid7(milliseconds: int, dice: int) -> str:
    """Return the UUID of version 7 with this time and these 74 random bits."""
    high, low = dice >> 62, dice & (2**62 - 1)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


offsets = st.integers(_MINUTES_WEST, _MINUTES_EAST).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def declare() -> None:
    """Tell schemathesis how to make them."""
    schemathesis.openapi.format("uuid", st.builds(uuid7, st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1)))
    schemathesis.openapi.format(
        "date-time",
        st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30), timezones=offsets).map(datetime.isoformat),
    )
