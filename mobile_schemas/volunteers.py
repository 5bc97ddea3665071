"""Volunteers: who answers. Nobody needs an account to start."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import Level, Model, Slug, VolunteerId

_UNSEEN = r"\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
"""Control characters, marks of direction, and every space but the ordinary one."""

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        pattern=f"^[^ {_UNSEEN}]([^{_UNSEEN}]*[^ {_UNSEEN}])?$",
        description="1 to 40 visible characters, ordinary spaces inside. Unique without regard to case.",
        examples=["Caroline"],
    ),
]


def volunteer_id(number: int) -> str:
    """Return the public id of a volunteer's number: 7 is V7."""
    return f"V{number}"


class VolunteerIn(Model):
    """Somebody who starts to take part, by a name or without one."""

    name: Name | None = None


class VolunteerCreatedOut(Model):
    """A new volunteer, and the token that proves it."""

    volunteer: VolunteerId
    name: str | None
    token: Annotated[
        str,
        Field(
            description="Send it as `Authorization: Bearer TOKEN`. Shown here once: the service keeps only its hash.",
            pattern="^chf_[A-Za-z0-9_-]+$",
        ),
    ]


class MeOut(Model):
    """What the service knows of the one who asks."""

    volunteer: VolunteerId
    name: str | None
    scope: Annotated[Literal["volunteer", "session", "personal", "import"], Field(description="What the token is for.")]
    levels: Annotated[
        dict[Slug, Level], Field(description="The level held in each project; level 1 where a project is missing.")
    ]
