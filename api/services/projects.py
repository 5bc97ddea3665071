"""Projects: campaigns, and the questions that they ask."""

from typing import Any

from api.declaration_file import load
from api.errors import UnknownProjectError
from api.services.reachable import reachable
from api.store.projects import Edition, Project, ProjectStore
from api.store.sessions import Sessions
from cascade.graph import Workflow


class Projects:
    """Shows projects."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def list(self) -> dict[str, Any]:
        """Return all projects by slug."""
        async with self._sessions.begin() as session:
            projects = await ProjectStore(session).all()
        return {"projects": [{"slug": project.slug, "title": _title(project)} for project in projects]}

    @reachable
    async def get(self, slug: str) -> dict[str, Any]:
        """Return a project with its workflows in the order of the cascade, those that are retired last.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        async with self._sessions.begin() as session:
            store = ProjectStore(session)
            project = await store.by_slug(slug)
            if project is None:
                raise UnknownProjectError(slug)
            editions = {edition.id: edition for edition in await store.editions(project.id)}
            published = None if project.version_id is None else await store.version(project.version_id)
        view: dict[str, Any] = {"slug": slug, "title": _title(project), "version": None, "workflows": []}
        if published is not None:
            number, declaration, ids = published
            view["version"] = number
            for declared in load(declaration).workflows:
                view["workflows"].append(_workflow_view(editions.pop(ids[declared.name]), declared))
        return view


def _title(project: Project) -> str:
    return project.title or project.slug


def _workflow_view(edition: Edition, declared: Workflow) -> dict[str, Any]:
    return {
        "id": edition.id,
        "name": edition.name,
        "question": edition.question,
        "guide": declared.guide,
        "level": declared.level,
        "state": "active",
    }
