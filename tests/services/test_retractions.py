"""Taking votes back: what is subtracted, what stands, and what comes before its vote."""

import asyncio

from api.services.house import Services
from api.store.engine import Connection
from cascade.vocabulary import Bucket, EntryKind, Exclusion, StageState, Tier
from tests.services.campaigns import (
    ARC_THEN_LENS,
    RETIRED,
    a_campaign,
    a_person,
    a_swipe,
    an_importer,
    deal,
    deal_named,
    new_id,
    retract,
    subjects_of,
    submit,
    vote,
)
from tests.services.harvest import Connect

SUMS = ("if_yes", "if_no", "n_yes", "n_no", "n_unsure", "unproven", "u_yes", "u_no", "u_unsure", "flags")


async def test_a_vote_taken_back_leaves_the_sums_as_they_were(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    before = await campaign.stage(campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject, flag=True)
    await submit(services, caller, swipe)

    (verdict,) = await retract(services, caller, swipe.id)

    after = await campaign.stage(campaign.arc, subject)
    assert (verdict.verdict, verdict.reason) == ("retracted", None)
    assert {name: after[name] for name in SUMS} == {name: before[name] for name in SUMS}
    assert (after["state"], after["ordinal"], after["need"]) == (StageState.OPEN, 2, 2)
    assert await campaign.ledger("kind", "client_id", "attempt", "exclusion") == [
        (EntryKind.VOTE, swipe.id, 0, Exclusion.NONE),
        (EntryKind.RETRACTION, swipe.id, 0, Exclusion.RETRACTED),
    ]
    assert await campaign.verified() == []


async def test_a_card_is_open_again_for_another_id(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    first, second = a_swipe(campaign.arc, subject, "yes"), a_swipe(campaign.arc, subject, "no")
    await submit(services, caller, first)
    await retract(services, caller, first.id)

    (created,) = await submit(services, caller, second)
    (old,) = await submit(services, caller, first)
    (new,) = await submit(services, caller, second)

    assert created.verdict == "created"
    assert (old.verdict, old.outcome, old.reason) == ("duplicate", "kept", "retracted")
    assert (new.verdict, new.outcome) == ("duplicate", "created")
    assert await campaign.ledger("kind", "attempt", "answer") == [(0, 0, 1), (1, 0, 1), (0, 1, 0)]
    assert await campaign.verified() == []


async def test_the_answer_taken_back_and_the_new_one_may_come_in_one_batch(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    first, second = a_swipe(campaign.arc, subject, "yes"), a_swipe(campaign.arc, subject, "no")
    await submit(services, caller, first)
    await retract(services, caller, first.id)

    old, waits = await submit(services, caller, first, second)
    (created,) = await submit(services, caller, second)

    assert (old.verdict, old.outcome, old.reason) == ("duplicate", "kept", "retracted")
    assert (waits.verdict, created.verdict) == ("retry", "created")


async def test_a_retraction_again_changes_nothing(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)

    together = await retract(services, caller, swipe.id, swipe.id)
    (later,) = await retract(services, caller, swipe.id)

    assert [verdict.verdict for verdict in (*together, later)] == ["retracted", "duplicate", "duplicate"]
    assert len(await campaign.ledger("kind")) == 2


async def test_a_retraction_before_its_vote_keeps_it_from_counting(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)

    (awaited,) = await retract(services, caller, swipe.id)
    (kept,) = await submit(services, caller, swipe)
    (again,) = await submit(services, caller, swipe)
    (repeated,) = await retract(services, caller, swipe.id)
    (another,) = await submit(services, caller, a_swipe(campaign.arc, subject))

    assert (awaited.verdict, repeated.verdict) == ("awaited", "duplicate")
    assert (kept.verdict, kept.reason) == ("kept", "retracted")
    assert (again.verdict, again.outcome, again.reason) == ("duplicate", "kept", "retracted")
    assert another.verdict == "created"
    assert await campaign.ledger("attempt", "bucket", "exclusion") == [
        (0, Bucket.IGNORED, Exclusion.RETRACTED),
        (1, Bucket.UNPROVEN, Exclusion.NONE),
    ]
    assert await campaign.verified() == []


async def test_a_tombstone_is_for_its_own_person(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, other, subject = await an_importer(campaign), await a_person(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await retract(services, other, swipe.id)

    (verdict,) = await submit(services, caller, swipe)

    assert verdict.verdict == "created"
    assert [each.verdict for each in await retract(services, other, swipe.id)] == ["duplicate"]
    assert (await campaign.stage(campaign.arc, subject))["u_yes"] == 1


async def test_a_gold_answer_that_was_shown_is_final(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, gold=(0, 1))
    caller, (subject,) = await an_importer(campaign), campaign.gold
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject, "no")
    await submit(services, caller, swipe)
    skill = await campaign.skill(caller, campaign.arc)

    (verdict,) = await retract(services, caller, swipe.id)

    assert (verdict.verdict, verdict.reason) == ("rejected", "gold_shown")
    assert verdict.detail
    assert await campaign.skill(caller, campaign.arc) == skill
    assert len(await campaign.ledger("kind")) == 1


async def test_gold_whose_retraction_came_first_is_not_shown(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, gold=(0, 1))
    caller, (subject,) = await an_importer(campaign), campaign.gold
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject, "no")
    await retract(services, caller, swipe.id)

    (verdict,) = await submit(services, caller, swipe)

    assert (verdict.verdict, verdict.reason, verdict.feedback) == ("kept", "retracted", None)
    assert (await campaign.skill(caller, campaign.arc))[0] == 0


async def test_an_old_vote_stands(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)
    await database.execute("UPDATE card SET received_at = now() - interval '11 minutes'")

    (verdict,) = await retract(services, caller, swipe.id)

    assert (verdict.verdict, verdict.reason) == ("rejected", "too_late")
    assert (await campaign.stage(campaign.arc, subject))["u_yes"] == 1


async def test_taking_back_a_deciding_vote_keeps_the_label_and_opens_an_audit(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await vote(services, campaign, campaign.arc, subject, "yes")
    swipe = a_swipe(campaign.arc, subject, "yes")
    await submit(services, caller, swipe)

    (verdict,) = await retract(services, caller, swipe.id)

    stage = await campaign.stage(campaign.arc, subject)
    assert verdict.verdict == "retracted"
    assert (stage["state"], stage["answer"], stage["audit_open"], stage["u_yes"]) == (RETIRED, 1, 1, 1)
    assert (campaign.arc, Tier.AUDIT, subject) in await campaign.piles()
    assert await database.fetchval("SELECT count(*) FROM label") == 1
    assert await campaign.verified() == []


async def test_what_has_become_gold_is_not_audited_too(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    caller, (subject,) = await an_importer(campaign), campaign.subjects
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject, "no")
    await submit(services, caller, swipe)
    await vote(services, campaign, campaign.arc, subject, "no")
    await database.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'arc', 1, $2, 0, 0)",
        *(subject, campaign.project),
    )

    await retract(services, caller, swipe.id)

    assert await campaign.piles() == set()


async def test_a_late_vote_taken_back_changes_its_own_sum_only(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await vote(services, campaign, campaign.arc, subject, "no", "no")
    swipe = a_swipe(campaign.arc, subject, "yes")
    await submit(services, caller, swipe)

    await retract(services, caller, swipe.id)

    stage = await campaign.stage(campaign.arc, subject)
    assert (stage["late"], stage["late_count"], stage["audit_open"], stage["state"]) == (0, 0, 0, RETIRED)
    assert await campaign.verified() == []


async def test_a_kept_vote_can_be_taken_back_too(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await campaign.pass_time("accepted_until")
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)

    (verdict,) = await retract(services, caller, swipe.id)

    assert verdict.verdict == "retracted"
    assert (await campaign.stage(campaign.arc, subject))["ordinal"] == 0
    assert await campaign.verified() == []


async def test_a_vote_is_taken_back_though_its_question_was_changed(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)
    await services.publishing.publish(ARC_THEN_LENS.replace("Is there an arc?", "Is there a ring?"))

    (verdict,) = await retract(services, caller, swipe.id)

    assert verdict.verdict == "retracted"
    assert (await campaign.stage(campaign.arc, subject))["u_yes"] == 0
    assert (campaign.arc, Tier.ORDINARY, subject) not in await campaign.piles()
    assert await campaign.verified() == []


async def test_a_card_whose_vote_was_taken_back_is_dealt_again(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await a_person(campaign)
    (subject,) = subjects_of(await deal(services, caller, campaign.arc, 1))
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)
    await retract(services, caller, swipe.id)

    again = await deal(services, caller, campaign.arc, 1)

    assert subjects_of(again) == [subject]


async def test_a_vote_and_its_retraction_at_once_end_in_one_of_two_ways(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, subjects=12)
    caller = await an_importer(campaign)
    await deal_named(services, caller, campaign.arc, *campaign.subjects)
    for subject in campaign.subjects:
        swipe = a_swipe(campaign.arc, subject)

        (voted,), (taken_back,) = await asyncio.gather(
            submit(services, caller, swipe), retract(services, caller, swipe.id)
        )

        assert (voted.verdict, taken_back.verdict) in {
            ("created", "retracted"),
            ("kept", "awaited"),
            ("created", "retry"),
        }
        if taken_back.verdict == "retry":
            await retract(services, caller, swipe.id)
    assert await database.fetchval("SELECT sum(u_yes) FROM stage") == 0
    assert await campaign.verified() == []


async def test_an_id_that_was_never_used_is_awaited(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, ids = await a_person(campaign), [new_id(), new_id()]

    verdicts = await retract(services, caller, *ids, ids[0])

    assert [verdict.verdict for verdict in verdicts] == ["awaited", "awaited", "duplicate"]


async def test_a_retraction_that_waits_for_an_id_holds_no_subject(
    services: Services, database: Connection, connect: Connect
) -> None:
    campaign = await a_campaign(services, database)
    caller, (voted, arriving, _) = await an_importer(campaign), campaign.subjects
    await deal_named(services, caller, campaign.arc, voted, arriving)
    first, second = a_swipe(campaign.arc, voted), a_swipe(campaign.arc, arriving)
    await submit(services, caller, first)
    claiming = await connect()

    async with claiming.transaction():
        await claiming.execute(
            "INSERT INTO swipe_key (person_id, client_id, workflow_id, subject_id) VALUES ($1, $2, $3, $4)",
            *(caller.person_id, second.id, campaign.arc, arriving),
        )
        taking_back = asyncio.create_task(retract(services, caller, first.id, second.id))
        while not await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  # no event of ours
            await asyncio.sleep(0.01)
        await claiming.execute("SELECT 1 FROM stage WHERE subject_id = $1 FOR NO KEY UPDATE NOWAIT", voted)

    assert [verdict.verdict for verdict in await taking_back] == ["retracted", "retry"]


async def test_attempts_are_counted_up_to_what_the_column_holds(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await database.execute("UPDATE card SET attempt = 32766")

    for _ in range(2):
        early, late = a_swipe(campaign.arc, subject), a_swipe(campaign.arc, subject)
        await retract(services, caller, early.id)
        (kept,) = await submit(services, caller, early)
        (created,) = await submit(services, caller, late)
        (taken_back,) = await retract(services, caller, late.id)
        assert (kept.verdict, created.verdict, taken_back.verdict) == ("kept", "created", "retracted")
