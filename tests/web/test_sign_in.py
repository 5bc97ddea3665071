"""Logging in on the phone, with a provider and by a passkey: nobody loses a swipe, and nobody else gains by it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from tests.services.login_providers import LoginProvider
from tests.web.conftest import NewPhone
from tests.web.line import Line
from tests.web.meadow import MEADOW, Service
from tests.web.phone import Phone, until
from tests.web.test_offline import swipe_by_keys
from tests.web.test_swiping import BIRD

SOMEBODY_IN_BETWEEN = 503


@pytest.fixture(autouse=True)
def _caroline(lab: LoginProvider) -> Iterator[None]:
    """Let Caroline be who logs in, now and afterwards."""
    caroline = {"sub": "caroline", "preferred_username": "Caroline"}
    lab.claims = caroline
    yield
    lab.claims, lab.denies = caroline, False


@pytest.fixture
def local_phone(browser: Browser, line: Line) -> Iterator[Phone]:
    """A phone that knows the service by a name: browsers make no passkeys for numbers."""
    phone = Phone(browser, line.url.replace("127.0.0.1", "localhost"))
    yield phone
    phone.close()


def an_authenticator(phone: Phone) -> tuple[CDPSession, str]:
    """Give the phone a lock that holds passkeys, and a finger that opens it."""
    session = phone.context.new_cdp_session(phone.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    number: str = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return session, number


def told(phone: Phone, words: str) -> None:
    expect(phone.page.get_by_role("status").filter(has_text=words)).to_be_visible(timeout=20_000)


def log_in(phone: Phone) -> None:
    phone.page.goto("/account")
    phone.page.get_by_role("button", name="Continue with The lab").click()
    told(phone, "You are signed in.")


def log_out(phone: Phone) -> None:
    phone.page.get_by_role("button", name="Sign out").click()
    told(phone, "Signed out.")


def unsent(phone: Phone) -> int:
    """Return how many swipes wait on the phone, written down and all."""
    return sum(swipe["state"] == "waiting" for swipe in phone.kept("swipes"))


def persons(service: Service, *volunteers: str) -> set[Any]:
    """Return who stands above volunteers."""
    numbers = [int(each[1:]) for each in volunteers]
    return {row[0] for row in service.rows("SELECT person_id FROM volunteer WHERE id = ANY($1::bigint[])", numbers)}


def votes_of_persons(service: Service, volunteer: str) -> list[tuple[str, str]]:
    """Return the votes of all volunteers of the person that one of them is."""
    statement = """
        SELECT c.subject_id, c.answer FROM classification c JOIN volunteer v ON v.id = c.volunteer_id
        WHERE c.kind = 0 AND v.person_id = (SELECT person_id FROM volunteer WHERE id = $1) ORDER BY c.answered_at
    """
    rows = service.rows(statement, int(volunteer[1:]))
    return [(f"S{subject}", ("no", "yes", "unsure")[answer]) for subject, answer in rows]


def test_three_unsent_swipes_arrive_once_as_the_accounts_after_the_first_login(
    phone: Phone, line: Line, service: Service, lab: LoginProvider
) -> None:
    lab.claims = {"sub": "a newcomer", "preferred_username": "Williamina"}
    phone.begin(MEADOW, BIRD[MEADOW])
    anonymous = phone.volunteer()
    line.strangers = [SOMEBODY_IN_BETWEEN] * 100
    given = swipe_by_keys(phone, 3)
    until(lambda: unsent(phone) == 3)
    assert service.votes(anonymous) == []

    log_in(phone)
    line.strangers.clear()
    phone.page.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    until(lambda: len(service.votes(anonymous)) >= 3)
    phone.wait_until_sent()

    assert phone.volunteer() == anonymous
    assert service.votes(anonymous) == given
    assert "code=" not in phone.page.url


def test_three_unsent_swipes_of_a_phone_that_joins_an_account_arrive_once_as_its_persons(
    new_phone: NewPhone, line: Line, service: Service
) -> None:
    other = new_phone()
    log_in(other)
    account = other.volunteer()
    phone = new_phone()
    phone.begin(MEADOW, BIRD[MEADOW])
    anonymous = phone.volunteer()
    before = votes_of_persons(service, account)
    line.strangers = [SOMEBODY_IN_BETWEEN] * 100
    given = swipe_by_keys(phone, 3)
    until(lambda: unsent(phone) == 3)

    log_in(phone)
    line.strangers.clear()
    phone.page.goto(f"/p/{MEADOW}/{BIRD[MEADOW]}")
    until(lambda: len(votes_of_persons(service, account)) >= len(before) + 3)
    phone.wait_until_sent()

    assert phone.volunteer() == account
    assert len(persons(service, anonymous, account)) == 1
    assert votes_of_persons(service, account) == before + given


def test_what_the_provider_says_no_to_is_told_and_leaves_the_phone_as_it_was(phone: Phone, lab: LoginProvider) -> None:
    phone.begin(MEADOW, BIRD[MEADOW])
    anonymous = phone.volunteer()
    lab.denies = True

    phone.page.goto("/account")
    phone.page.get_by_role("button", name="Continue with The lab").click()

    expect(phone.page.get_by_role("alert")).to_have_text("You were not signed in there, so you are not here.")
    expect(phone.page.get_by_text(f"You are {anonymous} on this phone")).to_be_visible()
    assert phone.page.url.endswith("/account")


def test_a_login_that_this_browser_has_not_begun_ends_nowhere(phone: Phone) -> None:
    phone.page.goto("/account?code=" + "x" * 43)

    expect(phone.page.get_by_role("alert")).to_contain_text("Please begin again.")
    expect(phone.page.get_by_text("Nobody has swiped on this phone yet.")).to_be_visible()


def test_a_name_is_chosen_and_a_phone_that_signs_out_begins_anew(
    phone: Phone, service: Service, lab: LoginProvider
) -> None:
    lab.claims = {"sub": "another newcomer"}
    log_in(phone)
    account = phone.volunteer()

    phone.page.get_by_label("Your name").fill("Lina H")
    phone.page.get_by_role("button", name="Save").click()
    told(phone, "Saved.")
    log_out(phone)

    expect(phone.page.get_by_text("Nobody has swiped on this phone yet.")).to_be_visible()
    phone.begin(MEADOW, BIRD[MEADOW])
    assert phone.volunteer() != account
    assert len(persons(service, phone.volunteer(), account)) == 2
    ended = "SELECT scope FROM token WHERE volunteer_id = $1 AND revoked_at IS NOT NULL"
    assert service.rows("SELECT name FROM volunteer WHERE id = $1", int(account[1:])) == [("Lina H",)]
    assert service.rows(ended, int(account[1:])) == [("session",)]


def test_a_passkey_makes_an_account_and_logs_in_to_it(local_phone: Phone, service: Service) -> None:
    phone = local_phone
    phone.begin(MEADOW, BIRD[MEADOW])
    given = swipe_by_keys(phone, 1)
    phone.wait_until_sent()
    anonymous = phone.volunteer()
    session, authenticator = an_authenticator(phone)

    phone.page.goto("/account")
    phone.page.get_by_role("button", name="New here? Make a passkey").click()
    told(phone, "You are signed in.")
    expect(phone.page.get_by_text(f"Signed in as {anonymous}.")).to_be_visible()
    [credential] = session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert (credential["isResidentCredential"], credential["rpId"]) == (True, "localhost")
    log_out(phone)
    phone.page.get_by_role("button", name="Use a passkey").click()
    told(phone, "You are signed in.")

    assert phone.volunteer() == anonymous
    assert service.votes(anonymous) == given


def test_a_second_passkey_can_be_removed_and_the_last_one_cannot(local_phone: Phone) -> None:
    phone = local_phone
    session, first = an_authenticator(phone)
    phone.page.goto("/account")
    phone.page.get_by_role("button", name="New here? Make a passkey").click()
    told(phone, "You are signed in.")
    expect(phone.page.get_by_role("button", name="Remove")).to_have_count(0)

    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": first})
    an_authenticator(phone)
    phone.page.get_by_role("button", name="Add a passkey").click()
    told(phone, "Added.")
    phone.page.get_by_role("button", name="Remove").first.click()

    expect(phone.page.get_by_role("listitem")).to_have_count(1)
    expect(phone.page.get_by_text("This is your only way to sign in.")).to_be_visible()


def test_another_tab_sends_with_the_new_token_and_is_not_told_that_the_phone_is_unknown(
    phone: Phone, service: Service, lab: LoginProvider
) -> None:
    lab.claims = {"sub": "somebody with two tabs"}
    swiping = phone.begin(MEADOW, BIRD[MEADOW])
    anonymous = phone.volunteer()
    account = phone.open_page()
    account.goto("/account")
    account.get_by_role("button", name="Continue with The lab").click()
    told(phone, "You are signed in.")

    phone.page = swiping
    given = swipe_by_keys(phone, 2)
    phone.wait_until_sent()

    assert phone.volunteer() == anonymous
    assert service.votes(anonymous) == given
    expect(swiping.get_by_role("alert")).to_have_count(0)
