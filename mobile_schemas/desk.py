"""The moderators' desk: the queue of candidates, people with all their evidence, decisions and their ledger."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, NO_NUL, Count, Level, Model, Moment, Slug, VolunteerId, Whole
from mobile_schemas.levels import (
    EntryBriefOut,
    HeldLevelOut,
    LedgerEntryOut,
    LevelEvidenceOut,
    PersonRefOut,
    Reasoning,
)
from mobile_schemas.moderation import BanOut, NoteOut, ReportOut
from mobile_schemas.subjects import LocationOut, Metadata

RoleWord = Literal["owner", "researcher", "moderator", "volunteer"]
_AnyLevel = Annotated[int, Whole(0, 10), Field(description="Only about this level; 0 for all.")]
_Complete = Annotated[bool, Field(description="Whether these are all behind `after`.")]
_Cursor = Annotated[int | None, Field(description="Give it as `after` to read on; null where these are all.")]
_After = Annotated[int, Whole(0, INT32_MAX), Field(description="Where to read on: give back `cursor`.")]


class CandidatesQuery(Model):
    """Which candidates, and how many."""

    show: Annotated[
        Literal["due", "deferred", "all"], Field(description="`deferred`: those that were put off to a later time.")
    ] = "due"
    level: _AnyLevel = 0
    after: _After = 0
    limit: Annotated[int, Whole(1, 100), Field(description="At most so many candidates.")] = 20


class CandidateOut(Model):
    """Somebody about whom moderators are asked."""

    volunteer: VolunteerId
    name: str | None
    level: Level
    level_name: Annotated[str, Field(description="What the cascade calls the level; else its number, or expert.")]
    opens: Annotated[list[str], Field(description="The workflows that ask for this level, by name.")]
    held: Annotated[Level, Field(description="The highest level held now.")]
    since: Moment
    proposed_by: Annotated[
        EntryBriefOut, Field(description="The entry that asks: by rule, by a moderator, or an appeal.")
    ]
    deferred_until: Moment | None
    evidence: Annotated[LevelEvidenceOut, Field(description="As it is now.")]
    reports_open: Annotated[Count, Field(description="Open reports about them.")]
    banned: bool
    earlier: Annotated[list[EntryBriefOut], Field(description="What the ledger says of them, the newest first.")]


class CandidatesOut(Model):
    """Candidates, those first who have waited longest."""

    candidates: list[CandidateOut]
    waiting: Annotated[Count, Field(description="How many are due, of whatever level.")]
    complete: _Complete
    cursor: _Cursor


class PeopleQuery(Model):
    """Whom to look for, and where to read on."""

    q: Annotated[
        str,
        Field(pattern=NO_NUL, max_length=40, description="Part of a name, or an id such as V7; all by default."),
    ] = ""
    level: Annotated[int, Whole(0, 10), Field(description="Only who holds this level as the highest; 0 for all.")] = 0
    only: Annotated[Literal["all", "banned", "members", "candidates"], Field(description="Only these.")] = "all"
    after: Annotated[int, Whole(0, 10**18 - 1), Field(description="Where to read on: give back `cursor`.")] = 0
    limit: Annotated[int, Whole(1, 100), Field(description="At most so many.")] = 50


class PersonBriefOut(Model):
    """Somebody who takes part in a project."""

    volunteer: VolunteerId
    name: str | None
    level: Annotated[Level, Field(description="The highest level held now.")]
    roles: list[RoleWord]
    votes: Count
    days: Count
    last_day: Annotated[date | None, Field(description="The last day of taking part, of their own calendar.")]
    candidate: Annotated[bool, Field(description="Whether moderators are asked about them.")]
    banned: bool
    reports_open: Count


class PeopleOut(Model):
    """People of a project, by their numbers."""

    people: list[PersonBriefOut]
    complete: _Complete
    cursor: _Cursor


class PersonPath(Model):
    """Somebody in a project."""

    slug: Slug
    volunteer: VolunteerId


class PersonQuery(Model):
    """How much to show of somebody."""

    width: Annotated[
        int, Whole(1, 10_000), Field(description="Pixels: pictures come in the size that fits.", examples=[320])
    ] = 640
    examples: Annotated[int, Whole(0, 50), Field(description="The last so many training answers, right and wrong.")] = 6


class GoldExampleOut(Model):
    """A training subject that somebody has answered, with its truth."""

    subject: Annotated[str, Field(examples=["S12"])]
    workflow: Annotated[str, Field(examples=["arc"])]
    metadata: Metadata
    locations: list[LocationOut]
    truth: Literal["no", "yes"]
    answer: Literal["no", "yes", "unsure"]
    right: bool
    explanation: Annotated[str | None, Field(description="What the gold standard says about it.")]
    at: Moment


class CriterionOut(Model):
    """How somebody stands to a level that a rule declares: the evidence, held against that rule."""

    level: Level
    held: bool
    evidence: LevelEvidenceOut


class PersonDetailOut(PersonBriefOut):
    """Somebody, with all that a moderator decides by."""

    also_known_as: Annotated[list[PersonRefOut], Field(description="Other volunteers that are the same person.")]
    held: Annotated[list[HeldLevelOut], Field(description="Every level held now, the lowest first.")]
    open_levels: Annotated[list[Level], Field(description="Levels above 1 that workflows of the project ask for.")]
    evidence: LevelEvidenceOut
    criteria: list[CriterionOut]
    right: Annotated[list[GoldExampleOut], Field(description="Training answers that were right, the newest first.")]
    wrong: Annotated[list[GoldExampleOut], Field(description="Those that were not, not sure included.")]
    entries: Annotated[list[LedgerEntryOut], Field(description="The last 50 of the ledger, the newest first.")]
    notes: Annotated[list[NoteOut], Field(description="The last 50, the newest first.")]
    reports: Annotated[list[ReportOut], Field(description="The last 50 about them, the newest first.")]
    bans: Annotated[list[BanOut], Field(description="In force or lifted, the newest first.")]


class DecisionIn(Model):
    """One decision about one volunteer and one level."""

    volunteer: VolunteerId
    level: Level
    action: Annotated[
        Literal["confirm", "refuse", "defer", "propose", "grant", "revoke"],
        Field(
            description="`confirm`, `refuse` and `defer` are about a candidate. `propose` makes somebody one. `grant` "
            "and `revoke` need none."
        ),
    ]
    why: Annotated[Reasoning | None, Field(description="Needed to refuse, to defer and to revoke.")] = None
    until: Annotated[
        Moment | None, Field(description="Of confirm and grant: until when the level is held; null: without an end.")
    ] = None
    probation_days: Annotated[
        int, Whole(0, 3650), Field(description="Of confirm and grant: for so many days it is lost sooner.")
    ] = 0
    deferred_until: Annotated[Moment | None, Field(description="Needed to defer: when to ask again.")] = None


class DecisionsIn(Model):
    """What moderators decide; `preview` says what would change, and changes nothing."""

    decisions: Annotated[list[DecisionIn], Field(min_length=1, max_length=100)]
    preview: bool = False


class DecisionOut(Model):
    """What became, or would become, of a decision."""

    volunteer: VolunteerId
    name: str | None
    level: Level
    action: Literal["confirm", "refuse", "defer", "propose", "grant", "revoke"]
    outcome: Annotated[
        Literal["ok", "conflict", "nothing_to_do"],
        Field(description="`nothing_to_do`: it is so already. `conflict`: it cannot be, and `reason` says why."),
    ]
    reason: Annotated[
        Literal[
            "decided_otherwise",
            "not_a_candidate",
            "unknown_volunteer",
            "no_such_level",
            "yourself",
            "why_needed",
            "deferral_needed",
            "in_the_past",
            "not_held",
            "already",
        ]
        | None,
        Field(description="Null where the outcome is ok."),
    ]
    detail: Annotated[str | None, Field(description="The reason, in a sentence.")]
    before: Annotated[Level, Field(description="The highest level held before.")]
    after: Annotated[Level, Field(description="The highest level held after it.")]
    entry: Annotated[
        LedgerEntryOut | None,
        Field(description="What was entered; of a conflict, the entry by which it was decided. Null in a preview."),
    ]
    evidence: Annotated[LevelEvidenceOut | None, Field(description="As it is now; null: nobody is called so.")]


class DecisionsOut(Model):
    """What became of the decisions, in their order."""

    preview: bool
    decisions: list[DecisionOut]


class PromotionsQuery(Model):
    """Which entries of the ledger, from where on, and how many."""

    volunteer: Annotated[
        str,
        Field(pattern="^(V[1-9][0-9]{0,17})?$", description="Only about this volunteer; all by default."),
    ] = ""
    level: _AnyLevel = 0
    action: Annotated[
        Literal[
            "all",
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
        ],
        Field(description="Only of this kind."),
    ] = "all"
    after: Annotated[
        int, Whole(0, INT32_MAX), Field(description="Older entries than this one: give back `cursor`. 0: the newest.")
    ] = 0
    limit: Annotated[int, Whole(1, 200), Field(description="At most so many entries.")] = 50


class PromotionsOut(Model):
    """Entries of the ledger, the newest first."""

    entries: list[LedgerEntryOut]
    complete: _Complete
    cursor: _Cursor


class AppealIn(Model):
    """A volunteer's word against a refusal, a loss or a revocation."""

    level: Level
    why: Reasoning


class AppealOut(Model):
    """The appeal: a moderator will look."""

    level: Level
    since: Moment
