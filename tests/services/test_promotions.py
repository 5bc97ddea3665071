import asyncio
from typing import Any

import pytest
from pydantic_core import to_json

from api.caller import Caller, Scope
from api.errors import LevelNotHeldError, NotAllowedError, UnknownVolunteerError
from api.moderation_errors import NothingToAppealError, TooManyReportsError, UnknownReportError
from api.services.house import Services
from api.services.moderation import REPORTS_A_DAY
from api.store.engine import Connection, Pool
from gamification.levels import Rule
from mobile_schemas.desk import (
    AppealIn,
    CandidatesOut,
    CandidatesQuery,
    DecisionIn,
    DecisionsIn,
    DecisionsOut,
    PeopleOut,
    PeopleQuery,
    PersonDetailOut,
    PersonQuery,
    PromotionsQuery,
)
from mobile_schemas.moderation import ReportIn, ReportsQuery
from mobile_schemas.volunteers import volunteer_id
from tests.services.campaigns import a_person, a_swipe, deal, people, subjects_of, submit, vote
from tests.services.desks import DeskOf, a_desk, later


@pytest.fixture
async def desk(services: Services, database: Connection, pool: Pool) -> DeskOf:
    return await a_desk(services, database, pool, Rule(level=2, workflows=("arc",)))


async def test_a_confirmed_candidate_is_dealt_the_harder_workflow_at_once(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    for subject in desk.campaign.subjects:
        await vote(desk.services, desk.campaign, desk.campaign.arc, subject, "yes", "yes")
    with pytest.raises(LevelNotHeldError):
        await deal(desk.services, ann, desk.campaign.lens)

    await desk.decide(caroline, ann, "propose", why="Sees what I miss.")
    outcome = await desk.decide(caroline, ann, "confirm")
    deck = await deal(desk.services, ann, desk.campaign.lens)

    assert (outcome.outcome, outcome.before, outcome.after) == ("ok", 1, 2)
    assert set(subjects_of(deck)) == set(desk.campaign.subjects)
    assert await desk.events() == [(1, 2, "confirmed")]


async def test_votes_that_come_after_a_revocation_are_kept_and_not_counted(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    subject = desk.campaign.subjects[0]
    await vote(desk.services, desk.campaign, desk.campaign.arc, subject, "yes", "yes")
    await desk.decide(caroline, ann, "grant")
    await deal(desk.services, ann, desk.campaign.lens)

    await desk.decide(caroline, ann, "revoke", why="Asked for it.")

    (verdict,) = await submit(desk.services, ann, a_swipe(desk.campaign.lens, subject))
    assert (verdict.verdict, verdict.reason) == ("kept", "level_lost")
    with pytest.raises(LevelNotHeldError):
        await deal(desk.services, ann, desk.campaign.lens)
    assert await desk.events() == [(1, 2, "granted"), (2, 1, "revoked")]


async def test_of_two_moderators_at_once_one_decides_and_the_other_is_told(desk: DeskOf) -> None:
    caroline, maria = await desk.moderator("Caroline"), await desk.moderator("Maria")
    candidates = await people(desk.campaign, 5)
    for each in candidates:
        await desk.decide(caroline, each, "propose")

    outcomes = await asyncio.gather(
        *(desk.decide(caroline, each, "confirm") for each in candidates),
        *(desk.decide(maria, each, "refuse", why="Too few yet.") for each in candidates),
    )

    for confirmed, refused in zip(outcomes[:5], outcomes[5:], strict=True):
        [late] = [each for each in (confirmed, refused) if each.outcome == "conflict"]
        assert (late.reason, {confirmed.outcome, refused.outcome}) == ("decided_otherwise", {"ok", "conflict"})
        assert late.entry is not None
        assert late.entry.by is not None
        assert late.entry.by.name == ("Maria" if late is confirmed else "Caroline")
    assert len([each for each in await desk.actions() if each in ("confirmed", "refused")]) == 5


async def test_two_who_decide_the_same_make_one_entry(desk: DeskOf) -> None:
    ann, caroline, maria = await a_person(desk.campaign), await desk.moderator(), await desk.moderator("Maria")
    await desk.decide(caroline, ann, "propose")

    outcomes = await asyncio.gather(*(desk.decide(each, ann, "confirm") for each in (caroline, maria)))

    assert sorted(each.outcome for each in outcomes) == ["nothing_to_do", "ok"]
    assert await desk.actions() == ["proposed_by_moderator", "confirmed"]


@pytest.mark.parametrize(
    ("first", "again", "reason"),
    [
        (("propose", {}), ("propose", {}), "already"),
        (("grant", {}), ("grant", {}), "already"),
        (("grant", {"until": later(5)}), ("grant", {"until": later(5)}), None),
        (("grant", {"probation_days": 5}), ("grant", {"probation_days": 5}), "already"),
        (("grant", {}), ("propose", {}), "already"),
        (("propose", {}), ("revoke", {"why": "No."}), "not_held"),
    ],
)
async def test_what_is_so_already_is_not_done_again(
    desk: DeskOf, first: tuple[str, dict[str, Any]], again: tuple[str, dict[str, Any]], reason: str | None
) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    until = first[1].get("until")
    await desk.decide(caroline, ann, first[0], **first[1])
    before = await desk.actions()

    outcome = await desk.decide(caroline, ann, again[0], **again[1] if until is None else {"until": until})

    assert (outcome.outcome, outcome.reason) == ("nothing_to_do", reason or "already")
    assert await desk.actions() == before


@pytest.mark.parametrize(
    ("action", "more", "reason"),
    [
        ("confirm", {}, "not_a_candidate"),
        ("refuse", {"why": "No."}, "not_a_candidate"),
        ("defer", {"why": "Later.", "deferred_until": later(5)}, "not_a_candidate"),
        ("refuse", {}, "why_needed"),
        ("revoke", {}, "why_needed"),
        ("defer", {"why": "Later."}, "deferral_needed"),
        ("defer", {"why": "Later.", "deferred_until": later(-1)}, "in_the_past"),
        ("grant", {"until": later(-1)}, "in_the_past"),
        ("grant", {"level": 4}, "no_such_level"),
        ("propose", {"level": 10}, "no_such_level"),
        ("grant", {"level": 1}, "no_such_level"),
    ],
)
async def test_what_cannot_be_decided_changes_nothing(
    desk: DeskOf, action: str, more: dict[str, Any], reason: str
) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()

    outcome = await desk.decide(caroline, ann, action, **more)

    assert (outcome.outcome, outcome.reason, bool(outcome.detail)) == ("conflict", reason, True)
    assert await desk.actions() == []
    assert await desk.level(ann) == 1


async def test_nobody_decides_about_themself(desk: DeskOf) -> None:
    caroline = await desk.moderator()

    outcomes = [await desk.decide(caroline, caroline, action, why="I may.") for action in ("propose", "grant")]

    assert [each.reason for each in outcomes] == ["yourself", "yourself"]
    assert await desk.actions() == []


async def test_who_does_not_moderate_the_project_decides_nothing_and_sees_nothing(desk: DeskOf) -> None:
    ann = await a_person(desk.campaign)
    elsewhere = Caller(ann.volunteer_id, ann.person_id, None, Scope.SESSION, None, "login", {99: frozenset()})
    bound = Caller(ann.volunteer_id, ann.person_id, None, Scope.RESEARCHER, desk.campaign.project + 1, "token")

    for stranger in (ann, elsewhere, bound):
        with pytest.raises(NotAllowedError):
            await desk.decide(stranger, ann, "grant")
        with pytest.raises(NotAllowedError):
            await desk.services.desk.candidates(stranger, "lenses", CandidatesQuery())
        with pytest.raises(NotAllowedError):
            await desk.services.desk.person(stranger, "lenses", "V1", PersonQuery())
        with pytest.raises(NotAllowedError):
            await desk.services.moderation.reports(stranger, "lenses", ReportsQuery())
    assert await desk.actions() == []


async def test_a_preview_says_what_would_be_and_changes_nothing(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()

    seen = await desk.decide(caroline, ann, "grant", level=3, preview=True)

    assert (seen.outcome, seen.before, seen.after, seen.entry) == ("ok", 1, 3, None)
    assert (await desk.actions(), await desk.level(ann), await desk.events()) == ([], 1, [])


async def test_many_are_decided_about_at_once_each_for_themself(desk: DeskOf) -> None:
    ann, ben, eve = await people(desk.campaign, 3)
    caroline = await desk.moderator()
    wanted = [(ann, "grant", 2), (ben, "grant", 9), (ann, "grant", 3), (eve, "propose", 2), (eve, "confirm", 2)]
    decisions = [DecisionIn(volunteer=volunteer_id(w.volunteer_id), action=a, level=n) for w, a, n in wanted]  # type: ignore[arg-type]  # words of the contract
    decisions.append(DecisionIn(volunteer="V999999", action="grant", level=2))

    reply = await desk.promotions.decide(caroline, "lenses", DecisionsIn(decisions=decisions))

    outcomes = DecisionsOut.model_validate_json(to_json(reply)).decisions
    assert [(each.outcome, each.reason) for each in outcomes] == [
        ("ok", None),
        ("conflict", "no_such_level"),
        ("ok", None),
        ("ok", None),
        ("ok", None),
        ("conflict", "unknown_volunteer"),
    ]
    assert [await desk.level(each) for each in (ann, ben, eve)] == [3, 1, 2]
    assert await desk.events() == [(1, 3, "granted"), (1, 2, "confirmed")]


async def test_levels_stand_side_by_side_each_with_its_own_end(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.decide(caroline, ann, "grant", level=2)
    await desk.decide(caroline, ann, "grant", level=3, until=later(1))
    held = [await desk.level(ann)]

    await desk.let_pass(2)
    held.append(await desk.level(ann))
    await desk.judging.turn(desk.database)
    await desk.judging.turn(desk.database)

    assert [*held, await desk.level(ann)] == [3, 2, 2]
    entries = await desk.ledger(caroline)
    assert [(each.action, each.level, each.made_by) for each in entries] == [
        ("granted", 2, "moderator"),
        ("granted", 3, "moderator"),
        ("expired", 3, "time"),
    ]
    assert await desk.events() == [(1, 2, "granted"), (2, 3, "granted"), (3, 2, "expired")]


async def test_a_grant_after_an_end_that_nobody_has_entered_yet_holds(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.decide(caroline, ann, "grant", until=later(1))
    await desk.let_pass(2)

    await desk.decide(caroline, ann, "grant")

    assert await desk.actions() == ["granted", "expired", "granted"]
    assert await desk.level(ann) == 2
    assert await desk.judging.expire(desk.database) == 0


async def test_a_deferred_candidate_comes_back_when_the_time_has_come(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.decide(caroline, ann, "propose")
    until = later(3)

    outcomes = [
        await desk.decide(caroline, ann, "defer", why="After the holidays.", deferred_until=until) for _ in range(2)
    ]
    seen = {show: await shown(desk, caroline, show) for show in ("due", "deferred", "all")}
    await desk.database.execute("UPDATE candidate SET deferred_until = now() - interval '1 s'")

    assert [each.outcome for each in outcomes] == ["ok", "nothing_to_do"]
    assert seen == {"due": 0, "deferred": 1, "all": 1}
    assert await shown(desk, caroline, "due") == 1


async def shown(desk: DeskOf, moderator: Caller, show: str) -> int:
    query = CandidatesQuery.model_validate({"show": show})
    reply = await desk.services.desk.candidates(moderator, "lenses", query)
    return len(CandidatesOut.model_validate_json(to_json(reply)).candidates)


async def test_an_appeal_is_heard_once_for_each_decision(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    appeal = AppealIn(level=2, why="I have learnt since.")
    with pytest.raises(NothingToAppealError):
        await desk.promotions.appeal(ann, "lenses", appeal)
    await desk.decide(caroline, ann, "grant")
    with pytest.raises(NothingToAppealError):
        await desk.promotions.appeal(ann, "lenses", appeal)
    await desk.decide(caroline, ann, "revoke", why="Too many arcs.")

    heard = await asyncio.gather(
        *(desk.promotions.appeal(ann, "lenses", appeal) for _ in range(3)), return_exceptions=True
    )
    await desk.decide(caroline, ann, "refuse", why="Not yet.")
    await desk.promotions.appeal(ann, "lenses", appeal)

    assert len([each for each in heard if isinstance(each, NothingToAppealError)]) == 2
    assert await desk.actions() == ["granted", "revoked", "appealed", "refused", "appealed"]


async def test_the_ledger_keeps_the_evidence_of_the_moment(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.train(ann, right=3, wrong=1)
    await desk.decide(caroline, ann, "propose")
    await desk.train(ann, right=2, skip=4)
    await desk.decide(caroline, ann, "confirm", why="Learns fast.", probation_days=30)

    proposed, confirmed = await desk.ledger(caroline, volunteer=volunteer_id(ann.volunteer_id))

    assert proposed.evidence is not None
    assert confirmed.evidence is not None
    assert [(e.workflows[0].yes.right, e.workflows[0].yes.seen) for e in (proposed.evidence, confirmed.evidence)] == [
        (3, 4),
        (5, 6),
    ]
    assert confirmed.evidence.rule is not None
    assert [(each.what, each.have, each.need) for each in confirmed.evidence.missing or ()] == [("gold", 6, 8)] * 2
    assert (confirmed.why, confirmed.by and confirmed.by.name) == ("Learns fast.", "Caroline")
    assert confirmed.probation_until is not None


async def test_the_ledger_is_read_in_pages_and_filtered(desk: DeskOf) -> None:
    ann, ben = await people(desk.campaign, 2)
    caroline = await desk.moderator()
    for each in (ann, ben):
        await desk.decide(caroline, each, "propose")
        await desk.decide(caroline, each, "confirm")

    first = await desk.promotions.ledger(caroline, "lenses", PromotionsQuery(limit=3))
    rest = await desk.promotions.ledger(caroline, "lenses", PromotionsQuery(after=first["cursor"]))

    assert [each["action"] for each in first["entries"]] == ["confirmed", "proposed_by_moderator", "confirmed"]
    assert (len(rest["entries"]), first["complete"], rest["complete"], rest["cursor"]) == (1, False, True, None)
    assert len(await desk.ledger(caroline, action="confirmed", level=2)) == 2
    assert await desk.ledger(caroline, level=3) == []
    with pytest.raises(UnknownVolunteerError):
        await desk.ledger(caroline, volunteer="V999999")


async def test_candidates_come_in_pages_with_all_that_moderators_decide_by(desk: DeskOf) -> None:
    candidates, caroline = await people(desk.campaign, 3), await desk.moderator()
    await desk.train(candidates[0], right=9)
    for each in candidates:
        await desk.decide(caroline, each, "propose", why="See for yourself.")

    first = await desk.services.desk.candidates(caroline, "lenses", CandidatesQuery(limit=2))
    rest = await desk.services.desk.candidates(caroline, "lenses", CandidatesQuery(after=first["cursor"]))

    page = CandidatesOut.model_validate_json(to_json(first))
    found = [*page.candidates, *CandidatesOut.model_validate_json(to_json(rest)).candidates]
    assert [each.volunteer for each in found] == [volunteer_id(each.volunteer_id) for each in candidates]
    assert (page.waiting, page.complete, rest["complete"]) == (3, False, True)
    assert (found[0].opens, found[0].level_name, found[0].held) == (["lens"], "2", 1)
    skill = found[0].evidence.workflows[0]
    assert (skill.workflow, skill.no.right, skill.no.seen, skill.yes.right) == ("arc", 9, 9, 9)
    assert skill.yes.low < skill.yes.median < skill.yes.high
    assert found[0].proposed_by.why == "See for yourself."


async def test_a_person_is_shown_with_answers_right_and_wrong(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    await desk.train(ann, right=3, wrong=2)

    reply = await desk.services.desk.person(caroline, "lenses", volunteer_id(ann.volunteer_id), PersonQuery())

    person = PersonDetailOut.model_validate_json(to_json(reply))
    assert (len(person.right), len(person.wrong)) == (6, 4)
    assert all(each.truth == each.answer for each in person.right)
    assert all(each.truth != each.answer for each in person.wrong)
    assert {each.explanation for each in person.right} == {"As the guide shows."}
    assert person.open_levels == [2, 3]


async def test_people_are_found_by_name_id_level_and_place(desk: DeskOf) -> None:
    ann, ben, eve = await people(desk.campaign, 3)
    caroline = await desk.moderator()
    for each, name in ((ann, "Ärla"), (ben, "Ärling")):
        await desk.database.execute(
            "UPDATE volunteer SET name = $2, name_key = $3 WHERE id = $1", each.volunteer_id, name, name.casefold()
        )
    await desk.decide(caroline, ann, "grant")
    await desk.decide(caroline, ben, "propose", level=3)

    async def found(**query: object) -> list[str]:
        reply = await desk.services.desk.people(caroline, "lenses", PeopleQuery.model_validate(query))
        return [each.volunteer for each in PeopleOut.model_validate_json(to_json(reply)).people]

    first, second, third = [volunteer_id(each.volunteer_id) for each in (ann, ben, eve)]
    assert await found(q="ÄRL") == [first, second]
    assert await found(q=third) == [third]
    assert await found(level=2) == [first]
    assert await found(only="candidates") == [second]
    assert await found(limit=1) == [first]
    assert await found(after=ann.volunteer_id) == [second]
    assert await found(q="nobody") == []


async def test_reports_are_bounded_and_closed_once_by_others_than_they_are_about(desk: DeskOf) -> None:
    ann, caroline, maria = await a_person(desk.campaign), await desk.moderator(), await desk.moderator("Maria")
    moderation = desk.services.moderation
    about = ReportIn(about=volunteer_id(caroline.volunteer_id), kind="harassment", body="She shouts.")
    sent = [await moderation.report(ann, "lenses", about) for _ in range(REPORTS_A_DAY)]

    with pytest.raises(TooManyReportsError):
        await moderation.report(ann, "lenses", about)
    with pytest.raises(NotAllowedError):
        await moderation.close(caroline, sent[0]["id"], "I do not.")
    with pytest.raises(UnknownReportError):
        await moderation.close(ann, sent[0]["id"], "Never mind.")
    closed = await moderation.close(maria, sent[0]["id"], "She was asked not to.")
    seen = await moderation.reports(maria, "lenses", ReportsQuery(limit=5))

    assert closed["closed_by"]["name"] == "Maria"
    assert (seen["open"], len(seen["reports"]), seen["complete"]) == (REPORTS_A_DAY - 1, 5, False)


async def test_the_operators_word_is_in_the_ledger_with_its_end_and_reason(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    name = volunteer_id(ann.volunteer_id)
    until = later(7)

    await desk.services.levels.grant(name, "lenses", 3, until=until, why="For the workshop.")
    _, taken, left = await desk.services.levels.revoke(name, "lenses", 3, why="It is over.")

    entries = await desk.ledger(caroline)
    assert [(e.action, e.made_by, e.by, e.why, e.ends_at) for e in entries] == [
        ("granted", "operator", None, "For the workshop.", until),
        ("revoked", "operator", None, "It is over.", None),
    ]
    assert (taken, left) == ([3], 1)


async def test_a_lower_level_that_is_left_counts_when_the_higher_is_taken(desk: DeskOf) -> None:
    ann, caroline = await a_person(desk.campaign), await desk.moderator()
    subject = desk.campaign.subjects[0]
    await vote(desk.services, desk.campaign, desk.campaign.arc, subject, "yes", "yes")
    for level in (2, 3):
        await desk.decide(caroline, ann, "grant", level=level)

    await desk.decide(caroline, ann, "revoke", level=3, why="One step back.")

    assert subjects_of(await deal(desk.services, ann, desk.campaign.lens)) == [subject]
    with pytest.raises(LevelNotHeldError):
        await deal(desk.services, ann, desk.campaign.workflows["rare"])
    assert (await desk.events())[-1] == (3, 2, "revoked")
