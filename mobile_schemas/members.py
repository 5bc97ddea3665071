"""Members of projects: their roles, the invitations by which people join, and who may see a project."""

from typing import Annotated, Literal

from pydantic import Field

from mobile_schemas.fields import BIGINT_MAX, Count, Model, Moment, Slug, VolunteerId, Whole

RoleName = Annotated[
    Literal["owner", "researcher", "moderator", "volunteer"],
    Field(
        description="An owner may do everything and says who else may do what; a researcher reads and sends data, and "
        "moderates; a moderator looks after volunteers; a volunteer may take part in a private project."
    ),
]
Visibility = Annotated[
    Literal["public", "unlisted", "private"],
    Field(
        description="`public`: for everybody. `unlisted`: in no list, and for whoever knows its name. `private`: for "
        "its members; to everybody else it does not exist."
    ),
]
ShortId = Annotated[
    str, Field(pattern="^[0-9a-f]{12}$", description="The first twelve digits of a SHA-256.", examples=["9f86d081884c"])
]


class RoleHeldOut(Model):
    """A role that somebody holds."""

    role: RoleName
    since: Moment
    added_by: Annotated[VolunteerId | None, Field(description="Who gave it; null: whoever runs the service.")]


class MemberOut(Model):
    """A person with the roles that they hold in a project; none when the last one was taken away."""

    volunteer: VolunteerId
    name: str | None
    roles: list[RoleHeldOut]


class MembersOut(Model):
    """The members of a project, and who may see it."""

    visibility: Visibility
    members: list[MemberOut]
    complete: Annotated[bool, Field(description="Whether there are no more.")]
    cursor: Annotated[Count | None, Field(description="Give it as `after` to read on; null when complete.")]


class MembersQuery(Model):
    """Which members to list."""

    after: Annotated[int, Whole(0, BIGINT_MAX), Field(description="The `cursor` of the page before.")] = 0
    limit: Annotated[int, Whole(1, 500), Field(description="So many people.")] = 100


class MemberPath(Model):
    """The volunteer of a project in a path."""

    slug: Slug
    volunteer: VolunteerId


class RolePath(MemberPath):
    """The role of a volunteer in a path."""

    role: RoleName


class RoleIn(Model):
    """A role to be given."""

    role: RoleName


class VisibilityIn(Model):
    """Who shall see a project."""

    visibility: Visibility


class VisibilityOut(Model):
    """Who may see a project."""

    slug: Slug
    visibility: Visibility


class InvitationIn(Model):
    """An invitation to be made."""

    role: RoleName = "volunteer"
    uses: Annotated[int, Whole(1, 10_000), Field(description="So many people may join by it.")] = 1
    expires_in_hours: Annotated[int, Whole(1, 24 * 90), Field(description="How long it is open.")] = 72


class InvitationOut(Model):
    """An invitation, without its secret."""

    id: ShortId
    role: RoleName
    uses_left: Count
    created_by: Annotated[VolunteerId | None, Field(description="Null: whoever runs the service.")]
    created_at: Moment
    expires_at: Moment
    open: Annotated[bool, Field(description="Whether somebody can still join by it.")]


class InvitationCreatedOut(InvitationOut):
    """A new invitation with its secret, which is shown this once."""

    secret: Annotated[str, Field(pattern="^chi_[A-Za-z0-9_-]+$")]
    path: Annotated[
        str,
        Field(
            description="The link, below the address of the service. The secret stands behind the #, which no browser "
            "sends along and no log keeps."
        ),
    ]


class InvitationsOut(Model):
    """The newest invitations of a project that were not revoked, up to 200, the newest first."""

    invitations: list[InvitationOut]


class InvitationPath(Model):
    """The invitation of a project in a path."""

    slug: Slug
    invitation: ShortId


class AcceptIn(Model):
    """The secret of an invitation, as its link has it."""

    secret: Annotated[
        str, Field(pattern="^chi_[A-Za-z0-9_-]{20,100}$", examples=["chi_3vN0aQmW7JrPq1sVbX8kLd5uYtZcEf2hGi9oRnT4wMx"])
    ]


class JoinedOut(Model):
    """What was joined."""

    project: Slug
    title: str
    role: RoleName
    already: Annotated[bool, Field(description="Whether the role was held before; no use is taken then.")]
