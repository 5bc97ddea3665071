"""The statements that read all that is stored of one subject, over one connection of the caller's."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("explaining")


class ExplainedSubject(NamedTuple):
    """A subject with what its cascade looks at: metadata, scores by name, and whose they are (a model's hash)."""

    id: int
    external_id: str
    metadata: Mapping[str, str]
    project_id: int
    slug: str
    version_id: int | None
    pseudonym_key: bytes
    scores: Mapping[str, float]
    models: Mapping[str, str | None]


class KnownAnswer(NamedTuple):
    """What is known of a subject in advance; `workflow` is a name."""

    workflow: str
    truth: int
    explanation: str | None
    set_at: datetime


class ExplainedStage(NamedTuple):
    """Where a subject stands in a workflow; `in_force` is the workflow's calibration, `standing` a `STANDING`."""

    workflow_id: int
    name: str
    question: str
    in_force: int
    closed: bool
    entered_at: datetime
    first_vote_at: datetime | None
    retired_at: datetime | None
    version_id: int
    calibration: int
    earlier: int
    excluded: int
    ordinal: int
    standing: tuple[int, ...]


class LedgerRow(NamedTuple):
    """A vote, or one taken back, as the ledger has it."""

    received_at: datetime
    kind: int
    person_id: int
    volunteer_id: int
    workflow_id: int
    client_id: UUID
    answer: int
    flag: bool
    bucket: int
    exclusion: int
    ordinal: int
    if_yes: int
    if_no: int
    skill_revision: int
    version_id: int
    calibration: int
    truth: int | None


class Rescore(NamedTuple):
    """A weighing anew of a stage, as it is stored."""

    workflow_id: int
    ordinal: int
    calibration: int
    version_id: int
    prior_before: int
    prior: int
    if_yes: int
    if_no: int
    unproven: int
    log_odds: int
    votes: int
    flagged: bool
    rescored_at: datetime


class LabelRevision(NamedTuple):
    """A revision of a label; `number` is that of its version."""

    workflow_id: int
    revision: int
    answer: int
    reason: int
    log_odds: int
    votes: int
    version_id: int
    number: int
    calibration: int
    routed_to: str | None
    machine_score: float | None
    author: str | None
    why: str | None
    retired_at: datetime


class GoldAnswer(NamedTuple):
    """What a person said of a training subject, whose answer was known."""

    person_id: int
    truth: int
    answer: int
    received_at: datetime


class Fit(NamedTuple):
    """What a calibration made of a person: gold answers then, and hundredths from the refit; each no x3, yes x3."""

    person_id: int
    calibration: int
    revision: int
    counts: tuple[int, ...]
    batch: tuple[int, ...]


class ExplainingStore:
    """Reads what is stored of a subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find_subject(self, number: int, sight: list[int] | None) -> ExplainedSubject | None:
        """Return a subject, if its project is not private, or in sight; the operator sees all."""
        row = await self._connection.fetchrow(_SQL["find_subject"], number, sight)
        if row is None:
            return None
        columns = dict(row)
        return ExplainedSubject(
            **{**columns, **{name: json.loads(columns[name]) for name in ("metadata", "scores", "models")}}
        )

    async def known_answers(self, subject_id: int) -> list[KnownAnswer]:
        """Return what is known of a subject in advance, by workflow."""
        return [KnownAnswer(*row) for row in await self._connection.fetch(_SQL["known_answers"], subject_id)]

    async def stages(self, subject_id: int, project_id: int) -> list[ExplainedStage]:
        """Return where a subject stands, in the order in which it came there."""
        rows = map(tuple, await self._connection.fetch(_SQL["stages"], subject_id, project_id))
        columns = len(ExplainedStage._fields) - 1
        return [ExplainedStage._make([*row[:columns], row[columns:]]) for row in rows]

    async def entries(
        self, subject_id: int, workflow_ids: Sequence[int], window: timedelta, most: int
    ) -> list[LedgerRow]:
        """Return up to `most` rows of the ledger that a subject's cards lead to; a vote is taken back in a window."""
        rows = await self._connection.fetch(_SQL["entries"], subject_id, list(workflow_ids), window, most)
        return [LedgerRow(*row) for row in rows]

    async def entries_since(
        self, subject_id: int, workflow_ids: Sequence[int], since: datetime, most: int
    ) -> list[LedgerRow]:
        """Return up to `most` rows of a subject by reading all of the ledger since a moment, which may take seconds."""
        rows = await self._connection.fetch(_SQL["entries_since"], subject_id, list(workflow_ids), since, most)
        return [LedgerRow(*row) for row in rows]

    async def rescores(self, subject_id: int, workflow_ids: Sequence[int]) -> list[Rescore]:
        """Return how often a subject was weighed anew."""
        return [Rescore(*row) for row in await self._connection.fetch(_SQL["rescores"], subject_id, list(workflow_ids))]

    async def labels(self, subject_id: int, workflow_ids: Sequence[int]) -> list[LabelRevision]:
        """Return every revision of a subject's labels."""
        rows = await self._connection.fetch(_SQL["labels"], subject_id, list(workflow_ids))
        return [LabelRevision(*row) for row in rows]

    async def gold_answers(self, workflow_id: int, persons: Sequence[int]) -> list[GoldAnswer]:
        """Return what persons have said of training subjects, each in the order of arrival."""
        rows = await self._connection.fetch(_SQL["gold_answers"], workflow_id, list(persons))
        return [GoldAnswer(*row) for row in rows]

    async def fits(self, workflow_id: int, persons: Sequence[int]) -> list[Fit]:
        """Return what calibrations have made of persons, by person and calibration."""
        rows = map(tuple, await self._connection.fetch(_SQL["fits"], workflow_id, list(persons)))
        return [Fit._make([*row[:3], row[3:9], row[9:]]) for row in rows]

    async def version_numbers(self, project_id: int) -> dict[int, int]:
        """Return the number of each version that a project has published."""
        return {row[0]: row[1] for row in await self._connection.fetch(_SQL["versions"], project_id)}
