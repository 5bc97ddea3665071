"""Exports: labels and the vote log of a project as CSV or NDJSON, in one snapshot, with flat memory.

Rows come through a server-side cursor some thousands at a time and leave as bytes at once, so a project of any size is
exported in the memory of one such batch. `LABEL_COLUMNS` and `VOTE_COLUMNS` are the header rows, with their meaning.

CSV is RFC 4180 in UTF-8: a header row, lines that end in CR LF, nothing for null, `true` and `false`, times in UTC.
NDJSON has the same names with JSON's own types. Cells are what was imported, byte for byte: an external id, a source or
a reason may begin with ``=``, ``+``, ``-`` or ``@``, which spreadsheet programs take for a formula. Import such a file
as text, or read it with a program that does not calculate; the export does not alter ids that have to match yours.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from pydantic_core import to_json

from api.errors import UnknownProjectError
from api.services.labels import label_views
from api.store.engine import Connection
from api.store.labels import Entry, Label, LabelStore
from cascade.vocabulary import Answer, Bucket, EntryKind, Exclusion
from mobile_schemas.subjects import subject_id
from mobile_schemas.volunteers import volunteer_id

Row = dict[str, Any]
Write = Callable[[bytes], object]

LABEL_COLUMNS: Final[Mapping[str, str]] = {
    "revision": "which revision of this label it is, from 1",
    "subject": "public id of the subject",
    "external_id": "your own id of the subject",
    "workflow": "number of the workflow; a changed question is a new one",
    "workflow_name": "name of the workflow",
    "version": "number of the cascade version that made the label",
    "label": "yes or no; nothing when the workflow came to no answer",
    "reason": "why it retired: classification_count, flagged, nothing_here, consensus, other, human",
    "p_yes": "probability of yes by the evidence that was counted when the label was made",
    "counted": "votes that counted when the label was made",
    "excluded": "votes kept and not counted, by now",
    "late": "votes that came after the decision, by now",
    "machine_score": "machine score that served as the prior",
    "first_vote_at": "when the first vote arrived",
    "last_vote_at": "when the last vote arrived, by now",
    "retired_at": "when the subject retired from this workflow",
    "made_at": "when this revision was written",
    "routed_to": "workflow that the label leads to; nothing where it leaves the cascade",
    "author": "expert who gave this label; nothing where volunteers did",
    "why": "the expert's reason",
}
"""The header row of exported labels."""

VOTE_COLUMNS: Final[Mapping[str, str]] = {
    "kind": "vote, or retraction: the row of a vote's withdrawal, which subtracts what the vote added",
    "id": "the client's id of the vote, on the vote and on its retraction",
    "volunteer": "public id of the volunteer",
    "workflow": "number of the workflow; a changed question is a new one",
    "workflow_name": "name of the workflow",
    "subject": "public id of the subject",
    "external_id": "your own id of the subject",
    "answer": "yes, no or unsure",
    "flag": "whether the volunteer flagged the subject",
    "truth": "known answer of a training subject; nothing for other subjects",
    "counted": "whether the vote counts towards the label of its subject, by now",
    "why_not": "why it does not: late, audit, gold, level_lost, card_expired, retracted, workflow_retired,"
    " gold_withdrawn; retraction on the row of a retraction",
    "bucket": "the sum that it went to: proven, unproven, gold, late, audit, ignored",
    "ordinal": "its place among the entries of its subject in the workflow, from 1; 0 where it went to no sum",
    "if_yes": "log-likelihood that it added if the truth is yes, in micro-nats",
    "if_no": "log-likelihood that it added if the truth is no, in micro-nats",
    "skill_revision": "gold answers of the volunteer by then: the skill that weighed the vote",
    "version": "number of the cascade version in force",
    "attempt": "how often the volunteer had taken back an answer to this card before",
    "received_at": "when it arrived",
    "answered_at": "when the phone says that it was given",
    "dwell_ms": "how long the card was looked at, in milliseconds",
    "source": "what sent it",
    "session": "the phone's session",
    "language": "the phone's language",
    "utc_offset_minutes": "the phone's offset from UTC",
}
"""The header row of the exported vote log. Sums over the rows of a bucket are those of the subject, bit for bit."""


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    NDJSON = "ndjson"


async def export_labels(
    connection: Connection, slug: str, form: Form, write: Write, *, all_revisions: bool = False
) -> int:
    """Write the labels of a project, the newest revision of each or all of them; return how many.

    They come by workflow, subject and revision. Raises UnknownProjectError before anything is written.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        store, project_id = await _open(connection, slug)
        _write_head(LABEL_COLUMNS, form, write)
        count = 0
        async for labels in store.labels(project_id, all_revisions):
            write(_lines([view | _made(label) for label, view in zip(labels, label_views(labels), strict=True)], form))
            count += len(labels)
    return count


