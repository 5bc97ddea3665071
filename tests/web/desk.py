"""Moderators and candidates: people whose evidence is of real answers to real training pictures."""

import asyncio
import json
import uuid
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.request import Request, urlopen

from api.caller import Role
from api.phone import Phone as Client
from api.phone import new_swipe
from api.services.tokens import open_session
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Sessions, open_engine
from api.store.volunteers import VolunteerStore
from cascade.vocabulary import Answer
from mobile_schemas.decks import DeckIn
from tests.web.meadow import GLADE, Service
from tests.web.phone import Phone

Result = TypeVar("Result")

BIRD: Final = 9
NEST: Final = 10
"""The glade's workflows: the second asks for level 2."""

CARDS: Final = 12

SIGN_IN: Final = """who => new Promise((done, fail) => {
    const opening = indexedDB.open("chaffinch");
    opening.onerror = () => fail(opening.error);
    opening.onsuccess = () => {
        const change = opening.result.transaction("facts", "readwrite");
        change.objectStore("facts").put(who, "volunteer");
        change.oncomplete = () => { opening.result.close(); done(); };
    };
})"""


@dataclass(frozen=True)
class Somebody:
    """A person with a token, and the volunteer that they are."""

    token: str
    volunteer: str


def a_moderator(service: Service, name: str) -> Somebody:
    """Return the session of a moderator of the glade, called by this name and a number."""
    return beside(_moderator(service.database_url, f"{name} {uuid.uuid4().hex[:6]}"))


async def _moderator(url: str, name: str) -> Somebody:
    sessions = Sessions(open_engine(url))
    async with sessions.begin() as session:
        project = await ProjectStore(session).by_slug(GLADE)
        volunteer = await VolunteerStore(session).add(name, name.lower())
        assert project is not None
        assert volunteer is not None
        await MemberStore(session).add(project.id, volunteer.person_id, Role.MODERATOR)
        somebody = Somebody(open_session(session, volunteer.id), f"V{volunteer.id}")
    await sessions.close()
    return somebody


def candidates(service: Service, moderator: Somebody, names: Sequence[str]) -> list[Somebody]:
    """Let people answer a deck, training pictures among it, nearly always right, and propose them for level 2."""
    truths = dict(service.rows("SELECT subject_id, truth FROM gold_standard WHERE current"))
    people = beside(_answering(service.url, names, truths))
    for each in people:
        propose(service, moderator, each.volunteer)
    return people


async def _answering(url: str, names: Sequence[str], truths: dict[int, int]) -> list[Somebody]:
    async with Client(url) as client:
        return [await _answer_a_deck(client, f"{name} {uuid.uuid4().hex[:6]}", truths) for name in names]


async def _answer_a_deck(client: Client, name: str, truths: dict[int, int]) -> Somebody:
    created = await client.register(name)
    deck = await client.deck(created.token, BIRD, DeckIn(key=uuid.uuid4(), size=CARDS, width=640, holding=[]))
    swipes = []
    for place, card in enumerate(deck.cards):
        right = Answer(truths.get(int(card.subject[1:]), Answer.YES))
        answer = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}[right] if place % 9 == 8 else right
        swipes.append(new_swipe(BIRD, card.subject, answer, dwell_ms=900))
    await client.swipe(created.token, swipes)
    return Somebody(created.token, created.volunteer)


def propose(service: Service, moderator: Somebody, volunteer: str) -> None:
    decide(service, moderator, volunteer, "propose")


def decide(service: Service, moderator: Somebody, volunteer: str, action: str, why: str | None = None) -> None:
    """Decide about level 2, as another moderator's desk would."""
    decision = {"volunteer": volunteer, "level": 2, "action": action, "why": why}
    reply = post(service, moderator, f"/v1/projects/{GLADE}/promotions", {"decisions": [decision]})
    assert reply["decisions"][0]["outcome"] == "ok", reply


def post(service: Service, somebody: Somebody, path: str, body: object) -> Any:
    headers = {"Authorization": f"Bearer {somebody.token}", "Content-Type": "application/json"}
    with urlopen(Request(service.url + path, json.dumps(body).encode(), headers)) as reply:
        return json.load(reply)


def beside(work: Coroutine[Any, Any, Result]) -> Result:
    """Run something with an event loop of its own: Playwright's has this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def sign_in(phone: Phone, somebody: Somebody) -> None:
    """Let the browser have a session, as a login leaves it there."""
    phone.page.goto("/settings")
    phone.page.get_by_role("heading", level=1).wait_for()
    phone.page.wait_for_function("indexedDB.databases().then((all) => all.some((each) => each.name === 'chaffinch'))")
    phone.page.evaluate(SIGN_IN, {"token": somebody.token, "volunteer": somebody.volunteer})
