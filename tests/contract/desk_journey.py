"""A moderator's way through the desk: candidates, people, decisions, the ledger, notes, reports."""

import uuid
from typing import TYPE_CHECKING

from tests.contract.campaign import SLUG

if TYPE_CHECKING:
    from tests.contract.test_journey import Traveller


def moderate(traveller: "Traveller", volunteer: str, token: str, subject: str) -> None:
    """Propose somebody, refuse them, hear their appeal, and grant what they ask for; note and report."""
    propose = {"volunteer": volunteer, "level": 2, "action": "propose"}
    assert decided(traveller, propose, preview=True) == ("ok", None)
    assert decided(traveller, propose) == ("ok", None)
    assert decided(traveller, propose) == ("nothing_to_do", "already")
    [candidate] = [
        each
        for each in traveller.ask("list_candidates", slug=SLUG).json()["candidates"]
        if each["volunteer"] == volunteer
    ]
    assert (candidate["level"], candidate["opens"], candidate["held"]) == (2, ["merging"], 1)
    assert decided(traveller, propose | {"action": "refuse"}) == ("conflict", "why_needed")
    assert decided(traveller, propose | {"action": "refuse", "why": "Look at more arms first."}) == ("ok", None)
    assert decided(traveller, propose | {"action": "confirm"}) == ("conflict", "decided_otherwise")

    mine = traveller.ask("my_project", token=token, slug=SLUG).json()["next_level"]
    assert (mine["decision"]["action"], mine["decision"]["why"]) == ("refused", "Look at more arms first.")
    appeal = {"level": 2, "why": "I have looked at all of them."}
    assert mine["may_appeal"]
    assert traveller.ask("appeal", appeal, token, slug=SLUG).json()["level"] == 2
    assert traveller.ask("appeal", appeal, token, slug=SLUG).json()["type"] == "/problems/nothing-to-appeal"
    assert decided(traveller, propose | {"action": "confirm", "probation_days": 30}) == ("ok", None)
    assert traveller.ask("me", token=token).json()["levels"] == {SLUG: 2}

    entries = traveller.ask("list_promotions", slug=SLUG, query={"volunteer": volunteer}).json()["entries"]
    assert [each["action"] for each in entries] == ["confirmed", "appealed", "refused", "proposed_by_moderator"]
    assert all(each["evidence"]["workflows"][0]["workflow"] == "galaxy" for each in entries)
    look_at_people(traveller, volunteer, token, subject)
    assert decided(traveller, propose | {"action": "revoke", "why": "That was a test."}) == ("ok", None)
    assert traveller.ask("me", token=token).json()["levels"] == {}


def look_at_people(traveller: "Traveller", volunteer: str, token: str, subject: str) -> None:
    """Find somebody, write a note about them, and close a report about them and one of theirs."""
    found = traveller.ask("list_people", slug=SLUG, query={"q": volunteer}).json()["people"]
    assert [(each["volunteer"], each["level"]) for each in found] == [(volunteer, 2)]
    note = traveller.ask("add_note", {"body": "Knows arms."}, slug=SLUG, volunteer=volunteer).json()
    assert traveller.ask("list_notes", slug=SLUG, volunteer=volunteer).json() == {"notes": [note]}
    report = {"about": subject, "kind": "wrong_subject", "body": "That is a star."}
    number = traveller.ask("report", report, token, slug=SLUG).json()["id"]
    assert number in {each["id"] for each in traveller.ask("list_reports", slug=SLUG).json()["reports"]}
    closing = {"outcome": "It is a star; taken out."}
    closed = traveller.ask("close_report", closing, report=number).json()
    assert closed["outcome"] == closing["outcome"]
    assert traveller.ask("close_report", closing, report=number).json() == closed
    again = traveller.ask("close_report", {"outcome": "It is a galaxy."}, report=number)
    assert again.json()["type"] == "/problems/report-closed"
    ban_and_forgive(traveller, volunteer, token)
    person = traveller.ask("get_person", slug=SLUG, volunteer=volunteer).json()
    assert [each["body"] for each in person["notes"]] == ["Knows arms."]
    assert {each["truth"] for each in person["right"]} == {"yes"}
    assert all(each["locations"] for each in person["right"])


def ban_and_forgive(traveller: "Traveller", volunteer: str, token: str) -> None:
    """Keep somebody out for a while; nobody bans those who run the project."""
    banned = traveller.ask("ban", {"why": "Insults."}, slug=SLUG, volunteer=volunteer).json()
    again = traveller.ask("ban", {"why": "Insults."}, slug=SLUG, volunteer=volunteer).json()
    wish = {"key": str(uuid.uuid4()), "size": 2, "width": 320}
    refused = traveller.ask("deal_deck", wish, token, workflow_id=1).json()
    lifted = traveller.ask("lift_ban", slug=SLUG, volunteer=volunteer, query={"why": "They said sorry."}).json()
    members = traveller.ask("list_members", slug=SLUG).json()["members"]
    owner = next(each["volunteer"] for each in members if "owner" in {held["role"] for held in each["roles"]})
    theirs = traveller.ask("ban", {"why": "A test."}, slug=SLUG, volunteer=owner).json()
    assert (banned["in_force"], lifted["in_force"], lifted["lifted_why"]) == (True, False, "They said sorry.")
    assert [each["type"] for each in (again, refused, theirs)] == [
        f"/problems/{name}" for name in ("already-banned", "banned", "not-allowed")
    ]


def decided(traveller: "Traveller", decision: object, *, preview: bool = False) -> tuple[str, str | None]:
    wanted = {"decisions": [decision], "preview": preview}
    [outcome] = traveller.ask("decide_promotions", wanted, slug=SLUG).json()["decisions"]
    return outcome["outcome"], outcome["reason"]
