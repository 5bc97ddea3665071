"""Exports: labels, the vote log and the subjects of a project, in every form, from one snapshot, with flat memory.

An export reads record batches (`api.store.exports`), makes words of codes and pseudonyms of volunteers
(`api.exports.recoding`), and writes them in a form (`api.exports.forms`), while the next batch is being read. It is
synchronous (`export`); `exported` runs it in a thread.

Every export ends with a cursor from which the next one goes on:

    classifications   by time of arrival, up to a moment before which nothing can appear any more
    labels            every revision, in the order of the feed; without a cursor the newest of each, by subject
    subjects          by number
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import pyarrow as pa

from api.declaration_file import load
from api.errors import UnknownProjectError
from api.exports.columns import COLUMNS, Table, dictionary
from api.exports.forms import Form, open_writer
from api.exports.provenance import Ending, Provenance
from api.exports.recoding import Names, exported_labels, exported_subjects, exported_votes
from api.exports.sink import Sink, Write
from api.services.cursors import START, number, vote_cursor, vote_key
from api.services.ledger_reading import ReadMonth, ledger
from api.services.pseudonyms import Pseudonyms
from api.services.sequencing import sequence
from api.store.columnar import Batches
from api.store.engine import Connection
from api.store.exports import Snapshot, StoredProject, StoredVersion, VoteKey, find_project, open_snapshot
from cascade.declaration import canonical_workflow
from cascade.graph import Workflow
from cascade.skill import CLIP_UNPROVEN
from cascade.standing import rules_of

CursorOf = Callable[[pa.RecordBatch], str]

PATIENCE_SECONDS: Final = 10.0
"""How long an export waits for transactions that were open when it came."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported: a table in a form, after a cursor, at most so many rows."""

    table: Table
    form: Form = Form.CSV
    after: str | None = None
    limit: int | None = None
    all_revisions: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    `cursor` is where the next export goes on. `until` is the moment of arrival before which the vote log is whole;
    `whole` says that it is no earlier than when the export came.
    `description` is all that is known of the file, ready for JSON.
    """

    rows: int
    size_bytes: int
    sha256: bytes
    cursor: str
    until: datetime
    whole: bool
    description: Mapping[str, Any]


async def exported(
    connection: Connection,
    database_url: str,
    slug: str,
    wish: Wish,
    write: Write,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    read_month: ReadMonth | None = None,
) -> Exported:
    """Write an export of a project, from a connection of its own; `connection` is for what comes before.

    Parameters
    ----------
    write
        Takes the bytes, in a thread.
    patience_seconds
        How long to wait for open transactions, so that all votes that are there when we come are in the export.
    read_month
        Reads a month of the ledger that has left the database.

    Raises
    ------
    UnknownProjectError
        There is no such project; nothing was written.
    WrongCursorError
        The cursor is none of this table.
    LedgerArchivedError
        Months of the vote log have left the database and cannot be read.
    """
    project = await find_project(connection, slug)
    if project is None:
        raise UnknownProjectError(slug)
    if wish.table is Table.LABELS:
        await sequence(connection)
    return await asyncio.to_thread(export, database_url, project, wish, write, patience_seconds, read_month)


def described(project: StoredProject, versions: list[StoredVersion], table: Table) -> dict[str, Any]:
    """Return what there is to know of a table before anything is exported: its columns, and the cascades published."""
    return {
        "project": project.slug,
        "title": project.title,
        "table": table.value,
        "columns": dictionary(COLUMNS[table]),
        "cascade": [_version(each) for each in versions],
    }


def export(
    database_url: str,
    project: StoredProject,
    wish: Wish,
    write: Write,
    patience_seconds: float,
    read_month: ReadMonth | None,
) -> Exported:
    """Do what `exported` does for a project that is known, over one connection. Blocking: use a thread."""
    made_at = datetime.now(UTC)
    with open_snapshot(database_url, patience_seconds, gently=wish.limit is not None) as snapshot:
        versions = snapshot.versions(project.id)
        numbers = tuple(each.number for each in versions)
        software = f"Chaffinch {version('chaffinch')}"
        provenance = Provenance(
            project.slug, project.title, wish.table, numbers, made_at, software, wish.after, wish.all_revisions
        )
        sink = Sink(write)
        source = _Source(snapshot, project, versions, wish, read_month)
        with closing(source.batches()) as batches:
            writer = open_writer(wish.form, COLUMNS[wish.table], provenance, sink)
            for batch in read_ahead(batches):
                writer.add(batch)
        ending = Ending(source.rows, source.cursor)
        writer.close(ending)
        return _summary(described(project, versions, wish.table), provenance, ending, sink, snapshot, wish.form)


class _Source:
    """The rows of one export; `rows` and `cursor` are those of what was read so far."""

    def __init__(
        self,
        snapshot: Snapshot,
        project: StoredProject,
        versions: list[StoredVersion],
        wish: Wish,
        read_month: ReadMonth | None,
    ) -> None:
        self._snapshot = snapshot
        self._project = project
        self._wish = wish
        self._read_month = read_month
        self._workflows = snapshot.workflows(project.id)
        pseudonyms = Pseudonyms(project.pseudonym_key)
        self._names = Names(self._workflows, {each.id: each.number for each in versions}, pseudonyms.coded)
        self.rows = 0
        self.cursor = wish.after or START[wish.table]

    def batches(self) -> Batches:
        """Return the rows, once the cursor is understood; raises `WrongCursorError` before anything is read."""
        table, after = self._wish.table, self._wish.after
        match table:
            case Table.VOTES:
                return self._votes(vote_key(after))
            case Table.LABELS:
                return self._labels(number(table, after))
            case Table.SUBJECTS:
                return self._subjects(number(table, after))

    def _votes(self, after: VoteKey) -> Batches:
        for raw in ledger(self._snapshot, list(self._workflows), after, self._wish.limit, self._read_month):
            self._count(raw, lambda last: vote_cursor(VoteKey(*(last[name][0].as_py() for name in VoteKey._fields))))
            yield exported_votes(raw, self._names)

    def _labels(self, after: int) -> Batches:
        snapshot, wish, number_ = self._snapshot, self._wish, self._project.id
        if wish.after is None and wish.limit is None and not wish.all_revisions:
            self.cursor = str(snapshot.last_position(number_))
            for raw in snapshot.newest_labels(number_, list(self._workflows)):
                self.rows += len(raw)
                yield exported_labels(raw, self._names)
            return
        for raw in snapshot.announced_labels(number_, after, wish.limit):
            self._count(raw, lambda last: str(last["position"][0]))
            yield exported_labels(raw, self._names)

    def _subjects(self, after: int) -> Batches:
        workflows = list(self._workflows)
        for raw in self._snapshot.subjects(self._project.id, workflows, after, self._wish.limit):
            self._count(raw, lambda last: str(last["id"][0]))
            yield exported_subjects(raw, self._names)

    def _count(self, raw: pa.RecordBatch, cursor_of: CursorOf) -> None:
        if len(raw):
            self.rows += len(raw)
            self.cursor = cursor_of(raw.slice(len(raw) - 1))


def read_ahead(batches: Batches) -> Batches:
    """Yield batches while the next one is being read in another thread."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _version(stored: StoredVersion) -> dict[str, Any]:
    ids = stored.workflow_ids
    declared = load(stored.declaration).workflows
    return {
        "version": stored.number,
        "digest": stored.digest,
        "published_at": stored.published_at,
        "workflows": {str(ids[each.name]): canonical_workflow(each) for each in declared},
        "rules": {str(ids[each.name]): _first_rule(each) for each in declared},
    }


def _first_rule(workflow: Workflow) -> dict[str, int]:
    """Return the numbers by which the engine decides before the first refit, in micro-nats; shares in millionths."""
    rule = rules_of([workflow])[0]
    return {name: int(rule[name]) for name in ("accept", "reject", "hard", "cold")} | {"unproven_cap": CLIP_UNPROVEN}


def _summary(
    described: Mapping[str, Any], provenance: Provenance, ending: Ending, sink: Sink, snapshot: Snapshot, form: Form
) -> Exported:
    known = {
        "format": form.value,
        "made_at": provenance.made_at,
        "software": provenance.software,
        "all_revisions": provenance.all_revisions,
        "after": provenance.after,
        "cursor": ending.cursor,
        "until": snapshot.horizon,
        "rows": ending.rows,
        "bytes": sink.bytes,
        "sha256": sink.sha256.hex(),
    }
    return Exported(
        ending.rows,
        sink.bytes,
        sink.sha256,
        ending.cursor,
        snapshot.horizon,
        snapshot.whole,
        {**known, **described},
    )
