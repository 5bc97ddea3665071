"""Builds campaigns and people, and speaks for the people: every reply is held against the contract."""

import itertools
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic_core import to_json

from api.caller import Caller, Scope
from api.services.classifications import Classifications
from api.services.decks import Decks
from api.services.published import PublishedCascades
from api.services.publishing import Publishing
from api.services.retractions import Retractions
from api.services.verifying import verify
from api.store.engine import Connection
from cascade.vocabulary import StageState
from mobile_schemas.classifications import (
    ClassificationIn,
    ClassificationsIn,
    RetractionIn,
    RetractionsIn,
    RetractionVerdictOut,
    RetractionVerdictsOut,
    VerdictOut,
    VerdictsOut,
)
from mobile_schemas.decks import CardOut, DealIn, DealOut, DeckIn, DeckOut
from mobile_schemas.subjects import subject_id

Word = Literal["yes", "no", "unsure"]


class Acting(Protocol):
    """The services by which people act and researchers publish."""

    @property
    def classifications(self) -> Classifications: ...

    @property
    def retractions(self) -> Retractions: ...

    @property
    def decks(self) -> Decks: ...

    @property
    def publishing(self) -> Publishing: ...


SLUG = "lenses"
ARC_THEN_LENS = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: {count: 2}
    audit: 0
    then: {yes: lens, no: retire, contested: retire}
  - name: lens
    question: Is it a lens?
    level: 2
    policy: {count: 2}
    audit: 0
"""
SEQUENTIAL = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: sequential
    votes: {min: 2, max: 4, contested: 2}
    audit: 0
"""
SHARP_EYES = (30, 1, 0, 1, 30, 0)
"""Gold answers of somebody proven: no x3, yes x3."""


@dataclass(frozen=True)
class Campaign:
    """A published project: its workflows by name, the subjects that are voted on, and the truths of those of gold."""

    database: Connection
    project: int
    workflows: Mapping[str, int]
    subjects: Sequence[int]
    gold: Mapping[int, int]

    @property
    def arc(self) -> int:
        """The entry workflow."""
        return self.workflows["arc"]

    @property
    def lens(self) -> int:
        """The workflow after it."""
        return self.workflows["lens"]

    async def stage(self, workflow: int, subject: int) -> dict[str, Any]:
        """Return the row of a subject in a workflow."""
        row = await self.database.fetchrow(
            "SELECT * FROM stage WHERE workflow_id = $1 AND subject_id = $2", workflow, subject
        )
        assert row is not None
        return dict(row)

    async def piles(self) -> set[tuple[int, int, int]]:
        """Return workflow, tier and subject of everything that can be dealt."""
        rows = await self.database.fetch("SELECT workflow_id, tier, subject_id FROM dealable")
        return {(row[0], row[1], row[2]) for row in rows}

    async def ledger(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return these columns of all votes and retractions, in the order of their commits."""
        names = ", ".join(columns)
        rows = await self.database.fetch(f"SELECT {names} FROM classification ORDER BY received_at, kind, ordinal")
        return [tuple(row) for row in rows]

    async def skill(self, caller: Caller, workflow: int) -> tuple[int, ...]:
        """Return what somebody has shown: revision, and gold answers no x3, yes x3."""
        row = await self.database.fetchrow(
            "SELECT revision, no_no, no_yes, no_unsure, yes_no, yes_yes, yes_unsure FROM skill"
            " WHERE person_id = $1 AND workflow_id = $2",
            caller.person_id,
            workflow,
        )
        assert row is not None
        return tuple(row)

    async def verified(self) -> Sequence[str]:
        """Return what does not follow from the ledger."""
        return (await verify(self.database, PublishedCascades(), SLUG)).discrepancies

    async def pass_time(self, clock: Literal["reserved_until", "accepted_until"], subject: int | None = None) -> None:
        """Let a clock of a subject's cards, or of all cards, run out; the stages' reservations run with the cards'."""
        tables = ("card", "stage") if clock == "reserved_until" else ("card",)
        for table in tables:
            await self.database.execute(
                f"UPDATE {table} SET {clock} = now() - interval '1 s' WHERE subject_id = coalesce($1, subject_id)",
                subject,
            )


async def a_campaign(
    services: Acting,
    database: Connection,
    declaration: str = ARC_THEN_LENS,
    *,
    subjects: int = 3,
    gold: tuple[int, int] = (0, 0),
    metadata: Mapping[str, str] | None = None,
    scores: Sequence[float] = (),
) -> Campaign:
    """Publish a project with so many subjects, and `gold` besides: so many of truth no, and so many of truth yes.

    The first subjects have these scores, all of one name: `machine`.
    """
    project = await database.fetchval("INSERT INTO project (slug) VALUES ($1) RETURNING id", SLUG)
    rows = await database.fetch(
        "INSERT INTO subject (project_id, external_id, metadata)"
        " SELECT $1, 'e' || i, $3::jsonb FROM generate_series(1, $2::int) i ORDER BY i RETURNING id",
        project,
        subjects + sum(gold),
        json.dumps(metadata or {}),
    )
    ids = [row[0] for row in rows]
    truths = {ids[subjects + place]: int(place >= gold[0]) for place in range(sum(gold))}
    await database.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw, explanation)"
        " SELECT s, 'arc', 1, $3, t, (random() * 2147483646)::int, 'As the guide shows.'"
        " FROM unnest($1::bigint[], $2::smallint[]) AS q (s, t)",
        list(truths),
        list(truths.values()),
        project,
    )
    await database.executemany(
        "INSERT INTO score (subject_id, name, value) VALUES ($1, 'machine', $2)", list(zip(ids, scores, strict=False))
    )
    await services.publishing.publish(declaration)
    found = await database.fetch("SELECT name, id FROM workflow WHERE project_id = $1 AND closed_at IS NULL", project)
    return Campaign(database, project, {row[0]: row[1] for row in found}, ids[:subjects], truths)


