"""Boards of a week over HTTP, and badges: from what was counted of people's answers."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import httpx2
import pytest

from api.app import App
from api.caller import Scope
from api.services.house import Services
from api.services.tokens import new_token, sha256_of
from api.store.engine import Connection
from mobile_schemas.boards import BoardOut
from mobile_schemas.progress import MyProjectOut
from tests.services.campaigns import SLUG

PATH = f"/v1/projects/{SLUG}/board"


class Phone(NamedTuple):
    """A volunteer's phone, which speaks HTTP."""

    client: httpx2.AsyncClient
    person: int
    headers: dict[str, str]

    async def board(self, weeks_ago: int = 0) -> dict[str, Any]:
        return await read(self.client, self.headers, weeks_ago)

    async def stand(self, on: bool) -> None:
        reply = await self.client.put("/v1/me/board", json={"on": on}, headers=self.headers)
        assert (reply.status_code, reply.json()) == (200, {"on": on})


async def read(client: httpx2.AsyncClient, headers: dict[str, str] | None = None, weeks_ago: int = 0) -> dict[str, Any]:
    reply = await client.get(f"{PATH}?weeks_ago={weeks_ago}", headers=headers or {})
    assert reply.status_code == 200, reply.text
    return BoardOut.model_validate_json(reply.content).model_dump()


