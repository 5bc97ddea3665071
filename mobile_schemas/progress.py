"""Progress: what a project has reached, and what somebody's own answers have done."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from mobile_schemas.fields import Level, Model, Slug, Whole, WorkflowId
from mobile_schemas.levels import CandidacyOut, HeldLevelOut, MissingOut, MyDecisionOut

_Number = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]


class WorkflowProgressOut(Model):
    """How far the subjects of a workflow have come. `open`, `contested`, `yes`, `no` and `other` make `subjects`."""

    workflow: WorkflowId
    name: Annotated[str, Field(examples=["arc"])]
    level: Level
    subjects: Annotated[_Number, Field(description="Subjects that have come to this workflow.")]
    open: Annotated[_Number, Field(description="Not decided yet.")]
    contested: Annotated[_Number, Field(description="Not decided by the votes asked for at first; more are asked for.")]
    yes: Annotated[_Number, Field(description="Decided: yes.")]
    no: Annotated[_Number, Field(description="Decided: no.")]
    other: Annotated[_Number, Field(description="Retired without an answer: by flags, for example, or by a tie.")]
    votes: Annotated[_Number, Field(description="Votes that count for these subjects, imported ones too.")]


class ProgressOut(Model):
    """What a project has reached, as the worker has counted it: its active workflows in the order of the cascade."""

    workflows: list[WorkflowProgressOut]
    volunteers: Annotated[_Number, Field(description="People who have answered, without those of imported logs.")]
    votes: Annotated[
        _Number, Field(description="Their answers, in training too; without those taken back or given too fast.")
    ]
    votes_today: Annotated[_Number, Field(description="Those that arrived today (UTC).")]
    counted_at: Annotated[
        datetime | None, Field(description="How old the oldest of these numbers is; null: some were never counted.")
    ]


class MyProjectQuery(Model):
    """Where the one who asks is."""

    utc_offset_minutes: Annotated[
        int, Whole(-720, 840), Field(description="Your offset from UTC in minutes, for what today is.", examples=[60])
    ] = 0


class DayOut(Model):
    """A day of your calendar."""

    day: date
    votes: _Number


class StreakOut(Model):
    """Days in a row on which you answered."""

    days: Annotated[_Number, Field(description="Up to today, or to yesterday if today is not in yet.")]
    best: Annotated[_Number, Field(description="The longest run so far.")]
    today: Annotated[bool, Field(description="Whether today is in yet.")]


class TrainingOut(Model):
    """Your training answers by truth, as far as they are your record now."""

    yes_right: _Number
    yes_wrong: _Number
    yes_unsure: _Number
    no_right: _Number
    no_wrong: _Number
    no_unsure: _Number


class MyWorkflowOut(Model):
    """What became of the subjects that you answered in a workflow, training left out."""

    workflow: WorkflowId
    name: Annotated[str, Field(examples=["arc"])]
    votes: Annotated[_Number, Field(description="Subjects that you answered, by answers that stand.")]
    yes: Annotated[_Number, Field(description="Of these, decided by now: yes.")]
    no: Annotated[_Number, Field(description="Of these, decided by now: no.")]
    open: Annotated[_Number, Field(description="Of these, not decided yet.")]
    compared: Annotated[_Number, Field(description="Decided ones on which you said yes or no.")]
    agreed: Annotated[_Number, Field(description="Of those compared, decided as you said. Nothing depends on it.")]
    newest: Annotated[
        int | None, Field(ge=1, description="The numbers above are over your last so many cards here; null: over all.")
    ]
    training: TrainingOut


class NextLevelOut(Model):
    """The next level that some workflow asks for, and what your training has shown on the way there.

    Where the project declares what the level asks for, `missing` says what is not there yet, and training is that of
    the workflows in which skill is to be shown. Else the training of all workflows that are open to you is shown, and
    people decide. After a level was lost by evidence only training since then counts for it in `missing`.
    """

    level: Level
    workflows: Annotated[list[str], Field(description="The workflows that ask for it, by name.")]
    needed: Annotated[int, Field(ge=0, description="Training answers of each kind before anything is said of you.")]
    yes: Annotated[_Number, Field(description="Training answers so far whose truth is yes.")]
    no: Annotated[_Number, Field(description="Training answers so far whose truth is no.")]
    yes_skill: Annotated[
        _Share | None, Field(description="The share of yes that you see as yes, as likely more as less; null without.")
    ]
    no_skill: Annotated[
        _Share | None, Field(description="The share of no that you see as no, as likely more as less; null without.")
    ]
    missing: Annotated[
        list[MissingOut] | None,
        Field(description="What the declared rule asks for and is not there; empty: all is. Null: none is declared."),
    ]
    automatic: Annotated[bool, Field(description="Whether the level is yours as soon as nothing is missing.")]
    candidacy: Annotated[CandidacyOut | None, Field(description="Whether moderators are asked about you, since when.")]
    decision: Annotated[MyDecisionOut | None, Field(description="What was decided last about you and this level.")]
    may_appeal: Annotated[bool, Field(description="Whether you may ask moderators to look again at that decision.")]


class MyProjectOut(Model):
    """What you have done for a project, and what your answers have done."""

    project: Slug
    level: Level
    held: Annotated[
        HeldLevelOut | None, Field(description="Since when you hold this level, and until when; null at level 1.")
    ]
    votes: Annotated[_Number, Field(description="Your answers, in training too; a few seconds behind.")]
    days: Annotated[list[DayOut], Field(description="The last 14 days of your calendar, the oldest first.")]
    streak: StreakOut
    workflows: Annotated[list[MyWorkflowOut], Field(description="Active workflows in the order of the cascade.")]
    next_level: Annotated[NextLevelOut | None, Field(description="Null where no workflow asks for more than you hold.")]
