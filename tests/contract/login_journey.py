"""The part of the journey that is about logins: a phone becomes an account by a passkey, and logs in and out by it."""

from typing import TYPE_CHECKING

from tests.services.authenticators import Authenticator

if TYPE_CHECKING:
    from tests.contract.test_journey import Traveller

STRANGER = "0" * 32


def log_in_and_out(traveller: "Traveller", origin: str) -> None:
    """Become an account, look at its ways in, come back by the passkey, and leave."""
    ways = traveller.ask("list_logins").json()
    assert (ways["passkeys"], [each["name"] for each in ways["providers"]]) == (True, ["club"])
    go_to_a_provider(traveller)
    phone, authenticator = traveller.ask("register_volunteer", {}).json(), Authenticator(origin)
    begun = traveller.ask("begin_passkey", token=phone["token"]).json()
    made = {"credential": authenticator.make(begun["options"]), "label": "My phone"}
    added = traveller.ask("add_passkey", made, phone["token"], id=begun["id"]).json()
    token = added["session"]["token"]
    assert traveller.ask("my_passkeys", token=token).json()["passkeys"] == [added["passkey"]]
    assert traveller.ask("choose_name", {"name": "Annie Cannon"}, token).json()["volunteer"] == phone["volunteer"]
    assert traveller.ask("remove_passkey", token=token, id=added["passkey"]["id"]).status_code == 409
    assert traveller.ask("my_logins", token=token).json() == {"logins": []}
    assert traveller.ask("remove_login", token=token, id=STRANGER).status_code == 404

    authenticator.count += 1
    challenge = traveller.ask("begin_passkey_login").json()
    answer = {"challenge": challenge["id"], "credential": authenticator.sign(challenge["options"])}
    session = traveller.ask("open_passkey_session", answer).json()
    assert (session["volunteer"], session["name"]) == (phone["volunteer"], "Annie Cannon")
    assert traveller.ask("close_session", token=session["token"]).json()["name"] == "Annie Cannon"
    assert traveller.ask("me", token=session["token"]).status_code == 401


def go_to_a_provider(traveller: "Traveller") -> None:
    """Begin a login with a provider, and come back with nothing that would end it."""
    begun = traveller.ask("begin_login", {"provider": "club", "challenge": "A" * 43})
    assert begun.json()["url"].startswith("https://discord.com/oauth2/authorize?response_type=code&client_id=tests")
    back = traveller.ask("end_login", query={"state": "forged", "code": "x"})
    assert back.headers["location"] == "/account?login_error=unknown"
    assert traveller.ask("open_session", {"code": "x" * 43, "secret": "y" * 43}).status_code == 403
