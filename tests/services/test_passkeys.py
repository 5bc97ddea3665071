"""Passkeys over HTTP: an authenticator in software, right and wrong answers to challenges."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from webauthn import verify_authentication_response
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication

from api.services.house import Services
from api.store.engine import Connection
from tests.services.authenticators import Authenticator, flipped
from tests.services.browsers import Browser


async def begin(browser: Browser) -> dict[str, Any]:
    begun = await browser.ask("POST", "/v1/passkeys/registrations")
    assert (begun.status_code, begun.headers["cache-control"]) == (201, "no-store"), begun.text
    options: dict[str, Any] = begun.json()
    return options


async def add(browser: Browser, authenticator: Authenticator, begun: dict[str, Any] | None = None) -> httpx2.Response:
    """Add a passkey; a phone takes the token of its session."""
    begun = begun or await begin(browser)
    body = {"credential": authenticator.make(begun["options"]), "label": "My phone"}
    added = await browser.ask("PUT", f"/v1/passkeys/registrations/{begun['id']}", body)
    if added.status_code == 200 and added.json()["session"]:
        browser.token = added.json()["session"]["token"]
    return added


async def begin_login(browser: Browser) -> dict[str, Any]:
    begun = await browser.ask("POST", "/v1/passkeys/logins")
    assert (begun.status_code, begun.headers["cache-control"]) == (201, "no-store"), begun.text
    options: dict[str, Any] = begun.json()
    return options


async def log_in(
    browser: Browser, authenticator: Authenticator, begun: dict[str, Any] | None = None, **changes: Any
) -> httpx2.Response:
    begun = begun or await begin_login(browser)
    credential = {**authenticator.sign(begun["options"]), **changes}
    ended = await browser.ask("POST", "/v1/sessions/passkey", {"challenge": begun["id"], "credential": credential})
    if ended.status_code == 201:
        browser.token = ended.json()["token"]
    return ended


def told(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].removeprefix("/problems/")


async def test_a_phone_becomes_an_account_by_a_passkey_alone(services: Services) -> None:
    phone, authenticator = Browser(services), Authenticator()
    anonymous = await phone.register()
    before = phone.token

    session = (await add(phone, authenticator)).json()["session"]

    assert (session["volunteer"], session["new"]) == (anonymous["volunteer"], True)
    assert (await phone.ask("GET", "/v1/me")).json()["scope"] == "session"
    phone.token = before
    assert (await phone.ask("GET", "/v1/me")).status_code == 401


async def test_whoever_logs_in_by_a_passkey_is_who_added_it(services: Services) -> None:
    phone, authenticator = Browser(services), Authenticator()
    anonymous = await phone.register("Lina")
    await add(phone, authenticator)
    authenticator.count += 1
    desk = Browser(services)

    session = (await log_in(desk, authenticator)).json()

    assert (session["volunteer"], session["name"], session["new"]) == (anonymous["volunteer"], "Lina", False)
    [passkey] = (await desk.ask("GET", "/v1/me/passkeys")).json()["passkeys"]
    assert (passkey["label"], passkey["used_at"] is not None) == ("My phone", True)


async def test_what_is_asked_of_the_authenticator_tells_nothing_of_anybody(services: Services) -> None:
    phone = Browser(services)
    await phone.register("Lina")
    await add(phone, Authenticator())

    options = (await begin_login(Browser(services)))["options"]

    assert options.keys() == {"challenge", "timeout", "rpId", "allowCredentials", "userVerification"}
    assert (options["allowCredentials"], options["userVerification"]) == ([], "preferred")


async def test_another_phone_joins_by_a_passkey(services: Services, database: Connection) -> None:
    phone, authenticator = Browser(services), Authenticator()
    account = await phone.register()
    await add(phone, authenticator)
    other = Browser(services)
    await other.register()
    authenticator.count += 1

    session = (await log_in(other, authenticator)).json()

    assert session["volunteer"] == account["volunteer"]
    assert await database.fetchval("SELECT count(*) FROM person_merge") == 1
    assert await database.fetchval("SELECT count(DISTINCT person_id) FROM volunteer") == 1


async def test_an_answer_to_a_challenge_is_good_once_and_for_five_minutes(
    services: Services, database: Connection
) -> None:
    phone, authenticator = Browser(services), Authenticator(count=0)
    await phone.register()
    await add(phone, authenticator)
    once, late = [await begin_login(Browser(services)) for _ in range(2)]

    ended = await asyncio.gather(*(log_in(Browser(services), authenticator, once) for _ in range(4)))
    await database.execute("UPDATE passkey_challenge SET expires_at = now() - interval '1 second'")
    too_late = await log_in(Browser(services), authenticator, late)

    assert sorted(each.status_code for each in ended) == [201, 403, 403, 403]
    assert told(too_late) == (403, "login-refused")


async def test_a_count_of_signatures_that_does_not_grow_is_refused(services: Services) -> None:
    phone, authenticator = Browser(services), Authenticator(count=7)
    await phone.register()
    await add(phone, authenticator)

    replies = []
    for count in (7, 6, 8, 8, 9):
        authenticator.count = count
        replies.append((await log_in(Browser(services), authenticator)).status_code)

    assert replies == [403, 403, 201, 403, 201]


async def test_what_was_not_signed_here_by_the_passkey_proves_nobody(services: Services) -> None:
    phone, authenticator = Browser(services), Authenticator(count=0)
    await phone.register()
    await add(phone, authenticator)
    browser = Browser(services)
    begun = await begin_login(browser)
    right = authenticator.sign(begun["options"])
    thief = Authenticator(count=0, number=authenticator.number)
    elsewhere = replace(authenticator, origin="https://evil.example")
    other_party = Authenticator(
        relying_party="evil.example", count=0, number=authenticator.number, key=authenticator.key
    )

    replies = [
        await log_in(browser, authenticator, signature=flipped(right["signature"])),
        await log_in(browser, authenticator, signature=right["signature"]),
        await log_in(browser, authenticator, client_data_json=right["client_data_json"]),
        await log_in(browser, authenticator, authenticator_data="AAAA"),
        await log_in(browser, authenticator, client_data_json="e30"),
        await log_in(browser, authenticator, id="AAAA"),
        await log_in(browser, authenticator, id="A"),
        await log_in(browser, thief),
        await log_in(browser, elsewhere),
        await log_in(browser, other_party),
    ]

    assert [told(each) for each in replies] == [(403, "passkey-refused")] * len(replies)
    assert (await log_in(browser, authenticator)).status_code == 201


async def test_an_unknown_passkey_is_answered_and_checked_like_a_known_one(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, known, unknown = Browser(services), Authenticator(count=0), Authenticator(count=0)
    await phone.register()
    await add(phone, known)
    browser, checked = Browser(services), []

    def counting(**given: Any) -> VerifiedAuthentication:
        checked.append(given["expected_origin"])
        return verify_authentication_response(**given)

    monkeypatch.setattr("api.services.passkeys.verify_authentication_response", counting)
    thief = Authenticator(count=0, number=known.number)

    replies = [await log_in(browser, each) for each in (thief, unknown)]

    assert told(replies[0]) == (403, "passkey-refused")
    assert replies[0].content == replies[1].content
    assert len(checked) == 2, "the time that a signature takes tells known passkeys from unknown ones"


async def test_a_challenge_for_a_new_passkey_is_its_volunteers_and_good_once(services: Services) -> None:
    phone, other, authenticator = Browser(services), Browser(services), Authenticator()
    await phone.register()
    await other.register()
    begun = await begin(phone)

    anothers = await add(other, authenticator, begun)
    first = await add(phone, authenticator, begun)
    again = await add(phone, Authenticator(), begun)
    of_nobody = await add(phone, Authenticator(), {**begun, "id": str(uuid.uuid4())})

    assert (told(anothers), first.status_code) == ((403, "login-refused"), 200)
    assert told(again) == told(of_nobody) == (403, "login-refused")


async def test_a_challenge_for_logging_in_adds_no_passkey(services: Services) -> None:
    phone = Browser(services)
    await phone.register()

    assert told(await add(phone, Authenticator(), await begin_login(phone))) == (403, "login-refused")


async def test_a_new_passkey_that_answers_something_else_is_refused(services: Services) -> None:
    phone = Browser(services)
    await phone.register()

    for authenticator in (Authenticator(origin="https://evil.example"), Authenticator(relying_party="evil.example")):
        assert told(await add(phone, authenticator)) == (403, "passkey-refused")
    spent = await begin(phone)
    other = await begin(phone)
    assert told(await add(phone, Authenticator(), {"id": spent["id"], "options": other["options"]})) == (
        403,
        "passkey-refused",
    )
    assert told(await add(phone, Authenticator(), spent)) == (403, "login-refused")


async def test_somebodys_passkey_is_nobody_elses(services: Services) -> None:
    phone, other, authenticator = Browser(services), Browser(services), Authenticator()
    await phone.register()
    await other.register()
    await add(phone, authenticator)

    assert told(await add(other, authenticator)) == (409, "passkey-known")


async def test_a_phones_token_of_an_account_adds_no_passkey(services: Services, database: Connection) -> None:
    """Else a token that was read from an old backup of the phone would open the account."""
    phone = Browser(services)
    await phone.register()
    before = phone.token
    await add(phone, Authenticator())
    await database.execute("UPDATE token SET revoked_at = NULL")
    phone.token = before

    assert told(await phone.ask("POST", "/v1/passkeys/registrations")) == (409, "accounts-apart")


async def test_the_last_passkey_stays_and_nobody_removes_anothers(services: Services) -> None:
    phone, other = Browser(services), Browser(services)
    await phone.register()
    await other.register()
    first = (await add(phone, Authenticator())).json()["passkey"]["id"]
    anothers = (await add(other, Authenticator())).json()["passkey"]["id"]

    last = await phone.ask("DELETE", f"/v1/me/passkeys/{first}")
    second = (await add(phone, Authenticator())).json()
    removed = await phone.ask("DELETE", f"/v1/me/passkeys/{first}")

    assert (told(last), second["session"]) == ((409, "last-way-in"), None)
    assert (removed.status_code, removed.json()) == (200, {"id": first})
    assert told(await phone.ask("DELETE", f"/v1/me/passkeys/{anothers}")) == (404, "unknown-passkey")
    assert [each["id"] for each in (await phone.ask("GET", "/v1/me/passkeys")).json()["passkeys"]] == [
        second["passkey"]["id"]
    ]


async def test_passkeys_are_not_offered_where_browsers_make_none(services: Services) -> None:
    browser = Browser(services, "http://127.0.0.1:8000")

    assert (await browser.ask("GET", "/v1/logins")).json()["passkeys"] is False
    assert told(await browser.ask("POST", "/v1/passkeys/logins")) == (409, "no-public-address")
