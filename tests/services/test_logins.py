"""Logins over HTTP with providers on loopback: who one becomes, and everything that an outsider might try."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt

from api.caller import Scope
from api.factory import open_services
from api.services.house import Services
from api.services.tokens import sha256_of
from api.settings import LoginProvider as ProviderSettings
from api.settings import Settings
from api.store.engine import Connection
from tests.services.browsers import Browser, base64url
from tests.services.login_providers import CLIENT, KEYS, SECRET, STRANGER, LoginProvider, a_login_provider

ARC = "project: lenses\nworkflows:\n  - {name: arc, question: An arc, policy: {count: 3}}\n"
MORGAN = {"sub": "morgan", "preferred_username": "Morgan"}


@pytest.fixture
async def lab() -> AsyncIterator[LoginProvider]:
    async with a_login_provider() as provider:
        yield provider


@pytest.fixture
async def club() -> AsyncIterator[LoginProvider]:
    async with a_login_provider() as provider:
        yield provider


@pytest.fixture
async def services(
    database_url: str, tmp_path: Path, lab: LoginProvider, club: LoginProvider
) -> AsyncIterator[Services]:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "logins": [
                ProviderSettings.model_validate(
                    {"name": name, "title": title, "kind": kind, "issuer": url, "client_id": CLIENT}
                    | {"client_secret": SECRET}
                )
                for name, title, kind, url in (
                    ("lab", "The lab", "oidc", lab.url),
                    ("club", "The club", "discord", club.url),
                    ("gone", "The past", "oidc", "http://127.0.0.1:9"),
                )
            ],
        }
    )
    opened = await open_services(settings, database_url)
    yield opened
    await opened.close()


async def person_of(database: Connection, volunteer: str) -> int:
    number: int = await database.fetchval("SELECT person_id FROM volunteer WHERE id = $1", int(volunteer[1:]))
    return number


# Who one becomes


async def test_somebody_who_logs_in_for_the_first_time_begins_under_the_providers_name(services: Services) -> None:
    browser = Browser(services)

    session = await browser.log_in()

    me = (await browser.ask("GET", "/v1/me")).json()
    assert (me["volunteer"], me["name"], me["scope"]) == (session["volunteer"], "Caroline", "session")
    assert (session["new"], session["back_to"], session["name"]) == (True, "/", "Caroline")


async def test_whoever_logs_in_again_is_the_same(services: Services) -> None:
    first, again = await Browser(services).log_in(), await Browser(services).log_in()

    assert (first["volunteer"], first["new"], again["new"]) == (again["volunteer"], True, False)
    assert first["token"] != again["token"]


async def test_a_phone_that_logs_in_for_the_first_time_stays_who_it_was(services: Services) -> None:
    browser = Browser(services)
    anonymous = await browser.register()

    session = await browser.log_in()

    assert (session["volunteer"], session["name"], session["new"]) == (anonymous["volunteer"], "Caroline", True)


async def test_a_name_that_was_chosen_before_stays(services: Services) -> None:
    browser = Browser(services)
    await browser.register("Lina")

    assert (await browser.log_in())["name"] == "Lina"


async def test_a_phone_joins_the_account_that_its_owner_has(services: Services, database: Connection) -> None:
    account = await Browser(services).log_in()
    browser = Browser(services)
    anonymous = await browser.register()
    before = await person_of(database, anonymous["volunteer"])

    session = await browser.log_in()

    person = await person_of(database, account["volunteer"])
    assert (session["volunteer"], session["new"]) == (account["volunteer"], False)
    assert await person_of(database, anonymous["volunteer"]) == person
    assert await database.fetch("SELECT from_person_id, into_person_id FROM person_merge") == [(before, person)]


async def test_discord_is_asked_who_its_token_belongs_to(services: Services, club: LoginProvider) -> None:
    club.claims = {}
    browser = Browser(services)

    session = await browser.log_in("club")

    [login] = (await browser.ask("GET", "/v1/me/logins")).json()["logins"]
    assert session["name"] == "nelly"
    assert (login["provider"], login["title"], login["shown"]) == ("club", "The club", "Nelly")


async def test_what_is_no_free_name_is_not_given_as_one(services: Services, lab: LoginProvider) -> None:
    """An address, too long, turned round, no text, a real name that was not chosen to be shown, or somebody's."""
    await Browser(services).register("Taken")
    given = []

    for number, wanted in enumerate(("caroline@example.org", "x" * 41, "\u202eenilorac", ["Caroline"], None, "TAKEN")):
        lab.claims = {"sub": str(number), "name": "Caroline Herschel", "preferred_username": wanted}
        given.append((await Browser(services).log_in())["name"])

    assert given == [None] * 6


