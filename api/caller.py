"""The one who calls: what a token proves.

Two kinds of token are told apart. One of a *project* (for researchers' programs, imports and bots) belongs to the
project, with a person of its own, and reaches no other. A *personal* one belongs to a person: a phone that registered,
a login (session), or a personal access token; it reaches what the person may do in each project, and no more than was
allowed to it when it was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

REGISTERED: Final = "api"
"""The source that is stamped on what those send who registered by themselves."""


class Role(StrEnum):
    """What a person may do in a project. Experts are not here: they hold the level of experts."""

    OWNER = "owner"
    RESEARCHER = "researcher"
    MODERATOR = "moderator"
    VOLUNTEER = "volunteer"


IMPLIED: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset(Role),
    Role.RESEARCHER: frozenset({Role.RESEARCHER, Role.MODERATOR, Role.VOLUNTEER}),
    Role.MODERATOR: frozenset({Role.MODERATOR, Role.VOLUNTEER}),
    Role.VOLUNTEER: frozenset({Role.VOLUNTEER}),
}
"""The roles that come with a role: researchers moderate too."""


class Scope(StrEnum):
    """What a token is for."""

    VOLUNTEER = "volunteer"
    SESSION = "session"
    PERSONAL = "personal"
    RESEARCHER = "researcher"
    IMPORT = "import"
    BOT = "bot"


OF_PROJECTS: Final = frozenset({Scope.RESEARCHER, Scope.IMPORT, Scope.BOT})
"""Scopes of tokens that belong to a project."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token.

    `project_id` bounds a token to one project; `source` is stamped on what it sends. `roles` are those that the token
    may use, by project, each with what it implies; `token_sha256` names the token itself.
    """

    volunteer_id: int
    person_id: int
    name: str | None
    scope: Scope
    project_id: int | None
    source: str
    roles: Mapping[int, frozenset[Role]] = field(default_factory=dict, hash=False)
    token_sha256: bytes = field(default=b"", repr=False)

    def researches(self, project_id: int) -> bool:
        """Say whether the token is one of a project's researchers."""
        return self.may(Role.RESEARCHER, project_id)

    def may(self, role: Role, project_id: int) -> bool:
        """Say whether the token may do in a project what a role may."""
        if self.project_id not in (None, project_id):
            return False
        if self.scope in OF_PROJECTS:
            return self.project_id == project_id and role in _OF_SCOPE[self.scope]
        return role in self.roles.get(project_id, frozenset())

    def hears(self, project_id: int) -> bool:
        """Say whether the token may be told what happens in a project: its bots are, too."""
        return self.researches(project_id) or (self.scope is Scope.BOT and self.project_id == project_id)

    @property
    def of_project(self) -> int | None:
        """The project whose own token this is; None for a person's."""
        return self.project_id if self.scope in OF_PROJECTS else None

    @property
    def sight(self) -> list[int]:
        """The private projects that are there for the bearer; the others do not exist for them."""
        if self.of_project is not None:
            return [self.of_project]
        return [number for number in self.roles if self.belongs(number)]

    def belongs(self, project_id: int) -> bool:
        """Say whether the bearer is a member of a project, in whatever role: private ones are there for members."""
        return self.may(Role.VOLUNTEER, project_id)


_OF_SCOPE: Final[Mapping[Scope, frozenset[Role]]] = {
    Scope.RESEARCHER: frozenset({Role.RESEARCHER, Role.VOLUNTEER}),
    Scope.IMPORT: frozenset({Role.VOLUNTEER}),
    Scope.BOT: frozenset({Role.VOLUNTEER}),
}


def sight_of(bearer: Caller | None) -> list[int]:
    """Return the private projects that are there for whoever sends a token or none: for strangers there is none."""
    return [] if bearer is None else bearer.sight


def usable(held: frozenset[Role], reach: Role | None) -> frozenset[Role]:
    """Return the roles that a personal token may use: those held and implied, at most what `reach` implies."""
    roles = frozenset(implied for role in held for implied in IMPLIED[role])
    return roles if reach is None else roles & IMPLIED[reach]
