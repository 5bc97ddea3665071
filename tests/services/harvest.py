"""A project with a published cascade, and subjects, cards and votes in it, over one connection."""

import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from api.caller import Caller, Scope
from api.declaration_file import load
from api.services.ballot import Ballot, Swipe
from api.services.published import PublishedCascades
from api.services.revising import ExpertWord, Revised, revise_label
from api.services.stages import first_standing
from api.services.verdicts import Verdict
from api.store.ballot import BallotStore
from api.store.engine import Connection
from cascade.graph import Attributes
from cascade.vocabulary import Answer
from mobile_schemas.classifications import ClassificationIn

ARC_LENS = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 2}, audit: 0, then: {yes: lens, no: retire}}
  - {name: lens, question: "Is it a lens?", policy: {count: 2}, audit: 0, then: {yes: retire, no: retire}}
"""

Connect = Callable[[], Awaitable[Connection]]

SAID_AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Harvest:
    """One project of a database."""

    connection: Connection
    slug: str
    project_id: int
    version_id: int
    workflows: dict[str, int]
    published: PublishedCascades
    dice: random.Random

    async def subject(self, external_id: str = "galaxy", **scores: float) -> int:
        number: int = await self.connection.fetchval(
            "INSERT INTO subject (project_id, external_id, metadata) VALUES ($1, $2, '{}') RETURNING id",
            self.project_id,
            external_id,
        )
        for name, value in scores.items():
            await self.connection.execute("INSERT INTO score VALUES ($1, $2, $3)", number, name, value)
        return number

    async def enter(self, subject: int, workflow: str = "arc", **scores: float) -> None:
        version = await self.published.in_force(self.connection, self.version_id)
        first = first_standing(version, workflow, Attributes(scores=scores), self.dice.randrange(2**31))
        values = (self.workflows[workflow], subject, *first)
        await BallotStore(self.connection).enter_stages([[value] for value in values])

    async def entered(self, external_id: str = "galaxy", workflow: str = "arc", **scores: float) -> int:
        """Add a subject that has entered a workflow."""
        subject = await self.subject(external_id, **scores)
        await self.enter(subject, workflow, **scores)
        return subject

    async def vote(
        self,
        person: int,
        subject: int,
        answer: Literal["yes", "no", "unsure"] = "yes",
        workflow: str = "arc",
        *,
        client_id: UUID | None = None,
        **fields: Any,
    ) -> Verdict:
        """Deal a card and answer it, through the transaction that counts votes."""
        workflow_id = self.workflows[workflow]
        await self.connection.execute(
            """
            INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)
            SELECT $1, $2, $3, $4, EXISTS (SELECT FROM gold_standard WHERE subject_id = $3),
                   now() + interval '1 hour', now() + interval '1 day'
            ON CONFLICT DO NOTHING
            """,
            person,
            workflow_id,
            subject,
            volunteer_of(person),
        )
        await self.connection.execute(
            "INSERT INTO skill (person_id, workflow_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", person, workflow_id
        )
        item = ClassificationIn(
            id=client_id or a_uuid7(self.dice.getrandbits(48)),
            workflow=workflow_id,
            subject=f"S{subject}",
            answer=answer,
            answered_at=SAID_AT,
            dwell_ms=900,
            **fields,
        )
        async with self.connection.transaction():
            ballot = Ballot(self.connection, self.published, self.dice)
            (verdict,) = await ballot.count([Swipe(a_volunteer(person), item, subject)])
        return verdict

    async def retired(self, external_id: str = "galaxy", answer: Literal["yes", "no"] = "yes") -> int:
        """Add a subject that two votes have retired from `arc`."""
        subject = await self.entered(external_id)
        await self.vote(1, subject, answer)
        await self.vote(2, subject, answer)
        return subject

    async def stage(self, subject: int, workflow: str = "arc") -> dict[str, Any] | None:
        row = await self.connection.fetchrow(
            "SELECT * FROM stage WHERE workflow_id = $1 AND subject_id = $2", self.workflows[workflow], subject
        )
        return None if row is None else dict(row)

    async def piles(self, subject: int) -> list[str]:
        """Return the workflows that the subject is dealt in."""
        rows = await self.connection.fetch(
            "SELECT w.name FROM dealable d JOIN workflow w ON w.id = d.workflow_id WHERE d.subject_id = $1", subject
        )
        return [row[0] for row in rows]


async def sow(connection: Connection, declaration: str = ARC_LENS) -> Harvest:
    """Add a project with a published cascade."""
    cascade = load(declaration)
    project_id = await connection.fetchval("INSERT INTO project (slug) VALUES ($1) RETURNING id", cascade.project)
    workflows = {
        workflow.name: await connection.fetchval(
            "INSERT INTO workflow (project_id, name, question) VALUES ($1, $2, $3) RETURNING id",
            project_id,
            workflow.name,
            workflow.question,
        )
        for workflow in cascade.workflows
    }
    version_id = await publish(connection, project_id, declaration, workflows)
    return Harvest(
        connection, cascade.project, project_id, version_id, workflows, PublishedCascades(), random.Random(project_id)
    )


async def publish(connection: Connection, project_id: int, declaration: str, workflows: dict[str, int]) -> int:
    """Put a declaration in force whose workflows exist."""
    version_id: int = await connection.fetchval(
        """
        INSERT INTO cascade_version (project_id, number, digest, declaration, workflow_ids, settled_at)
        SELECT $1, count(*) + 1, $2, $2, $3::jsonb, now() FROM cascade_version WHERE project_id = $1
        RETURNING id
        """,
        project_id,
        declaration,
        json.dumps(workflows),
    )
    await connection.execute("UPDATE project SET version_id = $2 WHERE id = $1", project_id, version_id)
    return version_id


def a_volunteer(person: int) -> Caller:
    return Caller(volunteer_of(person), person, None, Scope.VOLUNTEER, None, "phone")


def volunteer_of(person: int) -> int:
    return 100 + person


def a_uuid7(number: int) -> UUID:
    return UUID(f"01932c07-2f5a-7c3e-8d51-{number:012x}")


def a_researcher(project_id: int | None, scope: Scope = Scope.RESEARCHER) -> Caller:
    return Caller(7, 7, "Caroline", scope, project_id, "researcher")


async def revise(harvest: Harvest, subject: int, answer: Answer, workflow: str = "arc") -> Revised:
    """Let an expert speak."""
    word = ExpertWord(subject, workflow, answer, "Caroline", "seen with the telescope")
    return await revise_label(harvest.connection, harvest.published, harvest.dice, word)