async def export_classifications(connection: Connection, slug: str, form: Form, write: Write) -> int:
    """Write the vote log of a project by time of arrival; return the number of its rows.

    Every vote that was stored is there, counted or not, and every retraction. Raises UnknownProjectError before
    anything is written.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        store, project_id = await _open(connection, slug)
        _write_head(VOTE_COLUMNS, form, write)
        count = 0
        async for entries in store.entries(project_id):
            write(_lines([_vote(entry) for entry in entries], form))
            count += len(entries)
    return count


async def _open(connection: Connection, slug: str) -> tuple[LabelStore, int]:
    store = LabelStore(connection)
    project_id = await store.find_project(slug)
    if project_id is None:
        raise UnknownProjectError(slug)
    return store, project_id


def _made(label: Label) -> Row:
    """Return what an export says of a label beyond the feed."""
    return {"made_at": label.made_at, "routed_to": label.routed_to, "author": label.author, "why": label.why}


def _vote(entry: Entry) -> Row:
    why_not = _why_not(entry)
    return {
        "kind": EntryKind(entry.kind).word,
        "id": entry.client_id,
        "volunteer": volunteer_id(entry.volunteer_id),
        "workflow": entry.workflow_id,
        "workflow_name": entry.workflow_name,
        "subject": subject_id(entry.subject_id),
        "external_id": entry.external_id,
        "answer": Answer(entry.answer).word,
        "flag": entry.flag,
        "truth": None if entry.truth is None else Answer(entry.truth).word,
        "counted": why_not is None,
        "why_not": why_not,
        "bucket": Bucket(entry.bucket).word,
        "ordinal": entry.ordinal,
        "if_yes": entry.if_yes,
        "if_no": entry.if_no,
        "skill_revision": entry.skill_revision,
        "version": entry.version,
        "attempt": entry.attempt,
        "received_at": entry.received_at,
        "answered_at": entry.answered_at,
        "dwell_ms": entry.dwell_ms,
        "source": entry.source,
        "session": entry.session,
        "language": entry.language,
        "utc_offset_minutes": entry.utc_offset_minutes,
    }


def _why_not(entry: Entry) -> str | None:
    """Return why an entry does not count, or `None` for a vote that does."""
    if entry.kind == EntryKind.RETRACTION:
        return EntryKind.RETRACTION.word
    if entry.retracted:
        return Exclusion.RETRACTED.word
    return None if entry.exclusion == Exclusion.NONE else Exclusion(entry.exclusion).word


def _write_head(columns: Mapping[str, str], form: Form, write: Write) -> None:
    """Write the header row that CSV has."""
    if form is Form.CSV:
        write(_csv([list(columns)]))


def _lines(rows: Sequence[Row], form: Form) -> bytes:
    """Return rows as lines; their keys are in the order of the columns."""
    if form is Form.NDJSON:
        return b"".join(to_json(row) + b"\n" for row in rows)
    return _csv([[_cell(value) for value in row.values()] for row in rows])


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """Return a value as CSV has it: booleans and times as JSON would, and nothing for null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
