"""What projects have reached, and what a volunteer's own answers have done.

Nothing here counts at the time of asking what the worker can count before. Only a person's own cards are looked at, up
to `NEWEST_CARDS` a workflow: of 100,000 cards in a workflow of a million subjects all take 0.5 to 1 s, and the newest
5,000 take 0.06 s. Whether a label agrees is said of cards that carry a vote, so no sealed answer can be read from it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from api.caller import Caller
from api.errors import UnknownProjectError
from api.services.next_level import Asked, level_views
from api.services.project_rules import ProjectRules
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.store.engine import Connection, Pool
from api.store.progress import Activity, Effect, ProgressStore, Total, Training
from cascade.graph import Workflow
from gamification.streaks import streak

DAYS_SHOWN: Final = 14

NEWEST_CARDS: Final = 5000
"""Of somebody who was dealt more in a workflow, only so many of the last are looked at."""


class ProgressReports:
    """Tells what has been reached."""

    def __init__(self, pool: Pool, slow_pool: Pool, published: PublishedCascades, rules: ProjectRules) -> None:
        self._pool = pool
        self._slow_pool = slow_pool
        self._published = published
        self._rules = rules

    @reachable
    async def of_project(self, slug: str) -> dict[str, Any]:
        """Return what a project has reached (`mobile_schemas.progress.ProgressOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        async with self._pool.acquire() as connection:
            store = ProgressStore(connection)
            found = await store.project(slug)
            if found is None:
                raise UnknownProjectError(slug)
            project_id, version_id = found
            asked = await self._asked(connection, version_id)
            totals = await store.totals(list(asked))
            activity = await store.activity(project_id, datetime.now(UTC).date())
        return {
            "workflows": [_workflow_progress(asked[total.workflow_id], total) for total in totals],
            "volunteers": activity.volunteers,
            "votes": max(activity.votes, 0),
            "votes_today": max(activity.votes_of_day, 0),
            "counted_at": _oldest(totals, activity),
        }

    @reachable
    async def mine(self, caller: Caller, slug: str, utc_offset_minutes: int) -> dict[str, Any]:
        """Return what somebody's answers have done (`mobile_schemas.progress.MyProjectOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        async with self._slow_pool.acquire() as connection:
            store = ProgressStore(connection)
            promoting = await self._rules.by_slug(connection, slug)
            asked = await self._asked(connection, promoting.project.version_id)
            days = await store.days(caller.person_id, promoting.project.id)
            training = dict(zip(asked, await store.training(caller.person_id, list(asked)), strict=True))
            effects = await _effects(store, caller.person_id, training)
            levels = await level_views(connection, promoting, caller.person_id, asked, training)
        today = (datetime.now(UTC) + timedelta(minutes=utc_offset_minutes)).date()
        return {
            "project": slug,
            **levels,
            "votes": sum(days.values()),
            **_calendar(days, today),
            "workflows": [_my_workflow(key, asked[key], effects[key], training[key]) for key in asked],
        }

    async def _asked(self, connection: Connection, version_id: int | None) -> Asked:
        if version_id is None:
            return {}
        version: Published = await self._published.get(connection, version_id)
        return {number: version.workflow(number) for number in sorted(version.rule_of, key=version.rule_of.__getitem__)}


async def _effects(store: ProgressStore, person_id: int, training: Mapping[int, Training]) -> dict[int, Effect]:
    """Return the effect in every workflow: over all cards, or over the newest where there are too many."""
    many = [number for number, each in training.items() if each.dealt > NEWEST_CARDS]
    found = await store.effect(person_id, [number for number in training if number not in many])
    if many:
        found |= await store.newest_effect(person_id, many, NEWEST_CARDS)
    return {number: found.get(number, Effect()) for number in training}


def _workflow_progress(workflow: Workflow, total: Total) -> dict[str, Any]:
    return {
        "workflow": total.workflow_id,
        "name": workflow.name,
        "level": workflow.level,
        "subjects": total.open + total.contested + total.retired,
        "open": total.open,
        "contested": total.contested,
        "yes": total.retired_yes,
        "no": total.retired_no,
        "other": total.retired - total.retired_yes - total.retired_no,
        "votes": total.votes,
    }


def _oldest(totals: Sequence[Total], activity: Activity) -> datetime | None:
    """Return when the oldest of the numbers was counted, `None` if one never was."""
    moments = [activity.folded_until, *(total.counted_at for total in totals)]
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None


def _calendar(days: Mapping[date, int], today: date) -> dict[str, Any]:
    run = streak(days, today)
    shown = [today - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    return {
        "days": [{"day": day, "votes": days.get(day, 0)} for day in shown],
        "streak": {"days": run.current, "best": run.best, "today": run.today},
    }


def _my_workflow(number: int, workflow: Workflow, effect: Effect, training: Training) -> dict[str, Any]:
    return {
        "workflow": number,
        "name": workflow.name,
        **effect._asdict(),
        "newest": NEWEST_CARDS if training.dealt > NEWEST_CARDS else None,
        "training": {
            "yes_right": training.yes_yes,
            "yes_wrong": training.yes_no,
            "yes_unsure": training.yes_unsure,
            "no_right": training.no_no,
            "no_wrong": training.no_yes,
            "no_unsure": training.no_unsure,
        },
    }
