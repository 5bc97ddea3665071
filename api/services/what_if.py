"""What a declaration would have made of a project's votes, had it been in force."""

import asyncio
from collections.abc import Mapping
from typing import Final

from api.declaration_file import parse
from api.services.forecast import Forecast
from api.services.forecasting import forecast
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.publishing import PublishingStore
from api.store.what_if import Wanted, gather
from cascade.graph import Cascade, Count, ScorePrior, Workflow

PREVIEW_VOTES: Final = 200_000
"""The votes that are played where a declaration is about to be published, in a sample of whole subjects."""

_ENOUGH_GOLD_VOTES: Final = 100
"""The first answers to each training subject that are played, however many a policy may ask for."""


class WhatIf:
    """Plays votes again. It reads over connections of its own, and writes nothing."""

    def __init__(self, pool: Pool, database_url: str, published: PublishedCascades) -> None:
        self._pool = pool
        self._url = database_url
        self._published = published

    @reachable
    async def forecast(
        self, text: str | bytes, *, votes_limit: int | None = None, total_miss: float | None = None
    ) -> Forecast | None:
        """Return what a declaration would have made of the votes of its project; `None` where there are none.

        Parameters
        ----------
        votes_limit
            At most about so many votes are played, in a sample of whole subjects that is the same every time.
        total_miss
            The share of misses that is divided between the stages; by default the greatest that one declares.

        Raises
        ------
        DeclarationErrors
            All that is wrong with it.
        """
        candidate = parse(text).cascade
        in_force = await self._in_force(candidate.project)
        if in_force is None:
            return None
        wanted = _wanted(in_force, candidate, votes_limit)
        return await asyncio.to_thread(_forecast, self._url, wanted, in_force, candidate, total_miss)

    async def _in_force(self, slug: str) -> Published | None:
        async with self._pool.acquire() as connection:
            _, version_id = await PublishingStore(connection).find_project(slug) or (None, None)
            return None if version_id is None else await self._published.in_force(connection, version_id)


def _forecast(
    url: str, wanted: Wanted, in_force: Published, candidate: Cascade, total_miss: float | None
) -> Forecast | None:
    gathered = gather(url, wanted)
    return None if gathered is None else forecast(in_force, candidate, gathered, total_miss)


def _wanted(in_force: Published, candidate: Cascade, votes_limit: int | None) -> Wanted:
    both = [*in_force.cascade.workflows, *candidate.workflows]
    ids: Mapping[str, int] = in_force.ids
    return Wanted(
        project_id=in_force.project_id,
        workflow_ids=list(ids.values()),
        votes_limit=votes_limit,
        gold_votes=min(_ENOUGH_GOLD_VOTES, max(map(_most_votes, both))),
        attributes=any(each.when is not None or isinstance(each.prior, ScorePrior) for each in both),
    )


def _most_votes(workflow: Workflow) -> int:
    """Return after how many votes a policy has decided at the latest."""
    policy = workflow.policy
    return policy.count if isinstance(policy, Count) else workflow.votes.maximum + workflow.votes.contested
