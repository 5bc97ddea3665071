import asyncio
import json
from typing import Any

import pytest

from api.caller import Role, Scope
from api.services import accounts as module
from api.services.house import Services
from api.services.tokens import sha256_of
from api.store.engine import Connection
from mobile_schemas.accounts import AccountLineOut
from tests.services.campaigns import ARC_THEN_LENS, SLUG, Campaign, a_campaign
from tests.services.people import People, Person

CLIENT_ID = "01932c07-2f5a-7c3e-8d51-3f6f0c4b579{}"


@pytest.fixture
async def campaign(services: Services, database: Connection) -> Campaign:
    return await a_campaign(services, database, ARC_THEN_LENS, gold=(1, 1))


async def vote_on_all(person: Person, campaign: Campaign) -> int:
    """Answer a whole deck; return how many cards that are."""
    wish = {"key": "3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a", "size": 5, "width": 320}
    cards = (await person.ask("POST", f"/v1/workflows/{campaign.arc}/decks", wish)).json()["cards"]
    swipes = [
        {
            "id": CLIENT_ID.format(number),
            "workflow": campaign.arc,
            "subject": card["subject"],
            "answer": "yes",
            "answered_at": "2026-11-21T09:30:00Z",
            "dwell_ms": 900,
        }
        for number, card in enumerate(cards)
    ]
    await person.ask("POST", "/v1/classifications", {"classifications": swipes})
    return len(swipes)


async def known_well(people: People, campaign: Campaign) -> Person:
    """Return somebody of whom every kind of thing is kept."""
    person = await people.a_person({campaign.project: Role.MODERATOR}, name="Henrietta Leavitt")
    await people.database.execute(
        """
        WITH i AS (INSERT INTO identity (issuer, subject, volunteer_id, shown)
                   VALUES ('https://id.example', 'henrietta-at-harvard', $1, 'henrietta@example.org')),
             k AS (INSERT INTO passkey (credential_id, volunteer_id, public_key, label)
                   VALUES ('\\x01', $1, '\\x02', 'her telephone')),
             c AS (INSERT INTO passkey_challenge (id, challenge, volunteer_id, expires_at)
                   VALUES (gen_random_uuid(), '\\x03', $1, now())),
             s AS (INSERT INTO push_subscription (id, volunteer_id, endpoint, p256dh, auth)
                   VALUES ('3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579b', $1, 'https://push.example/h', 'p', 'sealed-auth')),
             m AS (INSERT INTO push_message (subscription_id, kind, payload)
                   VALUES ('3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579b', 'level', '{}')),
             w AS (INSERT INTO push_wish (person_id, workflow_id, expires_at, look_at) VALUES ($2, $4, now(), now())),
             l AS (INSERT INTO level_grant (person_id, project_id, level) VALUES ($2, $3, 2)),
             p AS (INSERT INTO promotion (project_id, person_id, volunteer_id, level, action, made_by, why, evidence)
                   VALUES ($3, $2, $1, 2, 'confirmed', 'operator', 'sharp eyes', '{"yes": 9}')),
             b AS (INSERT INTO ban (project_id, person_id, volunteer_id, why, lifted_at)
                   VALUES ($3, $2, $1, 'by mistake', now())),
             r AS (INSERT INTO report (project_id, by_volunteer_id, kind, body) VALUES ($3, $1, 'other', 'a smudge')),
             o AS (INSERT INTO report (project_id, by_volunteer_id, about_person_id, kind, body)
                   VALUES ($3, 98765, $2, 'other', 'Henrietta is rude')),
             d AS (INSERT INTO candidate (project_id, person_id, level, promotion_id) VALUES ($3, $2, 3, 1)),
             f AS (INSERT INTO favourite (person_id, subject_id) VALUES ($2, 1))
        INSERT INTO note (project_id, person_id, body) VALUES ($3, $2, 'Leavitt is a hidden note')
        """,
        person.volunteer_id,
        person.person_id,
        campaign.project,
        campaign.arc,
    )
    await person.ask("POST", "/v1/me/tokens", {"label": "Henrietta's notebook"})
    return person


async def exported(person: Person) -> list[dict[str, Any]]:
    reply = await person.ask("GET", "/v1/me/export")
    assert reply.status_code == 200
    for line in reply.content.splitlines():
        AccountLineOut.model_validate_json(line)
    return [json.loads(line) for line in reply.content.splitlines()]


