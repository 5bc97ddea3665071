"""The statements of the transaction that counts votes, as one method each.

The arrays go to PostgreSQL column by column and are taken apart by `unnest`, so a batch costs the same number of round
trips whether it holds one vote or a thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("ballot")


class CardNow(NamedTuple):
    """A locked card: what it is, and the vote that it carries, if any."""

    gold: bool
    attempt: int
    expired: bool
    client_id: UUID | None
    answer: int | None
    exclusion: int | None
    truth: int | None


class Context(NamedTuple):
    """What a person may do and has shown in a workflow.

    `counts` are gold answers: no x3, yes x3; `batch` is what the last refit adds to them, in hundredths, and `drops` is
    how often they began anew. `revisions` are the calibrations in force in the project, by workflow; one without any is
    left out.
    """

    project_id: int
    closed: bool
    version_id: int
    level: int
    banned: bool
    revision: int
    counts: tuple[int, ...]
    batch: tuple[int, ...]
    drops: int
    revisions: tuple[tuple[int, int], ...]


class SkillNow(NamedTuple):
    """What a locked skill has come to: as many gold answers as `revision` says, and what they have taught."""

    revision: int
    counts: tuple[int, ...]
    cusum: int
    drops: int


class Key(NamedTuple):
    """What a client id stands for already."""

    workflow_id: int | None
    subject_id: int | None
    retracted: bool


class Gold(NamedTuple):
    """A sealed answer, and what to say about it after the vote."""

    truth: int
    explanation: str | None


@dataclass(slots=True)
class BallotColumns:
    """The rows to be written for a batch, column by column, in the order of the statement's parameters."""

    kind: list[int] = field(default_factory=list)
    person_id: list[int] = field(default_factory=list)
    volunteer_id: list[int] = field(default_factory=list)
    workflow_id: list[int] = field(default_factory=list)
    subject_id: list[int] = field(default_factory=list)
    client_id: list[UUID] = field(default_factory=list)
    attempt: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    flag: list[bool] = field(default_factory=list)
    bucket: list[int] = field(default_factory=list)
    exclusion: list[int] = field(default_factory=list)
    ordinal: list[int] = field(default_factory=list)
    if_yes: list[int] = field(default_factory=list)
    if_no: list[int] = field(default_factory=list)
    skill_revision: list[int] = field(default_factory=list)
    version_id: list[int] = field(default_factory=list)
    calibration: list[int] = field(default_factory=list)
    answered_at: list[datetime] = field(default_factory=list)
    dwell_ms: list[int] = field(default_factory=list)
    session: list[str | None] = field(default_factory=list)
    utc_offset_minutes: list[int | None] = field(default_factory=list)
    language: list[str | None] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    truth: list[int | None] = field(default_factory=list)
    favourite: list[bool] = field(default_factory=list)

    def columns(self) -> list[list[Any]]:
        """Return the columns in the order of their declaration."""
        return [getattr(self, name) for name in _BALLOT_NAMES]


_BALLOT_NAMES = tuple(each.name for each in fields(BallotColumns))


