"""Where an export comes from: what is said in the head of every form that has one, and in the file beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from api.exports.columns import Table


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of an export before its first row.

    `after` is the cursor that it goes on from; `versions` are the numbers of the cascades published by then.
    """

    project: str
    title: str | None
    table: Table
    versions: tuple[int, ...]
    made_at: datetime
    software: str
    after: str | None = None
    all_revisions: bool = False

    @property
    def head(self) -> Mapping[str, str]:
        """The same as words, in order."""
        told = {
            "project": self.project,
            "title": self.title,
            "table": self.table.value,
            "all_revisions": "true" if self.all_revisions else None,
            "cascade_versions": ",".join(map(str, self.versions)),
            "made_at": moment(self.made_at),
            "software": self.software,
            "after": self.after,
        }
        return {name: text for name, text in told.items() if text is not None}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known of an export after its last row; `cursor` is where the next one goes on."""

    rows: int
    cursor: str

    @property
    def foot(self) -> Mapping[str, str]:
        """The same as words."""
        return {"rows": str(self.rows), "cursor": self.cursor}


def moment(when: datetime) -> str:
    """Return a moment as exports spell it: UTC with a Z, to the microsecond."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