async def test_twenty_logins_of_one_newcomer_at_once_are_one_volunteer(services: Services) -> None:
    sessions = await asyncio.gather(*(Browser(services).log_in() for _ in range(20)))

    assert len({session["volunteer"] for session in sessions}) == 1
    assert [session["new"] for session in sessions].count(True) == 1


# What an outsider may try


async def test_a_state_that_nobody_made_ends_nowhere(services: Services, lab: LoginProvider) -> None:
    browser = Browser(services)

    told = [
        await browser.come_back("/v1/logins/callback?" + urlencode(query))
        for query in ({}, {"state": "x" * 43, "code": "y"}, {"state": "\0", "code": "y", "unheard_of": "z"})
    ]

    assert told == [{"login_error": "unknown"}] * 3
    assert lab.asked == []


async def test_a_state_is_good_once_for_ten_minutes(services: Services, database: Connection) -> None:
    browser = Browser(services)
    once, late = [await browser.visit(await browser.begin()) for _ in range(2)]

    first = await browser.come_back(once)
    again = await browser.come_back(once)
    await database.execute("UPDATE login SET expires_at = now() - interval '1 second' WHERE code_sha256 IS NULL")
    too_late = await browser.come_back(late)

    assert (list(first), again, too_late) == (["code"], {"login_error": "unknown"}, {"login_error": "unknown"})


async def test_a_state_that_comes_twice_at_once_is_good_once(services: Services) -> None:
    browser = Browser(services)
    url = await browser.visit(await browser.begin())

    told = await asyncio.gather(*(browser.come_back(url) for _ in range(5)))

    assert sorted(name for each in told for name in each) == ["code", *["login_error"] * 4]


async def test_a_code_without_the_secret_of_the_browser_that_began_is_spent_for_nothing(services: Services) -> None:
    victim, thief = Browser(services), Browser(services)
    told = await victim.come_back(await victim.visit(await victim.begin()))

    stolen = await thief.end(told["code"])
    late = await victim.end(told["code"])

    assert (stolen.status_code, stolen.json()["type"]) == (403, "/problems/login-refused")
    assert (late.status_code, late.json()["type"]) == (403, "/problems/login-refused")


async def test_somebody_elses_login_cannot_be_ended_in_ones_own_browser(services: Services) -> None:
    """Else a victim would swipe, unknowingly, for the account of whoever sent the link."""
    attacker, victim = Browser(services), Browser(services)
    link = await attacker.visit(await attacker.begin())

    told = await victim.come_back(link)

    assert (await victim.end(told["code"])).status_code == 403


async def test_a_code_is_good_once_for_two_minutes(services: Services, database: Connection) -> None:
    browser = Browser(services)
    once, late = [(await browser.come_back(await browser.visit(await browser.begin())))["code"] for _ in range(2)]

    ended = await asyncio.gather(*(browser.end(once) for _ in range(5)))
    left = await database.fetchval("SELECT max(expires_at) < now() + interval '121 s' FROM login")
    await database.execute("UPDATE login SET expires_at = now() - interval '1 second'")
    too_late = await browser.end(late)

    assert sorted(each.status_code for each in ended) == [201, 403, 403, 403, 403]
    assert (left, too_late.status_code) == (True, 403)


NOW = int(time.time())


WRONG_CLAIMS: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another-client"},
    {"aud": [CLIENT, "another-client"]},
    {"iss": "https://accounts.example.org"},
    {"exp": NOW - 120},
    {"exp": None},
    {"iat": NOW + 3600},
    {"sub": ""},
    {"sub": 7},
    {"azp": "another-client", "aud": [CLIENT]},
    {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
]


async def test_an_id_token_that_claims_something_else_proves_nobody(
    services: Services, lab: LoginProvider, database: Connection
) -> None:
    browser, right, told = Browser(services), lab.claims, []

    for claims in WRONG_CLAIMS:
        lab.claims = right | claims
        told.append(await browser.come_back(await browser.visit(await browser.begin())))

    assert told == [{"login_error": "disbelieved"}] * len(WRONG_CLAIMS)
    assert await database.fetchval("SELECT count(*) FROM identity") == 0


