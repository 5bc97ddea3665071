"""What spammers meet: answers too fast to be looked at, one vote per person, drops of skill, and caps."""

import numpy as np

from api.caller import Caller, Scope
from api.services.house import Services
from api.store.engine import Connection
from cascade.drift import Records, learn_in_order
from cascade.skill import CLIP_UNPROVEN
from cascade.vocabulary import Answer, StageState
from mobile_schemas.classifications import ClassificationIn, VerdictOut
from tests.services.campaigns import (
    ARC_THEN_LENS,
    SEQUENTIAL,
    SHARP_EYES,
    Word,
    a_campaign,
    a_person,
    a_swipe,
    an_importer,
    deal,
    deal_named,
    retract,
    show_skill,
    subjects_of,
    submit,
)

QUICK = 199


def in_ms(swipe: ClassificationIn, dwell_ms: int) -> ClassificationIn:
    return swipe.model_copy(update={"dwell_ms": dwell_ms})


def said(verdict: VerdictOut) -> tuple[str, str | None]:
    return verdict.verdict, verdict.reason


async def test_an_answer_that_came_too_fast_is_kept_and_does_not_count(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, subjects=3)
    caller = await a_person(campaign)
    first, second, third = subjects_of(await deal(services, caller, campaign.arc))
    swipes = [a_swipe(campaign.arc, subject) for subject in (first, second, third)]

    verdicts = await submit(services, caller, in_ms(swipes[0], QUICK), in_ms(swipes[1], QUICK + 1), in_ms(swipes[2], 0))

    assert [said(each) for each in verdicts] == [("kept", "too_fast"), ("created", None), ("created", None)]
    assert [(await campaign.stage(campaign.arc, each))["u_yes"] for each in (first, second, third)] == [0, 1, 1]
    assert (await campaign.stage(campaign.arc, first))["in_flight"] == 0
    assert await campaign.verified() == []


async def test_who_was_too_fast_may_take_it_back_and_look(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    caller = await a_person(campaign)
    (subject,) = subjects_of(await deal(services, caller, campaign.arc))
    hasty = in_ms(a_swipe(campaign.arc, subject, "no"), QUICK)
    await submit(services, caller, hasty)

    (taken_back,) = await retract(services, caller, hasty.id)
    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject, "yes"))

    assert (taken_back.verdict, said(verdict)) == ("retracted", ("created", None))
    after = await campaign.stage(campaign.arc, subject)
    assert (after["u_yes"], after["u_no"]) == (1, 0)
    assert await campaign.verified() == []


async def test_gold_answered_too_fast_is_told_and_not_learnt(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1, gold=(1, 1))
    caller = await a_person(campaign)
    dealt = subjects_of(await deal(services, caller, campaign.arc))
    gold = next(subject for subject in dealt if subject in campaign.gold)
    swipe = in_ms(a_swipe(campaign.arc, gold), QUICK)

    (verdict,) = await submit(services, caller, swipe)
    (again,) = await submit(services, caller, swipe)
    (back,) = await retract(services, caller, swipe.id)

    assert said(verdict) == ("kept", "too_fast")
    assert verdict.feedback is not None
    assert again.feedback == verdict.feedback
    assert (back.verdict, back.reason) == ("rejected", "gold_shown")
    assert await campaign.skill(caller, campaign.arc) == (0,) * 7
    assert await campaign.verified() == []


async def test_a_workflow_may_let_all_answers_count_and_imports_are_not_timed(
    services: Services, database: Connection
) -> None:
    patient = ARC_THEN_LENS.replace("    policy: {count: 2}\n", "    policy: {count: 2}\n    fastest_ms: 0\n", 1)
    campaign = await a_campaign(services, database, patient, subjects=1)
    caller, importer = await a_person(campaign), await an_importer(campaign)
    (subject,) = subjects_of(await deal(services, caller, campaign.arc))

    (open_to_all,) = await submit(services, caller, in_ms(a_swipe(campaign.arc, subject), 1))
    await deal_named(services, importer, campaign.arc, subject)
    (imported,) = await submit(services, importer, in_ms(a_swipe(campaign.arc, subject), 1))

    assert [said(open_to_all), said(imported)] == [("created", None), ("created", None)]


