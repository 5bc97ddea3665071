"""Why a subject stands where it does, from stored rows alone, in one snapshot.

The ledger has no index on subjects, which would cost every vote something. So the rows of a subject are found by the
moments that its cards name; where ordinals are missing then, archived months are read, and at last the ledger itself
since the subject entered.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from api.caller import Caller
from api.errors import NotAllowedError, NotInWorkflowError, StorageError, UnknownSubjectError
from api.services.archiving import DamagedArchiveError
from api.services.evidence import Stored
from api.services.ledger_reading import ReadMonth
from api.services.published import PublishedCascades, calibration_of
from api.services.reachable import reachable
from api.services.retractions import WINDOW
from api.services.stage_views import stage_view
from api.store.archiving import ArchiveStore, bounds_of
from api.store.calibrations import read_history
from api.store.engine import Connection, Pool
from api.store.explaining import (
    ExplainedStage,
    ExplainedSubject,
    ExplainingStore,
    KnownAnswer,
    LabelRevision,
    LedgerRow,
    Rescore,
)
from api.store.exports import ArchivedMonth
from api.store.ledger import hold_ledger
from cascade.vocabulary import Answer, Bucket, EntryKind
from mobile_schemas.subjects import subject_id

MOST_ROWS: Final = 20_000
"""Rows of the ledger that are read for one subject."""


class Explanations:
    """Explains subjects to their researchers."""

    def __init__(self, pool: Pool, published: PublishedCascades, read_month: ReadMonth) -> None:
        self._pool = pool
        self._published = published
        self._read_month = read_month
        self._one_file = asyncio.Lock()

    @reachable
    async def why(self, caller: Caller | None, number: int, workflow: str | None = None) -> dict[str, Any]:
        """Return why a subject stands where it does, as the contract has it (`mobile_schemas.why.WhyOut`).

        `caller` is None for who runs the service; `workflow` names the only one to explain.

        Raises
        ------
        UnknownSubjectError
            There is no such subject.
        NotAllowedError
            The token is not one of its project's researchers'.
        NotInWorkflowError
            The subject has no place in a workflow of this name.
        """
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            await hold_ledger(connection)
            store = ExplainingStore(connection)
            subject = _allowed(
                await store.find_subject(number, None if caller is None else caller.sight), number, caller
            )
            stages = await store.stages(number, subject.project_id)
            chosen = _chosen(stages, number, workflow)
            stored = await self._stored(connection, store, subject, stages)
            known = await store.known_answers(number)
        return {
            "subject": subject_id(number),
            "external_id": subject.external_id,
            "project": subject.slug,
            "known_answers": [_known(each) for each in known],
            "workflows": [stage_view(each) for each in stored if each.stage in chosen],
        }

    async def _stored(
        self,
        connection: Connection,
        store: ExplainingStore,
        subject: ExplainedSubject,
        stages: Sequence[ExplainedStage],
    ) -> list[Stored]:
        """Return everything that is stored of a subject, workflow by workflow."""
        workflows = [stage.workflow_id for stage in stages]
        rescores = await store.rescores(subject.id, workflows)
        labels = await store.labels(subject.id, workflows)
        entries, unread = await self._entries(connection, store, subject.id, stages, rescores)
        numbers = await store.version_numbers(subject.project_id)
        return [
            await self._of_stage(
                connection,
                store,
                Stored(
                    subject,
                    stage,
                    [row for row in entries if row.workflow_id == stage.workflow_id],
                    [each for each in rescores if each.workflow_id == stage.workflow_id],
                    [each for each in labels if each.workflow_id == stage.workflow_id],
                    _came_from(stage, stages, labels),
                    numbers,
                    unread,
                ),
            )
            for stage in stages
        ]

    async def _of_stage(self, connection: Connection, store: ExplainingStore, stored: Stored) -> Stored:
        """Add what the votes of one stage were weighed and judged by."""
        workflow = stored.stage.workflow_id
        found = await read_history(connection, workflow, stored.revisions)
        return replace(
            stored,
            gold=await store.gold_answers(workflow, stored.persons),
            fits=await store.fits(workflow, stored.persons),
            calibrations={each.revision: calibration_of(each) for each in found},
            versions={each: await self._published.get(connection, each) for each in stored.version_ids},
        )

    async def _entries(
        self,
        connection: Connection,
        store: ExplainingStore,
        number: int,
        stages: Sequence[ExplainedStage],
        rescores: Sequence[Rescore],
    ) -> tuple[list[LedgerRow], list[date]]:
        """Return a subject's rows of the ledger, and the archived months that could not be read for them."""
        workflows = [stage.workflow_id for stage in stages]
        found = set(await store.entries(number, workflows, WINDOW, MOST_ROWS))
        unread: list[date] = []
        if not (lacking := _lacking(stages, found, rescores)):
            return list(found), unread
        since = min(stage.entered_at for stage in lacking)
        for month in await ArchiveStore(connection).archived_months():
            if bounds_of(month.month)[1] > since:
                read = await self._from_file(month, workflows, number)
                found |= set(read or ())
                unread += [month.month] if read is None else []
        if _lacking(stages, found, rescores):
            found |= set(await store.entries_since(number, workflows, since, MOST_ROWS))
        return list(found), unread

    async def _from_file(self, month: ArchivedMonth, workflows: Sequence[int], number: int) -> list[LedgerRow] | None:
        """Return a subject's rows of an archived month, or None where its file cannot be read; one file at a time."""
        async with self._one_file:
            try:
                return await asyncio.to_thread(_archived, self._read_month, month, workflows, number)
            except (DamagedArchiveError, StorageError):
                return None


