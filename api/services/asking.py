"""Asking experts: which subjects, why, and what their answers would buy.

Only what has an index is read: piles, audits, flags of refits, and the votes on a window of subjects, which begins
somewhere else at each look and in a project of up to `WINDOW` subjects holds them all.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from api.caller import Caller
from api.errors import NotAllowedError, UnknownProjectError, UnknownWorkflowError
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.store.asking import AskedSubject, AskingStore
from api.store.engine import Connection, Pool
from api.store.publishing import PublishingStore
from api.store.rescoring import RescoringStore
from cascade.asking import Why, gold_advice, most_teaching, shares
from cascade.graph import Sequential, Workflow
from cascade.vocabulary import NO_ANSWER, Answer
from mobile_schemas.questions import QuestionsQuery
from mobile_schemas.subjects import subject_id

WINDOW: Final = 5_000
"""Subjects whose votes are looked at."""


@dataclass(frozen=True, slots=True)
class Question:
    """One subject to ask an expert about."""

    subject: AskedSubject
    why: Why

    @property
    def label(self) -> str | None:
        """The subject's answer by now."""
        return None if self.subject.answer == NO_ANSWER else Answer(self.subject.answer).word


@dataclass(frozen=True, slots=True)
class WorkflowQuestions:
    """What to ask of one workflow; `gold` is how many subjects are known to be no, and yes."""

    workflow_id: int
    workflow: Workflow
    gold: tuple[int, int]
    advice: Sequence[str]
    questions: Sequence[Question]


class Questions:
    """Says what to ask experts, over HTTP."""

    def __init__(self, pool: Pool, published: PublishedCascades, dice: random.Random) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice

    @reachable
    async def page(self, caller: Caller, slug: str, query: QuestionsQuery) -> dict[str, Any]:
        """Return questions as the contract has them (`mobile_schemas.questions.QuestionsOut`).

        Raises
        ------
        UnknownProjectError, UnknownWorkflowError
            There is no such project, or it asks no such question.
        NotAllowedError
            The token is not one of its researchers'.
        """
        async with self._pool.acquire() as connection:
            found = await PublishingStore(connection).find_project(slug, caller.sight)
            if found is None:
                raise UnknownProjectError(slug)
            if not caller.researches(found[0]):
                raise NotAllowedError(f"the questions of {slug} are for its researchers")
            asking = Asking(connection, self._published, self._dice)
            asked = await asking.questions(*found, query.count, query.workflow or None)
        if query.workflow and not asked:
            raise UnknownWorkflowError(query.workflow)
        return {"workflows": [questions_view(each) for each in asked]}


class Asking:
    """Finds out what to ask, over one connection."""

    def __init__(self, connection: Connection, published: PublishedCascades, dice: random.Random) -> None:
        self._connection = connection
        self._published = published
        self._dice = dice

    async def questions(
        self, project_id: int, version_id: int | None, count: int, only: int | None = None
    ) -> list[WorkflowQuestions]:
        """Return what to ask of each workflow in force, or of one, in the order of the cascade."""
        if version_id is None:
            return []
        published = await self._published.in_force(self._connection, version_id)
        gold = await PublishingStore(self._connection).count_gold(project_id)
        return [
            await self._of_workflow(published, workflow, gold.get(workflow.name, (0, 0)), count)
            for workflow in published.cascade.workflows
            if only in (None, published.ids[workflow.name])
        ]

    async def _of_workflow(
        self, published: Published, workflow: Workflow, gold: tuple[int, int], count: int
    ) -> WorkflowQuestions:
        workflow_id = published.ids[workflow.name]
        store = AskingStore(self._connection, workflow_id)
        disputed = await self._disputed(published, workflow_id, store, count)
        learns = isinstance(workflow.policy, Sequential)
        taught = await self._teaching(store, gold, count) if learns else []
        teaching = [each for each in taught if each not in disputed]
        first, second = shares(count, len(disputed), len(teaching))
        why = dict(list(disputed.items())[:first]) | dict.fromkeys(teaching[:second], Why.TEACHES)
        subjects = await store.subjects(list(why))
        advice = advice_on(workflow, gold) if learns else []
        return WorkflowQuestions(
            workflow_id, workflow, gold, advice, [Question(each, why[each.subject_id]) for each in subjects]
        )

    async def _disputed(self, published: Published, workflow_id: int, store: AskingStore, count: int) -> dict[int, Why]:
        """Return subjects that votes cannot settle, the most urgent first."""
        rule = published.rules[published.rule_of[workflow_id]]
        decided = RescoringStore(self._connection, workflow_id)
        audited = await decided.disputed(int(rule["accept"]), int(rule["reject"]), count)
        flagged = await decided.flagged(count)
        found = {each.subject_id: Why.AUDIT for each in audited}
        for subjects, why in (
            ([each.subject_id for each in flagged], Why.REFIT),
            (await store.contested(count), Why.CONTESTED),
        ):
            found |= {each: why for each in subjects if each not in found}
        return found

    async def _teaching(self, store: AskingStore, gold: tuple[int, int], count: int) -> list[int]:
        """Return subjects whose answers teach most about volunteers, the most teaching first."""
        last = await store.last_subject()
        voices = await store.voices(self._dice.randint(0, last), WINDOW)
        if not voices:
            return []
        numbers, lean, known, dealt = np.array(voices, dtype=np.int64).T
        subjects, first, subject = np.unique(numbers, return_index=True, return_inverse=True)
        chosen = most_teaching(subject, known, dealt, lean[first], gold, 2 * count)
        return [int(number) for number in subjects[chosen]]


def advice_on(workflow: Workflow, gold: tuple[int, int]) -> Sequence[str]:
    """Return what the gold of a sequential workflow lets the engine promise, in sentences."""
    no, yes = gold
    return gold_advice(no, yes, miss=workflow.miss, false_alarm=workflow.false_alarm, cold=workflow.cold)


def questions_view(asked: WorkflowQuestions) -> dict[str, Any]:
    """Return the questions of a workflow as the contract has them (`mobile_schemas.questions`)."""
    return {
        "workflow": asked.workflow_id,
        "workflow_name": asked.workflow.name,
        "question": asked.workflow.question,
        "gold_yes": asked.gold[1],
        "gold_no": asked.gold[0],
        "advice": list(asked.advice),
        "questions": [
            {
                "subject": subject_id(each.subject.subject_id),
                "external_id": each.subject.external_id,
                "why": each.why.value,
                "yes": each.subject.yes,
                "no": each.subject.no,
                "unsure": each.subject.unsure,
                "label": each.label,
            }
            for each in asked.questions
        ],
    }
