"""Levels: what a rule asks for, what somebody has shown, and the ledger of what was decided on it."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, Count, Level, Model, Moment, VolunteerId, Whole

LedgerAction = Literal[
    "proposed_by_rule",
    "proposed_by_moderator",
    "confirmed",
    "granted",
    "refused",
    "deferred",
    "expired",
    "revoked",
    "lost",
    "appealed",
]
Authority = Literal["rule", "moderator", "operator", "volunteer", "time"]

EntryNumber = Annotated[int, Whole(1, INT32_MAX), Field(description="An entry of the ledger.", examples=[41])]
Reasoning = Annotated[
    str,
    Field(
        pattern=r"^[^\x00]*[^\x00-\x20][^\x00]*$",
        max_length=1000,
        description="Why, in words for the volunteer and for other moderators: 1 to 1000 characters.",
        examples=["Right on 31 of 33 training subjects, on both sides."],
    ),
]
_Share = Annotated[float, Field(ge=0, le=1)]
_Side = Literal["no", "yes"]


class MissingOut(Model):
    """One thing that a level asks for and that is not there."""

    what: Annotated[
        Literal["gold", "skill", "votes", "days", "talk"],
        Field(
            description="`gold`: training answers of a side. `skill`: the share of a side that is seen right. `votes`, "
            "`days`, `talk`: counts over the project."
        ),
    ]
    have: Annotated[
        float, Field(ge=0, description="What there is: a count, or of skill the share that is reached at least (5 %).")
    ]
    need: Annotated[float, Field(ge=0, description="What is asked for.")]
    workflow: Annotated[str | None, Field(description="The workflow, by name, of gold and skill.")] = None
    side: Annotated[
        _Side | None, Field(description="The truth of the training subjects; null of skill on both sides together.")
    ] = None
    recent: Annotated[
        bool, Field(description="Whether it is the last 20 training answers that fall short: `have` is their median.")
    ] = False


class LevelRuleOut(Model):
    """What a level asks for: skill on both sides in the training of some workflows, and counts."""

    level: Level
    workflows: list[str]
    skill: Annotated[_Share, Field(description="What the 5 % quantile of both sides must reach.")]
    keep: Annotated[_Share, Field(description="The level is lost when the median of the last 20 is under this.")]
    gold: Annotated[int, Field(ge=0, description="Training answers of each side, at least.")]
    votes: Count
    days: Count
    talk: Count
    automatic: Annotated[bool, Field(description="Whether nobody is asked before it is granted.")]


class TallyOut(Model):
    """Training answers under one truth: how many, and how many of them right."""

    right: Count
    seen: Count


class SideOut(Model):
    """What training has shown of somebody where the truth is the same."""

    right: Count
    seen: Count
    low: Annotated[_Share, Field(description="The share that is seen right, at least: 5 % quantile.")]
    median: Annotated[_Share, Field(description="The share that is seen right, as likely more as less.")]
    high: Annotated[_Share, Field(description="The share that is seen right, at most: 95 % quantile.")]
    last: Annotated[TallyOut, Field(description="Of the last 20 training answers of the workflow, both sides.")]
    before: Annotated[TallyOut, Field(description="Of the 20 before these.")]
    trend: Annotated[
        float | None,
        Field(ge=-1, le=1, description="The share right among the last less that before; null where one is empty."),
    ]


class WorkflowSkillOut(Model):
    """What training in a workflow has shown of somebody."""

    workflow: Annotated[str, Field(examples=["arc"])]
    no: SideOut
    yes: SideOut


class LevelEvidenceOut(Model):
    """What somebody has shown in a project, at one moment."""

    workflows: Annotated[list[WorkflowSkillOut], Field(description="Active workflows in the order of the cascade.")]
    votes: Annotated[Count, Field(description="Answers, in training too.")]
    days: Annotated[Count, Field(description="Days of taking part.")]
    talk: Annotated[Count, Field(description="Contributions to Talk that moderators confirmed; 0 until there is Talk.")]
    version: Annotated[int | None, Field(ge=1, description="The cascade's version then.")]
    rule: Annotated[LevelRuleOut | None, Field(description="What the level asked for; null: no rule was declared.")]
    missing: Annotated[
        list[MissingOut] | None, Field(description="What was missing by that rule; empty: reached. Null without one.")
    ]
    failed: Annotated[
        list[MissingOut] | None,
        Field(description="The sides whose last 20 are under what keeps the level (`have`: median). Null without one."),
    ]


class PersonRefOut(Model):
    """Somebody, as others are named to moderators."""

    volunteer: VolunteerId
    name: str | None


class EntryBriefOut(Model):
    """An entry of the ledger of promotions. It never changes."""

    id: EntryNumber
    volunteer: VolunteerId
    name: str | None
    level: Level
    action: LedgerAction
    made_by: Annotated[
        Authority,
        Field(
            description="`rule`: evidence alone. `moderator`: `by` says who. `operator`: who runs the service. "
            "`volunteer`: an appeal. `time`: the end that was set."
        ),
    ]
    by: PersonRefOut | None
    why: str | None
    ends_at: Annotated[Moment | None, Field(description="Until when the level is held; null: without an end.")]
    probation_until: Moment | None
    at: Moment


class LedgerEntryOut(EntryBriefOut):
    """An entry of the ledger with the evidence at that moment."""

    evidence: LevelEvidenceOut | None


class HeldLevelOut(Model):
    """A level that somebody holds."""

    level: Level
    since: Moment
    ends_at: Annotated[Moment | None, Field(description="Null: without an end.")]
    probation_until: Annotated[Moment | None, Field(description="Until then the level is lost sooner.")]


class CandidacyOut(Model):
    """That moderators are asked about you."""

    since: Moment
    deferred_until: Moment | None


class MyDecisionOut(Model):
    """What was last decided about you and a level."""

    action: LedgerAction
    made_by: Annotated[Authority, Field(description="As in the ledger; moderators are not named.")]
    why: str | None
    at: Moment
    ends_at: Moment | None
    probation_until: Moment | None