async def everything(database: Connection) -> str:
    """Return every row of every table as text."""
    tables = await database.fetch(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    rows = [await database.fetchval(f"SELECT string_agg(t::text, E'\\n') FROM {table[0]} t") for table in tables]
    return "\n".join(row or "" for row in rows)


async def test_an_export_has_everything_but_secrets_and_notes(people: People, campaign: Campaign) -> None:
    person = await known_well(people, campaign)
    answered = await vote_on_all(person, campaign)

    lines = await exported(person)
    told = json.dumps(lines)

    kinds = {line["kind"] for line in lines}
    assert kinds >= {"names", "tokens", "logins", "passkeys", "push_subscriptions", "roles", "levels", "promotions"}
    assert kinds >= {"wishes", "bans", "reports", "skills", "favourites", "card"}
    assert lines[-1] == {"kind": "end", "facts": {"cards": answered}}
    for kept in ("Henrietta Leavitt", "henrietta-at-harvard", "her telephone", "sharp eyes", "a smudge", "by mistake"):
        assert kept in told
    for hidden in ("hidden note", "rude", "sealed-auth", person.token or "-"):
        assert hidden not in told
    assert {line["facts"]["answer"] for line in lines if line["kind"] == "card"} == {"yes"}


async def test_what_is_right_is_in_no_export_before_the_answer(people: People, campaign: Campaign) -> None:
    person = await people.a_person(scope=Scope.VOLUNTEER)
    wish = {"key": "3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a", "size": 5, "width": 320}
    await person.ask("POST", f"/v1/workflows/{campaign.arc}/decks", wish)

    cards = [line["facts"] for line in await exported(person) if line["kind"] == "card"]

    assert len(cards) == 5
    assert {(card["answer"], card["right_answer"], card["counted"]) for card in cards} == {(None, None, None)}
    assert not {"gold", "bucket"} & set(cards[0])


async def test_an_export_goes_on_page_after_page(
    people: People, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    person = await people.a_person(scope=Scope.VOLUNTEER)
    answered = await vote_on_all(person, campaign)

    cards = [line["facts"]["subject"] for line in await exported(person) if line["kind"] == "card"]

    assert len(cards) == len(set(cards)) == answered == 5


async def test_after_a_deletion_nothing_leads_to_a_name_and_the_votes_are_there(
    people: People, campaign: Campaign, database: Connection
) -> None:
    person = await known_well(people, campaign)
    answered = await vote_on_all(person, campaign)

    gone = await person.ask("DELETE", "/v1/me", {"confirm": "henrietta LEAVITT"})
    left = await everything(database)

    assert (gone.status_code, gone.json()) == (200, {"volunteer": person.called, "deleted": True})
    for trace in ("enrietta", "Leavitt", "harvard", "her telephone", "push.example", "notebook", "rude"):
        assert trace not in left, trace
    assert await database.fetchval("SELECT count(*) FROM classification WHERE person_id = $1", person.person_id) == (
        answered
    )
    assert (await person.ask("GET", "/v1/me")).status_code == 401
    assert (await person.ask("DELETE", "/v1/me", {"confirm": person.called})).status_code == 401
    again = await people.stranger.ask("POST", "/v1/volunteers", {"name": "Henrietta Leavitt"})
    assert (again.status_code, again.json()["volunteer"] != person.called) == (201, True)
    assert await campaign.verified() == []


async def test_a_deletion_is_confirmed_by_the_right_word_alone(people: People) -> None:
    person = await people.a_person(name="Cecilia")

    refused = [await person.ask("DELETE", "/v1/me", {"confirm": word}) for word in ("yes", "V999", "")]

    assert {(each.status_code, each.json()["type"]) for each in refused} == {(409, "/problems/not-confirmed")}
    assert (await person.ask("GET", "/v1/me")).json()["name"] == "Cecilia"


async def test_a_personal_token_neither_exports_nor_deletes(people: People) -> None:
    person = await people.a_person()
    token = await people.with_token(person, Scope.PERSONAL, reach=Role.OWNER)

    assert (await token.ask("GET", "/v1/me/export")).status_code == 403
    assert (await token.ask("DELETE", "/v1/me", {"confirm": person.called})).status_code == 403


async def test_a_project_keeps_its_last_owner(people: People, campaign: Campaign) -> None:
    owner = await people.a_person({campaign.project: Role.OWNER})

    refused = await owner.ask("DELETE", "/v1/me", {"confirm": owner.called})
    await people.a_person({campaign.project: Role.OWNER})
    allowed = await owner.ask("DELETE", "/v1/me", {"confirm": owner.called})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-owner")
    assert SLUG in refused.json()["detail"]
    assert allowed.status_code == 200


async def test_of_two_owners_who_leave_at_once_one_stays(people: People, campaign: Campaign) -> None:
    pair = [await people.a_person({campaign.project: Role.OWNER}) for _ in range(2)]

    answers = await asyncio.gather(*(each.ask("DELETE", "/v1/me", {"confirm": each.called}) for each in pair))

    assert sorted(each.status_code for each in answers) == [200, 409]


async def test_who_deletes_twice_at_once_is_told_the_same_twice(people: People, services: Services) -> None:
    person = await people.a_person(name="Maria")
    caller = await services.authenticate(sha256_of(person.token or ""))
    assert caller is not None

    answers = await asyncio.gather(*(services.accounts.delete(caller, "Maria") for _ in range(2)))

    assert answers == [{"volunteer": person.called, "deleted": True}] * 2
