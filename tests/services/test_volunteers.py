import asyncio
from datetime import timedelta

import pytest

from api.caller import Scope
from api.errors import NameTakenError, UnknownTokenError, UnknownVolunteerError
from api.services import tokens
from api.services.house import Services
from api.services.tokens import sha256_of, shown_id
from api.store.engine import Connection
from cascade.graph import EXPERT
from mobile_schemas.volunteers import VolunteerIn

ARC = "project: lenses\nworkflows:\n  - {name: arc, question: An arc, policy: {count: 3}}\n"


async def test_a_volunteer_without_a_name_is_known_by_the_token(services: Services, database: Connection) -> None:
    created = await services.volunteers.register(VolunteerIn())

    caller = await services.authenticate(sha256_of(created["token"]))
    assert caller is not None
    assert await services.volunteers.me(caller) == {
        "volunteer": created["volunteer"],
        "name": None,
        "scope": "volunteer",
        "levels": {},
    }
    assert created["token"].startswith("chf_")
    assert await database.fetchval("SELECT count(*) FROM token WHERE sha256 = $1", sha256_of(created["token"])) == 1


@pytest.mark.parametrize("other", ["ärla", "A\u0308RLA", "Ärla"])
async def test_names_that_differ_in_case_or_form_only_are_one_name(services: Services, other: str) -> None:
    registrations = [services.volunteers.register(VolunteerIn(name=name)) for name in ("Ärla", other)]

    outcomes = await asyncio.gather(*registrations, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [NameTakenError]


async def test_a_revoked_token_dies_while_others_live(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    await services.publishing.publish(ARC)
    first, second = [await services.tokens.issue("lenses", Scope.IMPORT, "test") for _ in range(2)]
    monkeypatch.setattr(tokens, "BELIEVED_SECONDS", 0.1)
    assert await services.authenticate(sha256_of(first.token))

    revoked = await services.tokens.revoke(shown_id(sha256_of(first.token)))
    again = await services.tokens.revoke(first.token)
    await asyncio.sleep(timedelta(milliseconds=150).total_seconds())

    assert (revoked, again) == (True, False)
    assert await services.authenticate(sha256_of(first.token)) is None
    assert (await services.authenticate(sha256_of(second.token))).volunteer_id == second.volunteer_id  # type: ignore[union-attr]  # a Caller, else the test fails


@pytest.mark.parametrize("vague", ["", "chf_", "abc", "0a", "xyz0123456789"])
async def test_what_names_no_single_token_revokes_none(services: Services, vague: str) -> None:
    with pytest.raises(UnknownTokenError):
        await services.tokens.revoke(vague)


async def test_levels_go_to_the_person_that_a_name_or_an_id_names(services: Services) -> None:
    await services.publishing.publish(ARC)
    ann = await services.volunteers.register(VolunteerIn(name="Ann"))
    await services.volunteers.register(VolunteerIn(name=ann["volunteer"]))
    caller = await services.authenticate(sha256_of(ann["token"]))
    assert caller is not None

    by_name = await services.levels.grant("ANN", "lenses", 2)
    by_id = await services.levels.grant(ann["volunteer"], "lenses", EXPERT)
    held = (await services.volunteers.me(caller))["levels"]
    taken = [(await services.levels.revoke("Ann", "lenses"))[1] for _ in range(2)]

    assert by_name.id == by_id.id == caller.volunteer_id
    assert held == {"lenses": EXPERT}
    assert taken == [[2, EXPERT], []]
    with pytest.raises(UnknownVolunteerError):
        await services.levels.grant("V99", "lenses", 2)
