"""What a project has reached and what somebody's answers have done, over HTTP, from votes that were given."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import httpx2
import pytest
from pydantic_core import to_json

from api.app import App
from api.caller import Caller, Scope
from api.services.house import Services
from api.services.progress import NEWEST_CARDS
from api.services.totals import Totals
from api.store.engine import Connection
from gamification.progress import NEEDED, Answered, right_share
from mobile_schemas.classifications import ClassificationsIn
from mobile_schemas.progress import MyProjectOut, ProgressOut
from tests.services.campaigns import SLUG, Campaign, Word, a_campaign, a_swipe, deal_named, grant, retract, vote
from tests.services.test_activity import until_now

CASCADE = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 3}, audit: 0, then: {yes: lens, no: retire}}
  - {name: lens, question: "Is it a lens?", level: 2, policy: {count: 3}, audit: 0, then: {yes: telescope, no: retire}}
  - {name: telescope, question: "Would you point one at it?", level: 4, policy: {count: 3}, audit: 0}
"""
NOTHING = {"votes": 0, "yes": 0, "no": 0, "open": 0, "compared": 0, "agreed": 0, "newest": None}
UNTRAINED = dict.fromkeys(("yes_right", "yes_wrong", "yes_unsure", "no_right", "no_wrong", "no_unsure"), 0)


class Phone(NamedTuple):
    """A volunteer's phone, which speaks HTTP."""

    client: httpx2.AsyncClient
    caller: Caller
    headers: dict[str, str]

    async def swipe(self, workflow: int, answers: dict[int, Word]) -> list[Any]:
        """Answer subjects; return the swipes."""
        swipes = [a_swipe(workflow, subject, answer) for subject, answer in answers.items()]
        body = to_json(ClassificationsIn(classifications=swipes).model_dump(mode="json"))
        headers = {**self.headers, "content-type": "application/json"}
        reply = await self.client.post("/v1/classifications", content=body, headers=headers)
        assert {verdict["verdict"] for verdict in reply.json()["verdicts"]} == {"created"}
        return swipes

    async def mine(self, query: str = "") -> dict[str, Any]:
        """Ask what one's answers have done."""
        reply = await self.client.get(f"/v1/me/projects/{SLUG}{query}", headers=self.headers)
        return MyProjectOut.model_validate_json(reply.content).model_dump()

    async def progress(self) -> dict[str, Any]:
        """Ask what the project has reached."""
        reply = await self.client.get(f"/v1/projects/{SLUG}/progress")
        return ProgressOut.model_validate_json(reply.content).model_dump()


