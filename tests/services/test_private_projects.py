"""A private project is told to strangers exactly as one that does not exist, whatever they ask, by whatever name."""

import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import asyncpg
import httpx2
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from api.app import App
from api.caller import Role, Scope
from api.http.adapter import SCOPES
from api.http.client_files import ClientFiles
from api.services.house import Services
from api.store.engine import Connection
from mobile_schemas.endpoint import Endpoint
from mobile_schemas.endpoints import ENDPOINTS
from mobile_schemas.subjects import subject_id
from tests.http.shell import a_built_client
from tests.services.campaigns import ARC_THEN_LENS, SLUG, Campaign, a_campaign
from tests.services.people import People, Person

NO_PROJECT: Final = frozenset(
    {
        "retract_classifications",
        "register_volunteer",
        "me",
        "push_key",
        "subscribe_push",
        "unsubscribe_push",
        "list_projects",
        "get_media",
        "get_media_avif",
        "get_media_webp",
        "get_video_mp4",
        "get_video_webm",
        "openapi",
        "reference",
        "list_problems",
        "get_problem",
        "health",
        "metrics",
        "accept_invitation",
        "list_my_tokens",
        "revoke_my_token",
        "export_me",
        "delete_me",
        "stand_on_boards",
        "list_logins",
        "begin_login",
        "end_login",
        "open_session",
        "close_session",
        "my_logins",
        "remove_login",
        "choose_name",
        "begin_passkey",
        "add_passkey",
        "begin_passkey_login",
        "open_passkey_session",
        "my_passkeys",
        "remove_passkey",
    }
)
"""Endpoints that name no project and nothing in one. Every other endpoint of the table is asked below."""

SAME: Final = {
    "table": "labels",
    "offset": 0,
    "role": "owner",
    "volunteer": "V1",
    "token_id": "0123456789ab",
    "invitation": "0123456789ab",
}
"""Parameters that name nothing of a project by themselves."""

CLIENT_ID: Final = "01932c07-2f5a-7c3e-8d51-3f6f0c4b579a"
KEY: Final = "3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a"


def _swipe(names: Mapping[str, Any]) -> object:
    swipe = {
        "id": CLIENT_ID,
        "workflow": names["workflow_id"],
        "subject": names["subject"],
        "answer": "yes",
        "answered_at": "2026-11-21T09:30:00Z",
        "dwell_ms": 900,
    }
    return {"classifications": [swipe]}


BODIES: Final[dict[str, Callable[[Mapping[str, Any]], object]]] = {
    "submit_classifications": _swipe,
    "deal_deck": lambda _: {"key": KEY, "size": 3, "width": 320},
    "deal_named": lambda names: {"key": KEY, "subjects": [names["subject"]]},
    "begin_upload": lambda _: {"name": "a.csv", "bytes": 3, "sha256": "0" * 64},
    "put_chunk": lambda _: b"abc",
    "begin_import": lambda names: {
        "source": {"upload": names["upload"]},
        "content": {"kind": "scores", "name": "cnn", "model": "0" * 64},
    },
    "add_webhook": lambda _: {"url": "https://observatory.example/hook"},
    "replay_webhook": lambda _: {"after": 0},
    "add_role": lambda _: {"role": "owner"},
    "set_visibility": lambda _: {"visibility": "public"},
    "invite": lambda _: {"role": "owner"},
    "make_project_token": lambda _: {"scope": "researcher"},
    "decide_promotions": lambda names: {
        "decisions": [{"volunteer": names["volunteer"], "level": 2, "action": "propose"}],
        "preview": False,
    },
    "add_note": lambda _: {"body": "Knows arms."},
    "report": lambda names: {"about": names["subject"], "kind": "other", "body": "A smudge."},
    "close_report": lambda _: {"outcome": "Wiped off."},
    "ban": lambda _: {"why": "Insults."},
    "appeal": lambda _: {"level": 2, "why": "I have looked at all of them."},
    "make_my_token": lambda names: {"label": "mine", "project": names["slug"]},
}
"""How endpoints that take a body are asked, of the names in it."""

QUERIES: Final = {"lift_ban": "?why=sorry"}
"""What endpoints need behind their paths."""


@pytest.fixture
async def private(services: Services, database: Connection) -> Campaign:
    """A private campaign."""
    campaign = await a_campaign(services, database, ARC_THEN_LENS.replace("    level: 2\n", ""))
    await database.execute("UPDATE project SET visibility = 'private'")
    return campaign


