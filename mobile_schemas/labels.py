"""Labels: what the workflows concluded, for researchers."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import BIGINT_MAX, Count, Model, Moment, SubjectId, Whole, WorkflowId

Cursor = Annotated[
    int, Whole(0, BIGINT_MAX), Field(description="A place in the feed: give back what `Chaffinch-Cursor` said.")
]


class LabelsQuery(Model):
    """Where in the feed to read on, and how much."""

    after: Cursor = 0
    limit: Annotated[int, Whole(1, 5000), Field(description="At most so many labels.")] = 1000


class LabelOut(Model):
    """One revision of one label. It never changes; a correction is a later revision in the feed."""

    cursor: Cursor
    revision: Annotated[int, Field(ge=1, description="Counts the revisions of this label, from 1.")]
    subject: SubjectId
    external_id: Annotated[str, Field(description="The researcher's own id of the subject.")]
    workflow: WorkflowId
    workflow_name: str
    version: Annotated[int, Field(ge=1, description="The cascade's version that made the label.")]
    label: Annotated[Literal["yes", "no"] | None, Field(description="Null when the workflow came to no answer.")]
    reason: Literal["classification_count", "flagged", "nothing_here", "consensus", "other", "human"]
    p_yes: Annotated[float, Field(ge=0, le=1, description="Probability of yes by the evidence that was counted.")]
    counted: Annotated[Count, Field(description="Votes that counted.")]
    excluded: Annotated[Count, Field(description="Votes kept and not counted.")]
    late: Annotated[Count, Field(description="Votes that came after the decision.")]
    machine_score: Annotated[
        float | None,
        Field(description="The machine score that the workflow begins with, used or not (see the calibration)."),
    ]
    first_vote_at: Moment | None
    last_vote_at: Moment | None
    retired_at: Annotated[
        Moment, Field(description="When the subject retired from this workflow: the same in every revision.")
    ]
    made_at: Annotated[Moment, Field(description="When this revision was written.")]
    routed_to: Annotated[
        str | None, Field(description="Workflow that the label leads to; null where the subject leaves the cascade.")
    ]
    author: Annotated[str | None, Field(description="Expert who gave this label; null where volunteers did.")]
    why: Annotated[str | None, Field(description="The expert's reason.")]