@pytest.fixture
async def phone(services: Services) -> AsyncIterator[Phone]:
    transport = httpx2.ASGITransport(app=App(services=services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://phone") as client:
        token = (await client.post("/v1/volunteers", json={})).json()["token"]
        caller = await services.authenticate(sha256(token.encode()).digest())
        assert caller is not None
        yield Phone(client, caller, {"authorization": f"Bearer {token}"})


@pytest.fixture
async def campaign(services: Services, database: Connection, phone: Phone) -> Campaign:
    """Four subjects and two training subjects of each truth, all dealt to the phone."""
    campaign = await a_campaign(services, database, CASCADE, subjects=4, gold=(2, 2))
    by_name = replace(phone.caller, scope=Scope.IMPORT, project_id=campaign.project)
    await deal_named(services, by_name, campaign.arc, *campaign.subjects, *campaign.gold)
    return campaign


async def test_nothing_is_told_of_cards_without_an_answer(services: Services, campaign: Campaign, phone: Phone) -> None:
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes", "yes")

    mine = await phone.mine()

    assert mine["workflows"][0] == {"workflow": campaign.arc, "name": "arc", **NOTHING, "training": UNTRAINED}
    assert (mine["votes"], mine["streak"]) == (0, {"days": 0, "best": 0, "today": False})
    assert mine["next_level"] == {
        "level": 2,
        "workflows": ["lens"],
        "needed": NEEDED,
        "yes": 0,
        "no": 0,
        "yes_skill": None,
        "no_skill": None,
        "missing": None,
        "automatic": False,
        "candidacy": None,
        "decision": None,
        "may_appeal": False,
    }


async def test_the_numbers_are_those_of_the_votes(services: Services, campaign: Campaign, phone: Phone) -> None:
    decided_as_said, decided_otherwise, waiting, taken_back = campaign.subjects
    noes, yeses = [list(campaign.gold)[start : start + 2] for start in (0, 2)]
    swipes = await phone.swipe(campaign.arc, dict.fromkeys(campaign.subjects, "yes"))
    await phone.swipe(campaign.arc, {noes[0]: "no", noes[1]: "unsure", yeses[0]: "yes", yeses[1]: "no"})
    await retract(services, phone.caller, swipes[3].id)
    await vote(services, campaign, campaign.arc, decided_as_said, "yes", "yes")
    await vote(services, campaign, campaign.arc, decided_otherwise, "no", "no")
    assert {swipe.subject for swipe in swipes} >= {f"S{waiting}", f"S{taken_back}"}
    before = datetime.now(UTC)
    await Totals().count(campaign.database)
    await until_now(campaign.database)

    mine, reached = await phone.mine(), await phone.progress()

    arc, lens, _ = mine["workflows"]
    assert arc == {
        "workflow": campaign.arc,
        "name": "arc",
        "votes": 3,
        "yes": 1,
        "no": 1,
        "open": 1,
        "compared": 2,
        "agreed": 1,
        "newest": None,
        "training": {**UNTRAINED, "no_right": 1, "no_unsure": 1, "yes_right": 1, "yes_wrong": 1},
    }
    assert lens == {"workflow": campaign.lens, "name": "lens", **NOTHING, "training": UNTRAINED}
    assert (mine["votes"], [day["votes"] for day in mine["days"]]) == (7, [0] * 13 + [7])
    assert mine["days"][-1]["day"] == before.date()
    assert mine["streak"] == {"days": 1, "best": 1, "today": True}
    assert (mine["next_level"]["yes"], mine["next_level"]["no"]) == (2, 2)
    assert mine["next_level"]["yes_skill"] == pytest.approx(right_share(Answered(1, 1, 0), 0.5))

    parts = {"contested": 0, "other": 0}
    assert reached["workflows"][:2] == [
        {"workflow": campaign.arc, "name": "arc", "level": 1, "subjects": 4, "open": 2, "yes": 1, "no": 1, "votes": 7}
        | parts,
        {"workflow": campaign.lens, "name": "lens", "level": 2, "subjects": 1, "open": 1, "yes": 0, "no": 0, "votes": 0}
        | parts,
    ]
    assert (reached["volunteers"], reached["votes"], reached["votes_today"]) == (5, 11, 11)
    assert before - timedelta(minutes=1) < reached["counted_at"] < datetime.now(UTC)


async def test_a_level_opens_the_way_to_the_one_after(campaign: Campaign, phone: Phone) -> None:
    await grant(campaign, phone.caller, 2)
    beyond_two = (await phone.mine())["next_level"]
    await grant(campaign, phone.caller, 4)
    at_the_top = await phone.mine()

    assert (beyond_two["level"], beyond_two["workflows"]) == (4, ["telescope"])
    assert (at_the_top["level"], at_the_top["next_level"]) == (4, None)


async def test_of_very_many_cards_the_newest_are_looked_at(
    services: Services, campaign: Campaign, phone: Phone
) -> None:
    await phone.swipe(campaign.arc, {campaign.subjects[0]: "yes", campaign.subjects[1]: "no"})
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes")
    before = (await phone.mine())["workflows"][0]

    await campaign.database.execute("UPDATE skill SET dealt = $1", NEWEST_CARDS + 1)

    assert (await phone.mine())["workflows"][0] == before | {"newest": NEWEST_CARDS}
    assert (before["votes"], before["yes"], before["open"], before["agreed"]) == (2, 1, 1, 1)


@pytest.mark.usefixtures("campaign")
async def test_a_project_without_a_count_says_so(phone: Phone) -> None:
    reached = await phone.progress()

    assert reached["counted_at"] is None
    assert [each["name"] for each in reached["workflows"]] == ["arc", "lens", "telescope"]
    assert {each["subjects"] for each in reached["workflows"]} == {0}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/me/projects/lenses?utc_offset_minutes=841", 422),
        ("/v1/me/projects/lenses?utc_offset_minutes=one", 422),
        ("/v1/me/projects/no-such", 404),
        ("/v1/projects/no-such/progress", 404),
    ],
)
@pytest.mark.usefixtures("campaign")
async def test_what_cannot_be_answered_is_refused(phone: Phone, path: str, status: int) -> None:
    assert (await phone.client.get(path, headers=phone.headers)).status_code == status


@pytest.mark.usefixtures("campaign")
async def test_what_is_mine_is_told_to_nobody_without_a_token(phone: Phone) -> None:
    assert (await phone.client.get(f"/v1/me/projects/{SLUG}")).status_code == 401
