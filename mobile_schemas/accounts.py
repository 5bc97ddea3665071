"""Accounts: what is kept about somebody, and the end of an account."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mobile_schemas.fields import NO_NUL, Model, VolunteerId

FactKind = Literal[
    "names",
    "tokens",
    "logins",
    "passkeys",
    "push_subscriptions",
    "wishes",
    "roles",
    "levels",
    "promotions",
    "bans",
    "reports",
    "skills",
    "days",
    "favourites",
    "merges",
    "card",
    "end",
]


class AccountLineOut(Model):
    """One thing that is kept about somebody. The last line is `end`, with the number of cards: nothing is missing."""

    kind: FactKind
    facts: Annotated[dict[str, JsonValue], Field(description="What is kept, by names that say what it is.")]


class DeletionIn(Model):
    """The word that confirms it."""

    confirm: Annotated[
        str,
        Field(
            max_length=60,
            pattern=NO_NUL,
            description="One's name, or the id of one's volunteer: what is deleted cannot be brought back.",
            examples=["V7"],
        ),
    ]


class DeletedOut(Model):
    """An account that is gone."""

    volunteer: Annotated[VolunteerId, Field(description="The number under which the votes stay.")]
    deleted: Literal[True]
