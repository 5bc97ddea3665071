"""Events: what happens in a project, in the order in which it is announced, for researchers and their programs."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from mobile_schemas.fields import BIGINT_MAX, Level, Model, Moment, Slug, SubjectId, Whole, WorkflowId
from mobile_schemas.labels import Cursor, LabelOut
from mobile_schemas.levels import LedgerAction

Kind = Literal[
    "label.revised",
    "subject.moved_on",
    "subject.retired",
    "volunteer.levelled",
    "workflow.finished",
    "workflow.recalibrated",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""All kinds of events."""

LABEL_KINDS: Final[tuple[Kind, ...]] = ("label.revised", "subject.retired")
"""The kinds that bring a label; those of subjects with a place in the sky have the form of a VOEvent too."""

FROM_NOW_ON: Final = -1

_ANY: Final = "(" + "|".join(kind.replace(".", r"\.") for kind in KINDS) + ")"

Kinds = Annotated[
    str,
    Field(
        pattern=f"^({_ANY}(,{_ANY})*)?$",
        max_length=200,
        description=f"Only these kinds, separated by commas; all by default. There are {', '.join(KINDS)}.",
        examples=["subject.retired,label.revised"],
    ),
]


def kinds_of(text: str) -> tuple[Kind, ...] | None:
    """Return the kinds that a query names, each once, or None for all."""
    named = set(text.split(","))
    return tuple(kind for kind in KINDS if kind in named) or None


class EventsQuery(Model):
    """Where among the events to read on, how much, and of which kinds."""

    after: Cursor = 0
    limit: Annotated[int, Whole(1, 1000), Field(description="At most so many events.")] = 1000
    kinds: Kinds = ""


class StreamQuery(Model):
    """Where to begin, and which kinds to send. The header `Last-Event-ID` goes before `after`."""

    after: Annotated[
        int, Whole(FROM_NOW_ON, BIGINT_MAX), Field(description="Events after this position; -1: from now on.")
    ] = FROM_NOW_ON
    kinds: Kinds = ""


class EventPath(Model):
    """One event of a project, by its position."""

    slug: Slug
    position: Annotated[int, Whole(1, BIGINT_MAX), Field(description="The event's position.", examples=[12])]


class SkyOut(Model):
    """A place in the sky (ICRS)."""

    ra: Annotated[float, Field(ge=0, le=360, description="Right ascension in degrees.")]
    dec: Annotated[float, Field(ge=-90, le=90, description="Declination in degrees.")]


class EventOut(Model):
    """Something that happened. Fields that mean nothing to its kind are left out."""

    position: Annotated[
        int, Whole(1, BIGINT_MAX), Field(description="Its place in the order of events: the cursor behind it.")
    ]
    event: Annotated[Kind, Field(description="What happened.")]
    at: Annotated[Moment, Field(description="When it happened.")]
    project: Slug
    subject: SubjectId | None = None
    external_id: Annotated[str | None, Field(description="The researcher's own id of the subject.")] = None
    sky: Annotated[SkyOut | None, Field(description="Where the subject is, if that is known.")] = None
    workflow: Annotated[
        WorkflowId | None, Field(description="The workflow that decided, was left, is finished, or was refitted.")
    ] = None
    workflow_name: str | None = None
    to: Annotated[str | None, Field(description="The workflow that a subject has moved on to.")] = None
    label: Annotated[LabelOut | None, Field(description="Of a retirement and a revision: all that the label says.")] = (
        None
    )
    author: Annotated[str | None, Field(description="Of a person's word: who signs for it.")] = None
    why: Annotated[str | None, Field(description="Of a person's word: the reason given.")] = None
    volunteer: Annotated[
        str | None,
        Field(description="The volunteer's pseudonym in this project.", pattern="^v-[a-z2-7]{16}$"),
    ] = None
    level: Annotated[Level | None, Field(description="The highest level that a volunteer holds from now on.")] = None
    before: Annotated[Level | None, Field(description="The highest level that the volunteer held before.")] = None
    action: Annotated[
        LedgerAction | None, Field(description="The entry of the ledger of promotions by which that changed.")
    ] = None
    calibration: Annotated[
        int | None, Field(ge=1, description="The calibration by which votes of the workflow are weighed from now on.")
    ] = None
