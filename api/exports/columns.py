"""The columns of every export, with type, unit, UCD and meaning: the data dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa


class Table(StrEnum):
    """What can be exported of a project."""

    LABELS = "labels"
    VOTES = "classifications"
    SUBJECTS = "subjects"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, Arrow type, meaning, UCD (IVOA UCD1+) and unit (VOUnit); `ascii` if no text ever is else."""

    name: str
    type: pa.DataType
    meaning: str
    ucd: str
    unit: str | None = None
    ascii: bool = False

    @property
    def field(self) -> pa.Field:
        """The column as Arrow has it, with what is known of it as metadata."""
        about = {"description": self.meaning, "ucd": self.ucd} | ({"unit": self.unit} if self.unit else {})
        return pa.field(self.name, self.type, metadata=about)


_TEXT: Final = pa.string()
_TRUTH: Final = pa.bool_()
_SMALL, _WHOLE, _BIG = pa.int16(), pa.int32(), pa.int64()
_REAL: Final = pa.float64()
_MOMENT: Final = pa.timestamp("us", tz="UTC")


def _word(name: str, meaning: str, ucd: str = "meta.code") -> Column:
    """Return a column of text that Chaffinch makes."""
    return Column(name, _TEXT, meaning, ucd, ascii=True)


_SUBJECT: Final = (
    _word("subject", "public id of the subject", "meta.id;meta.main"),
    Column("external_id", _TEXT, "your own id of the subject", "meta.id"),
)
_WORKFLOW: Final = (
    Column("workflow", _WHOLE, "number of the workflow; a changed question is a new one", "meta.id"),
    _word("workflow_name", "name of the workflow", "meta.id"),
)
_CALIBRATION: Final = Column(
    "calibration", _WHOLE, "number of the refit that was in force in its workflow; 0 before the first", "meta.version"
)
_POSITION: Final = (
    Column("ra", _REAL, "right ascension of the subject, ICRS; nothing without one", "pos.eq.ra;meta.main", "deg"),
    Column("dec", _REAL, "declination of the subject, ICRS; nothing without one", "pos.eq.dec;meta.main", "deg"),
)

LABEL_COLUMNS: Final[Sequence[Column]] = (
    Column("revision", _WHOLE, "which revision of this label it is, from 1", "meta.version"),
    *_SUBJECT,
    *_WORKFLOW,
    Column("version", _WHOLE, "number of the cascade version that made the label", "meta.version"),
    _word("label", "yes or no; nothing when the workflow came to no answer", "meta.code.class"),
    _word(
        "reason", "why it retired: classification_count, flagged, nothing_here, consensus, other, human", "meta.code"
    ),
    Column("p_yes", _REAL, "probability of yes by the evidence counted when the label was made", "stat.probability"),
    Column("counted", _WHOLE, "votes that counted when the label was made", "meta.number"),
    Column("excluded", _WHOLE, "votes kept and not counted, by now", "meta.number"),
    Column("late", _WHOLE, "votes that came after the decision, by now", "meta.number"),
    Column("machine_score", _REAL, "machine score that the workflow begins with", "stat.probability"),
    Column("first_vote_at", _MOMENT, "when the first vote arrived", "time.start;obs"),
    Column("last_vote_at", _MOMENT, "when the last vote arrived, by now", "time.end;obs"),
    Column("retired_at", _MOMENT, "when the subject retired from this workflow", "time.epoch"),
    Column("made_at", _MOMENT, "when this revision was written", "time.creation"),
    Column("routed_to", _TEXT, "workflow that the label leads to; nothing where it leaves the cascade", "meta.id"),
    Column("author", _TEXT, "expert who gave this label; nothing where volunteers did", "meta.curation"),
    Column("why", _TEXT, "the expert's reason", "meta.note"),
    Column(
        "prior",
        _BIG,
        "log-odds of yes before any vote, in micro-nats: millionths of a natural log unit",
        "stat.likelihood",
    ),
    Column(
        "log_odds",
        _BIG,
        "log-odds of yes by prior and votes when the label was made, in micro-nats",
        "stat.likelihood",
    ),
    Column(
        "decided_ordinal",
        _WHOLE,
        "ordinal of the vote at which the subject retired; votes after it are late or audit",
        "meta.number",
    ),
    _CALIBRATION,
    Column("position", _BIG, "its place in the feed of labels and events; nothing until it has one", "meta.record"),
    *_POSITION,
)
"""Labels: one row for each revision of a label that is exported."""

