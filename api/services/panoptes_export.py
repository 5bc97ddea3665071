"""Exports in the shape of Panoptes': classifications, subjects and workflows of a project, with flat memory.

Every vote that stands is there, whether it counts or not: votes on training subjects, late ones, kept ones, and those
of months that have left the database. Only what a volunteer took back is not. Volunteers go by their pseudonyms.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from enum import StrEnum
from typing import Any, Final

import pyarrow as pa

from api.errors import UnknownProjectError
from api.panoptes import writing
from api.panoptes.votes import OUR_TASK
from api.panoptes.writing import Cell
from api.services.exporting import PATIENCE_SECONDS
from api.services.ledger_reading import ReadMonth, ledger
from api.services.pseudonyms import Pseudonyms
from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.exports import FIRST, Retired, Snapshot, open_snapshot
from api.store.panoptes import PanoptesStore, Project, SubjectPlace
from cascade.vocabulary import Answer, Bucket, EntryKind, Exclusion, Reason

Write = Callable[[bytes], object]
Batches = AsyncIterator[list[list[Cell]]]

ROWS: Final = 4000
"""Votes that become text at a time."""


class Kind(StrEnum):
    """What is exported."""

    CLASSIFICATIONS = "classifications"
    SUBJECTS = "subjects"
    WORKFLOWS = "workflows"


async def export_like_panoptes(
    connection: Connection,
    database_url: str,
    slug: str,
    kind: Kind,
    write: Write,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    read_month: ReadMonth | None = None,
) -> int:
    """Write an export of a project in the shape of Panoptes'; return the number of its rows.

    Parameters
    ----------
    write
        Takes the bytes; those of classifications in a thread.
    patience_seconds
        How long to wait for open transactions, so that all votes that are there when we come are in the export.
    read_month
        Reads a month of the vote log that has left the database.

    Raises
    ------
    UnknownProjectError
        There is no such project; nothing was written.
    LedgerArchivedError
        Months of the vote log have left the database and cannot be read.
    """
    project = await PanoptesStore(connection).find_project(slug)
    if project is None:
        raise UnknownProjectError(slug)
    if kind is Kind.CLASSIFICATIONS:
        export = _Classifications(database_url, project, write, read_month)
        return await asyncio.to_thread(export.written, patience_seconds)
    columns, batches = _EXPORTS[kind]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        write(writing.table([columns]))
        count = 0
        async for rows in batches(connection, PanoptesStore(connection), project):
            write(writing.table(rows))
            count += len(rows)
    return count


class _Classifications:
    """The vote log of a project, written as classifications. Blocking.

    One snapshot gives the log, whose stream occupies its connection; another one says what is known of the subjects.
    """

    def __init__(self, database_url: str, project: Project, write: Write, read_month: ReadMonth | None) -> None:
        self._database_url = database_url
        self._project = project
        self._write = write
        self._read_month = read_month
        self._pseudonyms = Pseudonyms(project.pseudonym_key)
        self._asked: Mapping[int, tuple[str, str]] = {}
        self._versions: Mapping[int, int] = {}

    def written(self, patience_seconds: float) -> int:
        """Write all of it; return the number of rows."""
        count = 0
        with open_snapshot(self._database_url, patience_seconds) as log, open_snapshot(self._database_url) as beside:
            self._asked = beside.questions(self._project.id)
            self._versions = {each.id: each.number for each in beside.versions(self._project.id)}
            self._write(writing.table([writing.CLASSIFICATION_COLUMNS]))
            with closing(ledger(log, sorted(self._asked), FIRST, None, self._read_month)) as batches:
                for batch in batches:
                    for start in range(0, len(batch), ROWS):
                        rows = self._rows(batch.slice(start, ROWS), beside)
                        self._write(writing.table(rows))
                        count += len(rows)
        return count

    def _rows(self, batch: pa.RecordBatch, beside: Snapshot) -> list[list[Cell]]:
        given = [row for row in batch.to_pylist() if row["kind"] == EntryKind.VOTE]
        votes = [row for row in given if row["taken_out"] != Exclusion.RETRACTED]
        subjects = sorted({row["subject_id"] for row in votes})
        workflows = sorted({row["workflow_id"] for row in votes})
        metadata = beside.metadata_of(subjects)
        retired = {(each.workflow_id, each.subject_id): each for each in beside.retired_of(workflows, subjects)}
        return [
            self._row(row, metadata[row["subject_id"]], retired.get((row["workflow_id"], row["subject_id"])))
            for row in votes
        ]

    def _row(self, row: Mapping[str, Any], subject: tuple[str, str], retired: Retired | None) -> list[Cell]:
        exclusion = Exclusion(row["taken_out"] or row["exclusion"])
        ours = {
            "counted": exclusion is Exclusion.NONE,
            "why_not": None if exclusion is Exclusion.NONE else exclusion.word,
            "bucket": Bucket(row["bucket"]).word,
            "flag": row["flag"],
            "source": row["source"],
        }
        external_id, metadata = subject
        about = {**writing.subject_metadata(metadata, external_id), "retired": _retired(retired)}
        name, question = self._asked[row["workflow_id"]]
        told = (row["answered_at"], row["dwell_ms"], row["session"], row["language"], row["utc_offset_minutes"])
        return [
            str(row["client_id"]),
            self._pseudonyms.of(row["volunteer_id"]),
            None,
            None,
            row["workflow_id"],
            name,
            writing.version_text(self._versions[row["version_id"]]),
            writing.moment(row["received_at"]),
            None,
            None,
            writing.vote_metadata(*told, ours),
            writing.annotations(question, Answer(row["answer"])),
            writing.json_text({str(row["subject_id"]): about}),
            str(row["subject_id"]),
        ]


def _retired(retired: Retired | None) -> dict[str, Any] | None:
    """Return how a subject retired from the workflow, as Panoptes tells it, or `None` if it has not."""
    if retired is None:
        return None
    return {
        "workflow_id": retired.workflow_id,
        "classifications_count": retired.votes,
        "created_at": writing.precise(retired.entered_at),
        "updated_at": writing.precise(max(filter(None, (retired.retired_at, retired.last_vote_at)))),
        "retired_at": writing.precise(retired.retired_at),
        "subject_id": retired.subject_id,
        "retirement_reason": Reason(retired.reason).word,
    }


async def _subjects(_connection: Connection, store: PanoptesStore, project: Project) -> Batches:
    async for places in store.subjects(project.id):
        yield [_subject(place) for place in places]


def _subject(place: SubjectPlace) -> list[Cell]:
    pictures = dict(enumerate(_picture(*each) for each in writing.json_value(place.pictures)))
    return [
        place.subject_id,
        place.project_id,
        place.workflow_id,
        None,
        writing.json_text(writing.subject_metadata(place.metadata, place.external_id)),
        writing.json_text(pictures),
        place.votes if place.workflow_id is not None else None,
        writing.moment(place.retired_at),
        None if place.retired_at is None else Reason(place.reason).word,
        writing.moment(place.created_at),
        None,
    ]


def _picture(source: str | None, digest: str, width: int) -> str:
    """Return where a picture lies: the address that it was imported from, else where this service has it."""
    web = source is not None and source.startswith(("http://", "https://"))
    return source if web and source is not None else f"/media/{digest}/{width}.webp"


async def _workflows(connection: Connection, store: PanoptesStore, project: Project) -> Batches:
    """Yield a row for each workflow in each version of the cascade that asks it."""
    published = PublishedCascades()
    done = await store.done(project.id)
    for version_id, in_force in await store.versions(project.id):
        version = await published.get(connection, version_id)
        rows = []
        for name, number in version.ids.items():
            cells: dict[str, Cell] = {
                "workflow_id": number,
                "display_name": name,
                "version": version.number,
                "minor_version": writing.MINOR_VERSION,
                "active": "true" if in_force else "false",
                "classifications_count": done[number][0],
                "first_task": OUR_TASK,
                "retired_set_member_subjects_count": done[number][1],
                **writing.workflow_cells(version.cascade.workflow(name)),
            }
            rows.append([cells.get(column) for column in writing.WORKFLOW_COLUMNS])
        yield rows


_EXPORTS: Final[Mapping[Kind, tuple[tuple[str, ...], Callable[[Connection, PanoptesStore, Project], Batches]]]] = {
    Kind.SUBJECTS: (writing.SUBJECT_COLUMNS, _subjects),
    Kind.WORKFLOWS: (writing.WORKFLOW_COLUMNS, _workflows),
}
