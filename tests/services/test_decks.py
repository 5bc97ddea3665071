"""What is dealt to whom: the same for the same key, nothing twice, nothing that tells gold from the rest."""

import asyncio
import uuid
from collections import Counter

import pytest
from pydantic_core import to_json

from api.errors import (
    DeckKeyReusedError,
    LevelNotHeldError,
    NotAllowedError,
    UnknownSubjectsError,
    UnknownWorkflowError,
    WorkflowRetiredError,
)
from api.services.house import Services
from api.store.engine import Connection
from cascade.dealing import gold_share
from cascade.vocabulary import StageState, Tier
from mobile_schemas.decks import DeckIn
from tests.services.campaigns import (
    ARC_THEN_LENS,
    SEQUENTIAL,
    SHARP_EYES,
    a_campaign,
    a_person,
    a_swipe,
    an_importer,
    deal,
    deal_named,
    people,
    show_skill,
    subjects_of,
    submit,
    vote,
)

BLIND = (15, 15, 0, 15, 15, 0)
"""Gold answers of somebody who guesses: no x3, yes x3."""

COUNT_9 = ARC_THEN_LENS.replace("count: 2", "count: 9")


async def test_a_deck_holds_each_subject_once_and_none_that_was_seen(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=12)
    caller = await a_person(campaign)

    first = subjects_of(await deal(services, caller, campaign.arc, 8))
    second = subjects_of(await deal(services, caller, campaign.arc, 8, holding=first))
    third = await deal(services, caller, campaign.arc, 8, holding=first + second)

    assert (len(first), len(second)) == (8, 4)
    assert sorted(first + second) == sorted(campaign.subjects)
    assert (third.cards, third.reason) == ([], "all_seen")


async def test_the_same_key_brings_the_same_deck(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=30, gold=(5, 5))
    caller, key = await a_person(campaign), uuid.uuid4()
    first = await deal(services, caller, campaign.arc, 10, key=key)
    await submit(services, caller, a_swipe(campaign.arc, subjects_of(first)[0]))

    again = await deal(services, caller, campaign.arc, 10, key=key)

    assert again == first
    assert await database.fetchval("SELECT sum(in_flight) FROM stage") <= 10


async def test_two_requests_with_one_key_at_once_bring_one_deck(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=40)
    caller, key = await a_person(campaign), uuid.uuid4()

    decks = await asyncio.gather(*(deal(services, caller, campaign.arc, 5, key=key) for _ in range(6)))

    assert decks == [decks[0]] * 6
    assert await database.fetchval("SELECT count(*) FROM card") == len(decks[0].cards) == 5
    assert await database.fetchval("SELECT sum(in_flight) FROM stage") == 5


async def test_two_processes_give_one_key_one_deck(
    services: Services, other_services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, subjects=40)
    caller = await a_person(campaign)
    for _ in range(5):
        key = uuid.uuid4()

        one, other = await asyncio.gather(
            deal(services, caller, campaign.arc, 3, key=key, holding=campaign.subjects),
            deal(other_services, caller, campaign.arc, 3, key=key, holding=campaign.subjects),
        )

        assert one == other
        assert len(one.cards) == 3