async def test_an_id_token_that_the_provider_has_not_signed_proves_nobody(
    services: Services, lab: LoginProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by a stranger's key, with the public key as a shared secret, by none at all, or by a key of nobody."""
    browser, told = Browser(services), []

    for header in ({}, {"alg": "HS256"}, {"alg": "none"}, {"kid": "unknown"}):
        monkeypatch.setattr(lab, "_id_token", partial(forged, lab, header=header))
        told.append(await browser.come_back(await browser.visit(await browser.begin())))

    assert told == [{"login_error": "disbelieved"}] * 4


def forged(lab: LoginProvider, nonce: str | None, header: dict[str, str]) -> str:
    now = int(time.time())
    claims = {"iss": lab.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, "sub": "caroline"}
    whole = {"alg": "RS256", "kid": "new", **header}
    if whole["alg"] == "RS256":
        return jwt.encode(whole, claims, STRANGER, ["RS256"])
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (whole, claims))
    public = KEYS[1].as_pem(private=False)
    signature = hmac.digest(public, signed.encode(), "sha256") if whole["alg"] == "HS256" else b""
    return f"{signed}.{base64url(signature)}"


async def test_a_provider_does_not_answer_for_another(services: Services, lab: LoginProvider) -> None:
    browser = Browser(services)
    back = urlsplit(await browser.visit(await browser.begin()))
    query = {name: values[0] for name, values in parse_qs(back.query).items()}
    asked = len(lab.asked)

    other = await browser.come_back(f"{back.path}?" + urlencode(query | {"iss": "https://evil.example"}))

    assert other == {"login_error": "disbelieved"}
    assert len(lab.asked) == asked


async def test_a_providers_no_is_told(services: Services, lab: LoginProvider) -> None:
    lab.denies = True
    browser = Browser(services)

    assert await browser.come_back(await browser.visit(await browser.begin())) == {"login_error": "denied"}


async def test_a_provider_that_answers_with_rubbish_is_told(services: Services, lab: LoginProvider) -> None:
    browser = Browser(services)

    for path in ("/token", "/keys"):
        lab.broken = {path}
        told = await browser.come_back(await browser.visit(await browser.begin()))

        assert told == {"login_error": "silent"}


@pytest.mark.parametrize("trouble", ["rubbish", "another name", "away", "unknown"])
async def test_a_login_with_a_provider_that_is_not_there_does_not_begin(
    services: Services, lab: LoginProvider, trouble: str
) -> None:
    provider = {"away": "gone", "unknown": "nobody"}.get(trouble, "lab")
    if trouble == "rubbish":
        lab.broken = {"/.well-known/openid-configuration"}
    if trouble == "another name":
        lab.calls_itself = "https://accounts.example.org"

    begun = await Browser(services).ask("POST", "/v1/logins", {"provider": provider, "challenge": "A" * 43})

    kind = (404, "/problems/unknown-provider") if trouble == "unknown" else (503, "/problems/provider-unavailable")
    assert (begun.status_code, begun.json()["type"]) == kind


async def test_a_login_leads_back_to_pages_of_ours_only(services: Services) -> None:
    wish, browser = {"provider": "lab", "challenge": "A" * 43}, Browser(services)

    for back_to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert()"):
        assert (await browser.ask("POST", "/v1/logins", wish | {"back_to": back_to})).status_code == 422


async def test_a_token_that_was_known_before_the_login_gains_nothing_by_it(services: Services) -> None:
    """An attacker plants a token of theirs in the victim's browser, and waits for the victim to log in."""
    attacker, victim = Browser(services), Browser(services)
    await attacker.register()
    victim.token = attacker.token
    assert (await attacker.ask("GET", "/v1/me")).status_code == 200

    session = await victim.log_in()

    assert session["token"] != attacker.token
    assert (await attacker.ask("GET", "/v1/me")).status_code == 401
    assert (await attacker.ask("POST", "/v1/classifications", {"classifications": []})).status_code == 401
    assert (await victim.ask("GET", "/v1/me")).json()["scope"] == "session"


