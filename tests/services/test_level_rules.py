"""Declared levels in the service: what cannot be reached is not published, and candidates are dealt more training."""

from datetime import timedelta

import pytest

from api.declaration_file import load
from api.services.house import Services
from api.services.level_rules import rules_of
from api.store.engine import Connection
from cascade.dealing import CANDIDATE_SHARE, gold_share
from cascade.errors import DeclarationErrors
from gamification.levels import Rule
from tests.services.campaigns import (
    ARC_THEN_LENS,
    SHARP_EYES,
    a_campaign,
    a_person,
    deal,
    people,
    show_skill,
    subjects_of,
)

LEVEL = "levels:\n  - {level: 2, from: [arc]}\n"
WITH_LEVEL = ARC_THEN_LENS.replace("count: 2", "count: 9") + LEVEL

NEARLY = (6, 1, 0, 1, 6, 0)
"""Gold answers of somebody who is good, and lacks one of each truth: no x3, yes x3."""

HOPELESS = (6, 5, 0, 5, 6, 0)


async def refused(services: Services, database: Connection, gold: tuple[int, int], level: str) -> list[str]:
    """Return what publishing says to a level, with so much gold for `arc`."""
    campaign = await a_campaign(services, database, gold=gold)
    with pytest.raises(DeclarationErrors) as caught:
        await services.publishing.publish(ARC_THEN_LENS + f"levels:\n  - {level}\n")
    assert await database.fetchval("SELECT count(*) FROM cascade_version WHERE project_id = $1", campaign.project) == 1
    return [f"{error.where} {error.problem}; {error.remedy}" for error in caught.value.errors]


async def test_a_level_whose_gold_is_not_there_is_not_published(services: Services, database: Connection) -> None:
    assert await refused(services, database, (20, 9), "{level: 2, from: [arc], gold: 10}") == [
        "levels[0].gold is 10, and arc has 9 training subjects whose answer is yes; add gold until arc has 10 of each"
        " answer or more, so that level 2 can be reached"
    ]


async def test_a_level_that_is_not_reached_by_all_gold_there_is_is_not_published(
    services: Services, database: Connection
) -> None:
    assert await refused(services, database, (60, 8), "{level: 2, from: [arc], skill: 0.9}") == [
        "levels[0].skill is 0.9, and whoever is right on all training subjects of arc whose answer is yes has shown"
        " 0.76; add gold to arc, or ask for less skill"
    ]


async def test_a_level_that_asks_for_talk_is_not_published(services: Services, database: Connection) -> None:
    assert await refused(services, database, (9, 9), "{level: 2, from: [arc], talk: 3}") == [
        "levels[0].talk is 3, and there is no Talk yet, so nobody could reach level 2; remove it until there is Talk"
    ]


async def test_a_level_that_can_be_reached_is_published_and_kept(services: Services, database: Connection) -> None:
    await a_campaign(services, database, WITH_LEVEL, gold=(8, 8))

    stored = await database.fetchval("SELECT declaration::text FROM cascade_version")

    assert rules_of(load(stored)) == (Rule(2, ("arc",)),)


def test_every_value_of_a_declared_level_is_one_of_its_rule() -> None:
    level = (
        "{level: 2, from: [arc], skill: 0.8, keep: 0.5, gold: 9, votes: 10, days: 2, talk: 1, grant: automatic,"
        " lasts_days: 30, probation_days: 7}"
    )

    assert rules_of(load(ARC_THEN_LENS + f"levels:\n  - {level}\n")) == (
        Rule(
            2,
            ("arc",),
            0.8,
            0.5,
            9,
            10,
            2,
            1,
            automatic=True,
            lasts=timedelta(days=30),
            probation=timedelta(days=7),
        ),
    )


@pytest.mark.parametrize(
    ("counts", "level", "share"),
    [
        (NEARLY, 1, CANDIDATE_SHARE),
        (NEARLY, 2, gold_share(100)),
        (HOPELESS, 1, gold_share(100)),
        (SHARP_EYES, 1, gold_share(100)),
    ],
    ids=["a candidate", "a candidate who holds the level", "somebody far from it", "somebody who has shown enough"],
)
async def test_candidates_are_dealt_more_gold_and_nobody_else(
    services: Services, database: Connection, counts: tuple[int, ...], level: int, share: float
) -> None:
    campaign = await a_campaign(services, database, WITH_LEVEL, subjects=300, gold=(30, 30))
    gold = 0
    for person in range(12):
        caller = await a_person(campaign, level=level)
        await show_skill(campaign, caller, counts)
        dealt = subjects_of(await deal(services, caller, campaign.arc, 20))
        assert len(dealt) == 20, person
        gold += len(set(dealt) & set(campaign.gold))

    assert gold / 12 == pytest.approx(20 * share, abs=0.01)


async def test_without_declared_levels_nobody_is_a_candidate(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, WITH_LEVEL.removesuffix(LEVEL), subjects=100, gold=(30, 30))
    caller = await a_person(campaign)
    await show_skill(campaign, caller, NEARLY)

    dealt = subjects_of(await deal(services, caller, campaign.arc, 20))

    assert len(set(dealt) & set(campaign.gold)) == 2


async def test_a_candidate_is_never_dealt_more_gold_than_there_is(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, WITH_LEVEL, subjects=100, gold=(8, 8))
    caller = await a_person(campaign)
    await show_skill(campaign, caller, NEARLY)
    seen: list[int] = []
    for _ in range(4):
        dealt = subjects_of(await deal(services, caller, campaign.arc, 20, holding=seen))
        assert len(dealt) == 20
        seen += dealt

    assert len(seen) == len(set(seen))
    assert len(set(seen) & set(campaign.gold)) == 16


async def test_where_little_else_is_left_a_candidates_gold_is_withheld_too(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, WITH_LEVEL, subjects=4, gold=(30, 30))
    caller = await a_person(campaign)
    await show_skill(campaign, caller, NEARLY)

    dealt = subjects_of(await deal(services, caller, campaign.arc, 20))

    gold = len(set(dealt) & set(campaign.gold))
    assert (len(dealt) - gold, gold) == (4, 2)


async def test_a_candidates_gold_is_found_at_every_place_of_the_deck(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, WITH_LEVEL, subjects=300, gold=(40, 40))
    places: list[int] = []
    for caller in await people(campaign, 40):
        await show_skill(campaign, caller, NEARLY)
        dealt = subjects_of(await deal(services, caller, campaign.arc, 10))
        places += [place for place, subject in enumerate(dealt) if subject in campaign.gold]

    first_half = sum(place < 5 for place in places)
    assert len(places) == 40 * 3
    assert 35 <= first_half <= 85  # 60 on average; 4.5 standard deviations