async def test_a_key_is_for_one_workflow(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller, key = await a_person(campaign, level=2), uuid.uuid4()
    await deal(services, caller, campaign.arc, 2, key=key)

    with pytest.raises(DeckKeyReusedError):
        await deal(services, caller, campaign.lens, 2, key=key)


async def test_two_people_may_use_the_same_key(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, COUNT_9, subjects=40)
    key = uuid.uuid4()

    for caller in await people(campaign, 2):
        assert len((await deal(services, caller, campaign.arc, 5, key=key)).cards) == 5


@pytest.mark.parametrize("level", [1, 2])
async def test_a_workflow_is_dealt_from_its_level_on(services: Services, database: Connection, level: int) -> None:
    campaign = await a_campaign(services, database)
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes")
    caller = await a_person(campaign, level=level)

    if level == 1:
        with pytest.raises(LevelNotHeldError) as refused:
            await deal(services, caller, campaign.lens)
        assert (refused.value.needed, refused.value.held) == (2, 1)
        assert await database.fetchval("SELECT count(*) FROM card WHERE person_id = $1", caller.person_id) == 0
    else:
        assert subjects_of(await deal(services, caller, campaign.lens)) == [campaign.subjects[0]]


async def test_an_unknown_workflow_and_a_closed_one_are_named(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await a_person(campaign)
    await services.publishing.publish(ARC_THEN_LENS.replace("Is there an arc?", "Is there a ring?"))

    with pytest.raises(WorkflowRetiredError):
        await deal(services, caller, campaign.arc)
    with pytest.raises(UnknownWorkflowError):
        await deal(services, caller, 999_999)


async def test_one_refused_request_does_not_spoil_those_dealt_together_with_it(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, COUNT_9, subjects=40)
    callers = await people(campaign, 6)
    workflows = [campaign.arc, 999_999, campaign.lens, campaign.arc, 999_998, campaign.arc]

    replies = await asyncio.gather(
        *(deal(services, caller, workflow, 4) for caller, workflow in zip(callers, workflows, strict=True)),
        return_exceptions=True,
    )

    kinds = [type(reply) if isinstance(reply, BaseException) else len(reply.cards) for reply in replies]
    assert kinds == [4, UnknownWorkflowError, LevelNotHeldError, 4, UnknownWorkflowError, 4]


async def test_no_more_cards_than_needed_are_on_their_way_though_fifty_ask_at_once(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, subjects=20)
    callers = await people(campaign, 50)

    decks = await asyncio.gather(*(deal(services, caller, campaign.arc, 5) for caller in callers))

    dealt = Counter(subject for deck in decks for subject in subjects_of(deck))
    stages = await database.fetch("SELECT subject_id, in_flight, need FROM stage")
    assert {row[0]: row[1] for row in stages} == dict.fromkeys(campaign.subjects, 2)
    assert set(dealt.values()) == {2}
    assert {deck.reason for deck in decks if not deck.cards} == {"all_dealt"}
    assert all(row[1] <= row[2] for row in stages)


async def test_a_vote_frees_its_place_and_the_need_shrinks(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    first, second, third = await people(campaign, 3)
    (subject,) = subjects_of(await deal(services, first, campaign.arc))
    await submit(services, first, a_swipe(campaign.arc, subject, "yes"))

    decks = [await deal(services, caller, campaign.arc) for caller in (second, third)]

    assert [subjects_of(deck) for deck in decks] == [[subject], []]


async def test_reservations_that_run_out_free_the_subject(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1)
    one, two, three, four = await people(campaign, 4)
    for caller in (one, two):
        assert len((await deal(services, caller, campaign.arc)).cards) == 1
    assert (await deal(services, three, campaign.arc)).reason == "all_dealt"

    await campaign.pass_time("reserved_until")
    after = [subjects_of(await deal(services, caller, campaign.arc)) for caller in (three, four)]

    assert after == [list(campaign.subjects)] * 2
    stage = await campaign.stage(campaign.arc, campaign.subjects[0])
    assert stage["in_flight"] == 2


async def test_the_cards_of_a_lost_reply_are_dealt_again_first(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=30, gold=(5, 5))
    caller = await a_person(campaign)
    lost = subjects_of(await deal(services, caller, campaign.arc, 6))
    await submit(services, caller, a_swipe(campaign.arc, lost[0]))
    flying = await database.fetchval("SELECT sum(in_flight) FROM stage")

    again = await deal(services, caller, campaign.arc, 5)

    assert set(subjects_of(again)) == set(lost[1:])
    assert await database.fetchval("SELECT sum(in_flight) FROM stage") == flying


async def test_what_the_phone_holds_is_not_dealt_again(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=30)
    caller = await a_person(campaign)
    held = subjects_of(await deal(services, caller, campaign.arc, 6))

    others = subjects_of(await deal(services, caller, campaign.arc, 6, holding=held[:4]))

    assert set(held[4:]) < set(others)
    assert not set(held[:4]) & set(others)
    assert len(others) == 6


async def test_a_lost_card_is_dealt_again_while_reserved_whatever_became_of_its_subject(
    services: Services, database: Connection
) -> None:
    # Gold does not retire: if retired subjects were left out, what comes back would be known for gold.
    campaign = await a_campaign(services, database, subjects=1)
    caller = await a_person(campaign)
    (subject,) = subjects_of(await deal(services, caller, campaign.arc))
    await vote(services, campaign, campaign.arc, subject, "yes", "yes")

    again = subjects_of(await deal(services, caller, campaign.arc))
    await campaign.pass_time("reserved_until")
    later = await deal(services, caller, campaign.arc)

    assert again == [subject]
    assert (later.cards, later.reason) == ([], "all_done")


async def test_who_has_seen_all_else_is_dealt_no_gold(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, COUNT_9, subjects=3, gold=(10, 10))
    caller = await a_person(campaign)
    held: list[int] = []
    for _ in range(4):
        held += subjects_of(await deal(services, caller, campaign.arc, 5, holding=held))

    deck = await deal(services, caller, campaign.arc, 5, holding=held)

    assert set(campaign.subjects) < set(held)
    assert (deck.cards, deck.reason) == ([], "all_seen")


@pytest.mark.parametrize(
    ("counts", "informedness", "has_it"), [(SHARP_EYES, 0, True), (BLIND, 0, False), (SHARP_EYES, -1, False)]
)
async def test_contested_cards_go_to_the_skilled(
    services: Services,
    database: Connection,
    counts: tuple[int, ...],
    informedness: int,
    has_it: bool,
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, subjects=40, gold=(3, 3))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "no", "yes", "no")
    caller = await a_person(campaign)
    await show_skill(campaign, caller, counts, informedness=informedness)
    await database.execute(
        "INSERT INTO workflow_total (workflow_id, contested_bar) VALUES ($1, 0)"
        " ON CONFLICT (workflow_id) DO UPDATE SET contested_bar = 0",
        campaign.arc,
    )

    dealt = subjects_of(await deal(services, caller, campaign.arc, 20))

    assert (campaign.subjects[0] in dealt) == has_it


async def test_a_contested_subject_is_decided_though_the_top_quarter_is_too_small(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, subjects=1, gold=(3, 3))
    (subject,) = campaign.subjects
    await vote(services, campaign, campaign.arc, subject, "yes", "no", "yes", "no")
    await database.execute(
        "INSERT INTO workflow_total (workflow_id, contested_bar) VALUES ($1, 1000)"
        " ON CONFLICT (workflow_id) DO UPDATE SET contested_bar = 1000",
        campaign.arc,
    )

    for caller in await people(campaign, 2):
        await show_skill(campaign, caller, informedness=500)
        assert subject in subjects_of(await deal(services, caller, campaign.arc, 20))
        await submit(services, caller, a_swipe(campaign.arc, subject, "unsure"))

    assert (await campaign.stage(campaign.arc, subject))["state"] == StageState.RETIRED


async def test_newcomers_are_not_given_contested_cards(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, subjects=1, gold=(3, 3))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "no", "yes", "no")

    dealt = subjects_of(await deal(services, await a_person(campaign), campaign.arc, 20))

    assert campaign.subjects[0] not in dealt


async def test_audits_are_dealt_like_any_other_card(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("audit: 0", "audit: 0.5"), subjects=1)
    (subject,) = campaign.subjects
    for table in ("stage", "dealable"):
        await database.execute(f"UPDATE {table} SET draw = 0")
    await vote(services, campaign, campaign.arc, subject, "no", "no")
    assert await campaign.piles() == {(campaign.arc, Tier.AUDIT, subject)}

    deck = await deal(services, await a_person(campaign), campaign.arc)

    assert subjects_of(deck) == [subject]


@pytest.mark.parametrize("seen", [0, 20, 40, 200])
async def test_the_share_of_gold_falls_with_experience(services: Services, database: Connection, seen: int) -> None:
    campaign = await a_campaign(services, database, COUNT_9, subjects=300, gold=(40, 40))
    gold = 0
    for caller in await people(campaign, 15):
        await show_skill(campaign, caller, dealt=seen)
        dealt = subjects_of(await deal(services, caller, campaign.arc, 20))
        gold += len(set(dealt) & set(campaign.gold))

    expected = sum(gold_share(place) for place in range(seen, seen + 20))
    assert gold / 15 == pytest.approx(expected, abs=0.68)  # rounded per deck: at most one card off


async def test_experience_is_counted_in_cards_dealt(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, COUNT_9, subjects=50)
    caller = await a_person(campaign)
    held = subjects_of(await deal(services, caller, campaign.arc, 7))
    await deal(services, caller, campaign.arc, 5, holding=held)
    await deal(services, caller, campaign.arc, 5, holding=held)  # the first five again: their reply was lost

    assert await database.fetchval("SELECT dealt FROM skill") == 12


async def test_there_is_no_gold_where_every_subject_is_retired(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=1, gold=(10, 10))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "no", "no")

    deck = await deal(services, await a_person(campaign), campaign.arc, 10)

    assert (deck.cards, deck.reason) == ([], "all_done")


