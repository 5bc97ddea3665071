"""Two persons who turn out to be one: one vote on each subject, one record, and nothing lost."""

import asyncio
import csv
import random
from pathlib import Path

import pytest
from pydantic_core import to_json

from api.caller import Caller
from api.exports.columns import Table
from api.moderation_errors import SamePersonError
from api.services.ballot import Ballot, Swipe
from api.services.dealing import CLOCKS, seat_of
from api.services.exporting import Wish, exported
from api.services.house import Services
from api.services.merging import Merged, merge_persons
from api.services.published import PublishedCascades
from api.services.refitting import Outcome, Refitting, find_workflows
from api.store.decks import DeckStore
from api.store.engine import Connection
from cascade.vocabulary import EntryKind, Exclusion, Tier
from tests.services.campaigns import (
    RETIRED,
    SEQUENTIAL,
    SLUG,
    Campaign,
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
from tests.services.test_activity import until_now
from tests.services.test_recomputing import recompute

FOUR = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 4}, audit: 0}
"""
PATIENT = SEQUENTIAL.replace("min: 2, max: 4", "min: 2, max: 40")


async def merge(connection: Connection, first: Caller, second: Caller) -> Merged:
    """Let one turn out to be the other."""
    async with connection.transaction():
        return await merge_persons(
            connection,
            PublishedCascades(),
            random.Random(1),
            from_person=first.person_id,
            into_person=second.person_id,
        )


async def two_phones(services: Services, campaign: Campaign, *subjects: int) -> tuple[Caller, Caller]:
    """Add somebody with two phones, both of which hold cards of the subjects."""
    phones = await an_importer(campaign), await an_importer(campaign)
    for phone in phones:
        await deal_named(services, phone, campaign.arc, *subjects)
    return phones


async def counted(campaign: Campaign, subject: int) -> tuple[int, int, int]:
    """Return the votes that count on a subject: yes, no and unsure."""
    stage = await campaign.stage(campaign.arc, subject)
    yes, no, unsure = (stage[f"n_{answer}"] + stage[f"u_{answer}"] for answer in ("yes", "no", "unsure"))
    return yes, no, unsure


async def test_of_two_votes_on_one_card_the_earlier_counts(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    one, two, three = campaign.subjects
    first, second = await two_phones(services, campaign, one, two, three)
    early, late = a_swipe(campaign.arc, one, "yes"), a_swipe(campaign.arc, one, "no")
    await submit(services, first, early, a_swipe(campaign.arc, two, "unsure"))
    await submit(services, second, late, a_swipe(campaign.arc, three, "yes"))

    merged = await merge(database, first, second)

    assert merged == Merged(second.person_id, cards=2, votes_out=1)
    assert [await counted(campaign, each) for each in (one, two, three)] == [(1, 0, 0), (0, 0, 1), (1, 0, 0)]
    assert (await campaign.ledger("kind", "person_id", "client_id", "exclusion"))[-1] == (
        *(EntryKind.RETRACTION, second.person_id, late.id, Exclusion.MERGED),
    )
    assert await campaign.verified() == []


@pytest.mark.parametrize("early", [0, 1], ids=["the first's", "the second's"])
async def test_the_reply_to_a_swipe_whose_vote_gave_way_says_so(
    services: Services, database: Connection, early: int
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    phones = await two_phones(services, campaign, subject)
    swipes = [a_swipe(campaign.arc, subject), a_swipe(campaign.arc, subject)]
    await submit(services, phones[early], swipes[early])
    await submit(services, phones[1 - early], swipes[1 - early])

    await merge(database, *phones)
    (stays,) = await submit(services, phones[early], swipes[early])
    (gave_way,) = await submit(services, phones[1 - early], swipes[1 - early])

    assert (stays.verdict, stays.outcome) == ("duplicate", "created")
    assert (gave_way.verdict, gave_way.outcome, gave_way.reason) == ("duplicate", "kept", "merged")
    assert await counted(campaign, subject) == (1, 0, 0)


async def test_an_answer_that_did_nothing_gives_way_to_one_that_counts(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    first, second = await two_phones(services, campaign, subject)
    await campaign.database.execute("UPDATE card SET accepted_until = now() WHERE person_id = $1", first.person_id)
    (kept,) = await submit(services, first, a_swipe(campaign.arc, subject, "no"))
    await submit(services, second, a_swipe(campaign.arc, subject, "yes"))

    await merge(database, first, second)

    assert (kept.verdict, kept.reason) == ("kept", "card_expired")
    assert await counted(campaign, subject) == (1, 0, 0)
    assert await campaign.verified() == []


async def test_a_decided_subject_keeps_its_label_and_is_audited(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    (subject,) = campaign.subjects
    first, second = await two_phones(services, campaign, subject)
    await submit(services, first, a_swipe(campaign.arc, subject))
    await submit(services, second, a_swipe(campaign.arc, subject))

    await merge(database, first, second)

    stage = await campaign.stage(campaign.arc, subject)
    assert (stage["state"], stage["answer"], stage["audit_open"], stage["u_yes"]) == (RETIRED, 1, 1, 1)
    assert (campaign.arc, Tier.AUDIT, subject) in await campaign.piles()
    assert await campaign.verified() == []


async def test_an_open_card_gives_way_to_an_answered_one_and_its_swipe_is_kept(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=2)
    one, two = campaign.subjects
    first, second = await two_phones(services, campaign, one, two)
    await submit(services, first, a_swipe(campaign.arc, one))
    await submit(services, second, a_swipe(campaign.arc, two))
    await merge(database, first, second)
    offline = a_swipe(campaign.arc, two, "no"), a_swipe(campaign.arc, one, "no")

    (by_first,) = await submit(services, first, offline[0])
    (by_second,) = await submit(services, second, offline[1])
    (again,) = await submit(services, first, offline[0])
    (taken_back,) = await retract(services, first, offline[0].id)

    assert (by_first.verdict, by_first.reason) == (by_second.verdict, by_second.reason) == ("kept", "merged")
    assert (again.verdict, again.outcome, again.reason) == ("duplicate", "kept", "merged")
    assert taken_back.verdict == "duplicate"
    assert [await counted(campaign, each) for each in (one, two)] == [(1, 0, 0), (1, 0, 0)]
    assert await campaign.verified() == []


async def test_swipes_of_both_phones_for_one_card_count_once_in_one_batch(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    first, second = await two_phones(services, campaign, subject)
    await merge(database, first, second)

    verdicts = await asyncio.gather(
        submit(services, first, a_swipe(campaign.arc, subject)),
        submit(services, second, a_swipe(campaign.arc, subject)),
    )

    assert {each.verdict for (each,) in verdicts} <= {"created", "kept", "retry"}
    assert await counted(campaign, subject) == (1, 0, 0)


async def test_a_stale_token_deals_and_votes_for_the_one_person(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=4)
    first, second = await a_person(campaign), await a_person(campaign)
    key = new_id()
    before = subjects_of(await deal(services, first, campaign.arc, 2, key=key))
    await merge(database, first, second)

    again = subjects_of(await deal(services, first, campaign.arc, 2, key=key))
    rest = subjects_of(await deal(services, first, campaign.arc, 4, holding=before))
    verdicts = await submit(services, first, *(a_swipe(campaign.arc, each) for each in (*before, *rest)))
    nothing = await deal(services, second, campaign.arc, 4)

    assert again == before
    assert set(before) | set(rest) == set(campaign.subjects)
    assert [each.verdict for each in verdicts] == ["created"] * 4
    assert await database.fetch("SELECT FROM card WHERE person_id = $1", first.person_id) == []
    assert await database.fetch("SELECT FROM skill WHERE person_id = $1", first.person_id) == []
    assert (nothing.cards, nothing.reason) == ([], "all_seen")
    assert await campaign.verified() == []


async def test_a_first_deck_under_a_stale_token_is_the_one_persons(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    first, second = await a_person(campaign), await a_person(campaign)
    await merge(database, first, second)

    decks = await asyncio.gather(
        *(deal(services, each, campaign.arc, size) for each, size in ((first, 1), (second, 2)))
    )

    assert sum(len(deck.cards) for deck in decks) in (2, 3)
    assert {row[0] for row in await database.fetch("SELECT person_id FROM card")} == {second.person_id}
    assert {row[0] for row in await database.fetch("SELECT person_id FROM skill")} == {second.person_id}


async def test_a_vote_given_before_can_be_taken_back_after(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=2)
    one, two = campaign.subjects
    first, second = await two_phones(services, campaign, one, two)
    swipe, untimely = a_swipe(campaign.arc, one), a_swipe(campaign.arc, two)
    await submit(services, first, swipe)
    await retract(services, first, untimely.id)
    await merge(database, first, second)

    (taken_back,) = await retract(services, second, swipe.id)
    (kept,) = await submit(services, second, untimely)
    answered = await submit(services, first, a_swipe(campaign.arc, one, "no"), a_swipe(campaign.arc, two, "no"))

    assert taken_back.verdict == "retracted"
    assert (kept.verdict, kept.reason) == ("kept", "retracted")
    assert [each.verdict for each in answered] == ["created", "created"]
    assert [await counted(campaign, each) for each in (one, two)] == [(0, 1, 0), (0, 1, 0)]
    assert await campaign.verified() == []


async def test_gold_teaches_once_and_the_replay_finds_every_record(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, PATIENT, subjects=6, gold=(4, 4))
    gold, subjects = list(campaign.gold), campaign.subjects
    first, second = await two_phones(services, campaign, *gold, *subjects)

    async def answer(phone: Caller, *cards: int, wrong: bool = False) -> None:
        for card in cards:
            right = campaign.gold.get(card, 1) != wrong
            await submit(services, phone, a_swipe(campaign.arc, card, "yes" if right else "no"))

    await answer(first, *gold[:3], subjects[0])
    await answer(second, *gold[2:5], wrong=True)
    await answer(second, subjects[1])
    await answer(first, *gold[4:6], subjects[2])
    merged = await merge(database, first, second)
    await answer(first, subjects[3])
    await answer(second, gold[6], subjects[4])
    await answer(first, gold[7], subjects[5])

    assert merged.votes_out == 2
    assert await campaign.skill(second, campaign.arc) == (3 + 3 + 2 + 1 + 2, 3, 1, 0, 1, 3, 0)
    assert await campaign.verified() == []


async def test_a_record_is_taken_apart_where_the_first_had_voted_on_what_is_gold_now(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, PATIENT, subjects=1, gold=(3, 3))
    (subject,) = campaign.subjects
    first, second = await two_phones(services, campaign, subject)
    await submit(services, first, a_swipe(campaign.arc, subject))
    await database.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'arc', 1, $2, 1, 7)",
        *(subject, campaign.project),
    )
    await database.execute("UPDATE card SET gold = true WHERE person_id = $1", second.person_id)
    await submit(services, second, a_swipe(campaign.arc, subject))

    await merge(database, first, second)

    assert await campaign.skill(second, campaign.arc) == (2, 0, 0, 0, 0, 0, 0)
    assert await counted(campaign, subject) == (1, 0, 0)
    assert await campaign.verified() == []


async def test_three_persons_become_one_in_any_order(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, PATIENT, subjects=3, gold=(3, 3))
    gold, subjects = list(campaign.gold), campaign.subjects
    first, second = await two_phones(services, campaign, *gold, *subjects)
    third, _ = await two_phones(services, campaign, *gold, *subjects)
    for phone, card in ((first, gold[0]), (second, gold[3]), (third, gold[0]), (second, gold[0]), (third, gold[4])):
        await submit(services, phone, a_swipe(campaign.arc, card))
    for phone in (first, second, third):
        await submit(services, phone, a_swipe(campaign.arc, subjects[0]))

    await merge(database, second, third)
    await submit(services, second, a_swipe(campaign.arc, subjects[1]))
    merged = await merge(database, second, first)
    await submit(services, second, a_swipe(campaign.arc, subjects[2]), a_swipe(campaign.arc, gold[5]))

    assert merged.into_person == first.person_id
    assert await database.fetch("SELECT from_person_id, into_person_id FROM person_merge ORDER BY 1") == [
        (second.person_id, first.person_id),
        (third.person_id, first.person_id),
    ]
    assert [await counted(campaign, each) for each in subjects] == [(1, 0, 0)] * 3
    assert (await campaign.skill(first, campaign.arc))[1:] == (0, 1, 0, 0, 3, 0)
    assert await campaign.verified() == []


async def test_one_person_cannot_be_merged_with_themselves(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    first, second = await a_person(campaign), await a_person(campaign)
    with pytest.raises(SamePersonError):
        await merge(database, first, first)
    await merge(database, first, second)
    for pair in ((first, second), (second, first)):
        with pytest.raises(SamePersonError):
            await merge(database, *pair)


async def test_why_tells_of_the_vote_that_was_taken_out(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=1)
    (subject,) = campaign.subjects
    first, second = await two_phones(services, campaign, subject)
    await submit(services, first, a_swipe(campaign.arc, subject, "yes"))
    await submit(services, second, a_swipe(campaign.arc, subject, "no"))
    await merge(database, first, second)

    (stage,) = (await services.explanations.why(None, subject))["workflows"]

    assert [(step["kind"], step["why_not"]) for step in stage["steps"]] == [
        ("vote", None),
        ("vote", None),
        ("retraction", "merged"),
    ]
    assert "the same person had answered before" in stage["steps"][-1]["in_words"]
    assert (stage["discrepancies"], stage["notes"]) == ([], [])


async def test_calibrations_before_and_after_weigh_the_votes_of_both_and_the_replay_agrees(
    services: Services, database: Connection, database_url: str
) -> None:
    campaign = await a_campaign(services, database, PATIENT, subjects=6, gold=(4, 4))
    gold, subjects = list(campaign.gold), campaign.subjects
    first, second = await two_phones(services, campaign, *gold, *subjects)
    others = [await an_importer(campaign) for _ in range(3)]
    for phone in others:
        await deal_named(services, phone, campaign.arc, *gold, *subjects)

    async def answer(phone: Caller, *cards: int) -> None:
        for card in cards:
            right = campaign.gold.get(card, card % 2) != (card % 5 == phone.person_id % 5)
            await submit(services, phone, a_swipe(campaign.arc, card, "yes" if right else "no"))

    async def refit() -> Outcome:
        refitting = Refitting(database, database_url, PublishedCascades(), random.Random(1))
        (candidate,) = await find_workflows(database, SLUG, "arc")
        return await refitting.refit(candidate)

    for phone in (first, *others):
        await answer(phone, *gold[:6], *subjects[:3])
    await answer(second, *gold[4:7], *subjects[2:4])
    await refit()
    await merge(database, first, second)
    await answer(second, gold[7], subjects[4])
    for phone in others:
        await answer(phone, *gold[6:], *subjects[3:5])
    outcome = await refit()
    await answer(first, subjects[5])

    assert outcome.calibration is not None
    assert outcome.calibration.revision == 2
    assert outcome.report["volunteers"] == 4
    assert await campaign.verified() == []


async def test_a_swipe_and_a_deck_that_waited_for_a_merge_are_the_one_persons(
    services: Services, database: Connection, connect: Connect
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=4)
    one, two, *_ = campaign.subjects
    first, second = await two_phones(services, campaign, one)
    await deal_named(services, first, campaign.arc, two)
    await submit(services, second, a_swipe(campaign.arc, one))
    merging = await connect()

    async with merging.transaction():
        await merge_persons(
            *(merging, PublishedCascades(), random.Random(1)),
            from_person=first.person_id,
            into_person=second.person_id,
        )
        swiping = asyncio.create_task(submit(services, first, a_swipe(campaign.arc, two), a_swipe(campaign.arc, one)))
        dealing = asyncio.create_task(deal(services, first, campaign.arc, 2))
        taking_back = asyncio.create_task(retract(services, first, new_id()))
        while await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 3:  # noqa: ASYNC110  # no event of ours
            await asyncio.sleep(0.01)

    assert [(each.verdict, each.reason) for each in await swiping] == [("created", None), ("kept", "merged")]
    assert len((await dealing).cards) == 2
    assert [each.verdict for each in await taking_back] == ["awaited"]
    for table in ("card", "skill", "swipe_key", "deck"):
        assert await _persons(database, table) == {second.person_id}, table
    assert await campaign.verified() == []


async def test_a_merge_waits_for_votes_and_decks_that_are_under_way(
    services: Services, database: Connection, connect: Connect
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=3)
    one, two, three = campaign.subjects
    first, second = await two_phones(services, campaign, one)
    voting, dealing, merging = await connect(), await connect(), await connect()
    dealt = DeckStore(dealing, [seat_of(first, campaign.arc, new_id())])

    async with dealing.transaction():
        async with voting.transaction():
            ballot = Ballot(voting, PublishedCascades(), random.Random(1))
            await ballot.count([Swipe(first, a_swipe(campaign.arc, one), one)])
            task = asyncio.create_task(merge(merging, first, second))
            while not await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  # no event of ours
                await asyncio.sleep(0.01)
            await dealt.sit_down()
        await dealt.deal_named(0, [(two, False), (three, False)], CLOCKS)
    merged = await task

    assert merged.cards == 3
    assert await _persons(database, "card") == {second.person_id}
    assert await counted(campaign, one) == (1, 0, 0)


async def test_exports_say_which_votes_gave_way_and_labels_are_recomputed_from_them(
    services: Services, database: Connection, database_url: str, tmp_path: Path
) -> None:
    campaign = await a_campaign(services, database, FOUR, subjects=2)
    one, two = campaign.subjects
    first, second = await two_phones(services, campaign, one, two)
    gives_way, taken_back = a_swipe(campaign.arc, one, "no"), a_swipe(campaign.arc, two, "no")
    await submit(services, first, a_swipe(campaign.arc, one, "yes"), taken_back)
    await submit(services, second, gives_way)
    await vote(services, campaign, campaign.arc, two, "yes", "no")
    await merge(database, first, second)
    await retract(services, second, taken_back.id)
    await vote(services, campaign, campaign.arc, one, "yes", "no", "yes")
    await vote(services, campaign, campaign.arc, two, "yes", "yes")

    for table, name in ((Table.VOTES, "votes.csv"), (Table.LABELS, "labels.csv")):
        with (tmp_path / name).open("wb") as file:
            done = await exported(database, database_url, SLUG, Wish(table, all_revisions=True), file.write)
        (tmp_path / f"{name}.json").write_bytes(to_json(done.description))
    rows = list(csv.DictReader((tmp_path / "votes.csv").read_text().splitlines()))
    recomputed = recompute(tmp_path)

    why = {row["id"]: row["why_not"] for row in rows if row["kind"] == "vote"}
    assert (why.pop(str(gives_way.id)), why.pop(str(taken_back.id))) == ("merged", "retracted")
    assert set(why.values()) == {""}
    assert recomputed.stdout == "2 of 2 labels recomputed, equal to the stored ones\n"


async def test_all_else_that_was_the_firsts_is_the_seconds(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, FOUR)
    first, second = await two_phones(services, campaign, *campaign.subjects)
    for phone, subject in zip((first, second), campaign.subjects, strict=False):
        await submit(services, phone, a_swipe(campaign.arc, subject, favourite=True))
    await until_now(database)
    await submit(services, first, a_swipe(campaign.arc, campaign.subjects[2]))
    (a, b), project = (first.person_id, second.person_id), campaign.project
    await database.execute(
        f"INSERT INTO level_grant (person_id, project_id, level, ends_at) VALUES ({a}, {project}, 2, NULL),"
        f" ({b}, {project}, 2, now()), ({a}, {project}, 3, now()), ({b}, {project}, 3, 'infinity');"
        f"INSERT INTO member (project_id, person_id, role) VALUES ({project}, {a}, 'owner'), ({project}, {b}, 'owner'),"
        f" ({project}, {a}, 'moderator');"
        f"INSERT INTO push_wish VALUES ({a}, {campaign.arc}, now(), now(), now());"
        f"INSERT INTO push_told VALUES ({a}, now());"
        f"INSERT INTO candidate (project_id, person_id, level, promotion_id) VALUES ({project}, {a}, 4, 1);"
        f"INSERT INTO level_check (project_id, person_id) VALUES ({project}, {a});"
        f"INSERT INTO note (project_id, person_id, body) VALUES ({project}, {a}, 'kind');"
        f"INSERT INTO report (project_id, by_volunteer_id, about_person_id, kind, body)"
        f" VALUES ({project}, 1, {a}, 'spam', 'look');"
        f"INSERT INTO ban (project_id, person_id, volunteer_id, why, until) VALUES ({project}, {a}, 1, 'spam', NULL),"
        f" ({project}, {b}, 1, 'spam', now());"
    )

    await merge(database, first, second)
    await until_now(database)

    for table in ("card", "swipe_key", "deck", "favourite", "activity_day", "skill", "level_grant", "member", "note"):
        assert await _persons(database, table) == {b}, table
    for table in ("push_wish", "push_told", "candidate", "level_check", "ban", "volunteer"):
        assert a not in await _persons(database, table), table
    assert await database.fetchval("SELECT about_person_id FROM report") == b
    assert await database.fetch("SELECT level, ends_at FROM level_grant WHERE ends_at IS NULL") == [(2, None)]
    assert await database.fetchval("SELECT sum(votes) FROM activity_day") == 3
    assert await database.fetchrow("SELECT volunteers, votes FROM project_total") == (1, 3)
    assert await database.fetch("SELECT until FROM ban WHERE lifted_at IS NULL") == [(None,)]


async def _persons(database: Connection, table: str) -> set[int]:
    return {row[0] for row in await database.fetch(f"SELECT person_id FROM {table}")}
