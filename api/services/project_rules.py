"""Projects in which people are promoted: found by name or number, with the rules that their cascades declare."""

from api.errors import UnknownProjectError
from api.services.cases import Promoting
from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.promotions import PromotedProject, PromotionStore


class ProjectRules:
    """Finds projects with their rules."""

    def __init__(self, published: PublishedCascades) -> None:
        self._published = published

    async def by_slug(self, connection: Connection, slug: str) -> Promoting:
        """Return a project. Raises UnknownProjectError."""
        project = await PromotionStore(connection).project(slug)
        if project is None:
            raise UnknownProjectError(slug)
        return await self._with_rules(connection, project)

    async def by_number(self, connection: Connection, number: int) -> Promoting | None:
        """Return a project, if there is one."""
        project = await PromotionStore(connection).project_by_number(number)
        return None if project is None else await self._with_rules(connection, project)

    async def counting(self, connection: Connection) -> list[int]:
        """Return the projects with a rule that counts answers or days."""
        found = []
        for project_id, version_id in await PromotionStore(connection).versions():
            published = await self._published.get(connection, version_id)
            if any(rule.votes or rule.days for rule in published.levels):
                found.append(project_id)
        return found

    async def _with_rules(self, connection: Connection, project: PromotedProject) -> Promoting:
        if project.version_id is None:
            return Promoting(project, None, {})
        published = await self._published.get(connection, project.version_id)
        return Promoting(project, published, {rule.level: rule for rule in published.levels})
