import asyncio
import random
from datetime import timedelta

import pytest
from pydantic_core import to_json

from api.caller import Caller, Scope
from api.services.activity import fold
from api.services.classifications import Classifications
from api.services.house import Services
from api.services.judging import AGAIN_AFTER, MORE_GOLD, Judging
from api.services.progress import ProgressReports
from api.services.project_rules import ProjectRules
from api.services.published import PublishedCascades
from api.services.publishing import Publishing
from api.store.engine import Connection, Pool
from gamification.levels import Rule
from mobile_schemas.classifications import ClassificationsIn
from mobile_schemas.desk import AppealIn
from mobile_schemas.progress import MyProjectOut
from tests.services.campaigns import SHARP_EYES, a_person, a_swipe, deal_named, people, show_skill
from tests.services.desks import DeskOf, a_desk, later
from tests.services.harvest import Connect

BY_ITSELF = Rule(level=2, workflows=("arc",), automatic=True)
BY_MODERATORS = Rule(level=2, workflows=("arc",))


async def test_who_reaches_an_automatic_level_holds_it_with_end_and_probation(
    services: Services, database: Connection, pool: Pool
) -> None:
    rule = Rule(level=2, workflows=("arc",), automatic=True, lasts=timedelta(days=90), probation=timedelta(days=14))
    desk = await a_desk(services, database, pool, rule)
    ann, ben = await people(desk.campaign, 2)
    caroline = await desk.moderator()
    await desk.train(ann, right=20)
    await desk.train(ben, right=7)

    await desk.judge(ann, ben)
    await desk.judge(ann, ben)

    assert [await desk.level(each) for each in (ann, ben)] == [2, 1]
    [entry] = await desk.ledger(caroline)
    assert (entry.action, entry.made_by, entry.by) == ("granted", "rule", None)
    assert entry.ends_at is not None
    assert entry.probation_until is not None
    assert entry.ends_at - entry.probation_until == timedelta(days=76)
    assert entry.evidence is not None
    assert entry.evidence.missing == []
    assert await desk.events() == [(1, 2, "granted")]


async def test_who_reaches_another_level_is_proposed_once(services: Services, database: Connection, pool: Pool) -> None:
    desk = await a_desk(services, database, pool, BY_MODERATORS)
    ann = await a_person(desk.campaign)
    await desk.train(ann, right=20)

    for _ in range(2):
        await desk.judge(ann)

    assert await desk.actions() == ["proposed_by_rule"]
    assert (await desk.level(ann), await desk.events()) == (1, [])