class BallotStore:
    """Reads and writes what a batch of votes touches, over one connection inside a transaction of the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_cards(self, persons: list[int], workflows: list[int], subjects: list[int]) -> dict[int, CardNow]:
        """Lock the cards that exist and return them by their place in the batch."""
        rows = await self._connection.fetch(_SQL["lock_cards"], persons, workflows, subjects)
        return {row[0] - 1: CardNow(*row[1:]) for row in map(tuple, rows)}

    async def claim_keys_and_read_contexts(
        self, keys: Sequence[list[Any]], persons: list[int], workflows: list[int]
    ) -> tuple[int, list[Context]]:
        """Claim client ids; return how many were free, and a context for each (person, workflow) asked for.

        `keys` are the columns person, client id, workflow, subject.
        """
        rows = await self._connection.fetch(_SQL["claim_keys_and_read_contexts"], *keys, persons, workflows)
        plain = [tuple(row) for row in rows]
        return plain[0][0], [
            Context(
                row[1],
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                row[7:13],
                row[13:19],
                row[19],
                tuple(zip(row[20] or (), row[21] or (), strict=True)),
            )
            for row in plain
        ]

    async def read_keys(self, persons: list[int], client_ids: list[UUID]) -> dict[int, Key]:
        """Return what client ids stand for, by their place."""
        rows = await self._connection.fetch(_SQL["read_keys"], persons, client_ids)
        return {row[0] - 1: Key(*row[1:]) for row in map(tuple, rows)}

    async def bind_tombstones(self, keys: Sequence[list[Any]]) -> None:
        """Let retracted client ids name the cards that their late votes were for."""
        await self._connection.execute(_SQL["bind_tombstones"], *keys)

    async def lock_skills(self, persons: list[int], workflows: list[int]) -> dict[int, SkillNow]:
        """Lock skills and return them by place."""
        rows = await self._connection.fetch(_SQL["lock_skills"], persons, workflows)
        return {row[0] - 1: SkillNow(row[1], row[2:8], row[8], row[9]) for row in map(tuple, rows)}

    async def read_gold(self, workflows: list[int], subjects: list[int]) -> dict[int, Gold]:
        """Return the current gold standard of cards by place."""
        rows = await self._connection.fetch(_SQL["read_gold"], workflows, subjects)
        return {row[0] - 1: Gold(row[1], row[2]) for row in map(tuple, rows)}

    async def lock_stages(self, workflows: list[int], subjects: list[int]) -> dict[int, tuple[int, ...]]:
        """Lock stages; return the fields of a standing and the label's revision, by place."""
        rows = await self._connection.fetch(_SQL["lock_stages"], workflows, subjects)
        return {row[0] - 1: row[1:] for row in map(tuple, rows)}

    async def write_ballot(
        self, ballot: BallotColumns, skills: Sequence[list[int]], checks: Sequence[tuple[int, int]]
    ) -> None:
        """Write cards, ledger, favourites and skills, and whom (project, person) to judge by what was learnt."""
        judged = [each[0] for each in checks], [each[1] for each in checks]
        await self._connection.execute(_SQL["write_ballot"], *ballot.columns(), *skills, *judged)

    async def write_stages(self, columns: Sequence[list[int]]) -> None:
        """Write the locked stages back."""
        await self._connection.execute(_SQL["write_stages"], *columns)

    async def read_attributes(self, subjects: list[int]) -> dict[int, tuple[str, str]]:
        """Return metadata and scores of subjects, both as JSON text."""
        rows = await self._connection.fetch(_SQL["read_attributes"], subjects)
        return {row[0]: (row[1], row[2]) for row in rows}

    async def follow_up(
        self,
        gone: Sequence[list[int]],
        come: Sequence[list[int]],
        labels: Sequence[list[Any]],
        entering: Sequence[Sequence[int]],
    ) -> None:
        """Take stages off piles and put them on others, write labels and announce them, and begin next stages.

        Columns of piles: workflow, tier, draw, subject; of stages as in `enter_stages`, of labels as in the statement.
        """
        await self._connection.execute(_SQL["follow_up"], *gone, *come, *labels, *entering)

    async def enter_stages(self, columns: Sequence[list[int]], left: Sequence[Sequence[int]] = ((), (), ())) -> None:
        """Begin stages that have not begun.

        Columns: workflow, subject, prior, machine, draw, need, version, calibration.

        Of subjects that move on, which is announced, `left` has the columns project, the workflow that they have left,
        and the revision of the label that led them on; subjects that enter for the first time have none.
        """
        nothing: list[list[Any]] = [[] for _ in range(20)]
        await self.follow_up(nothing[:4], nothing[4:8], nothing[8:], [*columns, *left])

    async def known_workflows(self, workflows: list[int]) -> set[int]:
        """Return those workflow numbers that exist."""
        rows = await self._connection.fetch("SELECT id FROM workflow WHERE id = ANY($1::int[])", workflows)
        return {row[0] for row in rows}

    async def known_subjects(self, subjects: list[int]) -> set[int]:
        """Return those subject numbers that exist."""
        rows = await self._connection.fetch("SELECT id FROM subject WHERE id = ANY($1::bigint[])", subjects)
        return {row[0] for row in rows}