async def a_person(campaign: Campaign, *, level: int = 1, scope: Scope = Scope.VOLUNTEER) -> Caller:
    """Add somebody who holds a level in the project."""
    database = campaign.database
    person = await database.fetchval("INSERT INTO person DEFAULT VALUES RETURNING id")
    volunteer = await database.fetchval("INSERT INTO volunteer (person_id) VALUES ($1) RETURNING id", person)
    caller = Caller(volunteer, person, None, scope, campaign.project if scope == Scope.IMPORT else None, "test")
    if level > 1:
        await grant(campaign, caller, level)
    return caller


async def people(campaign: Campaign, count: int) -> list[Caller]:
    """Add volunteers."""
    return [await a_person(campaign) for _ in range(count)]


async def an_importer(campaign: Campaign) -> Caller:
    """Add somebody who may name the subjects of a deal."""
    return await a_person(campaign, scope=Scope.IMPORT)


async def grant(campaign: Campaign, caller: Caller, level: int) -> None:
    """Let somebody hold a level, or, for 1, none."""
    await campaign.database.execute("DELETE FROM level_grant WHERE person_id = $1", caller.person_id)
    if level > 1:
        await campaign.database.execute(
            "INSERT INTO level_grant (person_id, project_id, level) VALUES ($1, $2, $3)",
            caller.person_id,
            campaign.project,
            level,
        )


async def show_skill(
    campaign: Campaign, caller: Caller, counts: tuple[int, ...] = SHARP_EYES, *, dealt: int = 100, informedness: int = 0
) -> None:
    """Let somebody have given these gold answers in the entry workflow. The ledger does not know of them."""
    await campaign.database.execute(
        "INSERT INTO skill (person_id, workflow_id, dealt, revision, no_no, no_yes, no_unsure, yes_no, yes_yes,"
        " yes_unsure, informedness) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        caller.person_id,
        campaign.arc,
        dealt,
        sum(counts),
        *counts,
        informedness,
    )


_made = itertools.count(1_732_000_000_000)


def new_id() -> UUID:
    """Return a new UUID of version 7, later than all before, as a client makes them: gold is learnt in their order."""
    dice = random.getrandbits(80) & ~(0xF << 76) & ~(0x3 << 62)
    return uuid.UUID(int=next(_made) << 80 | 0x7 << 76 | 0x2 << 62 | dice)


def a_swipe(
    workflow: int,
    subject: int,
    answer: Word = "yes",
    *,
    id: UUID | None = None,  # noqa: A002  # as the contract calls it
    flag: bool = False,
    favourite: bool = False,
) -> ClassificationIn:
    """Return an answer."""
    return ClassificationIn(
        id=id or new_id(),
        workflow=workflow,
        subject=subject_id(subject),
        answer=answer,
        answered_at=datetime.now(UTC),
        dwell_ms=1200,
        flag=flag,
        favourite=favourite,
    )


async def submit(services: Acting, caller: Caller, *swipes: ClassificationIn) -> list[VerdictOut]:
    """Send a batch of answers and return their verdicts."""
    reply = await services.classifications.submit(caller, ClassificationsIn(classifications=list(swipes)))
    verdicts = VerdictsOut.model_validate_json(to_json(reply)).verdicts
    assert [verdict.id for verdict in verdicts] == [swipe.id for swipe in swipes]
    return verdicts


async def retract(services: Acting, caller: Caller, *ids: UUID) -> list[RetractionVerdictOut]:
    """Take answers back and return the verdicts."""
    batch = RetractionsIn(retractions=[RetractionIn(id=each) for each in ids])
    reply = await services.retractions.retract(caller, batch)
    verdicts = RetractionVerdictsOut.model_validate_json(to_json(reply)).verdicts
    assert [verdict.id for verdict in verdicts] == list(ids)
    return verdicts


async def deal(
    services: Acting,
    caller: Caller,
    workflow: int,
    size: int = 10,
    *,
    key: UUID | None = None,
    holding: Sequence[int] = (),
) -> DeckOut:
    """Ask for a deck."""
    wish = DeckIn(key=key or uuid.uuid4(), size=size, width=640, holding=[subject_id(each) for each in holding])
    return DeckOut.model_validate_json(to_json(await services.decks.deal(caller, workflow, wish)))


async def deal_named(services: Acting, caller: Caller, workflow: int, *subjects: int) -> DealOut:
    """Ask for cards of exactly these subjects, as an importer does."""
    wish = DealIn(key=uuid.uuid4(), subjects=[subject_id(each) for each in subjects])
    return DealOut.model_validate_json(to_json(await services.decks.deal_named(caller, workflow, wish)))


def subjects_of(deck: DeckOut) -> list[int]:
    """Return the numbers of a deck's subjects, in their order."""
    return [number_of(card) for card in deck.cards]


def number_of(card: CardOut) -> int:
    """Return the number of a card's subject."""
    return int(card.subject[1:])


async def vote(services: Acting, campaign: Campaign, workflow: int, subject: int, *answers: Word) -> list[Caller]:
    """Let somebody new give each answer; return who they were."""
    voters = []
    for answer in answers:
        caller = await a_person(campaign, level=9, scope=Scope.IMPORT)
        await deal_named(services, caller, workflow, subject)
        (verdict,) = await submit(services, caller, a_swipe(workflow, subject, answer))
        assert verdict.verdict in ("created", "kept")
        voters.append(caller)
    return voters


RETIRED = int(StageState.RETIRED)