async def test_after_a_refusal_the_rule_asks_again_with_more_evidence_or_much_later(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, BY_MODERATORS)
    by_evidence, by_time = await people(desk.campaign, 2)
    caroline = await desk.moderator()
    for each in (by_evidence, by_time):
        await desk.train(each, right=20)
        await desk.judge(each)
        await desk.decide(caroline, each, "refuse", why="Let me see more.")
        await desk.judge(each)
    assert await desk.actions() == ["proposed_by_rule", "refused"] * 2

    await desk.train(by_evidence, right=MORE_GOLD // 2 - 1, skip=20)
    await desk.judge(by_evidence)
    before = len(await desk.actions())
    await desk.train(by_evidence, right=1, skip=20 + MORE_GOLD // 2 - 1)
    await desk.judge(by_evidence)
    after = len(await desk.actions())
    await desk.let_pass(AGAIN_AFTER.days + 1)
    await desk.judge(by_time)

    assert (before, after) == (4, 5)
    assert (await desk.actions())[4:] == ["proposed_by_rule"] * 2


@pytest.mark.parametrize("rule", [BY_ITSELF, BY_MODERATORS])
async def test_what_a_moderator_has_revoked_the_rule_does_not_grant(
    services: Services, database: Connection, pool: Pool, rule: Rule
) -> None:
    desk = await a_desk(services, database, pool, rule)
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.train(ann, right=20)
    await desk.decide(caroline, ann, "grant")
    await desk.decide(caroline, ann, "revoke", why="Shared the answers.")

    await desk.judge(ann)
    await desk.let_pass(AGAIN_AFTER.days + 1)
    await desk.judge(ann)

    assert await desk.actions() == ["granted", "revoked", "proposed_by_rule"]
    assert await desk.level(ann) == 1


async def test_a_level_is_lost_by_evidence_and_reached_again_by_new_evidence_only(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, BY_ITSELF)
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.train(ann, right=20)
    await desk.judge(ann)
    await desk.train(ann, right=0, wrong=10, skip=20)
    await desk.judge(ann)
    held = [await desk.level(ann)]
    await desk.database.execute("UPDATE skill SET no_no = 60, yes_yes = 60, no_yes = 0, yes_no = 0")

    await desk.judge(ann)
    held.append(await desk.level(ann))
    await desk.train(ann, right=7, skip=30)
    await desk.judge(ann)
    held.append(await desk.level(ann))
    await desk.train(ann, right=13, skip=37)
    await desk.judge(ann)

    assert [*held, await desk.level(ann)] == [1, 1, 1, 2]
    entries = await desk.ledger(caroline)
    assert [each.action for each in entries] == ["granted", "lost", "granted"]
    lost, regained = entries[1].evidence, entries[2].evidence
    assert lost is not None
    assert lost.failed
    assert regained is not None
    assert regained.workflows[0].yes.seen == 20
    assert await desk.events() == [(1, 2, "granted"), (2, 1, "lost"), (1, 2, "granted")]


async def test_a_level_that_a_person_gave_is_lost_by_what_came_after_it(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, BY_MODERATORS)
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.train(ann, right=0, wrong=10)
    await desk.decide(caroline, ann, "grant", why="She has written the guide.")
    await desk.judge(ann)
    held = await desk.level(ann)

    await desk.train(ann, right=0, wrong=8, skip=10)
    await desk.judge(ann)

    assert (held, await desk.level(ann)) == (2, 1)
    assert await desk.actions() == ["granted", "lost"]
    await desk.promotions.appeal(ann, "lenses", AppealIn(level=2, why="My sister had the phone."))
    assert await desk.actions() == ["granted", "lost", "appealed"]


async def test_on_probation_a_level_is_lost_sooner(services: Services, database: Connection, pool: Pool) -> None:
    desk = await a_desk(services, database, pool, BY_MODERATORS)
    ann, ben = await people(desk.campaign, 2)
    caroline = await desk.moderator()
    await desk.decide(caroline, ann, "grant", probation_days=30)
    await desk.decide(caroline, ben, "grant")
    for each in (ann, ben):
        await desk.train(each, right=5, wrong=4)

    await desk.judge(ann, ben)

    assert [await desk.level(each) for each in (ann, ben)] == [1, 2]


async def test_a_level_whose_rule_counts_days_waits_for_them(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, Rule(level=2, workflows=("arc",), automatic=True, votes=30, days=2))
    ann = await a_person(desk.campaign)
    await desk.train(ann, right=20)
    await until_folded(desk, desk.rules, votes=40)
    checked = await checks(database)
    await desk.judging.turn(database)
    held = await desk.level(ann)

    await database.execute("INSERT INTO activity_day VALUES ($1, $2, '2026-01-01', 3)", ann.person_id, 1)
    await desk.judge(ann)

    assert checked == [ann.person_id]
    assert (held, await desk.level(ann)) == (1, 2)


async def until_folded(desk: DeskOf, rules: ProjectRules, votes: int) -> None:
    while await desk.database.fetchval("SELECT coalesce(sum(votes), 0) FROM activity_day") < votes:
        await fold(desk.database, rules=rules)
        await asyncio.sleep(0.01)


async def checks(database: Connection) -> list[int]:
    return [row[0] for row in await database.fetch("SELECT person_id FROM level_check ORDER BY person_id")]


async def test_who_learns_something_is_checked_and_nobody_else(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, BY_ITSELF)
    learns, votes, elsewhere = await people(desk.campaign, 3)
    gold = next(iter(desk.campaign.gold))
    with_rules = Classifications(pool, desk.published, random.Random(1))
    answers = [(with_rules, learns, gold), (with_rules, votes, desk.campaign.subjects[0])]
    answers.append((services.classifications, elsewhere, gold))  # its cascade declares no rules

    for classifications, caller, subject in answers:
        by_name = Caller(caller.volunteer_id, caller.person_id, None, Scope.IMPORT, desk.campaign.project, "api")
        await deal_named(services, by_name, desk.campaign.arc, subject)
        swipes = ClassificationsIn(classifications=[a_swipe(desk.campaign.arc, subject)])
        await classifications.submit(caller, swipes)
    await with_rules.close()

    assert await checks(database) == [learns.person_id]
    assert await desk.judging.turn(database) == 1
    assert await checks(database) == []


async def test_what_changes_while_somebody_is_judged_is_looked_at_again(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, BY_ITSELF)
    ann = await a_person(desk.campaign)
    await desk.train(ann, right=20)

    class Meanwhile(ProjectRules):
        """Lets a vote come in after the check was taken up."""

        async def by_number(self, connection: Connection, number: int) -> object:  # type: ignore[override]  # passes it on
            await connection.execute("UPDATE level_check SET since = clock_timestamp(), taken_until = NULL")
            return await super().by_number(connection, number)

    await database.execute("INSERT INTO level_check (project_id, person_id) VALUES ($1, $2)", 1, ann.person_id)
    await Judging(Meanwhile(desk.published)).turn(database)

    assert await desk.level(ann) == 2
    assert await checks(database) == [ann.person_id]


async def test_workers_share_the_checks_and_enter_nothing_twice(
    services: Services, database: Connection, pool: Pool, connect: Connect
) -> None:
    desk = await a_desk(services, database, pool, BY_ITSELF)
    everybody = await people(desk.campaign, 130)
    for each in everybody:
        await show_skill(desk.campaign, each, SHARP_EYES)
        await database.execute("INSERT INTO level_check (project_id, person_id) VALUES (1, $1)", each.person_id)
    workers = [await connect() for _ in range(3)]

    turns = await asyncio.gather(*(Judging(desk.rules).turn(worker) for worker in workers))

    assert sum(turns) == 130
    assert await desk.actions() == ["granted"] * 130
    assert await checks(database) == []


async def test_a_publication_with_other_rules_has_everybody_judged(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool)
    ann = await a_person(desk.campaign)
    await desk.train(ann, right=1)
    declaration = await database.fetchval("SELECT declaration FROM cascade_version")
    changed = declaration.replace('"An arc?"', '"Is that an arc?"')
    assert changed != declaration
    published = PublishedCascades(lambda cascade: (BY_ITSELF,) if "Is that" in cascade.entry.question else ())

    await Publishing(pool, published, random.Random(1)).publish(changed)

    assert await checks(database) == [ann.person_id]


async def test_my_page_says_what_is_missing_and_what_was_decided(
    services: Services, database: Connection, pool: Pool
) -> None:
    desk = await a_desk(services, database, pool, Rule(level=2, workflows=("arc",), days=3))
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    progress = ProgressReports(pool, pool, desk.published, desk.rules)

    async def mine() -> MyProjectOut:
        return MyProjectOut.model_validate_json(to_json(await progress.mine(ann, "lenses", 0)))

    await desk.train(ann, right=5)
    first = (await mine()).next_level
    await desk.decide(caroline, ann, "propose")
    asked = (await mine()).next_level
    await desk.decide(caroline, ann, "confirm", until=later(9), probation_days=3)
    promoted = await mine()

    assert first is not None
    assert [(each.what, each.side, each.have, each.need) for each in first.missing or ()] == [
        ("gold", "no", 5, 8),
        ("gold", "yes", 5, 8),
        ("days", None, 0, 3),
    ]
    assert (first.candidacy, first.decision, first.may_appeal, first.yes, first.needed) == (None, None, False, 5, 8)
    assert asked is not None
    assert asked.candidacy is not None
    assert promoted.held is not None
    assert (promoted.level, promoted.held.ends_at is None, promoted.held.probation_until is None) == (2, False, False)
    assert promoted.next_level is not None
    assert (promoted.next_level.level, promoted.next_level.missing) == (3, None)
