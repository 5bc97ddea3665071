"""What becomes of a swipe: every verdict, and what is stored with it."""

import asyncio
from uuid import UUID

import pytest

from api.services.ballot import Swipe
from api.services.house import Services
from api.store.engine import Connection
from cascade.vocabulary import Bucket, Exclusion, StageState, Tier
from mobile_schemas.classifications import FeedbackOut, VerdictOut
from tests.services.campaigns import (
    ARC_THEN_LENS,
    RETIRED,
    SEQUENTIAL,
    Word,
    a_campaign,
    a_person,
    a_swipe,
    an_importer,
    deal,
    deal_named,
    grant,
    new_id,
    show_skill,
    subjects_of,
    submit,
    vote,
)

NEVER = 999_999_999


def said(verdict: VerdictOut) -> tuple[str, str | None, str | None]:
    return verdict.verdict, verdict.reason, verdict.field


async def test_a_vote_on_a_dealt_card_is_counted(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await a_person(campaign)
    subject = subjects_of(await deal(services, caller, campaign.arc, 1))[0]

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject, "no"))

    assert verdict == VerdictOut(id=verdict.id, verdict="created")
    stage = await campaign.stage(campaign.arc, subject)
    assert (stage["u_no"], stage["ordinal"], stage["in_flight"], stage["need"]) == (1, 1, 0, 1)
    assert await campaign.ledger("client_id", "answer", "bucket", "source") == [(verdict.id, 0, 2, "test")]


@pytest.mark.parametrize(
    ("workflow", "subject", "answer"),
    [
        (NEVER, None, ("rejected", "unknown_workflow", "workflow")),
        (None, NEVER, ("rejected", "unknown_subject", "subject")),
        (None, None, ("rejected", "never_dealt", "subject")),
    ],
)
async def test_a_vote_without_a_card_names_the_field_that_is_wrong(
    services: Services,
    database: Connection,
    workflow: int | None,
    subject: int | None,
    answer: tuple[str, str, str],
) -> None:
    campaign = await a_campaign(services, database)
    caller = await a_person(campaign)

    (verdict,) = await submit(
        services, caller, a_swipe(workflow or campaign.arc, subject or campaign.subjects[0], "yes")
    )

    assert said(verdict) == answer
    assert verdict.detail
    assert await campaign.ledger("client_id") == []


