"""The statements of labels: the feed, and an expert's word, over one connection of the caller's."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("labels")


class Label(NamedTuple):
    """A revision of a label, and what became of its stage since.

    `log_odds` is in micro-nats. `retired_at` is when the subject retired, `made_at` when this revision was written;
    `position` is its place in the feed.
    """

    position: int
    revision: int
    subject_id: int
    external_id: str
    workflow_id: int
    workflow_name: str
    version: int
    answer: int
    reason: int
    log_odds: int
    votes: int
    excluded: int
    late: int
    machine_score: float | None
    first_vote_at: datetime | None
    last_vote_at: datetime | None
    retired_at: datetime
    made_at: datetime
    routed_to: str | None
    author: str | None
    why: str | None


class StagePlace(NamedTuple):
    """Where a subject stands under a workflow's name: the edition, and the versions of its stage and in force."""

    workflow_id: int
    version_id: int
    in_force: int


@dataclass(frozen=True, slots=True)
class Revision:
    """What to write when an expert has spoken; `kind` is how it is announced."""

    workflow_id: int
    subject_id: int
    answer: int
    version_id: int
    project_id: int
    log_odds: int
    votes: int
    routed_to: str | None
    machine_score: float | None
    author: str
    why: str
    kind: str


class LabelStore:
    """Reads labels and the ledger, and writes revisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find_project(self, slug: str, sight: list[int] | None = None) -> int | None:
        """Return the number of a project."""
        number: int | None = await self._connection.fetchval(_SQL["find_project"], slug, sight)
        return number

    async def page(self, project_id: int, after: int, limit: int) -> list[Label]:
        """Return the labels announced after a position, in order."""
        rows = await self._connection.fetch(_SQL["page"], project_id, after, limit)
        return [Label(*row) for row in rows]

    async def find_stage(self, subject_id: int, workflow: str) -> StagePlace | None:
        """Return where a subject stands under a workflow's name: in the newest edition in which it has a place.

        The version in force stays so until the end of the transaction.
        """
        row = await self._connection.fetchrow(_SQL["find_stage"], subject_id, workflow)
        return None if row is None else StagePlace(*row)

    async def workflows_of(self, subject_id: int) -> list[str] | None:
        """Return the names of the workflows in which a subject has a place, or `None` if there is no such subject."""
        rows = await self._connection.fetch(_SQL["workflows_of_subject"], subject_id)
        return [row[0] for row in rows if row[0] is not None] if rows else None

    async def revise(self, revision: Revision) -> int:
        """Retire a locked stage, or decide it anew, by an expert's word; return the number of the label's revision."""
        number: int = await self._connection.fetchval(
            _SQL["revise"],
            revision.workflow_id,
            revision.subject_id,
            revision.answer,
            revision.version_id,
            revision.project_id,
            revision.log_odds,
            revision.votes,
            revision.routed_to,
            revision.machine_score,
            revision.author,
            revision.why,
            revision.kind,
        )
        return number
