"""What people have shown in a project, and subjects to show it by, over one connection of the caller's."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from api.store.decks import Location
from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("records")


class TrainingCounts(NamedTuple):
    """Training answers of a person in a workflow, by truth and answer."""

    person_id: int
    workflow_id: int
    no_no: int
    no_yes: int
    no_unsure: int
    yes_no: int
    yes_yes: int
    yes_unsure: int


class Counts(NamedTuple):
    """Answers and days of a person in a project."""

    votes: int
    days: int
    last_day: date | None


class GoldAnswer(NamedTuple):
    """A training answer that was learnt."""

    person_id: int
    workflow_id: int
    subject_id: int
    truth: int
    answer: int
    at: datetime


class Shown(NamedTuple):
    """A subject with all that is shown of it; hidden metadata is still among it."""

    metadata: dict[str, str]
    locations: list[Location]


class RecordStore:
    """Reads records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def training(self, persons: Sequence[int], workflows: Sequence[int]) -> list[TrainingCounts]:
        """Return the training of persons in workflows, where there is any."""
        rows = await self._connection.fetch(_SQL["training"], list(persons), list(workflows))
        return [TrainingCounts(*row) for row in rows]

    async def counts(self, project_id: int, persons: Sequence[int]) -> dict[int, Counts]:
        """Return the counts of persons who have taken part."""
        rows = await self._connection.fetch(_SQL["counts"], project_id, list(persons))
        return {row[0]: Counts(*row[1:]) for row in map(tuple, rows)}

    async def last_gold(
        self, since: Sequence[tuple[int, datetime]], workflows: Sequence[int], limit: int
    ) -> list[GoldAnswer]:
        """Return the last training answers of persons in each workflow, since a moment of each, the newest first."""
        persons, moments = [each[0] for each in since], [each[1] for each in since]
        rows = await self._connection.fetch(_SQL["last_gold"], persons, moments, list(workflows), limit)
        return [GoldAnswer(*row) for row in rows]

    async def explanations(self, cards: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str | None]:
        """Return what the gold standard says about subjects in workflows."""
        rows = await self._connection.fetch(
            _SQL["explanations"], [subject for subject, _ in cards], [workflow for _, workflow in cards]
        )
        return {(row[0], row[1]): row[2] for row in rows}

    async def pictures(self, subjects: Sequence[int]) -> dict[int, Shown]:
        """Return what is shown of subjects."""
        found: dict[int, Shown] = {}
        for number, metadata, digest, blurhash, variants, video in await self._connection.fetch(
            _SQL["pictures"], list(subjects)
        ):
            shown = found.setdefault(number, Shown(json.loads(metadata), []))
            if digest is not None:
                shown.locations.append(Location(digest, blurhash, json.loads(variants), json.loads(video or "null")))
        return found
