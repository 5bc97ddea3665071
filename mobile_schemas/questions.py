"""Questions: the subjects whose answer by an expert would help a project most."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, Count, Model, SubjectId, Whole, WorkflowId


class QuestionsQuery(Model):
    """Which workflow, and how many questions of each."""

    workflow: Annotated[int, Whole(0, INT32_MAX), Field(description="Only of this workflow; 0 for all.")] = 0
    count: Annotated[int, Whole(1, 200), Field(description="At most so many questions of each workflow.")] = 20


class QuestionOut(Model):
    """One subject to ask an expert about."""

    subject: SubjectId
    external_id: Annotated[str, Field(description="The researcher's own id of the subject.")]
    why: Annotated[
        Literal["audit", "refit", "contested", "teaches"],
        Field(
            description="`audit`: votes after its retirement speak against its label. `refit`: by what was learnt since"
            " it would be decided otherwise. `contested`: the votes that are asked for have not decided it. `teaches`:"
            " the answer tells most about volunteers of whom little is known."
        ),
    ]
    yes: Annotated[Count, Field(description="Counted votes for yes.")]
    no: Annotated[Count, Field(description="Counted votes for no.")]
    unsure: Annotated[Count, Field(description="Counted votes of those who were not sure.")]
    label: Annotated[Literal["yes", "no"] | None, Field(description="Its label by now.")]


class WorkflowQuestionsOut(Model):
    """What to ask experts of one workflow, the most urgent first."""

    workflow: WorkflowId
    workflow_name: str
    question: str
    gold_yes: Annotated[Count, Field(description="Subjects known to be yes.")]
    gold_no: Annotated[Count, Field(description="Subjects known to be no.")]
    advice: Annotated[list[str], Field(description="What the gold lets the engine promise, and what more would buy.")]
    questions: list[QuestionOut]


class QuestionsOut(Model):
    """What to ask experts, in the order of the cascade."""

    workflows: list[WorkflowQuestionsOut]
