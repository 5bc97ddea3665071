"""A small table of endpoints with its handlers, and what the tests of the adapter say to it."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

import httpx2
from pydantic import Field
from starlette.routing import Router

from api.caller import Caller, Scope
from api.errors import DatabaseUnavailableError, NameTakenError
from api.http.adapter import nothing_here, routes
from api.http.calls import Answer, Call, Handlers, Reply
from mobile_schemas.classifications import ClassificationsIn
from mobile_schemas.decks import DeckIn
from mobile_schemas.endpoint import Endpoint
from mobile_schemas.fields import Model, WorkflowId
from mobile_schemas.volunteers import VolunteerIn

TOKEN = "chf_of_a_volunteer"
RESEARCHER_TOKEN = "chf_of_a_researcher"


class NestIn(Model):
    eggs: Annotated[int, Field(ge=1, le=6)]
    note: Annotated[str | None, Field(max_length=10)] = None


class NestPath(Model):
    number: WorkflowId


class NestQuery(Model):
    limit: Annotated[int, Field(ge=1, le=100)] = 10


TABLE = (
    Endpoint(name="lay", method="POST", path="/nests", summary="Lay.", access="volunteer", body=NestIn, status=201),
    Endpoint(name="nests", method="GET", path="/nests", summary="List.", query=NestQuery),
    Endpoint(name="nest", method="GET", path="/nests/{number}", summary="Look.", parameters=NestPath),
    Endpoint(name="swipes", method="POST", path="/swipes", summary="Swipe.", body=ClassificationsIn),
    Endpoint(name="decks", method="POST", path="/decks", summary="Deal.", body=DeckIn),
    Endpoint(name="names", method="POST", path="/names", summary="Name.", body=VolunteerIn),
    Endpoint(name="fall", method="GET", path="/fall", summary="Fall."),
    Endpoint(name="taken", method="GET", path="/taken", summary="Refuse."),
    Endpoint(name="away", method="GET", path="/away", summary="Be away."),
)


@dataclass
class Garden:
    laid: list[tuple[int, NestIn]] = field(default_factory=list)


async def lay(garden: Garden, call: Call[None, None, NestIn]) -> Answer:
    garden.laid.append((call.caller.volunteer_id, call.body))
    return {"eggs": call.body.eggs}


async def nests(_garden: Garden, call: Call[None, NestQuery, None]) -> Answer:
    return {"limit": call.query.limit}


async def nest(_garden: Garden, call: Call[NestPath, None, None]) -> Answer:
    return Reply(b'{"number": %d}' % call.path.number, ((b"etag", b'"one"'),))


async def count(_garden: Garden, call: Call[None, None, Any]) -> Answer:
    body: Model = call.body
    return body.model_dump_json().encode()


async def fall(_garden: Garden, _call: Call[None, None, None]) -> Answer:
    raise ZeroDivisionError("the branch broke")


async def taken(_garden: Garden, _call: Call[None, None, None]) -> Answer:
    raise NameTakenError("Robin")


async def away(_garden: Garden, _call: Call[None, None, None]) -> Answer:
    raise DatabaseUnavailableError(retry_after_seconds=7)


async def authenticate(_garden: Garden, token_sha256: bytes, _believing: bool) -> Caller | None:
    scopes = {TOKEN: Scope.VOLUNTEER, RESEARCHER_TOKEN: Scope.RESEARCHER}
    for token, scope in scopes.items():
        if sha256(token.encode()).digest() == token_sha256:
            return Caller(volunteer_id=7, person_id=5, name=None, scope=scope, project_id=None, source="test")
    return None


HANDLERS: Handlers[Garden] = {
    "lay": lay,
    "nests": nests,
    "nest": nest,
    "swipes": count,
    "decks": count,
    "names": count,
    "fall": fall,
    "taken": taken,
    "away": away,
}


def planted(garden: Garden) -> Router:
    return Router(routes(TABLE, HANDLERS, authenticate, lambda: garden), redirect_slashes=False, default=nothing_here)


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def post(client: httpx2.AsyncClient, path: str, body: bytes | str, **headers: str) -> httpx2.Response:
    headers = {"content-type": "application/json", **bearer(), **headers}
    return await client.post(path, content=body, headers=headers)


def a_swipe(**changes: object) -> dict[str, object]:
    swipe = {
        "id": "01932c07-2f5a-7c3e-8d51-3f6f0c4b579a",
        "workflow": 3,
        "subject": "S12",
        "answer": "yes",
        "answered_at": "2026-11-21T09:30:00.250+01:00",
        "dwell_ms": 900,
    }
    return {**swipe, **changes}


def swipes(*items: object) -> str:
    return json.dumps({"classifications": items})


def problem(response: httpx2.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == response.status_code
    assert told["type"].startswith("/problems/")
    assert told["title"]
    assert told["detail"]
    return told


def pointers(response: httpx2.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [error["pointer"] for error in problem(response)["errors"]]
