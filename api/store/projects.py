"""Projects and their workflows, as everybody may see them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlmodel import col, select

from api.store.sessions import Session
from api.store.tables import CascadeVersionRow, ProjectRow, WorkflowRow


class Project(NamedTuple):
    """A campaign."""

    id: int
    slug: str
    title: str | None
    version_id: int | None


class Edition(NamedTuple):
    """A question of a project; one that is closed asks nobody any more."""

    id: int
    name: str
    question: str
    edition: int
    closed: bool


class ProjectStore:
    """Reads projects."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> Sequence[Project]:
        """Return all projects by slug."""
        rows = await self._session.exec(select(ProjectRow).order_by(col(ProjectRow.slug)))
        return [_project(row) for row in rows]

    async def by_slug(self, slug: str) -> Project | None:
        """Return the project of a slug."""
        row = (await self._session.exec(select(ProjectRow).where(col(ProjectRow.slug) == slug))).first()
        return None if row is None else _project(row)

    async def by_number(self, number: int) -> Project | None:
        """Return the project of a number."""
        row = await self._session.get(ProjectRow, number)
        return None if row is None else _project(row)

    async def editions(self, project_id: int) -> Sequence[Edition]:
        """Return every workflow that a project has had, in the order in which they began."""
        rows = await self._session.exec(
            select(WorkflowRow).where(col(WorkflowRow.project_id) == project_id).order_by(col(WorkflowRow.id))
        )
        return [Edition(row.id, row.name, row.question, row.edition, row.closed_at is not None) for row in rows]

    async def version(self, version_id: int) -> tuple[int, str, Mapping[str, int]]:
        """Return number, declaration and workflow ids of a published version."""
        row = await self._session.get_one(CascadeVersionRow, version_id)
        return row.number, row.declaration, row.workflow_ids


def _project(row: ProjectRow) -> Project:
    return Project(row.id, row.slug, row.title, row.version_id)