async def test_nothing_in_a_deck_tells_gold_from_the_rest(services: Services, database: Connection) -> None:
    metadata = {"survey": "HDF", "#truth": "yes", "!secret": "1", "//note": "gold"}
    campaign = await a_campaign(services, database, subjects=10, gold=(10, 10), metadata=metadata)
    caller = await a_person(campaign)
    wish = DeckIn(key=uuid.uuid4(), size=20, width=640, holding=[])

    reply = await services.decks.deal(caller, campaign.arc, wish)

    gold = [card for card in reply["cards"] if int(card["subject"][1:]) in campaign.gold]
    rest = [card for card in reply["cards"] if int(card["subject"][1:]) not in campaign.gold]
    assert gold
    assert rest
    assert {(frozenset(card), card["reserved_until"], card["accepted_until"]) for card in gold} == {
        (frozenset(card), card["reserved_until"], card["accepted_until"]) for card in rest
    }
    assert all(card["metadata"] == {"survey": "HDF"} for card in reply["cards"])
    text = to_json(reply).decode()
    assert not any(word in text for word in ("gold", "truth", "explanation", "As the guide shows", "secret"))


async def test_an_importer_is_dealt_exactly_what_it_names(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, subjects=5, gold=(1, 1))
    caller = await an_importer(campaign)
    named = [*campaign.gold, *campaign.subjects[2:4]]

    dealt = await deal_named(services, caller, campaign.arc, *named)

    assert [int(card.subject[1:]) for card in dealt.cards] == named
    assert await database.fetchval("SELECT sum(in_flight) FROM stage") == 0


