"""An owner's way through what is theirs: members, invitations, tokens; and a volunteer who leaves."""

from typing import Any, Protocol

import httpx2

from tests.contract.campaign import SLUG


class Asking(Protocol):
    """Calls endpoints by their names, and checks each reply against the table."""

    def ask(
        self, name: str, /, json: object = None, token: str | None = None, **parameters: Any
    ) -> httpx2.Response: ...


def run_a_project(traveller: Asking) -> None:
    """Give roles, invite, make tokens, say who may see the project, and let somebody go."""
    comer = traveller.ask("register_volunteer", {"name": "Nevil Maskelyne"}).json()
    who = {"slug": SLUG, "volunteer": comer["volunteer"]}
    assert traveller.ask("add_role", {"role": "moderator"}, **who).json()["name"] == "Nevil Maskelyne"
    listed = traveller.ask("list_members", slug=SLUG, query={"limit": 500}).json()
    assert comer["volunteer"] in {each["volunteer"] for each in listed["members"]}
    assert traveller.ask("remove_role", role="moderator", **who).json()["roles"] == []
    assert traveller.ask("remove_role", role="moderator", **who).json()["type"] == "/problems/unknown-member"
    _invite(traveller)
    _make_tokens(traveller)
    hidden = traveller.ask("set_visibility", {"visibility": "unlisted"}, slug=SLUG).json()
    assert hidden == {"slug": SLUG, "visibility": "unlisted"}
    assert SLUG not in {each["slug"] for each in traveller.ask("list_projects").json()["projects"]}
    traveller.ask("set_visibility", {"visibility": "public"}, slug=SLUG)
    lines = traveller.ask("export_me", token=comer["token"]).text.splitlines()
    assert "Nevil Maskelyne" in lines[0]
    gone = traveller.ask("delete_me", {"confirm": comer["volunteer"]}, comer["token"]).json()
    assert gone == {"volunteer": comer["volunteer"], "deleted": True}


def _invite(traveller: Asking) -> None:
    made = traveller.ask("invite", {"role": "volunteer", "uses": 2}, slug=SLUG).json()
    joined = traveller.ask("accept_invitation", {"secret": made["secret"]}).json()
    assert (joined["project"], joined["role"]) == (SLUG, "volunteer")
    listed = traveller.ask("list_invitations", slug=SLUG).json()["invitations"]
    assert made["id"] in {each["id"] for each in listed}
    assert traveller.ask("revoke_invitation", slug=SLUG, invitation=made["id"]).json()["id"] == made["id"]


def _make_tokens(traveller: Asking) -> None:
    bot = traveller.ask("make_project_token", {"scope": "bot", "label": "discord"}, slug=SLUG).json()
    listed = traveller.ask("list_project_tokens", slug=SLUG).json()["tokens"]
    assert bot["id"] in {each["id"] for each in listed}
    assert traveller.ask("events", slug=SLUG, token=bot["token"]).status_code == 200
    assert traveller.ask("revoke_project_token", slug=SLUG, token_id=bot["id"]).json()["label"] == "discord"
    assert traveller.ask("events", slug=SLUG, token=bot["token"]).status_code == 401
    mine = traveller.ask("make_my_token", {"label": "notebook", "reach": "researcher", "project": SLUG}).json()
    assert traveller.ask("labels", slug=SLUG, token=mine["token"]).status_code == 200
    assert mine["id"] in {each["id"] for each in traveller.ask("list_my_tokens").json()["tokens"]}
    assert traveller.ask("revoke_my_token", token_id=mine["id"]).json()["label"] == "notebook"