VOTE_COLUMNS: Final[Sequence[Column]] = (
    _word(
        "kind",
        "vote, or retraction: the row of a vote's withdrawal (by the volunteer, a ban or a merge), which subtracts what"
        " the vote added",
    ),
    _word("id", "the client's id of the vote, on the vote and on its retraction", "meta.record"),
    _word("volunteer", "pseudonym of the volunteer: the same in all exports of the project", "meta.id"),
    *_WORKFLOW,
    *_SUBJECT,
    _word("answer", "yes, no or unsure", "meta.code.class"),
    Column("flag", _TRUTH, "whether the volunteer flagged the subject", "meta.code"),
    _word("truth", "known answer of a training subject; nothing for other subjects", "meta.code.class"),
    Column("counted", _TRUTH, "whether the vote counts towards the label of its subject, by now", "meta.code"),
    _word(
        "why_not",
        "why it does not: late, audit, gold, level_lost, card_expired, retracted, workflow_retired, gold_withdrawn,"
        " imported, too_fast, banned (the volunteer, before or after), merged (the same person had answered before, as"
        " somebody else); retraction on the row of a retraction",
    ),
    _word("bucket", "the sum that it went to: proven, unproven, gold, late, audit, ignored"),
    Column(
        "ordinal",
        _WHOLE,
        "its place among the entries of its subject in the workflow, from 1; 0 if it went to no sum",
        "meta.number",
    ),
    Column("if_yes", _BIG, "log-likelihood that it added if the truth is yes, in micro-nats", "stat.likelihood"),
    Column("if_no", _BIG, "log-likelihood that it added if the truth is no, in micro-nats", "stat.likelihood"),
    Column(
        "skill_revision",
        _WHOLE,
        "gold answers of the volunteer by then: the skill that weighed the vote",
        "meta.version",
    ),
    Column("version", _WHOLE, "number of the cascade version in force", "meta.version"),
    _CALIBRATION,
    Column("attempt", _SMALL, "how often the volunteer had taken back an answer to this card before", "meta.number"),
    Column("received_at", _MOMENT, "when it arrived", "time.epoch"),
    Column("answered_at", _MOMENT, "when the phone says that it was given", "time.epoch;obs"),
    Column("dwell_ms", _WHOLE, "how long the card was looked at", "time.duration", "ms"),
    Column("source", _TEXT, "what sent it", "meta.id"),
    Column("session", _TEXT, "the phone's word for a sitting, as it was sent", "meta.id"),
    Column("language", _TEXT, "the phone's language", "meta.code"),
    Column("utc_offset_minutes", _SMALL, "the phone's offset from UTC", "time", "min"),
)
"""The vote log. Sums over the rows of a bucket are those of the subject, bit for bit."""

SUBJECT_COLUMNS: Final[Sequence[Column]] = (
    *_SUBJECT,
    *_POSITION,
    Column("healpix", _BIG, "nested HEALPix cell of order 29 around the position", "pos.healpix"),
    Column("metadata", _TEXT, "what the manifest said of it: JSON, name to text", "meta.note"),
    Column("gold", _TEXT, "known answers: JSON, workflow's name to yes or no", "meta.code.class"),
    Column("scores", _TEXT, "machine scores: JSON, name to value, model (SHA-256) and revision", "stat.probability"),
    Column(
        "stages",
        _TEXT,
        "where it stands: JSON, for each workflow its number, name, state (open, contested, retired, withdrawn), label"
        " and reason",
        "meta.code.status",
    ),
    Column(
        "locations",
        _TEXT,
        "its pictures and videos: JSON, for each the SHA-256, source, media type, width and height (pixels)",
        "meta.ref",
    ),
    Column("created_at", _MOMENT, "when it was imported", "time.creation"),
)
"""Subjects: one row each, whatever hangs on it as JSON text."""

COLUMNS: Final = {Table.LABELS: LABEL_COLUMNS, Table.VOTES: VOTE_COLUMNS, Table.SUBJECTS: SUBJECT_COLUMNS}


def schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of a table; its fields carry the data dictionary as metadata."""
    return pa.schema([column.field for column in columns])


def dictionary(columns: Sequence[Column]) -> list[dict[str, str | None]]:
    """Return the data dictionary, ready for JSON."""
    return [
        {
            "name": column.name,
            "type": str(column.type),
            "unit": column.unit,
            "ucd": column.ucd,
            "description": column.meaning,
        }
        for column in columns
    ]
