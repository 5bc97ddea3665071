"""The next level that somebody may reach in a project: what is missing, what moderators are asked, what was decided."""

from collections.abc import Mapping
from typing import Any

from api.services.cases import Promoting, Standing, judged, standings
from api.services.promotion_views import held_view, my_decision
from api.services.promotions import APPEALABLE
from api.services.records import missing_views, read_shown, workflows_of
from api.store.engine import Connection
from api.store.progress import Training
from api.store.promotions import PromotionStore
from api.store.records import RecordStore
from cascade.graph import Workflow
from gamification.levels import Rule
from gamification.progress import NEEDED, Answered, progress

Asked = Mapping[int, Workflow]
"""The active workflows of a project by number, in the order of the cascade."""


async def level_views(
    connection: Connection, promoting: Promoting, person_id: int, asked: Asked, training: Mapping[int, Training]
) -> dict[str, Any]:
    """Return `level`, `held` and `next_level` as the contract has them (`mobile_schemas.progress.MyProjectOut`)."""
    found = await standings(PromotionStore(connection), promoting.project.id, [person_id])
    standing = found[person_id]
    grant = standing.grants.get(standing.level)
    above = [workflow.level for workflow in asked.values() if workflow.level > standing.level]
    return {
        "level": standing.level,
        "held": None if grant is None else held_view(grant),
        "next_level": await _next_level(connection, promoting, person_id, standing, min(above), asked, training)
        if above
        else None,
    }


async def _next_level(
    connection: Connection,
    promoting: Promoting,
    person_id: int,
    standing: Standing,
    level: int,
    asked: Asked,
    training: Mapping[int, Training],
) -> dict[str, Any]:
    rule = promoting.rules.get(level)
    candidate, last = standing.candidates.get(level), standing.newest(level)
    decision = standing.decision(level)
    return {
        "level": level,
        "workflows": [workflow.name for workflow in asked.values() if workflow.level == level],
        "needed": NEEDED if rule is None else rule.gold,
        **_training_shown(_shown_in(rule, standing.level, asked, training)),
        "missing": None if rule is None else await _missing(connection, promoting, person_id, standing, rule),
        "automatic": rule is not None and rule.automatic,
        "candidacy": None
        if candidate is None
        else {"since": candidate.since, "deferred_until": candidate.deferred_until},
        "decision": None if decision is None else my_decision(decision),
        "may_appeal": last is not None and last.action in APPEALABLE,
    }


async def _missing(
    connection: Connection, promoting: Promoting, person_id: int, standing: Standing, rule: Rule
) -> list[dict[str, Any]]:
    store, workflows = RecordStore(connection), workflows_of(promoting.published)
    for answers_of in ([], [person_id]):  # the last answers matter to whom nothing else is missing
        shown = await read_shown(store, promoting.project.id, workflows, [person_id], answers_of=answers_of)
        _, judgement = await judged(store, promoting, standing, shown[person_id], rule, person_id)
        if judgement.missing:
            break
    return missing_views(judgement.missing)


def _shown_in(rule: Rule | None, level: int, asked: Asked, training: Mapping[int, Training]) -> list[Training]:
    """Return the training in the workflows of a rule, or, without one, in those that are open to somebody."""
    if rule is not None:
        return [training[number] for number, workflow in asked.items() if workflow.name in rule.workflows]
    return [training[number] for number, workflow in asked.items() if workflow.level <= level]


def _training_shown(shown: list[Training]) -> dict[str, Any]:
    no = sum((Answered(each.no_no, each.no_yes, each.no_unsure) for each in shown), Answered())
    yes = sum((Answered(each.yes_yes, each.yes_no, each.yes_unsure) for each in shown), Answered())
    reached = progress(no, yes)
    return {
        "yes": yes.seen,
        "no": no.seen,
        "yes_skill": reached.yes.median if yes.seen else None,
        "no_skill": reached.no.median if no.seen else None,
    }
