"""The rounds that judge: rules held against evidence that has changed, and ends that have come.

Theory of operation
-------------------
    take up checks  ->  judge all of them  ->  hold those whom it concerns, judge again, enter  ->  forget the checks

A person is checked after they have learnt a training answer (the transaction that counts votes writes the check), and,
where a rule counts answers or days, after the worker has counted theirs. Judging reads a constant number of statements
for a hundred people; only those are held for whom something is to be entered. A check is forgotten by the time at
which the evidence changed last, so what changes while somebody is judged is looked at again. Several workers share the
checks.

A rule is reached once: while moderators are asked nothing is entered again. What a person has refused or revoked, the
rule does not grant: it asks moderators, and not within `AGAIN_AFTER`, unless there are `MORE_GOLD` more training
answers.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

import structlog

from api.services.cases import Case, Promoting, Standing, judged, standings
from api.services.project_rules import ProjectRules
from api.services.records import evidence_view, gold_seen, read_shown, workflows_of
from api.store.engine import Connection
from api.store.promotions import Check, Entry, Known, NewEntry, PromotionStore
from api.store.records import RecordStore
from gamification.levels import SIDES, Judgement, Record, Rule

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""People who are judged together."""

AGAIN_AFTER: Final = timedelta(days=30)
MORE_GOLD: Final = 20
"""After a refusal or a revocation moderators are asked again so much later, or with so many more training answers."""


class Judging:
    """One worker's rounds."""

    def __init__(self, projects: ProjectRules) -> None:
        self._projects = projects

    async def turn(self, connection: Connection) -> int:
        """Enter the ends that have come, and judge those in whom something has changed; return how many these were."""
        await self.expire(connection)
        checks = await PromotionStore(connection).take_up_checks(BATCH)
        for project_id, found in groupby(sorted(checks), key=attrgetter("project_id")):
            await self._judge(connection, project_id, list(found))
        return len(checks)

    async def expire(self, connection: Connection) -> int:
        """Enter the ends of levels that have come; return of how many people."""
        store = PromotionStore(connection)
        over = await store.over(BATCH)
        for project_id, person_id in over:
            promoting = await self._projects.by_number(connection, project_id)
            whom = await store.shown_volunteer(person_id)
            if promoting is not None and whom is not None:
                async with connection.transaction():
                    case = await Case.hold(connection, promoting, whom)
                    await case.close()
        return len(over)

    async def _judge(self, connection: Connection, project_id: int, checks: Sequence[Check]) -> None:
        store = PromotionStore(connection)
        promoting = await self._projects.by_number(connection, project_id)
        if promoting is not None and promoting.rules:
            for person_id in await self._concerned(connection, promoting, [each.person_id for each in checks]):
                whom = await store.shown_volunteer(person_id)
                if whom is not None:
                    await enter_what_follows(connection, promoting, whom)
        await store.done_checks(checks)

    async def _concerned(self, connection: Connection, promoting: Promoting, persons: list[int]) -> list[int]:
        """Return the persons for whom something is to be entered, as far as can be seen without holding them."""
        project, records = promoting.project.id, RecordStore(connection)
        held = await standings(PromotionStore(connection), project, persons)
        holders = [person for person in persons if held[person].grants]
        workflows = workflows_of(promoting.published)
        shown = await read_shown(records, project, workflows, persons, answers_of=holders)
        concerned = []
        for person in persons:
            for rule in promoting.rules.values():
                record, judgement = await judged(records, promoting, held[person], shown[person], rule, person)
                if _what_follows(rule, record, judgement, held[person]):
                    concerned.append(person)
                    break
        return concerned


async def enter_what_follows(connection: Connection, promoting: Promoting, whom: Known) -> None:
    """Hold a person, and enter what follows from the rules of the project, the lowest level first."""
    async with connection.transaction():
        case = await Case.hold(connection, promoting, whom)
        for rule in sorted(promoting.rules.values(), key=attrgetter("level")):
            record, judgement = await case.judge(rule)
            action = _what_follows(rule, record, judgement, case.standing)
            if action is None:
                continue
            await case.enter(_entry(rule, action, evidence_view(record, promoting.published, rule, judgement)))
            log.info("level judged", project=promoting.project.slug, volunteer=whom.id, level=rule.level, action=action)
        await case.close()


def _what_follows(rule: Rule, record: Record, judgement: Judgement, standing: Standing) -> str | None:
    """Return the kind of entry that a judgement asks for."""
    if rule.level in standing.grants:
        return "lost" if judgement.lost else None
    if not judgement.reached or judgement.lost or rule.level in standing.candidates:
        return None
    against = _decided_against(rule, standing)
    if rule.automatic and against is None:
        return "granted"
    asked = standing.level < rule.level and (against is None or _much_later(against, rule, record))
    return "proposed_by_rule" if asked else None


def _decided_against(rule: Rule, standing: Standing) -> Entry | None:
    """Return the entry by which a person has kept or taken the level, if that was the last word."""
    decision = standing.decision(rule.level)
    return decision if decision is not None and decision.action in ("refused", "revoked") else None


def _much_later(decision: Entry, rule: Rule, record: Record) -> bool:
    """Say whether it is long since a decision, or the evidence has grown since."""
    then = 0 if decision.evidence is None else gold_seen(json.loads(decision.evidence), rule.workflows)
    now = sum(record.of(workflow).side(side).seen for workflow in rule.workflows for side in SIDES)
    return now - then >= MORE_GOLD or datetime.now(UTC) - decision.created_at >= AGAIN_AFTER


def _entry(rule: Rule, action: str, evidence: dict[str, object]) -> NewEntry:
    now = datetime.now(UTC)
    giving = action == "granted"
    return NewEntry(
        level=rule.level,
        action=action,
        made_by="rule",
        evidence=evidence,
        ends_at=now + rule.lasts if giving and rule.lasts is not None else None,
        probation_until=now + rule.probation if giving and rule.probation is not None else None,
    )
