"""What contested subjects cost with and without promotion: a real vote log, played through the service by decks.

Every worker of the log is a volunteer with a token, who asks for decks and answers each card as the log says, so a log
is needed in which workers answered nearly all items. A subject that `FIRST_VOTES` votes do not decide is contested, and
goes on to a second workflow with the same question, where one answer must lead by `LEAD` votes. The campaigns have the
same items as gold, and differ in one word:

    unrouted   the second workflow is open to everybody, when the first is through
    routed     it asks for level 2, which a moderator grants at the desk, when the first workflow is through, to the
               third of the volunteers who have shown most: by the 5 % quantiles of both sides together

Of the log's workers `VOLUNTEERS` take part, others in every choice: with all 78 each would answer some 25 cards before
all is decided, and nobody shows anything on so few. No rule promotes here: most workers of this log recognise hardly
more than half of the true yes, which is under anything that a rule may ask for. Both are compared over the contested
subjects (votes of both workflows, errors by the answers that the log knows; no answer is an error), and over all.
Training answers cost the same attention, and are counted apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import numpy as np
from pydantic_core import to_json

from api.caller import Role
from api.cli.beside import Beside, LabelFeed, beside
from api.cli.replaying import choose_gold
from api.manifest import ManifestRow
from api.phone import Phone, RefusedError, new_id, new_swipe
from api.replay.vote_logs import VoteLog, read
from api.services.importing import import_rows
from api.services.tokens import open_session
from api.settings import Settings
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Sessions, open_engine
from api.store.volunteers import VolunteerStore
from benchmarks.serving import free_port, serving
from cascade.vocabulary import Answer
from mobile_schemas.decks import DeckIn
from mobile_schemas.labels import LabelOut

FIRST_VOTES: Final = 4
"""Votes of the first workflow at which a subject that is not decided is contested."""

LEAD: Final = 2
"""By how many votes one answer must lead in the second workflow."""

VOLUNTEERS: Final = 30
GOLD_SHARE: Final = 0.15
DECK: Final = 10
MOST_ROUNDS: Final = 200
FIRST, SECOND = "answer", "again"
QUESTION: Final = "Is it what it is said to be?"
DEFAULT_LOG: Final = Path("../shared/data/votes/real_golden_a.csv.gz")

VOTES = """
SELECT s.external_id, w.name, count(*) FROM classification c JOIN workflow w ON w.id = c.workflow_id
JOIN subject s ON s.id = c.subject_id JOIN project p ON p.id = w.project_id
WHERE p.slug = $1 AND c.kind = 0 AND c.bucket IN (1, 2) GROUP BY s.external_id, w.name
"""
PROMOTED = """
SELECT count(DISTINCT g.person_id) FROM level_grant g JOIN project p ON p.id = g.project_id WHERE p.slug = $1
"""
TRAINING = """
SELECT count(*) FROM classification c JOIN workflow w ON w.id = c.workflow_id JOIN project p ON p.id = w.project_id
WHERE p.slug = $1 AND c.kind = 0 AND c.bucket = 3
"""


@dataclass(slots=True)
class Run:
    """What one campaign came to: by item its votes in both workflows, and its answer if it has one."""

    votes: dict[str, int] = field(default_factory=dict)
    contested: set[str] = field(default_factory=set)
    answers: dict[str, str | None] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    promoted: int = 0
    training: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """Votes and errors over some items; `open` have no answer at the end, and are among the errors."""

    items: int
    votes_per_item: float
    wrong: int
    open: int


async def run_routing(settings: Settings, path: Path | None, choices: int) -> dict[str, Any]:
    """Play the log with and without a level for its contested subjects, with so many choices of gold and order."""
    log = read(path or DEFAULT_LOG)
    port = free_port()
    runs: dict[str, list[Run]] = {"unrouted": [], "routed": []}
    async with beside(settings) as house:
        environment = {
            "CHAFFINCH_DATABASE_URL": house.database_url,
            "CHAFFINCH_LOG_LEVEL": "warning",
            "CHAFFINCH_LIMITS": "false",  # all volunteers have one address
        }
        command, url = ["api.cli", "serve", "--port", str(port)], f"http://127.0.0.1:{port}"
        async with serving(command, port, environment), Phone(url) as phone:
            for choice in range(1, choices + 1):
                gold = choose_gold(log, GOLD_SHARE, np.random.default_rng(choice))
                for name, played in runs.items():
                    played.append(await _play(house, phone, log, gold, f"{name}-{choice}", choice))
    return {name: _told(name, played, log) for name, played in runs.items()}


def _told(name: str, played: Sequence[Run], log: VoteLog) -> dict[str, Any]:
    """Print and return what the campaigns of one kind came to."""
    contested = _pooled([_share(run, log, run.contested) for run in played])
    whole = _pooled([_share(run, log, run.asked) for run in played])
    for what, share in (("contested subjects", contested), ("all subjects", whole)):
        print(
            f"{name}, {what}: {share.items}, {share.votes_per_item:.2f} votes each,"
            f" {share.wrong / max(1, share.items):.2%} wrong, {share.open} without an answer",
            flush=True,
        )
    promoted, training = [run.promoted for run in played], [run.training for run in played]
    print(f"{name}: promoted {promoted} of {VOLUNTEERS}; training answers {training}", flush=True)
    return {"contested": asdict(contested), "all": asdict(whole), "promoted": promoted, "training": training}


async def _play(house: Beside, phone: Phone, log: VoteLog, gold: Mapping[int, Answer], slug: str, seed: int) -> Run:
    """Let the volunteers take decks in turns until nobody gets a card."""
    rows = [
        ManifestRow(place + 2, item, (), {}, {FIRST: gold[place]} if place in gold else {}, {}, {})
        for place, item in enumerate(log.items)
    ]
    await import_rows(house.pool, slug, rows, title=slug)
    await house.services.publishing.publish(_declaration(slug, routed=slug.startswith("routed")))
    project = await phone.project(slug)
    workflows = {workflow.name: workflow.id for workflow in project.workflows}
    feed = await LabelFeed.open(phone, slug, house.services)
    given = {(vote.worker, log.items[vote.item]): vote.answer for vote in log.votes}
    names = await _names(house, slug)
    rng = np.random.default_rng(seed)
    taking_part = rng.permutation(len(log.workers))[:VOLUNTEERS].tolist()
    people = {worker: await phone.register() for worker in taking_part}

    async def answer(worker: int, workflow: int) -> int:
        """Take a deck, answer it as the log says, and return how many cards it had."""
        cards = await _deck(phone, people[worker].token, workflow)
        answers = [given.get((worker, names[card]), Answer.UNSURE) for card in cards]
        swipes = [new_swipe(workflow, card, each, None, 900) for card, each in zip(cards, answers, strict=True)]
        if swipes:
            await phone.swipe(people[worker].token, swipes)
        return len(swipes)

    for name in (FIRST, SECOND):
        for _ in range(MOST_ROUNDS):
            if not sum([await answer(worker, workflows[name]) for worker in rng.permutation(taking_part).tolist()]):
                break
        if name == FIRST and slug.startswith("routed"):
            await _promote(house, phone, slug, [each.volunteer for each in people.values()])
    await feed.read()
    connection = await asyncpg.connect(house.database_url)
    try:
        return await _outcome(connection, slug, feed.labels, gold, log)
    finally:
        await connection.close()


async def _promote(house: Beside, phone: Phone, slug: str, volunteers: Sequence[str]) -> None:
    """Let a moderator look at everybody at the desk, and grant level 2 to the best third."""
    moderator = await _moderator(house, slug)
    headers = {"Authorization": f"Bearer {moderator}"}
    async with aiohttp.ClientSession(phone.url, headers=headers, raise_for_status=True) as desk:
        shown = {}
        for volunteer in volunteers:
            async with desk.get(f"/v1/projects/{slug}/people/{volunteer}") as reply:
                evidence = (await reply.json())["evidence"]
            [skill] = [each for each in evidence["workflows"] if each["workflow"] == FIRST]
            shown[volunteer] = skill["no"]["low"] + skill["yes"]["low"]
        best = sorted(shown, key=shown.__getitem__, reverse=True)[: len(volunteers) // 3]
        decisions = [
            {"volunteer": each, "level": 2, "action": "grant", "why": "Among the best third."} for each in best
        ]
        wanted = {"decisions": decisions, "preview": False}
        async with desk.post(f"/v1/projects/{slug}/promotions", json=wanted) as reply:
            assert {each["outcome"] for each in (await reply.json())["decisions"]} == {"ok"}


async def _moderator(house: Beside, slug: str) -> str:
    """Return the session of somebody who moderates the project."""
    sessions = Sessions(open_engine(house.database_url))
    async with sessions.begin() as session:
        project = await ProjectStore(session).by_slug(slug)
        volunteer = await VolunteerStore(session).add()
        assert project is not None
        assert volunteer is not None
        await MemberStore(session).add(project.id, volunteer.person_id, Role.MODERATOR)
        token = open_session(session, volunteer.id)
    await sessions.close()
    return token


async def _deck(phone: Phone, token: str, workflow: int) -> Sequence[str]:
    try:
        deck = await phone.deck(token, workflow, DeckIn(key=new_id(), size=DECK, width=320, holding=[]))
    except RefusedError as refused:
        if refused.problem.status == 403:  # the level is not held
            return []
        raise
    return [card.subject for card in deck.cards]


async def _names(house: Beside, slug: str) -> Mapping[str, str]:
    """Return the log's name of each subject, by its public id."""
    rows = await house.pool.fetch(
        "SELECT s.id, s.external_id FROM subject s JOIN project p ON p.id = s.project_id WHERE p.slug = $1", slug
    )
    return {f"S{row['id']}": row["external_id"] for row in rows}


