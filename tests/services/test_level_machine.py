"""No request, in any order, gets anybody a card of a workflow whose level they lack, or counts a vote of theirs in it.

People register, ask for decks, send swipes and send them again, take them back, use the ids and subjects of others, and
appeal, all over HTTP; moderators promote and demote them, ends come, bans begin and are lifted. Beside the service runs
a model that knows who holds what. After every step the database is held against it: every card dealt in that step, and
every vote stored in it.
"""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from api.app import App
from api.caller import Role
from api.factory import open_services
from api.services.house import Services
from api.services.judging import Judging
from api.services.project_rules import ProjectRules
from api.services.published import PublishedCascades
from api.services.stages import first_standing
from api.services.tokens import open_session
from api.settings import Settings
from api.store.ballot import BallotStore
from api.store.engine import Connection, open_engine
from api.store.members import MemberStore
from api.store.sessions import Sessions
from api.store.volunteers import VolunteerStore
from cascade.graph import Attributes
from cascade.vocabulary import Bucket, EntryKind, Exclusion
from tests.services.campaigns import new_id

CASCADE = """
project: {slug}
workflows:
  - {{name: arc, question: "An arc?", policy: {{count: 4}}, audit: 0, then: {{yes: lens, no: retire}}}}
  - {{name: lens, question: "A lens?", level: 2, policy: {{count: 4}}, audit: 0, then: {{yes: rare, no: retire}}}}
  - {{name: rare, question: "A rare one?", level: 3, policy: {{count: 4}}, audit: 0}}
"""
SUBJECTS, GOLD, PEOPLE_MOST = 10, 4, 3
LEVELS = {"arc": 1, "lens": 2, "rare": 3}

people = st.integers(0, PEOPLE_MOST - 1)
picks = st.integers(0, 999)
harder = st.sampled_from(["lens", "lens", "rare"])
workflows = st.sampled_from(["arc", "lens", "lens", "rare"])
levels = st.sampled_from([2, 2, 2, 3])
answers = st.sampled_from(["yes", "yes", "no", "unsure"])
CHEATS = ("my card", "my id", "my swipe", "their card", "their id", "their swipe", "made up")

Lease = tuple[str, str]
"""A card that was dealt: workflow and subject."""


@dataclass
class Phone:
    """Somebody as the model knows them, and what their phone has kept. `last` is what was decided last, by level."""

    volunteer: str
    person_id: int
    token: str
    held: dict[int, bool] = field(default_factory=dict)
    asked_about: set[int] = field(default_factory=set)
    last: dict[int, str] = field(default_factory=dict)
    banned: bool = False
    cards: list[Lease] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    answered: set[Lease] = field(default_factory=set)

    def unanswered(self) -> list[Lease]:
        """Return the cards that the phone has and has not answered."""
        return [card for card in self.cards if card not in self.answered]

    def may(self, workflow: str) -> bool:
        """Say whether the model lets them take part in a workflow."""
        return not self.banned and max(self.held, default=1) >= LEVELS[workflow]