async def test_a_volunteer_whose_skill_drops_weighs_as_a_newcomer_and_all_is_replayed(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, subjects=2, gold=(15, 15))
    caller = await an_importer(campaign)
    gold = list(campaign.gold.items())
    order = [gold[place // 2 + 15 * (place % 2)] for place in range(30)]
    right = [place < 20 for place in range(30)]

    await deal_named(services, caller, campaign.arc, *(subject for subject, _ in order), campaign.subjects[0])
    for part in (slice(0, 12), slice(12, 23), slice(23, 30)):
        await submit(
            services,
            caller,
            *(
                a_swipe(campaign.arc, subject, word(truth if fine else 1 - truth))
                for (subject, truth), fine in zip(order[part], right[part], strict=True)
            ),
        )
    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, campaign.subjects[0]))

    row = await database.fetchrow("SELECT * FROM skill WHERE person_id = $1", caller.person_id)
    assert row is not None
    expected = learn_in_order(
        Records.blank(1),
        np.zeros(30, dtype=np.int64),
        np.array([truth for _, truth in order]),
        np.array([truth if fine else 1 - truth for (_, truth), fine in zip(order, right, strict=True)]),
    )
    assert row["drops"] == expected.drops[-1] >= 1
    assert row["revision"] == 30
    assert sum(row[name] for name in ("no_no", "no_yes", "yes_no", "yes_yes")) < 12
    assert said(verdict) == ("created", None)
    assert (await campaign.stage(campaign.arc, campaign.subjects[0]))["u_yes"] == 1
    assert await campaign.verified() == []


def word(answer: int) -> Word:
    return "yes" if answer == Answer.YES else "no"


async def test_one_person_has_one_vote_whatever_they_are_called(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    caller = await a_person(campaign)
    await deal(services, caller, campaign.arc)
    other_name = await database.fetchval("INSERT INTO volunteer (person_id) VALUES ($1) RETURNING id", caller.person_id)
    linked = Caller(other_name, caller.person_id, None, Scope.VOLUNTEER, None, "another phone")

    dealt = await deal(services, linked, campaign.arc)
    (first,) = await submit(services, caller, a_swipe(campaign.arc, campaign.subjects[0]))
    (second,) = await submit(services, linked, a_swipe(campaign.arc, campaign.subjects[0]))

    assert subjects_of(dealt) == list(campaign.subjects)
    assert [said(first), said(second)] == [("created", None), ("kept", "merged")]
    assert (await campaign.stage(campaign.arc, campaign.subjects[0]))["u_yes"] == 1


async def test_thirty_newcomers_cannot_decide_nor_weigh_more_than_the_cap(
    services: Services, database: Connection
) -> None:
    many = SEQUENTIAL.replace("max: 4, contested: 2", "max: 50, contested: 5")
    campaign = await a_campaign(services, database, many, subjects=1, gold=(3, 3))
    (subject,) = campaign.subjects
    honest = await an_importer(campaign)
    await show_skill(campaign, honest)

    for liar in [await an_importer(campaign) for _ in range(30)]:
        await deal_named(services, liar, campaign.arc, subject)
        await submit(services, liar, a_swipe(campaign.arc, subject, "yes"))
    await deal_named(services, honest, campaign.arc, subject)
    await submit(services, honest, a_swipe(campaign.arc, subject, "no"))

    after = await campaign.stage(campaign.arc, subject)
    assert (after["state"], after["u_yes"], after["n_no"]) == (StageState.OPEN, 30, 1)
    assert after["unproven"] > 3 * CLIP_UNPROVEN
    assert after["if_no"] - after["if_yes"] > CLIP_UNPROVEN


async def test_newcomers_cannot_turn_an_audit(services: Services, database: Connection) -> None:
    audited = SEQUENTIAL.replace("audit: 0", "audit: 1").replace("max: 4", "max: 6")
    campaign = await a_campaign(services, database, audited, subjects=1, gold=(3, 3))
    (subject,) = campaign.subjects
    while (retired := await campaign.stage(campaign.arc, subject))["state"] != StageState.RETIRED:
        honest = await an_importer(campaign)
        await show_skill(campaign, honest, SHARP_EYES)
        await deal_named(services, honest, campaign.arc, subject)
        await submit(services, honest, a_swipe(campaign.arc, subject, "yes"))
    liars = [await an_importer(campaign) for _ in range(6)]
    swipes = []

    for liar in liars:
        await deal_named(services, liar, campaign.arc, subject)
        swipes.append(a_swipe(campaign.arc, subject, "no"))
        await submit(services, liar, swipes[-1])
    after = await campaign.stage(campaign.arc, subject)
    await retract(services, liars[0], swipes[0].id)

    assert (retired["state"], retired["answer"]) == (StageState.RETIRED, Answer.YES)
    assert -CLIP_UNPROVEN <= after["audit"] < retired["audit"]
    assert after["answer"] == Answer.YES
    assert (await campaign.stage(campaign.arc, subject))["audit"] > after["audit"]
