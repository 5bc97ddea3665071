"""What the replay of a project finds, and what it does not take for wrong."""

from api.services.house import Services
from api.services.published import PublishedCascades
from api.services.verifying import verify
from api.store.engine import Connection
from tests.services.campaigns import (
    ARC_THEN_LENS,
    a_campaign,
    a_swipe,
    an_importer,
    deal_named,
    retract,
    submit,
    vote,
)

LIKELY_LENS = ARC_THEN_LENS.replace("    level: 2\n", "    level: 2\n    when: {score: machine, at_least: 0.5}\n")


async def test_votes_that_are_gone_from_the_ledger_are_missed(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    subject = campaign.subjects[0]
    await vote(services, campaign, campaign.arc, subject, "yes")

    await database.execute("DELETE FROM classification")

    wrong = await campaign.verified()
    assert f"stage of S{subject} in workflow {campaign.arc}: u_yes is 1, the replay gives 0" in wrong


async def test_a_vote_on_a_retired_subject_may_be_taken_back_under_a_version_that_no_longer_asks(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, caller, swipe)
    await vote(services, campaign, campaign.arc, subject, "yes")
    await services.publishing.publish(ARC_THEN_LENS.replace("Is there an arc?", "Is there a ring?"))

    (verdict,) = await retract(services, caller, swipe.id)

    assert verdict.verdict == "retracted"
    assert await campaign.verified() == []


async def test_a_score_that_was_set_after_a_route_does_not_make_it_wrong(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, LIKELY_LENS, scores=(0.9,))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes")

    await database.execute("UPDATE score SET value = 0.1, revision = 2, set_at = now()")

    assert await campaign.verified() == []


async def test_a_route_by_a_score_that_was_not_set_again_is_held_to_it(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, LIKELY_LENS, scores=(0.9,))
    subject = campaign.subjects[0]
    await vote(services, campaign, campaign.arc, subject, "yes", "yes")

    await database.execute("UPDATE label SET routed_to = NULL")

    assert await campaign.verified() == [
        f"label of S{subject} in workflow {campaign.arc}: routed to None, the cascade says lens"
    ]


async def test_what_an_earlier_engine_weighed_is_left_out_and_counted_but_its_routes_are_compared(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, subjects=2)
    for subject in campaign.subjects:
        await vote(services, campaign, campaign.arc, subject, "yes", "yes")
    first = campaign.subjects[0]
    await database.execute(
        "UPDATE stage SET earlier = ordinal, if_yes = if_yes + 1 WHERE subject_id = $1 AND ordinal > 0", first
    )
    await database.execute("UPDATE label SET log_odds = log_odds + 1 WHERE subject_id = $1", first)

    found = await verify(database, PublishedCascades(), "lenses")
    (stage, *_) = (await services.explanations.why(None, first))["workflows"]
    await database.execute("UPDATE label SET routed_to = NULL WHERE subject_id = $1", first)

    assert (found.earlier, found.labels, list(found.discrepancies)) == (1, 1, [])
    assert "up to step 2 was weighed and judged by an earlier version" in stage["notes"][0]
    assert len(await campaign.verified()) == 1