async def test_of_two_logins_with_one_phones_token_one_gets_a_session(services: Services) -> None:
    browser, token = Browser(services), (await Browser(services).register())["token"]
    codes = [(await browser.come_back(await browser.visit(await browser.begin())))["code"] for _ in range(2)]
    browser.token = token
    body = [{"code": code, "secret": browser.secret} for code in codes]

    ended = await asyncio.gather(*(browser.ask("POST", "/v1/sessions", each) for each in body))

    assert sorted(each.status_code for each in ended) == [201, 401]


async def test_a_phones_token_of_an_account_does_not_join_another(
    services: Services, lab: LoginProvider, database: Connection
) -> None:
    account = await Browser(services).log_in()
    lab.claims = MORGAN
    await Browser(services).log_in()
    left_over = Browser(services)
    left_over.token = "chf_" + "x" * 43
    await database.execute(
        "INSERT INTO token (sha256, scope, volunteer_id, source) VALUES ($1, 'volunteer', $2, 'api')",
        sha256_of(left_over.token),
        int(account["volunteer"][1:]),
    )

    told = await left_over.come_back(await left_over.visit(await left_over.begin()))
    ended = await left_over.end(told["code"])

    assert (ended.status_code, ended.json()["type"]) == (409, "/problems/accounts-apart")
    assert await database.fetchval("SELECT count(*) FROM person_merge") == 0


async def test_a_projects_token_does_not_become_anybodys(services: Services) -> None:
    await services.publishing.publish(ARC)
    browser = Browser(services)

    for scope in (Scope.RESEARCHER, Scope.IMPORT, Scope.BOT):
        told = await browser.come_back(await browser.visit(await browser.begin()))
        browser.token = (await services.tokens.issue("lenses", scope, "test")).token

        assert (await browser.end(told["code"])).status_code == 403


UNSAFE: list[tuple[str, str, Any]] = [
    ("POST", "/v1/logins", {"provider": "lab", "challenge": "A" * 43}),
    ("POST", "/v1/sessions", {"code": "x" * 43, "secret": "y" * 43}),
    ("DELETE", "/v1/sessions/current", None),
    ("DELETE", "/v1/me/logins/" + "0" * 32, None),
    ("PUT", "/v1/me/name", {"name": "Mallory"}),
    ("POST", "/v1/passkeys/registrations", None),
    ("POST", "/v1/passkeys/logins", None),
    ("DELETE", "/v1/me/passkeys/AAAA", None),
]
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://[localhost:8000"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"},
]


async def test_what_a_page_of_another_site_sends_is_refused(services: Services) -> None:
    browser = Browser(services)
    await browser.log_in()

    for method, path, body in UNSAFE:
        for headers in FOREIGN:
            reply = await browser.ask(method, path, body, **headers)

            assert (reply.status_code, reply.json()["type"]) == (403, "/problems/cross-site"), (path, headers)


async def test_what_our_own_page_sends_is_taken(services: Services) -> None:
    browser = Browser(services)
    await browser.log_in()

    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost:8000"}):
        assert (await browser.ask("PUT", "/v1/me/name", {"name": "Lina"}, **headers)).status_code == 200


# Ways in


async def test_another_way_to_log_in_is_added_when_the_session_asks_for_it(
    services: Services, club: LoginProvider
) -> None:
    club.claims = {}
    browser = Browser(services)
    account = await browser.log_in()

    linked = await browser.log_in("club", link=True)
    by_club = await Browser(services).log_in("club")

    assert (linked["volunteer"], linked["name"]) == (account["volunteer"], "Caroline")
    assert (by_club["volunteer"], by_club["new"]) == (account["volunteer"], False)
    logins = (await browser.ask("GET", "/v1/me/logins")).json()["logins"]
    assert [each["title"] for each in logins] == ["The lab", "The club"]


async def test_two_accounts_become_one_when_the_session_of_one_asks_for_it(
    services: Services, club: LoginProvider, database: Connection
) -> None:
    club.claims = {}
    other = await Browser(services).log_in("club")
    browser = Browser(services)
    account = await browser.log_in()

    apart = await person_of(database, other["volunteer"]), await person_of(database, account["volunteer"])
    linked = await browser.log_in("club", link=True)
    by_club = await Browser(services).log_in("club")

    assert linked["volunteer"] == by_club["volunteer"] == account["volunteer"]
    assert await database.fetch("SELECT from_person_id, into_person_id FROM person_merge") == [apart]
    assert len((await browser.ask("GET", "/v1/me/logins")).json()["logins"]) == 2


