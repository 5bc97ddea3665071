"""Projects in which people are promoted: found by name or number, with the rules that their cascades declare."""

from collections.abc import Callable, Mapping

from api.errors import UnknownProjectError
from api.services.cases import Promoting
from api.services.level_rules import rules_of
from api.services.published import PublishedCascades
from api.store.engine import Connection
from api.store.promotions import PromotedProject, PromotionStore
from cascade.graph import Cascade
from gamification.levels import Rule

RulesOf = Callable[[Cascade], tuple[Rule, ...]]
"""Finds the rules that a cascade declares."""


class ProjectRules:
    """Finds projects with their rules."""

    def __init__(self, published: PublishedCascades, rules: RulesOf = rules_of) -> None:
        self._published = published
        self._rules = rules

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

    async def rules(self, connection: Connection, version_id: int) -> Mapping[int, Rule]:
        """Return the rules of a version, by level."""
        published = await self._published.get(connection, version_id)
        return {rule.level: rule for rule in self._rules(published.cascade)}

    async def counting(self, connection: Connection) -> list[int]:
        """Return the projects with a rule that counts answers or days."""
        found = []
        for project_id, version_id in await PromotionStore(connection).versions():
            rules = await self.rules(connection, version_id)
            if any(rule.votes or rule.days for rule in rules.values()):
                found.append(project_id)
        return found

    async def _with_rules(self, connection: Connection, project: PromotedProject) -> Promoting:
        if project.version_id is None:
            return Promoting(project, None, {})
        published = await self._published.get(connection, project.version_id)
        return Promoting(project, published, {rule.level: rule for rule in self._rules(published.cascade)})
