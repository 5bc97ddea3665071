"""Votes on their way out of the sums that they went to: what the engine makes of it, whoever takes them out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import numpy as np

from api.services.ballot import rules_in_force
from api.services.published import Published, PublishedCascades
from api.services.stages import Stages
from api.store.ballot import BallotStore
from api.store.engine import Connection
from cascade.decision import ENTRY, Decisions, decide
from cascade.vocabulary import Bucket, EntryKind


class GivenVote(Protocol):
    """What a card says of its vote: what it added then, or weighs since it was weighed anew."""

    @property
    def answer(self) -> int | None:
        """An `Answer`."""

    @property
    def bucket(self) -> int | None:
        """The sum that it is in."""

    @property
    def if_yes(self) -> int | None:
        """Micro-nats."""

    @property
    def if_no(self) -> int | None:
        """Micro-nats."""

    @property
    def flag(self) -> bool | None:
        """Whether it flagged the subject."""


Vote = TypeVar("Vote", bound=GivenVote)


@dataclass(slots=True)
class Withdrawal(Generic[Vote]):
    """A vote on its way out, and what the ledger will say of that."""

    client_id: UUID
    workflow_id: int
    subject_id: int
    card: Vote
    stage: int = -1
    ordinal: int = 0
    if_yes: int = 0
    if_no: int = 0


async def versions_of(
    connection: Connection, ballot: BallotStore, published: PublishedCascades, person_id: int, workflows: Iterable[int]
) -> dict[int, Published]:
    """Return the version in force of each workflow's project, with its calibrations."""
    ordered = sorted(set(workflows))
    nothing: list[list[Any]] = [[], [], [], []]
    _, contexts = await ballot.claim_keys_and_read_contexts(nothing, [person_id] * len(ordered), ordered)
    return {
        workflow: await published.get(connection, context.version_id, dict(context.revisions))
        for workflow, context in zip(ordered, contexts, strict=True)
    }


def subtract(
    withdrawals: Sequence[Withdrawal[Vote]], stages: Stages, version_of: Mapping[int, Published]
) -> Decisions | None:
    """Let the engine subtract what votes added to their sums; note on each what that came to."""
    rules, rule_of = rules_in_force(version_of)
    summed = []
    for withdrawal in withdrawals:
        withdrawal.stage = stages.place.get((withdrawal.workflow_id, withdrawal.subject_id), -1)
        if withdrawal.stage >= 0 and withdrawal.card.bucket not in (Bucket.IGNORED, Bucket.GOLD):
            summed.append(withdrawal)
    if not summed:
        return None
    entries = np.zeros(len(summed), dtype=ENTRY)
    entries["stage"] = [w.stage for w in summed]
    entries["rule"] = [rule_of.get(w.workflow_id, 0) for w in summed]
    entries["kind"] = EntryKind.RETRACTION
    for name in ("answer", "flag", "if_yes", "if_no", "bucket"):
        entries[name] = [getattr(w.card, name) for w in summed]
    entries["proven"] = np.isin(entries["bucket"], (int(Bucket.PROVEN), int(Bucket.AUDIT)))
    decided = decide(stages.standings, entries, rules)
    columns = (decided.ordinal, decided.if_yes, decided.if_no)
    for withdrawal, *result in zip(summed, *(column.tolist() for column in columns), strict=True):
        withdrawal.ordinal, withdrawal.if_yes, withdrawal.if_no = result
    return decided
