"""Classifications: a volunteer's answers, sent in batches, each with a verdict of its own; and taking them back."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, ClientId, Model, Moment, SubjectId, Whole, WorkflowId

KeptReason = Literal[
    "late",
    "level_lost",
    "card_expired",
    "retracted",
    "workflow_retired",
    "gold_withdrawn",
    "too_fast",
    "banned",
    "merged",
]
RejectedReason = Literal["unknown_workflow", "unknown_subject", "never_dealt", "already_answered", "id_reused"]
RetryReason = Literal["busy"]


class ClassificationIn(Model):
    """One answer to one subject in one workflow: a swipe."""

    id: Annotated[
        ClientId,
        Field(
            description="Made by the client (UUIDv7). The same id again is answered, and never counted twice.",
            examples=["01932c07-2f5a-7c3e-8d51-3f6f0c4b579a"],
        ),
    ]
    workflow: WorkflowId
    subject: SubjectId
    answer: Annotated[Literal["yes", "no", "unsure"], Field(examples=["yes"])]
    answered_at: Annotated[
        Moment, Field(description="The client's clock at the swipe.", examples=["2026-11-21T09:30:00.250+01:00"])
    ]
    dwell_ms: Annotated[
        int,
        Whole(0, INT32_MAX),
        Field(
            description="How long the card was looked at, in ms; 0 where nobody knows. An answer given sooner than the"
            " workflow's `fastest_ms` (200, unless declared otherwise) is kept, and does not count.",
            examples=[1840],
        ),
    ]
    session: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            pattern="^[!-~]+$",
            description="One sitting in one project, by a random word: exports show it.",
        ),
    ] = None
    utc_offset_minutes: Annotated[
        Annotated[int, Whole(-720, 840)] | None,
        Field(description="The client's offset from UTC in minutes.", examples=[60]),
    ] = None
    language: Annotated[
        str | None,
        Field(
            max_length=35,
            pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
            description="The client's language (BCP 47).",
            examples=["de-CH"],
        ),
    ] = None
    flag: Annotated[bool, Field(description="The subject should not be here (broken, private, offensive).")] = False
    favourite: Annotated[bool, Field(description="The volunteer likes this subject.")] = False


class ClassificationsIn(Model):
    """A batch of answers, in any order."""

    classifications: Annotated[list[ClassificationIn], Field(min_length=1, max_length=100)]


class FeedbackOut(Model):
    """What is said after an answer to a subject of known answer."""

    gold: Literal[True]
    answer: Annotated[Literal["yes", "no"], Field(description="The known answer.")]
    right: Annotated[bool, Field(description="Whether the volunteer said the same.")]
    explanation: str | None = None


class VerdictOut(Model):
    """What became of one answer."""

    id: UUID
    verdict: Annotated[
        Literal["created", "kept", "duplicate", "rejected", "retry"],
        Field(
            description="`created`: stored and counted. `kept`: stored, not counted. `duplicate`: was stored before. "
            "`rejected`: not stored, and will never be. `retry`: not stored, send it again."
        ),
    ]
    reason: KeptReason | RejectedReason | RetryReason | None = None
    detail: Annotated[str | None, Field(description="The reason as a sentence, and what would be right.")] = None
    field: Annotated[str | None, Field(description="The field that is wrong.", examples=["subject"])] = None
    outcome: Annotated[
        Literal["created", "kept"] | None, Field(description="Of a duplicate: what became of the stored answer.")
    ] = None
    feedback: FeedbackOut | None = None


class VerdictsOut(Model):
    """One verdict for each answer, in the order in which they were sent."""

    verdicts: list[VerdictOut]


class RetractionIn(Model):
    """One answer to take back."""

    id: Annotated[ClientId, Field(description="The id of the classification.")]


class RetractionsIn(Model):
    """A batch of answers to take back."""

    retractions: Annotated[list[RetractionIn], Field(min_length=1, max_length=100)]


class RetractionVerdictOut(Model):
    """What became of one retraction."""

    id: UUID
    verdict: Annotated[
        Literal["retracted", "awaited", "duplicate", "rejected", "retry"],
        Field(
            description="`retracted`: the answer no longer counts. `awaited`: the answer has not arrived; it will not "
            "count when it does. `duplicate`: was retracted before. `rejected`: it stands. `retry`: send it again."
        ),
    ]
    reason: Literal["gold_shown", "too_late", "other_project", "busy"] | None = None
    detail: Annotated[str | None, Field(description="The reason as a sentence.")] = None


class RetractionVerdictsOut(Model):
    """One verdict for each retraction, in the order in which they were sent."""

    verdicts: list[RetractionVerdictOut]