@pytest.fixture
async def client(services: Services, database: Connection) -> AsyncIterator[httpx2.AsyncClient]:
    await database.execute("INSERT INTO project (slug) VALUES ($1)", SLUG)
    transport = httpx2.ASGITransport(app=App(services=services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://phone") as client:
        yield client


async def a_phone(client: httpx2.AsyncClient, database: Connection, name: str | None) -> Phone:
    reply = await client.post("/v1/volunteers", json={} if name is None else {"name": name})
    token = reply.json()["token"]
    person = await database.fetchval(
        "SELECT v.person_id FROM token t JOIN volunteer v ON v.id = t.volunteer_id WHERE t.sha256 = $1",
        sha256(token.encode()).digest(),
    )
    return Phone(client, person, {"authorization": f"Bearer {token}"})


async def answered(database: Connection, phone: Phone, votes: dict[date, int], slug: str = SLUG) -> None:
    """Let a worker have counted answers."""
    await database.executemany(
        "INSERT INTO activity_day (person_id, project_id, day, votes)"
        " SELECT $1, id, $3, $4 FROM project WHERE slug = $2",
        [(phone.person, slug, day, number) for day, number in votes.items()],
    )


def monday() -> date:
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday())


def days(*votes: int, first: date | None = None) -> dict[date, int]:
    return {(first or monday()) + timedelta(days=place): number for place, number in enumerate(votes) if number}


def ranks(places: list[dict[str, Any]]) -> list[tuple[int, str, bool]]:
    return [(place["rank"], place["name"], place["you"]) for place in places]


async def test_a_week_has_its_own_board(client: httpx2.AsyncClient, database: Connection) -> None:
    caroline, william = [await a_phone(client, database, name) for name in ("Caroline", "William")]
    await answered(database, caroline, days(30, 40))
    await answered(database, william, days(20, 20, 20))
    await answered(database, william, days(500, first=monday() - timedelta(days=1)))

    now, before = await caroline.board(), await caroline.board(weeks_ago=1)

    assert ranks(now["by_votes"]) == [(1, "Caroline", True), (2, "William", False)]
    assert ranks(now["by_days"]) == [(1, "William", False), (2, "Caroline", True)]
    assert (now["first"], now["last"]) == (monday(), monday() + timedelta(days=6))
    assert now["mine"] == {"shown": True, "votes": 70, "days": 2, "votes_rank": 1, "days_rank": 2}
    assert ranks(before["by_votes"]) == [(1, "William", False)]
    assert before["mine"] == {"shown": True, "votes": 0, "days": 0, "votes_rank": None, "days_rank": None}


async def test_whoever_leaves_the_boards_takes_no_rank_and_is_told_their_place(
    client: httpx2.AsyncClient, database: Connection
) -> None:
    shy, william = [await a_phone(client, database, name) for name in ("Shy", "William")]
    await answered(database, shy, days(90))
    await answered(database, william, days(10))
    await shy.stand(on=False)

    hers, his = await shy.board(), await william.board()

    assert ranks(his["by_votes"]) == [(1, "William", True)]
    assert his["mine"]["votes_rank"] == 1
    assert ranks(hers["by_votes"]) == [(1, "William", False)]
    assert hers["mine"] == {"shown": False, "votes": 90, "days": 1, "votes_rank": 1, "days_rank": 1}

    await shy.stand(on=True)
    assert ranks((await william.board())["by_votes"]) == [(1, "Shy", False), (2, "William", True)]


async def test_whoever_has_no_name_or_is_banned_is_not_shown(client: httpx2.AsyncClient, database: Connection) -> None:
    nameless, banned, free = [await a_phone(client, database, name) for name in (None, "Banned", "Free")]
    for phone in (nameless, banned, free):
        await answered(database, phone, days(5))
    await database.execute(
        "INSERT INTO ban (project_id, person_id, volunteer_id, why, until) SELECT id, $1, 1, 'spam', NULL FROM project",
        banned.person,
    )
    await database.execute(
        "INSERT INTO ban (project_id, person_id, volunteer_id, why, until)"
        " SELECT id, $1, 1, 'spam', now() - interval '1 hour' FROM project",
        free.person,
    )

    told = await nameless.board()

    assert ranks(told["by_votes"]) == [(1, "Free", False)]
    assert told["mine"] == {"shown": False, "votes": 5, "days": 1, "votes_rank": 1, "days_rank": 1}
    assert not (await banned.board())["mine"]["shown"]


async def test_a_stranger_sees_the_board_and_no_place(client: httpx2.AsyncClient, database: Connection) -> None:
    await answered(database, await a_phone(client, database, "Caroline"), days(3))

    told = await read(client)

    assert ranks(told["by_votes"]) == [(1, "Caroline", False)]
    assert told["mine"] is None


async def test_a_person_of_several_volunteers_is_shown_once_and_only_if_all_are_willing(
    client: httpx2.AsyncClient, database: Connection
) -> None:
    phone = await a_phone(client, database, "Caroline")
    await database.execute(
        "INSERT INTO volunteer (person_id, name, name_key) VALUES ($1, 'Lina', 'lina')", phone.person
    )
    await answered(database, phone, days(3))
    both = ranks((await read(client))["by_votes"])
    await database.execute("UPDATE volunteer SET on_boards = false WHERE name = 'Lina'")

    assert both == [(1, "Caroline", False)]
    assert (await read(client))["by_votes"] == []


async def test_an_unknown_project_has_no_board(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/projects/nowhere/board")).status_code == 404
    assert (await client.get(f"{PATH}?weeks_ago=53")).status_code == 422
    assert (await client.get(PATH, headers={"authorization": "Bearer chf_unknown"})).status_code == 401


@pytest.mark.parametrize(("scope", "status"), [(Scope.PERSONAL, 403), (Scope.IMPORT, 403), (Scope.SESSION, 200)])
async def test_a_wish_is_said_by_a_phone_or_a_login(
    client: httpx2.AsyncClient, database: Connection, scope: Scope, status: int
) -> None:
    await a_phone(client, database, "Caroline")
    token = new_token()
    await database.execute(
        "INSERT INTO token (sha256, scope, volunteer_id, project_id, source)"
        " SELECT $1, $2, v.id, CASE WHEN $2 = 'import' THEN p.id END, 'test' FROM volunteer v, project p",
        sha256_of(token),
        scope,
    )

    reply = await client.put("/v1/me/board", json={"on": False}, headers={"authorization": f"Bearer {token}"})

    assert reply.status_code == status
    assert await database.fetchval("SELECT on_boards FROM volunteer") == (status != 200)


async def test_badges_are_for_what_was_done_in_all_projects(client: httpx2.AsyncClient, database: Connection) -> None:
    phone = await a_phone(client, database, None)
    await database.execute("INSERT INTO project (slug) VALUES ('garden')")
    await answered(database, phone, days(60, 30, first=date(2026, 3, 2)))
    await answered(database, phone, days(15, first=date(2026, 3, 4)), slug="garden")
    await database.execute("INSERT INTO favourite (person_id, subject_id) VALUES ($1, 1), ($1, 2)", phone.person)
    await database.execute(
        "INSERT INTO skill (person_id, workflow_id, revision, no_no) VALUES ($1, 1, 30, 2), ($1, 2, 5, 5)", phone.person
    )

    reply = await client.get(f"/v1/me/projects/{SLUG}", headers=phone.headers)

    mine = MyProjectOut.model_validate_json(reply.content)
    assert mine.votes == 90
    assert {badge.id for badge in mine.badges if badge.earned} == {
        "first-vote",
        "votes-100",
        "days-3",
        "streak-3",
        "projects-2",
        "training-20",
        "favourites-1",
    }
    assert {(badge.id, badge.have) for badge in mine.badges if badge.id in ("votes-1000", "training-100")} == {
        ("votes-1000", 105),
        ("training-100", 35),
    }
