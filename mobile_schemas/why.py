"""Why a subject stands where it does: everything that is stored about how it was decided, for researchers.

Evidence is in micro-nats (millionths of a natural log unit), as whole numbers: what is shown here is what is stored.
"""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Count, Model, Moment, Slug, SubjectId, WorkflowId

MicroNats = Annotated[int, Field(description="Micro-nats: millionths of a natural log unit.")]
Probability = Annotated[float, Field(ge=0, le=1)]
Version = Annotated[int, Field(ge=1, description="The cascade's version.")]
CalibrationNumber = Annotated[
    int, Field(ge=0, description="The calibration of the workflow; 0 for the declared starting values.")
]
YesOrNo = Literal["yes", "no"]
Word = Literal["yes", "no", "unsure"]


class KnownAnswerOut(Model):
    """A training subject's answer."""

    workflow_name: str
    truth: YesOrNo
    explanation: str | None
    since: Moment


class PriorOut(Model):
    """What was believed before any vote, as the subject entered."""

    log_odds: MicroNats
    p_yes: Probability
    source: Annotated[
        Literal["declared", "prevalence", "score", "unknown"],
        Field(description="`unknown` where what it was made of has changed since."),
    ]
    score: Annotated[str | None, Field(description="Name of the machine score.")]
    value: Annotated[float | None, Field(description="What the machine says.")]
    model: Annotated[str | None, Field(description="SHA-256 of the model.")]
    calibration: CalibrationNumber
    in_words: str


class RuleOut(Model):
    """The rule by which the subject was decided, or will be."""

    policy: Literal["sequential", "count", "lead"]
    version: Version
    calibration: CalibrationNumber
    accept: Annotated[int | None, Field(description="Retired as yes at these log-odds, in micro-nats.")]
    reject: Annotated[int | None, Field(description="Retired as no at these log-odds, in micro-nats: negative.")]
    bounds: Annotated[
        Literal["calibration", "declared"] | None,
        Field(description="Where the bounds come from: a calibration on gold, or the declared targets by Wald's rule."),
    ]
    miss: Annotated[float | None, Field(description="Share of true yes that may be retired as no, as declared.")]
    false_alarm: Annotated[float | None, Field(description="Share of true no that may be retired as yes, as declared.")]
    hard_share: Annotated[float | None, Field(description="Share of subjects on which skill is taken not to help.")]
    votes_min: Count
    votes_max: Count
    in_words: str


class SkillShownOut(Model):
    """What was known of a volunteer when they voted; answers are in the order no, yes, unsure."""

    revision: Annotated[Count, Field(description="Training answers so far.")]
    gold_if_no: Annotated[list[int], Field(description="Answers to training subjects whose answer is no.")]
    gold_if_yes: Annotated[list[int], Field(description="Answers to training subjects whose answer is yes.")]
    refit_if_no: Annotated[list[float], Field(description="What the last refit adds from other subjects.")]
    refit_if_yes: Annotated[list[float], Field(description="What the last refit adds from other subjects.")]
    exact: Annotated[bool, Field(description="Whether this skill gives the increments that are stored, to the bit.")]


class StepOut(Model):
    """Something that happened to the subject: a vote, a vote taken back, or all its votes weighed anew."""

    kind: Literal["vote", "retraction", "rescore"]
    ordinal: Annotated[int | None, Field(description="Its place on the subject; null for what changed nothing there.")]
    at: Moment
    volunteer: Annotated[str | None, Field(description="Pseudonym, as in the exports.")]
    answer: Word | None
    flag: bool
    bucket: Annotated[
        Literal["ignored", "proven", "unproven", "gold", "late", "audit"] | None,
        Field(description="The sum that the vote went to."),
    ]
    why_not: Annotated[str | None, Field(description="Why a vote did not count.")]
    version: Version
    calibration: CalibrationNumber
    if_yes: Annotated[int | None, Field(description="What was added to the sum given yes, in micro-nats.")]
    if_no: Annotated[int | None, Field(description="What was added to the sum given no, in micro-nats.")]
    skill: SkillShownOut | None
    log_odds: Annotated[int, Field(description="The log-odds of yes after it, in micro-nats.")]
    p_yes: Probability
    needed: Annotated[
        int | None, Field(description="Least number of further votes that could decide; null once decided.")
    ]
    flagged: Annotated[bool, Field(description="Whether a weighing anew spoke against a label that stands.")]
    in_words: str


class LabelRevisionOut(Model):
    """A revision of the label."""

    revision: Annotated[int, Field(ge=1)]
    label: YesOrNo | None
    reason: Literal["classification_count", "flagged", "nothing_here", "consensus", "other", "human"]
    log_odds: MicroNats
    p_yes: Probability
    counted: Count
    version: Version
    calibration: CalibrationNumber
    routed_to: str | None
    author: str | None
    why: str | None
    made_at: Moment


class AuditOut(Model):
    """The check of a label by further votes, which never change it."""

    state: Annotated[
        Literal["none", "open", "ended"], Field(description="None was opened, or it goes on, or it is over.")
    ]
    votes: Count
    log_odds: MicroNats


class StageWhyOut(Model):
    """Why the subject stands where it does in one workflow."""

    workflow: WorkflowId
    workflow_name: str
    question: str
    state: Literal["open", "contested", "retired", "withdrawn"]
    in_words: Annotated[list[str], Field(description="The outcome in plain sentences, the most important first.")]
    entered_at: Moment
    entered_from: Annotated[str | None, Field(description="The workflow whose label led here; null for the first.")]
    prior: PriorOut
    rule: RuleOut
    steps: list[StepOut]
    omitted: Annotated[Count, Field(description="Steps before the first that is listed.")]
    labels: list[LabelRevisionOut]
    audit: AuditOut
    discrepancies: Annotated[
        list[str], Field(description="Where what is stored is not what the steps add up to. Empty is as it should be.")
    ]
    notes: Annotated[list[str], Field(description="What could not be shown, and why.")]


class WhyOut(Model):
    """Why a subject stands where it does, workflow by workflow."""

    subject: SubjectId
    external_id: str
    project: Slug
    known_answers: list[KnownAnswerOut]
    workflows: list[StageWhyOut]
