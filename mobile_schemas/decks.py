"""Decks: the cards that a volunteer is dealt, each a subject to look at in one workflow."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Key, Model, Moment, SubjectId, Whole, WorkflowId
from mobile_schemas.subjects import LocationOut, Metadata

DeckKey = Annotated[
    Key,
    Field(
        description="Made by the client. The same key again gets the same cards again, since a reply may be lost.",
        examples=["3f1f8a52-6f0c-4b57-9a51-3f6f0c4b579a"],
    ),
]
ReservedUntil = Annotated[
    Moment, Field(description="Until then nobody else is dealt the subject in your place, about 15 minutes.")
]
AcceptedUntil = Annotated[
    Moment, Field(description="Until then the answer is taken, some days: a tunnel costs nothing.")
]
CascadeVersion = Annotated[int, Field(ge=1, description="The version of the project's cascade.")]


class WorkflowPath(Model):
    """The workflow in a path."""

    workflow_id: WorkflowId


class DeckIn(Model):
    """A wish for cards."""

    key: DeckKey
    size: Annotated[int, Whole(1, 50), Field(description="How many cards.", examples=[10])]
    width: Annotated[int, Whole(1, 10_000), Field(description="The screen's width in device pixels.", examples=[1080])]
    holding: Annotated[
        list[SubjectId],
        Field(default_factory=list, max_length=200, description="Subjects whose cards the client still holds."),
    ]


class CardOut(Model):
    """A subject to look at, and how long its place is kept."""

    subject: SubjectId
    metadata: Metadata
    locations: list[LocationOut]
    reserved_until: ReservedUntil
    accepted_until: AcceptedUntil


class DeckOut(Model):
    """The cards dealt: fewer than asked for, or none, when little is left for this person."""

    key: DeckKey
    workflow: WorkflowId
    version: CascadeVersion
    cards: list[CardOut]
    next_at: Annotated[int, Field(ge=0, description="Ask for the next deck when so many cards are left.")]
    reason: Annotated[
        Literal["all_done", "all_seen", "all_dealt"] | None,
        Field(
            description="Why there is no card. `all_done`: every subject is retired. `all_seen`: this person has seen "
            "all that are left. `all_dealt`: the last ones are with others; ask again later."
        ),
    ] = None


class DealIn(Model):
    """An importer's wish for cards of exactly these subjects."""

    key: DeckKey
    subjects: Annotated[list[SubjectId], Field(min_length=1, max_length=1000)]


class DealtOut(Model):
    """A card without its pictures."""

    subject: SubjectId
    reserved_until: ReservedUntil
    accepted_until: AcceptedUntil


class DealOut(Model):
    """The cards dealt to an importer."""

    key: DeckKey
    workflow: WorkflowId
    version: CascadeVersion
    cards: list[DealtOut]
