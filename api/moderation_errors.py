"""Levels, promotions and moderation: what can go wrong there and is foreseen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from api.errors import ChaffinchError, Kind


class NothingToAppealError(ChaffinchError):
    """Nothing was decided against somebody about a level, or they have appealed against it already."""

    def __init__(self, slug: str, level: int) -> None:
        super().__init__(
            f"nothing stands against your level {level} in {slug} that you have not appealed against; "
            f"GET /v1/me/projects/{slug} says what was decided last"
        )
        self.slug = slug
        self.level = level


class UnknownReportError(ChaffinchError):
    """There is no such report, or it is another project's."""

    def __init__(self, report: int) -> None:
        super().__init__(f"there is no report {report}; GET /v1/projects/SLUG/reports lists those of a project")
        self.report = report


class ReportClosedError(ChaffinchError):
    """The report was closed already, with another outcome."""

    def __init__(self, report: int, outcome: str) -> None:
        super().__init__(f"report {report} was closed already: {outcome}")
        self.report = report
        self.outcome = outcome


class TooManyReportsError(ChaffinchError):
    """Somebody has reported as much in a project as they may in a day."""

    def __init__(self, slug: str, most: int) -> None:
        super().__init__(f"you have sent {most} reports about {slug} in 24 hours, as many as one may; send it tomorrow")
        self.slug = slug
        self.most = most


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


class NotBannableError(ChaffinchError):
    """Somebody cannot be banned so; `why` says what is in the way."""

    def __init__(self, volunteer: str, why: str) -> None:
        super().__init__(f"{volunteer} {why}")
        self.volunteer = volunteer
        self.why = why


class NotBannedError(ChaffinchError):
    """There is no ban to lift."""

    def __init__(self, volunteer: str, slug: str) -> None:
        super().__init__(f"{volunteer} is not banned from {slug}")
        self.volunteer = volunteer
        self.slug = slug


KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {
    UnknownReportError: Kind(404, "unknown-report", "There is no such report"),
    NothingToAppealError: Kind(409, "nothing-to-appeal", "There is nothing to appeal against"),
    ReportClosedError: Kind(409, "report-closed", "The report was closed already"),
    TooManyReportsError: Kind(409, "too-many-reports", "You have reported much today"),
    SamePersonError: Kind(409, "same-person", "They are one person already"),
    AlreadyBannedError: Kind(409, "already-banned", "The volunteer is banned already"),
    NotBannableError: Kind(409, "not-bannable", "The volunteer cannot be banned so"),
    NotBannedError: Kind(409, "not-banned", "The volunteer is not banned"),
}