async def test_an_importer_that_names_a_subject_again_may_answer_a_card_that_expired(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    caller, subject = await an_importer(campaign), campaign.subjects[0]
    await deal_named(services, caller, campaign.arc, subject)
    await campaign.pass_time("accepted_until")

    await deal_named(services, caller, campaign.arc, subject)

    (verdict,) = await submit(services, caller, a_swipe(campaign.arc, subject))
    assert verdict.verdict == "created"


async def test_an_importer_names_subjects_of_its_own_project_and_workflow(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    known, missing = campaign.subjects[0], 999_999
    importer = await an_importer(campaign)

    with pytest.raises(UnknownSubjectsError) as unknown:
        await deal_named(services, importer, campaign.arc, known, missing)
    with pytest.raises(NotAllowedError):
        await deal_named(services, await a_person(campaign), campaign.arc, known)
    with pytest.raises(LevelNotHeldError):
        await deal_named(services, importer, campaign.lens, known)

    assert dict(unknown.value.subjects) == {1: "S999999"}
    assert await database.fetchval("SELECT count(*) FROM card") == 0


async def test_machine_favourites_come_from_a_pile_of_their_own(services: Services, database: Connection) -> None:
    prior = "prior: {score: machine, calibrate: false, people: 0}"
    declaration = SEQUENTIAL.replace("policy: sequential", f"policy: sequential\n    {prior}")
    campaign = await a_campaign(
        services, database, declaration, subjects=60, gold=(3, 3), scores=[0.9] * 30 + [0.1] * 30
    )
    caller = await a_person(campaign)
    await show_skill(campaign, caller, BLIND)

    dealt = set(subjects_of(await deal(services, caller, campaign.arc, 20)))

    likely = {subject for _, tier, subject in await campaign.piles() if tier == Tier.LIKELY}
    assert likely == set(campaign.subjects[:30])
    assert 8 <= len(dealt & likely) <= 10
    assert 8 <= len(dealt & set(campaign.subjects[30:])) <= 10