async def test_another_persons_card_is_not_mine(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    owner, thief = await an_importer(campaign), await a_person(campaign)
    subject = campaign.subjects[0]
    await deal_named(services, owner, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)

    (refused,) = await submit(services, thief, swipe)
    (taken,) = await submit(services, owner, swipe)

    assert said(refused) == ("rejected", "never_dealt", "subject")
    assert taken.verdict == "created"


async def test_a_client_id_stands_for_one_card_only(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    first, second, _ = campaign.subjects
    await deal_named(services, caller, campaign.arc, first, second)
    used = new_id()
    await submit(services, caller, a_swipe(campaign.arc, first, id=used))

    (refused,) = await submit(services, caller, a_swipe(campaign.arc, second, id=used))
    (taken,) = await submit(services, caller, a_swipe(campaign.arc, second))

    assert said(refused) == ("rejected", "id_reused", "id")
    assert taken.verdict == "created"


async def test_two_people_may_use_the_same_client_id(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    both = [await an_importer(campaign), await an_importer(campaign)]
    swipe = a_swipe(campaign.arc, campaign.subjects[0])

    for caller in both:
        await deal_named(services, caller, campaign.arc, campaign.subjects[0])
        (verdict,) = await submit(services, caller, swipe)
        assert verdict.verdict == "created"

    assert await campaign.ledger("person_id", "client_id") == [(caller.person_id, swipe.id) for caller in both]


async def test_a_card_is_answered_once_under_whatever_id(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    await deal_named(services, caller, campaign.arc, campaign.subjects[0])
    await submit(services, caller, a_swipe(campaign.arc, campaign.subjects[0], "yes"))

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, campaign.subjects[0], "no"))

    assert said(verdict) == ("rejected", "already_answered", "subject")
    assert len(await campaign.ledger("client_id")) == 1


async def test_the_same_swipe_again_is_a_duplicate_with_the_stored_outcome(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    await deal_named(services, caller, campaign.arc, campaign.subjects[0])
    swipe = a_swipe(campaign.arc, campaign.subjects[0])
    await submit(services, caller, swipe)

    again = [await submit(services, caller, swipe) for _ in range(2)]

    assert again == [[VerdictOut(id=swipe.id, verdict="duplicate", outcome="created")]] * 2
    assert len(await campaign.ledger("client_id")) == 1


async def test_what_repeats_a_card_or_an_id_within_a_batch_is_settled_by_the_first(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    first, second, _ = campaign.subjects
    await deal_named(services, caller, campaign.arc, first, second)
    swipe = a_swipe(campaign.arc, first, "yes")

    verdicts = await submit(
        services,
        caller,
        swipe,
        swipe,
        a_swipe(campaign.arc, first, "no"),
        a_swipe(campaign.arc, second, "yes", id=swipe.id),
        a_swipe(campaign.arc, second, "no"),
    )

    assert [said(verdict) for verdict in verdicts] == [
        ("created", None, None),
        ("duplicate", None, None),
        ("rejected", "already_answered", "subject"),
        ("rejected", "id_reused", "id"),
        ("created", None, None),
    ]
    assert await campaign.ledger("subject_id", "answer") == [(first, 1), (second, 0)]


async def test_what_repeats_a_refused_card_within_a_batch_is_refused_for_the_same_reason(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    answered, undealt, _ = campaign.subjects
    await deal_named(services, caller, campaign.arc, answered)
    await submit(services, caller, a_swipe(campaign.arc, answered))

    verdicts = await submit(
        services, caller, *(a_swipe(campaign.arc, subject) for subject in (answered, answered, undealt, undealt))
    )

    assert [verdict.reason for verdict in verdicts] == ["already_answered"] * 2 + ["never_dealt"] * 2


async def test_the_same_batches_from_two_phones_at_once_count_once(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("count: 2", "count: 50"), subjects=20)
    caller = await an_importer(campaign)
    await deal_named(services, caller, campaign.arc, *campaign.subjects)
    swipes = [a_swipe(campaign.arc, subject) for subject in campaign.subjects]
    orders = [swipes, swipes[::-1], swipes[::2] + swipes[1::2], swipes[10:]]

    replies = await asyncio.gather(*(submit(services, caller, *order) for order in orders))

    assert {verdict.verdict for reply in replies for verdict in reply} == {"created", "duplicate"}
    assert sum(verdict.verdict == "created" for reply in replies for verdict in reply) == 20
    assert sorted(await campaign.ledger("client_id")) == sorted((swipe.id,) for swipe in swipes)


async def test_two_answers_to_one_card_at_once_leave_one(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    answers: tuple[Word, Word] = ("yes", "no")
    ballots = [[Swipe(caller, a_swipe(campaign.arc, subject, answer), subject)] for answer in answers]

    replies = await asyncio.gather(*(services.classifications.count(ballot) for ballot in ballots))

    assert sorted(reply[0]["verdict"] for reply in replies) == ["created", "rejected"]
    assert len(await campaign.ledger("client_id")) == 1


async def test_deciding_votes_are_followed_by_label_and_next_stage(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    subject = campaign.subjects[0]

    await vote(services, campaign, campaign.arc, subject, "yes", "yes")

    stage = await campaign.stage(campaign.arc, subject)
    following = await campaign.stage(campaign.lens, subject)
    assert (stage["state"], stage["answer"], stage["revision"], stage["decided_ordinal"]) == (RETIRED, 1, 1, 2)
    assert (following["state"], following["ordinal"]) == (StageState.OPEN, 0)
    assert await campaign.piles() == {
        (campaign.lens, Tier.ORDINARY, subject),
        *((campaign.arc, Tier.ORDINARY, other) for other in campaign.subjects[1:]),
    }
    label = await database.fetchrow("SELECT answer, votes, routed_to, revision FROM label")
    assert label is not None
    assert tuple(label) == (1, 2, "lens", 1)
    announced = await database.fetch("SELECT kind, workflow_id, subject_id, revision, detail FROM outbox ORDER BY id")
    assert [tuple(row) for row in announced] == [
        ("subject.retired", campaign.arc, subject, 1, None),
        ("subject.moved_on", campaign.arc, subject, 1, '{"to": "lens"}'),
    ]
    assert await campaign.verified() == []


async def test_a_late_vote_is_kept_and_flips_nothing(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    subject = campaign.subjects[0]
    late = await an_importer(campaign)
    await deal_named(services, late, campaign.arc, subject)
    await vote(services, campaign, campaign.arc, subject, "yes", "yes")
    before = await campaign.stage(campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject, "no")

    (verdict,) = await submit(services, late, swipe)
    (again,) = await submit(services, late, swipe)

    assert said(verdict) == ("kept", "late", None)
    assert (again.verdict, again.outcome, again.reason, again.detail) == ("duplicate", "kept", "late", verdict.detail)
    after = await campaign.stage(campaign.arc, subject)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"late", "late_count", "ordinal", "last_vote_at"}
    assert (after["late_count"], await database.fetchval("SELECT count(*) FROM label")) == (1, 1)
    assert await campaign.verified() == []


async def test_audit_votes_go_to_sums_of_their_own(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("audit: 0", "audit: 0.5"))
    subject = campaign.subjects[0]
    await database.execute("UPDATE stage SET draw = 0 WHERE subject_id = $1", subject)
    await database.execute("UPDATE dealable SET draw = 0 WHERE subject_id = $1", subject)
    await vote(services, campaign, campaign.arc, subject, "yes", "yes")
    audited = (campaign.arc, Tier.AUDIT, subject) in await campaign.piles()
    before = await campaign.stage(campaign.arc, subject)

    await vote(services, campaign, campaign.arc, subject, "no")

    after = await campaign.stage(campaign.arc, subject)
    assert audited
    assert (after["audit_count"], after["answer"], after["late_count"], after["u_no"]) == (1, 1, 0, 0)
    assert after["audit"] < 0 == before["audit"]
    assert (await campaign.ledger("bucket", "exclusion"))[-1] == (Bucket.AUDIT, Exclusion.AUDIT)
    assert await database.fetchval("SELECT count(*) FROM label") == 1
    assert await campaign.verified() == []


async def test_a_vote_on_gold_teaches_and_tells_and_tells_again(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, gold=(1, 1))
    caller = await an_importer(campaign)
    no, yes = campaign.gold
    await deal_named(services, caller, campaign.arc, no, yes)
    swipes = [a_swipe(campaign.arc, no, "yes"), a_swipe(campaign.arc, yes, "yes")]

    verdicts = await submit(services, caller, *swipes)
    again = await submit(services, caller, *swipes)

    wrong = FeedbackOut(gold=True, answer="no", right=False, explanation="As the guide shows.")
    right = FeedbackOut(gold=True, answer="yes", right=True, explanation="As the guide shows.")
    assert [(verdict.verdict, verdict.feedback) for verdict in verdicts] == [("created", wrong), ("created", right)]
    assert [(each.verdict, each.outcome, each.feedback) for each in again] == [
        ("duplicate", "created", wrong),
        ("duplicate", "created", right),
    ]
    assert await campaign.skill(caller, campaign.arc) == (2, 0, 1, 0, 0, 1, 0)
    assert await campaign.verified() == []


async def test_a_vote_on_gold_that_was_withdrawn_teaches_nothing(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, gold=(1, 0))
    caller, (subject,) = await an_importer(campaign), campaign.gold
    await deal_named(services, caller, campaign.arc, subject)
    await database.execute("UPDATE gold_standard SET current = false")

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject))

    assert said(verdict) == ("kept", "gold_withdrawn", None)
    assert verdict.feedback is None
    assert (await campaign.skill(caller, campaign.arc))[0] == 0


async def test_votes_of_a_batch_are_weighed_with_the_gold_of_that_batch(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    caller = await an_importer(campaign)
    await deal_named(services, caller, campaign.arc, campaign.subjects[0], *campaign.gold)
    swipes = [a_swipe(campaign.arc, gold, "yes" if truth else "no") for gold, truth in campaign.gold.items()]

    await submit(services, caller, a_swipe(campaign.arc, campaign.subjects[0], "yes"), *swipes)

    voted = [row for row in await campaign.ledger("skill_revision", "bucket") if row[1] != Bucket.GOLD]
    assert voted == [(6, Bucket.PROVEN)]
    assert await campaign.verified() == []


async def test_a_vote_after_its_level_was_taken_away_is_kept_and_not_counted(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    subject = campaign.subjects[0]
    await vote(services, campaign, campaign.arc, subject, "yes", "yes")
    caller = await a_person(campaign, level=2)
    assert subjects_of(await deal(services, caller, campaign.lens)) == [subject]
    await grant(campaign, caller, 1)
    swipe = a_swipe(campaign.lens, subject)

    (verdict,) = await submit(services, caller, swipe)
    await grant(campaign, caller, 2)
    (again,) = await submit(services, caller, swipe)

    assert said(verdict) == ("kept", "level_lost", None)
    assert (again.verdict, again.outcome, again.reason) == ("duplicate", "kept", "level_lost")
    stage = await campaign.stage(campaign.lens, subject)
    assert (stage["ordinal"], stage["u_yes"], stage["excluded"], stage["in_flight"]) == (0, 0, 1, 0)
    assert await campaign.verified() == []


async def test_a_vote_in_a_workflow_that_is_no_longer_asked_is_kept(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await services.publishing.publish(ARC_THEN_LENS.replace("Is there an arc?", "Is there an arc or a ring?"))

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject))

    assert said(verdict) == ("kept", "workflow_retired", None)
    assert (await campaign.stage(campaign.arc, subject))["ordinal"] == 0
    assert await campaign.verified() == []


async def test_a_vote_on_an_expired_card_is_kept(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await campaign.pass_time("accepted_until")

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject))

    assert said(verdict) == ("kept", "card_expired", None)
    assert (await campaign.stage(campaign.arc, subject))["excluded"] == 1
    assert await campaign.ledger("bucket", "exclusion") == [(Bucket.IGNORED, Exclusion.CARD_EXPIRED)]


async def test_a_vote_after_its_reservation_ran_out_counts(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await campaign.pass_time("reserved_until")

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject))

    assert verdict.verdict == "created"


async def test_favourites_are_remembered_once_and_flags_retire(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("level: 2", "level: 2\n    flag: 2"))
    flagging = ARC_THEN_LENS.replace("name: arc", "name: arc\n    flag: 2").replace("count: 2", "count: 9")
    await services.publishing.publish(flagging)
    subject = campaign.subjects[0]
    both = [await an_importer(campaign), await an_importer(campaign)]
    swipe = a_swipe(campaign.arc, subject, "unsure", flag=True, favourite=True)

    for caller in both:
        await deal_named(services, caller, campaign.arc, subject)
        await submit(services, caller, swipe, swipe)

    stage = await campaign.stage(campaign.arc, subject)
    favourites = await database.fetch("SELECT person_id, subject_id FROM favourite ORDER BY person_id")
    assert (stage["state"], stage["answer"], stage["reason"], stage["flags"]) == (RETIRED, -1, 2, 2)
    assert [tuple(row) for row in favourites] == [(caller.person_id, subject) for caller in both]
    assert await campaign.verified() == []


async def test_a_subject_without_agreement_becomes_contested_and_then_retires_without_an_answer(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    subject = campaign.subjects[0]

    await vote(services, campaign, campaign.arc, subject, "yes", "no", "yes", "no")
    piled = {pile for pile in await campaign.piles() if pile[2] == subject}
    contested = await campaign.stage(campaign.arc, subject)
    await vote(services, campaign, campaign.arc, subject, "yes", "no")

    retired = await campaign.stage(campaign.arc, subject)
    assert (contested["state"], piled) == (StageState.CONTESTED, {(campaign.arc, Tier.CONTESTED, subject)})
    assert (retired["state"], retired["answer"], retired["decided_ordinal"]) == (RETIRED, -1, 6)
    assert await campaign.verified() == []


async def test_proven_agreement_retires_by_consensus(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    subject = campaign.subjects[0]
    for _ in range(2):
        caller = await an_importer(campaign)
        await show_skill(campaign, caller)
        await deal_named(services, caller, campaign.arc, subject)
        await submit(services, caller, a_swipe(campaign.arc, subject, "no"))

    stage = await campaign.stage(campaign.arc, subject)

    assert (stage["state"], stage["answer"], stage["reason"], stage["n_no"]) == (RETIRED, 0, 4, 2)


async def test_many_people_on_few_subjects_at_once_lose_no_vote(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("count: 2", "count: 7"), subjects=4)
    callers = [await a_person(campaign, level=2) for _ in range(16)]

    async def swipe_all(workflow: int, person: int) -> list[UUID]:
        taken = []
        for _ in range(4):
            deck = await deal(services, callers[person], workflow, 2)
            swipes = [a_swipe(workflow, number, "yes") for number in subjects_of(deck)]
            if swipes:
                verdicts = await submit(services, callers[person], *swipes)
                taken += [v.id for v in verdicts if v.verdict in ("created", "kept")]
        return taken

    acknowledged = await asyncio.gather(
        *(swipe_all(workflow, person) for workflow in (campaign.arc, campaign.lens) for person in range(16))
    )

    stored = [row[0] for row in await campaign.ledger("client_id")]
    assert sorted(stored) == sorted(each for taken in acknowledged for each in taken)
    assert await campaign.verified() == []
