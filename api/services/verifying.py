"""The proof that what a project stores follows from its ledger: everything is replayed in the engine, bit for bit."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from api.errors import UnknownProjectError
from api.media.storage import Storage
from api.services.archiving import LedgerArchivedError, archived_batches
from api.services.ledger_arrays import Learnt, LedgerArrays, StageKey
from api.services.published import Published, PublishedCascades
from api.store import ledger as stored
from api.store.archiving import ArchiveStore
from api.store.calibrations import calibrations_of
from api.store.engine import Connection
from api.store.exports import ArchivedMonth
from cascade.graph import Attributes
from cascade.replay import Discrepancy, check
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, Reason, StageState


@dataclass(frozen=True, slots=True)
class Verification:
    """How much was replayed, what was left out, and what does not follow.

    Left out are stages that a person decided or that were withdrawn (`by_hand`), and of the others those with votes
    that an `earlier` engine weighed.
    """

    votes: int
    gold_votes: int
    stages: int
    by_hand: int
    earlier: int
    labels: int
    discrepancies: Sequence[str]


async def verify(
    connection: Connection, published: PublishedCascades, slug: str, storage: Storage | None = None
) -> Verification:
    """Replay a project and compare every stored sum, decision, label and route with what comes out.

    Stages that a person decided, that were withdrawn, or whose votes an earlier engine weighed, are not replayed;
    routes are compared of all labels that no person decided. All is read in one snapshot; months of the ledger that
    were archived come from `storage`.

    Raises
    ------
    LedgerArchivedError
        Months were archived, and there is no store to read them from.
    DamagedArchiveError
        The file of one of them is not the one that was written.
    """
    project_id = await stored.project_number(connection, slug)
    if project_id is None:
        raise UnknownProjectError(slug)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await stored.hold_ledger(connection)
        archived = await ArchiveStore(connection).archived_months()
        if archived and storage is None:
            raise LedgerArchivedError([each.month for each in archived])
        stages = await stored.read_stages(connection, project_id)
        earlier = await stored.read_earlier(connection, project_id)
        entries = await stored.read_entries(connection, project_id)
        workflows = await stored.read_workflows(connection, project_id)
        rescores = await stored.read_rescores(connection, project_id)
        learnt = Learnt(
            await stored.read_fits(connection, project_id),
            await stored.read_unwatched(connection, project_id),
            await calibrations_of(connection, project_id),
            await stored.read_skill_merges(connection, project_id),
        )
        if storage is not None:
            for month in archived:
                entries += await asyncio.to_thread(_archived_entries, storage, month, workflows)
            entries.sort(key=lambda e: (e.workflow_id, e.subject_id, e.ordinal))
        labels = await stored.read_first_labels(connection, project_id)
        versions = {
            number: await published.get(connection, number)
            for number in sorted(
                {e.version_id for e in entries} | {e.version_id for e in rescores} | {e.version_id for e in labels}
            )
        }
    by_hand = {(each.workflow_id, each.subject_id) for each in labels if each.by_hand or each.revised}
    by_hand |= {(row[0], row[1]) for row in stages if row[2] == StageState.WITHDRAWN}
    earlier -= by_hand
    kept = [row for row in stages if (row[0], row[1]) not in by_hand | earlier]
    place = {(row[0], row[1]): number for number, row in enumerate(kept)}
    votes = [e for e in entries if e.ordinal > 0 and (e.workflow_id, e.subject_id) in place]
    gold = [e for e in entries if e.bucket == Bucket.GOLD]
    checked = [label for label in labels if (label.workflow_id, label.subject_id) in place]
    weighed = [each for each in rescores if (each.workflow_id, each.subject_id) in place]
    arrays = LedgerArrays(kept, votes, gold, checked, weighed, learnt, versions)
    wrong = [_named(each, kept, votes, weighed) for each in check(arrays.ledger())]
    wrong += arrays.wrong_fits()
    routed = [label for label in labels if (label.workflow_id, label.subject_id) not in by_hand]
    wrong += _wrong_routes(routed, versions, {(row[0], row[1]) for row in stages})
    answers = sum(e.kind == EntryKind.VOTE for e in gold)
    return Verification(len(votes), answers, len(kept), len(by_hand), len(earlier), len(checked), wrong)


def _archived_entries(storage: Storage, month: ArchivedMonth, workflows: Sequence[int]) -> list[stored.Entry]:
    """Return the entries of an archived month that did something."""
    return [
        entry
        for batch in archived_batches(storage, month, workflows)
        for entry in map(stored.Entry, *(_column(batch, name) for name in stored.Entry._fields))
        if entry.ordinal > 0 or entry.truth is not None
    ]


def _column(batch: pa.RecordBatch, name: str) -> list[Any]:
    """Return a column of an archived month; one of before there were calibrations was weighed without any."""
    if name == "calibration" and name not in batch.schema.names:
        return [0] * len(batch)
    return list(batch[name].to_pylist())


def _named(
    wrong: Discrepancy,
    stages: Sequence[tuple[int, ...]],
    votes: Sequence[stored.Entry],
    rescores: Sequence[stored.Rescore],
) -> str:
    if wrong.of == "entry":
        entry = votes[wrong.index]
        where = f"vote {entry.client_id} on S{entry.subject_id} in workflow {entry.workflow_id}"
    elif wrong.of == "rescore":
        rescore = rescores[wrong.index]
        where = f"rescore {rescore.ordinal} of S{rescore.subject_id} in workflow {rescore.workflow_id}"
    else:
        where = f"{wrong.of} of S{stages[wrong.index][1]} in workflow {stages[wrong.index][0]}"
    return f"{where}: {wrong.field} is {wrong.stored}, the replay gives {wrong.replayed}"


def _wrong_routes(
    labels: Sequence[stored.FirstLabel], versions: Mapping[int, Published], stages: set[StageKey]
) -> list[str]:
    """Return the labels whose route is not what their cascade says, or leads to a stage that is not there.

    Scores are kept as they are now. One that was set after a label may have led its subject to any door on the way.
    """
    wrong = []
    for label in labels:
        published = versions[label.version_id]
        name = published.names[label.workflow_id]
        answer = None if label.answer == NO_ANSWER else Answer(label.answer)
        attributes = Attributes(json.loads(label.metadata), json.loads(label.scores))
        route = published.cascade.route(name, answer, attributes, Reason(label.reason))
        if label.rescored and label.routed_to in published.cascade.possible_routes(name, answer, Reason(label.reason)):
            route = label.routed_to
        where = f"label of S{label.subject_id} in workflow {label.workflow_id}"
        if route != label.routed_to:
            wrong.append(f"{where}: routed to {label.routed_to}, the cascade says {route}")
        elif route is not None and (published.ids[route], label.subject_id) not in stages:
            wrong.append(f"{where}: routed to {route}, and has no stage there")
    return wrong