def _declaration(slug: str, *, routed: bool) -> bytes:
    first = {
        "name": FIRST,
        "question": QUESTION,
        "votes": {"min": 2, "max": FIRST_VOTES, "contested": 0},
        "audit": 0,
        "then": {"contested": SECOND},
    }
    second = {
        "name": SECOND,
        "question": QUESTION,
        "level": 2 if routed else 1,
        "policy": {"lead": LEAD},
        "audit": 0,
    }
    return to_json({"project": slug, "workflows": [first, second]})


async def _outcome(
    connection: asyncpg.Connection, slug: str, labels: Sequence[LabelOut], gold: Mapping[int, Answer], log: VoteLog
) -> Run:
    training = {log.items[item] for item in gold}
    run = Run(promoted=await connection.fetchval(PROMOTED, slug), training=await connection.fetchval(TRAINING, slug))
    run.asked = set(log.items) - training
    for item, _, votes in await connection.fetch(VOTES, slug):
        if item not in training:
            run.votes[item] = run.votes.get(item, 0) + votes
    for label in labels:
        if label.routed_to == SECOND:
            run.contested.add(label.external_id)
        else:
            run.answers[label.external_id] = label.label
    return run


def _share(run: Run, log: VoteLog, items: set[str]) -> Share:
    """Return votes and errors over some of the items, by what the log knows."""
    known = {log.items[item]: answer.word for item, answer in log.gold.items() if log.items[item] in items}
    answers = {item: run.answers.get(item) for item in known}
    return Share(
        items=len(known),
        votes_per_item=sum(run.votes.get(item, 0) for item in known) / max(1, len(known)),
        wrong=sum(answer != known[item] for item, answer in answers.items()),
        open=sum(answer is None for answer in answers.values()),
    )


def _pooled(shares: Sequence[Share]) -> Share:
    items = sum(share.items for share in shares)
    votes = sum(share.items * share.votes_per_item for share in shares)
    return Share(items, votes / max(1, items), sum(s.wrong for s in shares), sum(s.open for s in shares))
