"""Projects and their workflows, as everybody may see them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select, update

from api.store.sessions import Session
from api.store.tables import CascadeVersionRow, ProjectRow, WorkflowRow


class Project(NamedTuple):
    """A campaign."""

    id: int
    slug: str
    title: str | None
    version_id: int | None
    visibility: str = "public"


class Edition(NamedTuple):
    """A question that a project asks or has asked, and the last version that declares it."""

    id: int
    name: str
    question: str
    version_id: int


class ProjectStore:
    """Reads projects."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_slug(self, slug: str, sight: Sequence[int] | None = None) -> Project | None:
        """Return the project of a slug, if it is not private, or among those in sight; the operator sees all."""
        found = select(ProjectRow).where(col(ProjectRow.slug) == slug)
        if sight is not None:
            found = found.where((col(ProjectRow.visibility) != "private") | col(ProjectRow.id).in_(sight))
        row = (await self._session.exec(found)).first()
        return None if row is None else _project(row)

    async def show_to(self, project_id: int, visibility: str) -> None:
        """Let a project be public, unlisted or private."""
        await self._session.exec(
            update(ProjectRow).where(col(ProjectRow.id) == project_id).values(visibility=visibility)
        )

    async def every(self) -> Sequence[Project]:
        """Return all projects by slug."""
        rows = await self._session.exec(select(ProjectRow).order_by(col(ProjectRow.slug)))
        return [_project(row) for row in rows]

    async def by_number(self, number: int) -> Project | None:
        """Return the project of a number."""
        row = await self._session.get(ProjectRow, number)
        return None if row is None else _project(row)

    async def editions(self, project_id: int) -> Sequence[Edition]:
        """Return every workflow that a project has had, in the order in which they began."""
        declares = col(CascadeVersionRow.workflow_ids)[col(WorkflowRow.name)].as_integer() == col(WorkflowRow.id)
        rows = await self._session.exec(
            select(WorkflowRow, CascadeVersionRow.id)
            .join(CascadeVersionRow, (col(CascadeVersionRow.project_id) == col(WorkflowRow.project_id)) & declares)
            .where(col(WorkflowRow.project_id) == project_id)
            .ext(distinct_on(col(WorkflowRow.id)))
            .order_by(col(WorkflowRow.id), col(CascadeVersionRow.number).desc())
        )
        return [Edition(w.id, w.name, w.question, version) for w, version in rows]


def _project(row: ProjectRow) -> Project:
    return Project(row.id, row.slug, row.title, row.version_id, row.visibility)
