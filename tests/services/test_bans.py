"""Bans: who is kept out, and what becomes of the votes of the banned."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.caller import Caller
from api.errors import BannedError, UnknownProjectError, UnknownVolunteerError
from api.moderation_errors import AlreadyBannedError, NotBannedError
from api.services.bans import BanWish, Excluding
from api.services.house import Services
from api.services.published import PublishedCascades
from api.store.bans import Ban
from api.store.engine import Connection
from api.store.failures import UNREACHABLE
from cascade.vocabulary import EntryKind, Exclusion, Tier
from mobile_schemas.volunteers import volunteer_id
from tests.services.campaigns import (
    RETIRED,
    SLUG,
    Campaign,
    a_campaign,
    a_person,
    a_swipe,
    an_importer,
    deal,
    deal_named,
    retract,
    submit,
    vote,
)
from tests.services.crashing import Crash, KilledError, crash, crashing
from tests.services.test_merging import FOUR, merge
from tests.services.test_retractions import SUMS


async def ban(services: Services, person: Caller, *, exclude: bool = False, **more: Any) -> Ban:
    """Ban somebody."""
    return await services.bans.ban(BanWish(SLUG, person.volunteer_id, "spam", exclude_votes=exclude, **more))


async def lift(services: Services, person: Caller) -> Ban:
    """Lift a ban."""
    return await services.bans.lift(SLUG, person.volunteer_id, None, "sorry")


async def take_out(connection: Connection, batch: int = 2) -> None:
    """Do what the worker does."""
    await Excluding(PublishedCascades(), random.Random(1), batch).turn(connection)


async def a_spammer(services: Services, campaign: Campaign, *subjects: int) -> Caller:
    """Add somebody who says yes to these subjects."""
    spammer = await an_importer(campaign)
    await deal_named(services, spammer, campaign.arc, *subjects)
    await submit(services, spammer, *(a_swipe(campaign.arc, each, flag=True) for each in subjects))
    return spammer


async def test_the_banned_get_no_deck_and_their_swipes_are_kept(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=4)
    person = await a_person(campaign)
    deck = await deal(services, person, campaign.arc, 2)
    await ban(services, person)

    with pytest.raises(BannedError):
        await deal(services, person, campaign.arc, 2)
    (kept,) = await submit(services, person, a_swipe(campaign.arc, int(deck.cards[0].subject[1:])))
    await lift(services, person)
    more = await deal(services, person, campaign.arc, 4)

    assert (kept.verdict, kept.reason) == ("kept", "banned")
    assert more.cards
    assert await campaign.verified() == []


async def test_a_ban_ends_by_itself(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    person = await a_person(campaign)
    await ban(services, person, until=datetime.now(UTC) + timedelta(days=1))
    await database.execute("UPDATE ban SET until = now()")

    deck = await deal(services, person, campaign.arc, 2)
    again = await ban(services, person)

    assert deck.cards
    assert again.until is None
    assert await database.fetchval("SELECT count(*) FROM ban") == 2


async def test_bans_are_of_known_volunteers_and_one_at_a_time(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    person = await a_person(campaign)

    with pytest.raises(NotBannedError):
        await lift(services, person)
    with pytest.raises(UnknownProjectError):
        await services.bans.ban(BanWish("nowhere", person.volunteer_id, "spam"))
    with pytest.raises(UnknownVolunteerError):
        await services.bans.ban(BanWish(SLUG, 999_999, "spam"))
    await ban(services, person)
    with pytest.raises(AlreadyBannedError, match=f"{volunteer_id(person.volunteer_id)} is banned from {SLUG} for good"):
        await ban(services, person)


async def test_sums_after_an_exclusion_are_as_if_the_person_had_never_voted(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=5)
    *spammed, spared = campaign.subjects
    spammer = await a_spammer(services, campaign, *spammed)
    for subject in campaign.subjects:
        await vote(services, campaign, campaign.arc, subject, "yes", "no")

    await ban(services, spammer, exclude=True)
    await take_out(database)

    after = [await campaign.stage(campaign.arc, subject) for subject in campaign.subjects]
    assert [[stage[name] for name in SUMS] for stage in after] == [[after[-1][name] for name in SUMS]] * 5
    assert after[-1]["subject_id"] == spared
    assert await database.fetchrow("SELECT votes_excluded, excluded_at IS NOT NULL FROM ban") == (4, True)
    assert (await campaign.ledger("kind", "exclusion"))[-4:] == [(EntryKind.RETRACTION, Exclusion.BANNED)] * 4
    assert await campaign.verified() == []


async def test_only_votes_since_a_moment_are_excluded_if_so_wished(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    one, two, _ = campaign.subjects
    spammer = await a_spammer(services, campaign, one, two)
    moment = datetime.now(UTC)
    await database.execute("UPDATE card SET received_at = $1 WHERE subject_id = $2", moment - timedelta(hours=1), one)

    await ban(services, spammer, exclude=True, votes_since=moment - timedelta(minutes=30))
    await take_out(database)

    assert [(await campaign.stage(campaign.arc, each))["u_yes"] for each in (one, two)] == [1, 0]
    assert await database.fetchval("SELECT votes_excluded FROM ban") == 1


async def test_what_the_excluded_votes_decided_is_audited(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    one, two, three = campaign.subjects
    spammer = await a_spammer(services, campaign, one, three)
    for subject in (one, two):
        await vote(services, campaign, campaign.arc, subject, "yes", "yes")

    await ban(services, spammer, exclude=True)
    await take_out(database)

    audits = [(await campaign.stage(campaign.arc, each))["audit_open"] for each in campaign.subjects]
    assert audits == [1, 0, 0]
    assert (await campaign.stage(campaign.arc, one))["state"] == RETIRED
    assert (campaign.arc, Tier.AUDIT, one) in await campaign.piles()
    assert await campaign.verified() == []


async def test_the_cards_of_excluded_votes_stay_answered(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    spammer = await an_importer(campaign)
    await deal_named(services, spammer, campaign.arc, subject)
    swipe = a_swipe(campaign.arc, subject)
    await submit(services, spammer, swipe)
    await ban(services, spammer, exclude=True)
    await take_out(database)
    await lift(services, spammer)

    (again,) = await submit(services, spammer, swipe)
    (another,) = await submit(services, spammer, a_swipe(campaign.arc, subject))
    (taken_back,) = await retract(services, spammer, swipe.id)
    await take_out(database)

    assert (again.verdict, again.outcome, again.reason) == ("duplicate", "kept", "banned")
    assert (another.verdict, another.reason) == ("rejected", "already_answered")
    assert taken_back.verdict == "duplicate"
    assert (await campaign.stage(campaign.arc, subject))["u_yes"] == 0
    assert len(await campaign.ledger("kind")) == 2
    assert await campaign.verified() == []


async def test_why_and_the_replay_tell_of_an_excluded_vote(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    spammer = await a_spammer(services, campaign, subject)
    await ban(services, spammer, exclude=True)
    await take_out(database)

    (stage,) = (await services.explanations.why(None, subject))["workflows"]

    assert [(step["kind"], step["why_not"]) for step in stage["steps"]] == [("vote", None), ("retraction", "banned")]
    assert "banned" in stage["steps"][-1]["in_words"]
    assert (stage["discrepancies"], stage["notes"]) == ([], [])


async def test_an_exclusion_that_was_killed_goes_on(
    services: Services, database: Connection, database_url: str
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=5)
    spammer = await a_spammer(services, campaign, *campaign.subjects)
    await ban(services, spammer, exclude=True)
    out = []

    async with crashing(database_url) as bench:
        for planned in (Crash.CUT_AFTER_COMMIT, Crash.CUT_BEFORE_COMMIT, Crash.ROLLED_BACK, Crash.CUT_AFTER_COMMIT):
            crash.set(planned)
            async with bench.pool.acquire() as connection:
                with pytest.raises((KilledError, *UNREACHABLE)):
                    await take_out(connection)
            out.append(await database.fetchrow("SELECT votes_excluded, excluded_at FROM ban"))
        crash.set(Crash.NONE)
    await take_out(database)

    assert out == [(2, None), (2, None), (2, None), (4, None)]
    assert await database.fetchrow("SELECT votes_excluded, excluded_at IS NOT NULL FROM ban") == (5, True)
    assert [(await campaign.stage(campaign.arc, each))["u_yes"] for each in campaign.subjects] == [0] * 5
    assert await campaign.verified() == []


async def test_a_ban_stays_and_goes_on_when_the_person_turns_out_to_be_another(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=3)
    one, two, three = campaign.subjects
    spammer, other = await a_spammer(services, campaign, one, two), await a_spammer(services, campaign, two, three)
    await ban(services, spammer, exclude=True)

    await merge(database, spammer, other)
    await take_out(database)

    with pytest.raises(BannedError):
        await deal(services, other, campaign.arc, 1)
    assert [(await campaign.stage(campaign.arc, each))["u_yes"] for each in campaign.subjects] == [0, 0, 0]
    assert await campaign.verified() == []


async def test_excluded_votes_and_merged_persons_go_together(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=3)
    one, two, three = campaign.subjects
    spammer, other = await a_spammer(services, campaign, one, two), await a_spammer(services, campaign, two, three)
    await ban(services, spammer, exclude=True)
    await take_out(database)

    merged = await merge(database, spammer, other)

    assert merged.votes_out == 0
    assert [(await campaign.stage(campaign.arc, each))["u_yes"] for each in campaign.subjects] == [0, 1, 1]
    assert await campaign.verified() == []
