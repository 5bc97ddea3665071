"""Levels, promotions and moderation: what can go wrong there and is foreseen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from api.errors import ChaffinchError, Kind


class SamePersonError(ChaffinchError):
    """Two persons are to be made one who are one already."""

    def __init__(self, person: int) -> None:
        super().__init__("these are one person already; nothing was changed")
        self.person = person


class AlreadyBannedError(ChaffinchError):
    """The person is banned from the project; `until` is when that ends, if ever."""

    def __init__(self, volunteer: str, slug: str, until: datetime | None) -> None:
        ends = "for good" if until is None else f"until {until:%Y-%m-%d %H:%M} UTC"
        super().__init__(f"{volunteer} is banned from {slug} {ends}; lift that ban first")
        self.volunteer = volunteer
        self.slug = slug
        self.until = until


class NotBannedError(ChaffinchError):
    """There is no ban to lift."""

    def __init__(self, volunteer: str, slug: str) -> None:
        super().__init__(f"{volunteer} is not banned from {slug}")
        self.volunteer = volunteer
        self.slug = slug


KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {
    SamePersonError: Kind(409, "same-person", "They are one person already"),
    AlreadyBannedError: Kind(409, "already-banned", "The volunteer is banned already"),
    NotBannedError: Kind(409, "not-banned", "The volunteer is not banned"),
}
