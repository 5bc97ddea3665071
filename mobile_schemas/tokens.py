"""Tokens that people make: personal ones, and those of a project's programs."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import NO_NUL, Model, Moment, Slug, VolunteerId, Whole
from mobile_schemas.members import RoleName, ShortId

Label = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=NO_NUL, description="What it is for.", examples=["my notebook"]),
]
Days = Annotated[int, Whole(1, 3660)]


class PersonalTokenIn(Model):
    """A token by which a program of somebody's does what they may do."""

    label: Label
    reach: Annotated[
        RoleName,
        Field(description="The most that it may do; it never does more than its person may at that moment."),
    ] = "volunteer"
    project: Annotated[Slug | None, Field(description="The only project that it reaches; all by default.")] = None
    expires_in_days: Annotated[Days | None, Field(description="How long it lasts; until it is revoked by default.")] = (
        None
    )


class ProjectTokenIn(Model):
    """A token of a project, for a program of its researchers, an import, or a bot."""

    scope: Annotated[
        Literal["researcher", "import", "bot"],
        Field(
            description="`researcher`: reads and sends what researchers may. `import`: deals by name, and sends votes "
            "from elsewhere. `bot`: is told of events."
        ),
    ]
    label: Annotated[Label | None, Field(description="What it is for.")] = None
    source: Annotated[
        str | None,
        Field(
            pattern="^[a-z0-9]+([._-][a-z0-9]+)*$",
            max_length=64,
            description="Stamped on each vote that it sends; its scope by default.",
        ),
    ] = None
    expires_in_days: Annotated[Days | None, Field(description="How long it lasts; until it is revoked by default.")] = (
        None
    )


class TokenOut(Model):
    """A token, without its secret."""

    id: ShortId
    scope: Literal["volunteer", "session", "personal", "researcher", "import", "bot"]
    label: str | None
    reach: Annotated[RoleName | None, Field(description="The most that it may do; null: what its person or scope may.")]
    project: Annotated[Slug | None, Field(description="The only project that it reaches; null: all.")]
    source: Annotated[str, Field(description="Stamped on each vote that it sends.")]
    volunteer: VolunteerId | None
    created_at: Moment
    last_used_at: Annotated[Moment | None, Field(description="Kept to the hour.")]
    expires_at: Moment | None


class TokenCreatedOut(TokenOut):
    """A new token, which is shown this once."""

    token: Annotated[str, Field(pattern="^chf_[A-Za-z0-9_-]+$")]


class TokensOut(Model):
    """The tokens that are in force, the newest first."""

    tokens: list[TokenOut]


class OwnTokenPath(Model):
    """A token of one's own in a path."""

    token_id: ShortId


class ProjectTokenPath(OwnTokenPath):
    """A token of a project in a path."""

    slug: Slug