async def test_a_session_that_does_not_ask_for_it_joins_nothing(
    services: Services, lab: LoginProvider, database: Connection
) -> None:
    browser = Browser(services)
    account = await browser.log_in()
    lab.claims = MORGAN

    other = await browser.log_in()

    assert (other["volunteer"] == account["volunteer"], other["new"]) == (False, True)
    assert await database.fetchval("SELECT count(*) FROM person_merge") == 0


async def test_a_phones_own_token_cannot_ask_for_another_way_in(services: Services) -> None:
    browser = Browser(services)
    told = await browser.come_back(await browser.visit(await browser.begin()))
    await browser.register()

    assert (await browser.end(told["code"], link=True)).status_code == 403


async def test_the_last_way_in_stays(services: Services, club: LoginProvider) -> None:
    club.claims = {}
    browser = Browser(services)
    await browser.log_in()
    await browser.log_in("club", link=True)
    first, second = [each["id"] for each in (await browser.ask("GET", "/v1/me/logins")).json()["logins"]]

    removed = await asyncio.gather(*(browser.ask("DELETE", f"/v1/me/logins/{each}") for each in (first, second)))

    assert sorted(each.status_code for each in removed) == [200, 409]
    assert len((await browser.ask("GET", "/v1/me/logins")).json()["logins"]) == 1


async def test_nobody_removes_the_way_in_of_another(services: Services, lab: LoginProvider) -> None:
    browser, other = Browser(services), Browser(services)
    await browser.log_in()
    [login] = (await browser.ask("GET", "/v1/me/logins")).json()["logins"]
    lab.claims = MORGAN
    await other.log_in()

    removed = await other.ask("DELETE", f"/v1/me/logins/{login['id']}")

    assert (removed.status_code, removed.json()["type"]) == (404, "/problems/unknown-login")


async def test_whoever_logs_out_is_out(services: Services) -> None:
    browser = Browser(services)
    session = await browser.log_in()

    out = await browser.ask("DELETE", "/v1/sessions/current")

    assert out.json() == {"volunteer": session["volunteer"], "name": "Caroline"}
    assert (await browser.ask("GET", "/v1/me")).status_code == 401


async def test_a_name_is_chosen_unless_somebody_has_it(services: Services) -> None:
    await Browser(services).register("William")
    browser = Browser(services)
    await browser.log_in()

    chosen = [await browser.ask("PUT", "/v1/me/name", {"name": name}) for name in ("Lina", "LINA", "william", " ")]

    assert [each.status_code for each in chosen] == [200, 200, 409, 422]
    assert (await browser.ask("GET", "/v1/me")).json()["name"] == "LINA"


async def test_of_two_who_choose_one_name_at_once_one_gets_it(services: Services, lab: LoginProvider) -> None:
    browsers = [Browser(services) for _ in range(4)]
    for number, browser in enumerate(browsers):
        lab.claims = {"sub": str(number)}
        await browser.log_in()

    chosen = await asyncio.gather(*(each.ask("PUT", "/v1/me/name", {"name": "Lina"}) for each in browsers))

    assert sorted(each.status_code for each in chosen) == [200, 409, 409, 409]


async def test_logins_that_were_given_up_are_forgotten(services: Services, database: Connection) -> None:
    browser = Browser(services)
    for _ in range(3):
        await browser.begin()
    await database.execute("UPDATE login SET expires_at = now() - interval '1 second'")

    await browser.begin()

    assert await database.fetchval("SELECT count(*) FROM login") == 1


async def test_logins_are_offered_where_they_can_come_back(services: Services) -> None:
    here = (await Browser(services).ask("GET", "/v1/logins")).json()
    elsewhere = Browser(services, "http://192.168.1.7:8000")
    there = (await elsewhere.ask("GET", "/v1/logins")).json()
    begun = await elsewhere.ask("POST", "/v1/logins", {"provider": "lab", "challenge": "A" * 43})

    assert [each["title"] for each in here["providers"]] == ["The lab", "The club", "The past"]
    assert (here["passkeys"], there) == (True, {"providers": [], "passkeys": False})
    assert (begun.status_code, begun.json()["type"]) == (409, "/problems/no-public-address")
