"""The proof that what a project stores follows from its ledger: everything is replayed in the engine, bit for bit."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from api.errors import UnknownProjectError
from api.media.storage import Storage
from api.services.archiving import LedgerArchivedError, archived_batches
from api.services.ballot import rules_in_force
from api.services.published import Published, PublishedCascades
from api.store import ledger as stored
from api.store.archiving import ArchiveStore
from api.store.engine import Connection
from api.store.exports import ArchivedMonth
from cascade.graph import Attributes
from cascade.replay import LABEL, Discrepancy, Ledger, check, skill_history
from cascade.standing import RULE, STANDING, Integers, Rows
from cascade.vocabulary import NO_ANSWER, Answer, EntryKind, Reason, StageState

StageKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Verification:
    """How much was replayed, what was left out because a person decided it, and what does not follow."""

    votes: int
    gold_votes: int
    stages: int
    by_hand: int
    labels: int
    discrepancies: Sequence[str]


async def verify(
    connection: Connection, published: PublishedCascades, slug: str, storage: Storage | None = None
) -> Verification:
    """Replay a project and compare every stored sum, decision, label and route with what comes out.

    Stages that a person decided or that were withdrawn are not replayed. All is read in one snapshot; months of the
    ledger that were archived come from `storage`.

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
        entries = await stored.read_entries(connection, project_id)
        workflows = await stored.read_workflows(connection, project_id)
        unwatched = await stored.read_unwatched(connection, project_id)
        if storage is not None:
            for month in archived:
                entries += await asyncio.to_thread(_archived_entries, storage, month, workflows)
            entries.sort(key=lambda e: (e.workflow_id, e.subject_id, e.ordinal))
        labels = await stored.read_first_labels(connection, project_id)
        versions = {
            number: await published.get(connection, number)
            for number in sorted({e.version_id for e in entries} | {label.version_id for label in labels})
        }
    by_hand = {(each.workflow_id, each.subject_id) for each in labels if each.by_hand or each.revised}
    by_hand |= {(row[0], row[1]) for row in stages if row[2] == StageState.WITHDRAWN}
    kept = [row for row in stages if (row[0], row[1]) not in by_hand]
    place = {(row[0], row[1]): number for number, row in enumerate(kept)}
    votes = [e for e in entries if e.ordinal > 0 and (e.workflow_id, e.subject_id) in place]
    gold = [e for e in entries if e.truth is not None]
    checked = [label for label in labels if (label.workflow_id, label.subject_id) in place]
    found = check(_ledger(kept, place, votes, gold, checked, versions, unwatched))
    wrong = [_named(each, kept, votes) for each in found]
    wrong += _wrong_routes(checked, versions, {(row[0], row[1]) for row in stages})
    return Verification(len(votes), len(gold), len(kept), len(by_hand), len(checked), wrong)


def _archived_entries(storage: Storage, month: ArchivedMonth, workflows: Sequence[int]) -> list[stored.Entry]:
    """Return the entries of an archived month that did something."""
    return [
        entry
        for batch in archived_batches(storage, month, workflows)
        for entry in map(stored.Entry, *(batch[name].to_pylist() for name in stored.Entry._fields))
        if entry.ordinal > 0 or entry.truth is not None
    ]


def _ledger(
    stages: Sequence[tuple[int, ...]],
    place: Mapping[StageKey, int],
    votes: Sequence[stored.Entry],
    gold: Sequence[stored.Entry],
    labels: Sequence[stored.FirstLabel],
    versions: Mapping[int, Published],
    unwatched: Mapping[StageKey, int],
) -> Ledger:
    rules, rule_of = _rules(versions)
    given = {(e.person_id, e.client_id): n for n, e in enumerate(votes) if e.kind == EntryKind.VOTE}
    skills: dict[StageKey, int] = {}
    number = [skills.setdefault((e.person_id, e.workflow_id), len(skills)) for e in gold]
    history = skill_history(
        np.array(number, dtype=np.int64),
        _column(e.skill_revision for e in gold),
        _column(e.truth or 0 for e in gold),
        _column(e.answer for e in gold),
        np.array([e.skill_revision > unwatched.get((e.person_id, e.workflow_id), 0) for e in gold], dtype=np.bool_),
    )
    asked = _column(skills.setdefault((e.person_id, e.workflow_id), len(skills)) for e in votes)
    rows = [
        (place[label.workflow_id, label.subject_id], label.answer, label.reason, label.log_odds, label.votes)
        for label in labels
    ]
    return Ledger(
        standings=np.array([row[2:] for row in stages], dtype=STANDING),
        rules=rules,
        labels=np.array(rows, dtype=LABEL),
        stage=_column(place[e.workflow_id, e.subject_id] for e in votes),
        rule=_column(_rule(e, rule_of) for e in votes),
        kind=_column(e.kind for e in votes),
        answer=_column(e.answer for e in votes),
        flag=_column(e.flag for e in votes),
        takes_back=_column(
            given.get((e.person_id, e.client_id), -1) if e.kind == EntryKind.RETRACTION else -1 for e in votes
        ),
        counts=history.at(asked, _column(e.skill_revision for e in votes)).counts,
        ordinal=_column(e.ordinal for e in votes),
        bucket=_column(e.bucket for e in votes),
        if_yes=_column(e.if_yes for e in votes),
        if_no=_column(e.if_no for e in votes),
    )


def _column(values: Iterable[int]) -> Integers:
    return np.fromiter(values, dtype=np.int64)


def _rule(entry: stored.Entry, rule_of: Mapping[StageKey, int]) -> int:
    """Return the row of an entry's rule; a vote may be taken back under a version that no longer asks, and no rule."""
    key = (entry.version_id, entry.workflow_id)
    return rule_of.get(key, 0) if entry.kind == EntryKind.RETRACTION else rule_of[key]


def _rules(versions: Mapping[int, Published]) -> tuple[Rows, dict[StageKey, int]]:
    """Return the rules of all versions as one table, and the row of each (version, workflow)."""
    tables: list[Rows] = [np.empty(0, dtype=RULE)]
    rule_of: dict[StageKey, int] = {}
    offset = 0
    for number, published in versions.items():
        table, places = rules_in_force({number: published})
        tables.append(table)
        rule_of |= {(number, workflow): offset + row for workflow, row in places.items()}
        offset += len(table)
    return np.concatenate(tables), rule_of


def _named(wrong: Discrepancy, stages: Sequence[tuple[int, ...]], votes: Sequence[stored.Entry]) -> str:
    if wrong.of == "entry":
        entry = votes[wrong.index]
        where = f"vote {entry.client_id} on S{entry.subject_id} in workflow {entry.workflow_id}"
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
