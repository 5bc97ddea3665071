"""Machine scores, brought in by batches."""

from collections.abc import Sequence
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("scores")


class WrittenScore(NamedTuple):
    """What became of a score: its subject, and its revision if it is a new one."""

    subject_id: int
    revision: int | None


class UnstagedSubject(NamedTuple):
    """A subject that is in no workflow yet, with what a cascade looks at: both JSON text, {name: [score, model]}."""

    id: int
    metadata: str
    scores: str | None


class StoredScore(NamedTuple):
    """A score, and the hash of the model that gave it."""

    subject_id: int
    value: float
    model: str | None


class ScoreStore:
    """Writes scores over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(
        self, project_id: int, name: str, model: str | None, scores: Sequence[tuple[str | int, float]]
    ) -> dict[int, WrittenScore]:
        """Write scores of subjects, all named by external id or all by number, and lock those.

        Returns what became of each, by its place among `scores`; those of unknown subjects are left out.
        """
        numbers = await self._numbers(project_id, [each[0] for each in scores])
        values = [scores[place][1] for place in numbers]
        rows = await self._connection.fetch(
            _SQL["write"], project_id, name, model, list(numbers), list(numbers.values()), values
        )
        return {row[0]: WrittenScore(row[1], row[2]) for row in rows}

    async def _numbers(self, project_id: int, subjects: Sequence[str | int]) -> dict[int, int]:
        """Return the numbers of subjects by their places; those of unknown external ids are left out."""
        if isinstance(subjects[0], int):
            return {place: int(number) for place, number in enumerate(subjects)}
        rows = await self._connection.fetch(_SQL["numbers_of"], project_id, subjects)
        return {row[0] - 1: row[1] for row in rows}

    async def people_labels(
        self, workflow_id: int, multiplier: int, increment: int, share: float, limit: int
    ) -> list[tuple[int, int]]:
        """Return the last subjects that a workflow decided among those whose scrambled draw leaves them to people.

        With each goes its answer, yes or no. How draws are scrambled: see `cascade.score_drift.people_alone`.
        """
        rows = await self._connection.fetch(_SQL["people_labels"], workflow_id, multiplier, increment, share, limit)
        return [(row[0], row[1]) for row in rows]

    async def of_name(self, project_id: int, name: str) -> list[StoredScore]:
        """Return all scores of this name, by subject."""
        return [StoredScore(*row) for row in await self._connection.fetch(_SQL["of_name"], project_id, name)]

    async def unstaged(self, project_id: int, subjects: Sequence[int]) -> list[UnstagedSubject]:
        """Return those of the subjects that are in no workflow and no gold."""
        rows = await self._connection.fetch(_SQL["unstaged"], project_id, subjects)
        return [UnstagedSubject(*row) for row in rows]
