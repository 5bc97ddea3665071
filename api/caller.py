"""The one who calls: what a token proves."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REGISTERED: Final = "api"
"""The source that is stamped on what those send who registered by themselves."""


class Scope(StrEnum):
    """What a token may do."""

    VOLUNTEER = "volunteer"
    RESEARCHER = "researcher"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token.

    `project_id` bounds the tokens of researchers and importers to one project; `source` is stamped on what they send.
    """

    volunteer_id: int
    person_id: int
    name: str | None
    scope: Scope
    project_id: int | None
    source: str

    def researches(self, project_id: int) -> bool:
        """Say whether the token is one of a project's researchers."""
        return self.scope == Scope.RESEARCHER and self.project_id == project_id
