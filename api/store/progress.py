"""Reads what projects and people have reached, as one method a statement, over one connection."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("progress")


class Total(NamedTuple):
    """What the worker has counted of a workflow."""

    workflow_id: int
    open: int
    contested: int
    retired: int
    retired_yes: int
    retired_no: int
    votes: int
    counted_at: datetime | None


class Activity(NamedTuple):
    """What the worker has counted of a project's answers; `folded_until` is null before it began."""

    volunteers: int
    votes: int
    votes_of_day: int
    folded_until: datetime | None


class Training(NamedTuple):
    """How many cards somebody was dealt in a workflow, and their training answers by truth and answer."""

    dealt: int
    no_no: int
    no_yes: int
    no_unsure: int
    yes_no: int
    yes_yes: int
    yes_unsure: int


class Effect(NamedTuple):
    """What became of the subjects that somebody has answered in a workflow."""

    votes: int = 0
    yes: int = 0
    no: int = 0
    open: int = 0
    compared: int = 0
    agreed: int = 0


class ProgressStore:
    """Reads progress."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def project(self, slug: str) -> tuple[int, int | None] | None:
        """Return the number of a project and that of the version of its cascade in force."""
        row = await self._connection.fetchrow(_SQL["project"], slug)
        return None if row is None else (row[0], row[1])

    async def totals(self, workflow_ids: Sequence[int]) -> list[Total]:
        """Return what is counted of workflows, in their order; zeros where nothing was counted yet."""
        rows = await self._connection.fetch(_SQL["workflows"], list(workflow_ids))
        return [Total(*row) for row in rows]

    async def activity(self, project_id: int, day: date) -> Activity:
        """Return what is counted of a project's answers, and of those that arrived on a day in UTC."""
        return Activity(*await self._connection.fetchrow(_SQL["activity"], project_id, day) or (0, 0, 0, None))

    async def days(self, person_id: int, project_id: int) -> dict[date, int]:
        """Return how many answers somebody gave on each day of their calendar, in order."""
        return {row[0]: row[1] for row in await self._connection.fetch(_SQL["days"], person_id, project_id)}

    async def training(self, person_id: int, workflow_ids: Sequence[int]) -> list[Training]:
        """Return what somebody was dealt and has shown in workflows, in their order."""
        return [Training(*row) for row in await self._connection.fetch(_SQL["training"], person_id, list(workflow_ids))]

    async def effect(self, person_id: int, workflow_ids: Sequence[int]) -> dict[int, Effect]:
        """Return the effect of somebody's answers in workflows, where there are any."""
        rows = await self._connection.fetch(_SQL["effect"], person_id, list(workflow_ids))
        return {row[0]: Effect(*row[1:]) for row in map(tuple, rows)}

    async def newest_effect(self, person_id: int, workflow_ids: Sequence[int], cards: int) -> dict[int, Effect]:
        """Return the effect of somebody's answers to the last so many cards of each workflow."""
        rows = await self._connection.fetch(_SQL["newest_effect"], person_id, list(workflow_ids), cards)
        return {row[0]: Effect(*row[1:]) for row in map(tuple, rows)}
