"""Keeping the peace: notes about people, reports of what is wrong, and bans."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import INT32_MAX, NO_NUL, Count, Model, Moment, Slug, SubjectId, VolunteerId, Whole
from mobile_schemas.levels import PersonRefOut, Reasoning

ReportNumber = Annotated[int, Whole(1, INT32_MAX), Field(description="A report's number.", examples=[5])]
ReportKind = Literal["wrong_subject", "offensive", "private", "spam", "harassment", "other"]
_Complete = Annotated[bool, Field(description="Whether these are all behind `after`.")]
_Cursor = Annotated[int | None, Field(description="Give it as `after` to read on; null where these are all.")]


class NoteIn(Model):
    """Something that other moderators should know of somebody."""

    body: Annotated[
        str,
        Field(
            pattern=r"^[^\x00]*[^\x00-\x20][^\x00]*$",
            max_length=2000,
            description="1 to 2000 characters. The volunteer does not see it.",
        ),
    ]


class NoteOut(Model):
    """A note, and who wrote it."""

    id: Annotated[int, Field(ge=1)]
    body: str
    by: PersonRefOut | None
    at: Moment


class NotesOut(Model):
    """Notes about somebody, the newest first."""

    notes: list[NoteOut]


class ReportIn(Model):
    """Something that moderators should look at."""

    about: Annotated[
        str,
        Field(
            pattern="^[SV][1-9][0-9]{0,17}$",
            description="The subject or the volunteer, by its public id.",
            examples=["S12"],
        ),
    ]
    kind: Annotated[
        ReportKind, Field(description="`wrong_subject`: does not belong here. `private`: shows what nobody should see.")
    ]
    body: Annotated[str, Field(pattern=NO_NUL, max_length=1000, description="In words, if there is more to say.")] = ""


class ReportCreatedOut(Model):
    """That the report arrived."""

    id: ReportNumber
    at: Moment


class ReportOut(Model):
    """A report, as moderators see it."""

    id: ReportNumber
    project: Slug
    about_subject: SubjectId | None
    about_volunteer: Annotated[PersonRefOut | None, Field(description="Null where it is about a subject.")]
    kind: ReportKind
    body: str
    by: PersonRefOut
    at: Moment
    closed_at: Moment | None
    closed_by: PersonRefOut | None
    outcome: str | None


class ReportsQuery(Model):
    """Which reports, from where on, and how many."""

    open: Annotated[Literal["yes", "no", "all"], Field(description="Only open ones, only closed ones, or all.")] = "yes"
    after: Annotated[
        int, Whole(0, INT32_MAX), Field(description="Older reports than this one: give back `cursor`. 0: the newest.")
    ] = 0
    limit: Annotated[int, Whole(1, 200), Field(description="At most so many reports.")] = 50


class ReportsOut(Model):
    """Reports, the newest first."""

    reports: list[ReportOut]
    open: Annotated[Count, Field(description="How many are open, of whatever kind.")]
    complete: _Complete
    cursor: _Cursor


class ReportPath(Model):
    """The report in a path."""

    report: ReportNumber


class ClosingIn(Model):
    """What came of a report."""

    outcome: Reasoning


class BanIn(Model):
    """Keep somebody out of a project."""

    why: Reasoning
    until: Annotated[Moment | None, Field(description="Until when; null: until it is lifted.")] = None
    exclude_votes: Annotated[
        bool, Field(description="Exclude the votes given so far; labels that rested on them are flagged for audit.")
    ] = False


class LiftQuery(Model):
    """Why a ban is lifted."""

    why: Annotated[
        str, Field(pattern=r"^[^\x00]*[^\x00-\x20][^\x00]*$", max_length=1000, description="1 to 1000 characters.")
    ]


class BanOut(Model):
    """That somebody is kept out of a project, or was."""

    id: Annotated[int, Field(ge=1)]
    volunteer: VolunteerId
    why: str
    by: PersonRefOut | None
    since: Moment
    until: Moment | None
    in_force: bool
    votes_excluded: Count
    lifted_at: Moment | None
    lifted_by: PersonRefOut | None
    lifted_why: str | None