def _archived(read_month: ReadMonth, month: ArchivedMonth, workflows: Sequence[int], number: int) -> list[LedgerRow]:
    """Return a subject's rows of an archived month. Blocking. A month from before refits knows no calibrations."""
    wanted = pa.scalar(number, pa.int64())
    return [
        LedgerRow(*(row.get(name, 0) for name in LedgerRow._fields))
        for batch in read_month(month, workflows)
        for row in batch.filter(pc.equal(batch["subject_id"], wanted)).to_pylist()
    ]


def _lacking(
    stages: Sequence[ExplainedStage], found: set[LedgerRow], rescores: Sequence[Rescore]
) -> list[ExplainedStage]:
    """Return the stages of which not every step, or not every vote that was kept uncounted, was found."""
    return [stage for stage in stages if not _whole(stage, found, rescores)]


def _whole(stage: ExplainedStage, found: set[LedgerRow], rescores: Sequence[Rescore]) -> bool:
    rows = [row for row in found if row.workflow_id == stage.workflow_id]
    steps = {row.ordinal for row in rows} | {each.ordinal for each in rescores if each.workflow_id == stage.workflow_id}
    kept = sum(row.kind == EntryKind.VOTE and row.bucket == Bucket.IGNORED for row in rows)
    return len(steps - {0}) == stage.ordinal and kept >= stage.excluded


def _came_from(stage: ExplainedStage, stages: Sequence[ExplainedStage], labels: Sequence[LabelRevision]) -> str | None:
    """Return the workflow whose label led here: it was written by the transaction by which the subject entered."""
    names = {each.workflow_id: each.name for each in stages}
    for label in labels:
        if label.routed_to == stage.name and label.retired_at == stage.entered_at:
            return names[label.workflow_id]
    return None


def _allowed(subject: ExplainedSubject | None, number: int, caller: Caller | None) -> ExplainedSubject:
    if subject is None:
        raise UnknownSubjectError(subject_id(number))
    if caller is not None and not caller.researches(subject.project_id):
        raise NotAllowedError(f"why {subject_id(number)} was decided is for the researchers of its project")
    return subject


def _chosen(stages: Sequence[ExplainedStage], number: int, workflow: str | None) -> list[ExplainedStage]:
    chosen = [stage for stage in stages if workflow in (None, stage.name)]
    if workflow is not None and not chosen:
        raise NotInWorkflowError(subject_id(number), workflow, sorted({stage.name for stage in stages}))
    return chosen


def _known(known: KnownAnswer) -> dict[str, Any]:
    return {
        "workflow_name": known.workflow,
        "truth": Answer(known.truth).word,
        "explanation": known.explanation,
        "since": known.set_at,
    }