@pytest.fixture
async def names(private: Campaign, database: Connection) -> tuple[dict[str, Any], dict[str, Any]]:
    """What there is in the private project by the parameters of paths, and what there is nowhere."""
    upload, missing = uuid.uuid4(), uuid.uuid4()
    await database.execute(
        "INSERT INTO upload (id, project_id, name, size_bytes, sha256) VALUES ($1, $2, 'a.csv', 3, $3)",
        upload,
        private.project,
        "0" * 64,
    )
    webhook = await database.fetchval(
        "INSERT INTO webhook (project_id, url, secret, form) VALUES ($1, 'https://o.example', 'whsec_x', 'json')"
        " RETURNING id",
        private.project,
    )
    job = await database.fetchval(
        "INSERT INTO import_job (project_id, kind, options) VALUES ($1, 'scores', '{}') RETURNING id", private.project
    )
    report = await database.fetchval(
        "INSERT INTO report (project_id, by_volunteer_id, kind, body) VALUES ($1, 1, 'other', 'a smudge') RETURNING id",
        private.project,
    )
    there = {
        "slug": SLUG,
        "report": report,
        "workflow_id": private.arc,
        "subject": subject_id(private.subjects[0]),
        "position": 77,
        "upload": str(upload),
        "import_id": job,
        "webhook_id": webhook,
    }
    nowhere = {
        "slug": "no-such",
        "report": 987654,
        "workflow_id": 987654,
        "subject": "S987654",
        "position": 77,
        "upload": str(missing),
        "import_id": 987654,
        "webhook_id": 987654,
    }
    return there | SAME, nowhere | SAME


