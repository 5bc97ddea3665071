"""Projects: campaigns, and the questions that they ask."""

from collections.abc import Sequence
from typing import Any, Final

from api.errors import UnknownProjectError
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.views import location_view
from api.store.engine import Pool
from api.store.pages import Face, PageStore
from api.store.projects import Edition, ProjectStore
from api.store.sessions import Sessions
from cascade.graph import Workflow

FACE_WIDTH: Final = 640
"""Pixels across which a list shows the picture of a project."""


class Projects:
    """Shows projects."""

    def __init__(self, sessions: Sessions, pool: Pool, published: PublishedCascades) -> None:
        self._sessions = sessions
        self._pool = pool
        self._published = published

    @reachable
    async def list(self, sight: Sequence[int] = ()) -> dict[str, Any]:
        """Return the public projects and those in sight by slug, as a list shows them, by one statement."""
        async with self._pool.acquire() as connection:
            faces = await PageStore(connection).faces([*sight])
        return {"projects": [_face_view(face) for face in faces]}

    @reachable
    async def get(self, slug: str, sight: Sequence[int] = ()) -> dict[str, Any]:
        """Return a project with its workflows in the order of the cascade, and those that are retired after them.

        `sight` are the private projects that are there for whoever asks.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        async with self._sessions.begin() as session:
            store = ProjectStore(session)
            project = await store.by_slug(slug, sight)
            if project is None:
                raise UnknownProjectError(slug)
            editions = await store.editions(project.id)
        async with self._pool.acquire() as connection:
            current = None
            if project.version_id is not None:
                current = await self._published.get(connection, project.version_id)
            face = await PageStore(connection).face(project.id)
            declared = [(each, await self._published.get(connection, each.version_id)) for each in editions]
        return _face_view(face) | {
            "version": None if current is None else current.number,
            "workflows": _workflows_view(current, declared),
            "levels": [] if current is None else _levels_view(current),
        }


def _face_view(face: Face) -> dict[str, Any]:
    return {
        "slug": face.slug,
        "title": face.title or face.slug,
        "summary": face.summary,
        "picture": None if face.picture is None else location_view(face.picture, FACE_WIDTH),
    }


def _workflows_view(current: Published | None, declared: Sequence[tuple[Edition, Published]]) -> Sequence[object]:
    """Return the workflows, those of the version in force first, each with the last version that declares it."""
    order = {} if current is None else current.rule_of
    shown = sorted(declared, key=lambda pair: order.get(pair[0].id, len(order)))
    return [_workflow_view(edition, version.workflow(edition.id), edition.id in order) for edition, version in shown]


def _levels_view(current: Published) -> Sequence[object]:
    return [{"level": each.level, "name": each.name} for each in current.cascade.levels]


def _workflow_view(edition: Edition, declared: Workflow, active: bool) -> dict[str, Any]:
    return {
        "id": edition.id,
        "name": edition.name,
        "question": edition.question,
        "guide": declared.guide,
        "level": declared.level,
        "state": "active" if active else "retired",
    }