@dataclass
class World:
    """The service over a database, and a loop to run it in."""

    runner: asyncio.Runner
    services: Services
    client: httpx2.AsyncClient
    connection: Connection
    database_url: str
    numbers: Iterator[int] = field(default_factory=count)

    def ask(self, method: str, path: str, token: str | None = None, body: object = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.runner.run(self.client.request(method, path, json=body, headers=headers))

    def run(self, statement: str, *arguments: Any) -> list[Any]:
        return self.runner.run(self.connection.fetch(statement, *arguments))


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        yield runner.run(_begin(stack, runner, database_url, tmp_path))
        runner.run(stack.aclose())


async def _begin(stack: AsyncExitStack, runner: asyncio.Runner, database_url: str, folder: Path) -> World:
    services = await open_services(Settings(data_dir=folder, access_log="off"), database_url)
    stack.push_async_callback(services.close)
    transport = httpx2.ASGITransport(app=App(services=services))
    client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://service"))
    connection = await asyncpg.connect(database_url)
    stack.push_async_callback(connection.close)
    return World(runner, services, client, connection, database_url)


class LevelMachine(RuleBasedStateMachine):
    """Whatever happens to levels, while people do whatever they like."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.phones: list[Phone] = []
        self.cards: set[tuple[int, int, int]] = set()
        self.votes: set[tuple[int, uuid.UUID]] = set()

    @initialize()
    def begin(self) -> None:
        self.slug = f"lenses-{next(self.world.numbers)}"
        self.workflows, self.subjects, self.moderator = self.world.runner.run(self._publish())
        self.judging = Judging(ProjectRules(PublishedCascades()))
        self.register()
        self.register()
        for who in range(2):  # so that there is something to lose
            self.decide(who=who, level=2, action="grant", lasting=True)
            self.ask_for_a_deck(who=who, workflow="lens", size=5, again=False, pick=0)

    async def _publish(self) -> tuple[dict[str, int], list[str], str]:
        """Publish a project whose subjects have come to every workflow, some of which are gold there."""
        world, slug = self.world, self.slug
        project = await world.connection.fetchval("INSERT INTO project (slug) VALUES ($1) RETURNING id", slug)
        rows = await world.connection.fetch(
            "INSERT INTO subject (project_id, external_id, metadata)"
            " SELECT $1, 'e' || i, '{}' FROM generate_series(1, $2::int) i RETURNING id",
            project,
            SUBJECTS + GOLD,
        )
        subjects = [row[0] for row in rows]
        await world.connection.execute(
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
            " SELECT s, w, 1, $1, s % 2, s FROM unnest($2::bigint[]) s CROSS JOIN unnest($3::text[]) w",
            project,
            subjects[SUBJECTS:],
            list(LEVELS),
        )
        await world.services.publishing.publish(CASCADE.format(slug=slug))
        version_id, ids = await world.connection.fetchrow(
            "SELECT id, (SELECT array_agg(id ORDER BY id) FROM workflow WHERE project_id = $1) FROM cascade_version"
            " WHERE project_id = $1",
            project,
        ) or (0, [])
        numbers = dict(zip(LEVELS, ids, strict=True))
        published = await PublishedCascades().in_force(world.connection, version_id)
        for name in ("lens", "rare"):
            for subject in subjects[:SUBJECTS]:
                values = (numbers[name], subject, *first_standing(published, name, Attributes(), subject))
                await BallotStore(world.connection).enter_stages([[value] for value in values])
        return numbers, [f"S{subject}" for subject in subjects], await self._moderator(project)

    async def _moderator(self, project: int) -> str:
        sessions = Sessions(open_engine(self.world.database_url))
        async with sessions.begin() as session:
            volunteer = await VolunteerStore(session).add()
            assert volunteer is not None
            await MemberStore(session).add(project, volunteer.person_id, Role.MODERATOR)
            token = open_session(session, volunteer.id)
        await sessions.close()
        return token

    @rule()
    def register(self) -> None:
        if len(self.phones) < PEOPLE_MOST:
            created = self.world.ask("POST", "/v1/volunteers", body={}).json()
            number = int(created["volunteer"][1:])
            [row] = self.world.run("SELECT person_id FROM volunteer WHERE id = $1", number)
            self.phones.append(Phone(created["volunteer"], row[0], created["token"]))

    def phone(self, number: int) -> Phone:
        return self.phones[number % len(self.phones)]

    @rule(who=people, workflow=workflows, size=st.integers(1, 6), again=st.booleans(), pick=picks)
    def ask_for_a_deck(self, who: int, workflow: str, size: int, again: bool, pick: int) -> None:
        phone = self.phone(who)
        key = str(uuid.uuid4())
        if again and phone.keys:
            workflow, key = phone.keys[pick % len(phone.keys)]
        path = f"/v1/workflows/{self.workflows[workflow]}/decks"
        reply = self.world.ask("POST", path, phone.token, {"key": key, "size": size, "width": 320})

        assert reply.status_code == (200 if phone.may(workflow) else 403), reply.text
        if reply.status_code == 200:
            phone.keys.append((workflow, key))
            phone.cards += [(workflow, card["subject"]) for card in reply.json()["cards"]]

    @rule(who=people, most=st.integers(1, 3), answer=answers)
    def swipe(self, who: int, most: int, answer: str) -> None:
        """Answer cards that were dealt, whatever has become of the level since."""
        phone = self.phone(who)
        swipes = [self.a_swipe(lease, answer) for lease in phone.unanswered()[-most:]]
        if swipes:
            phone.answered |= set(phone.unanswered()[-most:])
            self.send(phone, swipes)

    @rule(who=people, other=people, workflow=harder, whose=st.sampled_from(CHEATS), pick=picks, answer=answers)
    def cheat(self, who: int, other: int, workflow: str, whose: str, pick: int, answer: str) -> None:
        """Send again, answer again, use another's card, id or swipe, or a subject that was never dealt."""
        phone, neighbour = self.phone(who), self.phone(other)
        leases = {"my card": phone.cards, "their card": neighbour.cards}.get(whose) or [
            (workflow, subject) for subject in self.subjects
        ]
        used = phone.sent if whose in ("my id", "my swipe") else neighbour.sent
        swipe = self.a_swipe(leases[pick % len(leases)], answer)
        if used and whose.endswith("swipe"):
            swipe = used[pick % len(used)]
        if used and whose.endswith("id"):
            swipe["id"] = used[pick % len(used)]["id"]
        self.send(phone, [swipe])

    def a_swipe(self, lease: Lease, answer: str) -> dict[str, Any]:
        return {
            "id": str(new_id()),
            "workflow": self.workflows[lease[0]],
            "subject": lease[1],
            "answer": answer,
            "answered_at": datetime.now(UTC).isoformat(),
            "dwell_ms": 900,
        }

    @rule(who=people, pick=picks)
    def take_back(self, who: int, pick: int) -> None:
        phone = self.phone(who)
        if phone.sent:
            body = {"retractions": [{"id": phone.sent[pick % len(phone.sent)]["id"]}]}
            assert self.world.ask("POST", "/v1/retractions", phone.token, body).status_code == 200

    def send(self, phone: Phone, swipes: list[dict[str, Any]]) -> None:
        phone.sent += swipes
        reply = self.world.ask("POST", "/v1/classifications", phone.token, {"classifications": swipes})
        assert reply.status_code == 200, reply.text

    @rule(
        who=people,
        level=levels,
        action=st.sampled_from(["propose", "confirm", "refuse", "defer"]),
        lasting=st.booleans(),
    )
    def decide(self, who: int, level: int, action: str, lasting: bool) -> None:
        phone, until = self.phone(who), (datetime.now(UTC) + timedelta(days=9)).isoformat()
        decision = {"volunteer": phone.volunteer, "level": level, "action": action, "why": "So it is."}
        if action == "defer":
            decision["deferred_until"] = until
        if action in ("confirm", "grant") and not lasting:
            decision["until"] = until
        reply = self.world.ask("POST", f"{self.path}/promotions", self.moderator, {"decisions": [decision]})

        assert reply.status_code == 200, reply.text
        self.decided(phone, level, action)

    @rule(who=people, level=levels, lasting=st.booleans())
    def give(self, who: int, level: int, lasting: bool) -> None:
        self.decide(who, level, "grant", lasting)
        self.ask_for_a_deck(who, "lens", 3, again=False, pick=0)

    @rule(who=people, level=levels, how=st.sampled_from(["revoke", "end"]), again=st.booleans(), pick=picks)
    def take(self, who: int, level: int, how: str, again: bool, pick: int) -> None:
        """Take a level away, and let the phone go on at once with what it has."""
        if how == "end":
            self.let_end(self.phone(who), level)
        else:
            self.decide(who, level, how, lasting=True)
        self.swipe(who, 1, "yes")
        self.ask_for_a_deck(who, "lens", 3, again, pick)

    @property
    def path(self) -> str:
        return f"/v1/projects/{self.slug}"

    def decided(self, phone: Phone, level: int, action: str) -> None:
        """Let the model know what a moderator has decided."""
        asked = level in phone.asked_about
        if action == "propose" and not asked and level not in phone.held:
            phone.asked_about.add(level)
            phone.last[level] = action
        if action == "grant" or (action == "confirm" and asked):
            phone.held[level] = True
            phone.asked_about.discard(level)
            phone.last[level] = action
        if action in ("refuse", "defer") and asked:
            phone.asked_about -= {level} if action == "refuse" else set()
            phone.last[level] = action
        if action == "revoke" and phone.held.pop(level, False):
            phone.last[level] = action

    @rule(who=people, level=levels)
    def appeal(self, who: int, level: int) -> None:
        phone = self.phone(who)
        body = {"level": level, "why": "Look again."}
        reply = self.world.ask("POST", f"/v1/me/projects/{self.slug}/appeals", phone.token, body)

        heard = phone.last.get(level) in ("refuse", "revoke")
        assert reply.status_code == (201 if heard else 409), reply.text
        if heard:
            phone.asked_about.add(level)
            phone.last[level] = "appeal"

        self.promote_oneself(phone, level, "confirm" if heard else "grant")

    def promote_oneself(self, phone: Phone, level: int, action: str) -> None:
        body = {"decisions": [{"volunteer": phone.volunteer, "level": level, "action": action}]}
        assert self.world.ask("POST", f"{self.path}/promotions", phone.token, body).status_code == 403

    def let_end(self, phone: Phone, level: int) -> None:
        """Let the end of a level have come, whether or not it had one."""
        ended = self.world.run(
            "UPDATE level_grant SET ends_at = now() - interval '1 s' WHERE person_id = $1 AND level = $2 RETURNING 1",
            phone.person_id,
            level,
        )
        assert bool(ended) >= (level in phone.held)
        if phone.held.pop(level, False):
            phone.last[level] = "end"

    @rule()
    def let_the_worker_judge(self) -> None:
        self.world.runner.run(self.judging.turn(self.world.connection))

    @rule(who=people)
    def ban_or_lift(self, who: int) -> None:
        phone = self.phone(who)
        if phone.banned:
            self.world.run("UPDATE ban SET lifted_at = now() WHERE person_id = $1", phone.person_id)
        else:
            self.world.run(
                "INSERT INTO ban (project_id, person_id, volunteer_id, why)"
                " SELECT id, $2, $3, 'Noise.' FROM project WHERE slug = $1",
                self.slug,
                phone.person_id,
                int(phone.volunteer[1:]),
            )
        phone.banned = not phone.banned

    @invariant()
    def nobody_is_dealt_a_card_without_the_level(self) -> None:
        rows = self.world.run(
            "SELECT person_id, workflow_id, subject_id FROM card WHERE person_id = ANY($1)", self.persons
        )
        dealt = {(row[0], row[1], row[2]) for row in rows} - self.cards
        for phone in self.phones:
            names = {self.name_of(card[1]) for card in dealt if card[0] == phone.person_id}
            assert all(phone.may(name) for name in names), f"{phone.volunteer} was dealt cards of {names}"
        self.cards |= dealt

    @invariant()
    def no_vote_is_counted_without_the_level(self) -> None:
        rows = self.world.run(
            "SELECT person_id, client_id, workflow_id, bucket, exclusion FROM classification"
            " WHERE person_id = ANY($1) AND kind = $2",
            self.persons,
            int(EntryKind.VOTE),
        )
        new = [row for row in rows if (row[0], row[1]) not in self.votes]
        for person_id, client_id, workflow, bucket, exclusion in new:
            [phone] = [each for each in self.phones if each.person_id == person_id]
            self.votes.add((person_id, client_id))
            if phone.may(self.name_of(workflow)):
                assert exclusion not in (Exclusion.LEVEL_LOST, Exclusion.BANNED), "a vote of a holder was left out"
            else:
                assert (bucket, exclusion > 0) == (Bucket.IGNORED, True), "a vote without the level was counted"

    @property
    def persons(self) -> list[int]:
        return [phone.person_id for phone in self.phones]

    def name_of(self, workflow: int) -> str:
        [name] = [name for name, number in self.workflows.items() if number == workflow]
        return name


def test_no_path_leads_round_the_levels(world: World) -> None:
    run_state_machine_as_test(
        lambda: LevelMachine(world),  # type: ignore[arg-type]  # any factory will do, as its documentation says
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