async def strangers(people: People, endpoint: Endpoint) -> AsyncIterator[tuple[str, Person]]:
    """Give everybody whom an endpoint lets in, and who is no member: owners and programs of another project."""
    scopes = set(Scope) if endpoint.access == "public" and endpoint.knows_bearer else SCOPES.get(endpoint.access, set())
    if endpoint.access == "public":
        yield "nobody", people.stranger
    if not scopes:
        return
    elsewhere = await people.database.fetchval("SELECT id FROM project WHERE slug = 'elsewhere'")
    if elsewhere is None:
        elsewhere = await people.a_project("elsewhere")
    person = await people.a_person({elsewhere: Role.OWNER})
    for scope in sorted(scopes):
        of_project = elsewhere if scope in {Scope.RESEARCHER, Scope.IMPORT, Scope.BOT} else None
        yield scope, await people.with_token(person, scope, of_project, Role.OWNER)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements that go to the database, by either of its drivers."""
    seen: list[str] = []

    def by_engine(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    plain = asyncpg.Connection._execute  # type: ignore[attr-defined]  # where all its queries meet; not in its stubs

    async def by_pool(self: Any, query: str, *arguments: Any, **more: Any) -> Any:
        seen.append(query)
        return await plain(self, query, *arguments, **more)

    event.listen(Engine, "before_cursor_execute", by_engine)
    try:
        with patch.object(asyncpg.Connection, "_execute", by_pool):
            yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", by_engine)


async def answer(
    person: Person, endpoint: Endpoint, names: Mapping[str, Any], others: Mapping[str, Any]
) -> tuple[object, ...]:
    """Return an answer without the names that were asked for, and the statements that it took."""
    if endpoint.body is not None and endpoint.name not in BODIES:
        raise LookupError(f"say in BODIES how a stranger asks for {endpoint.name}")
    body = BODIES[endpoint.name](names) if endpoint.body is not None else None
    with counted() as statements:
        path = endpoint.path.format(**names) + QUERIES.get(endpoint.name, "")
        reply = await person.ask(endpoint.method, path, body)
    headers = {k: v for k, v in reply.headers.items() if k not in {"x-request-id", "content-length", "date"}}
    return reply.status_code, headers, without(reply.text, names, others), tuple(statements)


def without(text: str, names: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    for parameter, name in names.items():
        if name != others[parameter]:
            text = re.sub(rf"\b{re.escape(str(name))}\b", parameter, text)
    return text


async def test_no_endpoint_tells_a_stranger_a_private_project_from_a_missing_one(
    people: People, names: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    there, nowhere = names
    different, asked = {}, 0
    for endpoint in ENDPOINTS:
        if endpoint.name in NO_PROJECT:
            continue
        async for who, person in strangers(people, endpoint):
            await answer(person, endpoint, nowhere, there)  # the first use of a token writes that it is in use
            of_missing = await answer(person, endpoint, nowhere, there)
            of_private = await answer(person, endpoint, there, nowhere)
            asked += 1
            if of_private != of_missing or (of_private[0] != 404 and endpoint.name != "submit_classifications"):
                different[f"{endpoint.name} by {who}"] = (of_private, of_missing)

    assert sorted(different) == [], next(iter(different.values()))
    assert asked > len(ENDPOINTS)


async def test_every_endpoint_that_names_no_project_is_there() -> None:
    table = {endpoint.name: endpoint for endpoint in ENDPOINTS}

    for name in NO_PROJECT:
        assert not {"{slug}", "{workflow_id}", "{subject}"} & set(re.findall(r"{\w+}", table[name].path)), name


async def test_a_strangers_vote_is_for_a_workflow_that_does_not_exist_whatever_was_dealt_before(
    people: People, private: Campaign, database: Connection, names: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    there, _ = names
    member = await people.a_person({private.project: Role.VOLUNTEER}, Scope.VOLUNTEER)
    dealt = await member.ask("POST", f"/v1/workflows/{private.arc}/decks", BODIES["deal_deck"](there))
    subject = dealt.json()["cards"][0]["subject"]
    await database.execute("DELETE FROM member")

    vote = _swipe(there | {"subject": subject})
    [verdict] = (await member.ask("POST", "/v1/classifications", vote)).json()["verdicts"]
    again = await member.ask("POST", f"/v1/workflows/{private.arc}/decks", BODIES["deal_deck"](there))

    assert (verdict["verdict"], verdict["reason"]) == ("rejected", "unknown_workflow")
    assert (again.status_code, again.json()["type"]) == (404, "/problems/unknown-workflow")
    assert await database.fetchval("SELECT count(*) FROM classification") == 0


async def test_members_see_and_work_in_their_private_project(
    people: People, private: Campaign, names: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    there, _ = names
    member = await people.a_person({private.project: Role.VOLUNTEER}, Scope.VOLUNTEER)

    seen = {
        path: (await member.ask("GET", path)).status_code
        for path in (
            f"/v1/projects/{SLUG}",
            f"/v1/projects/{SLUG}/pages?width=320",
            f"/v1/projects/{SLUG}/progress",
            f"/v1/me/projects/{SLUG}",
            f"/v1/subjects/{there['subject']}",
        )
    }
    dealt = await member.ask("POST", f"/v1/workflows/{private.arc}/decks", BODIES["deal_deck"](there))
    vote = _swipe(there | {"subject": dealt.json()["cards"][0]["subject"]})
    [verdict] = (await member.ask("POST", "/v1/classifications", vote)).json()["verdicts"]
    wished = await member.ask("POST", f"/v1/workflows/{private.arc}/wishes")

    assert set(seen.values()) == {200}, seen
    assert (verdict["verdict"], wished.status_code) == ("created", 201)


async def test_lists_show_unlisted_and_private_projects_to_their_members_alone(
    people: People, private: Campaign
) -> None:
    unlisted = await people.a_project("unlisted", "unlisted")
    await people.a_project("open")
    member = await people.a_person({private.project: Role.VOLUNTEER, unlisted: Role.MODERATOR}, Scope.VOLUNTEER)

    async def listed(by: Person) -> list[str]:
        return [each["slug"] for each in (await by.ask("GET", "/v1/projects")).json()["projects"]]

    assert await listed(people.stranger) == ["open"]
    assert await listed(await people.a_person()) == ["open"]
    assert await listed(member) == [SLUG, "open", "unlisted"]
    assert (await people.stranger.ask("GET", "/v1/projects/unlisted")).status_code == 200


async def test_a_token_bound_to_another_project_sees_and_votes_nowhere_else(
    people: People, private: Campaign, names: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    there, _ = names
    other = await people.a_project("open")
    member = await people.a_person({private.project: Role.OWNER, other: Role.OWNER}, Scope.SESSION)
    bound = await people.with_token(member, Scope.PERSONAL, other, Role.OWNER)
    deck = BODIES["deal_deck"](there)
    dealt = (await member.ask("POST", f"/v1/workflows/{private.arc}/decks", deck)).json()
    subject = dealt["cards"][0]["subject"]

    denied = await bound.ask("POST", "/v1/classifications", _swipe(there | {"subject": subject}))
    assert denied.json()["verdicts"][0]["reason"] == "unknown_workflow"
    assert (await bound.ask("GET", f"/v1/projects/{SLUG}")).status_code == 404
    counted_vote = await member.ask("POST", "/v1/classifications", _swipe(there | {"subject": subject}))
    assert counted_vote.json()["verdicts"][0]["verdict"] == "created"
    taken_back = await bound.ask("POST", "/v1/retractions", {"retractions": [{"id": CLIENT_ID}]})
    assert taken_back.json()["verdicts"][0]["reason"] == "other_project"


async def test_metrics_name_no_private_project_where_anybody_may_read_them(
    people: People, private: Campaign, database: Connection
) -> None:
    await database.execute("INSERT INTO workflow_total (workflow_id) SELECT id FROM workflow")

    hidden = (await people.stranger.ask("GET", "/metrics")).text
    await database.execute("UPDATE project SET visibility = 'unlisted'")
    shown = (await people.stranger.ask("GET", "/metrics")).text

    assert f'project="{SLUG}"' not in hidden
    assert f'project="{SLUG}"' in shown
    assert private.project


async def test_pages_of_the_client_show_nothing_of_a_private_project(
    services: Services, names: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    there, nowhere = names
    app = App(services=services, client=ClientFiles(a_built_client(tmp_path / "client")))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://chaffinch") as client:
        for path in ("/p/{slug}", "/p/{slug}/1", "/s/{subject}"):
            of_private, of_missing = [await client.get(path.format(**each)) for each in (there, nowhere)]

            assert (of_private.status_code, of_missing.status_code) == (404, 404)
            assert without(of_private.text, there, nowhere) == without(of_missing.text, nowhere, there)
