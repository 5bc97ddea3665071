"""Levels, as the operator grants and takes them: through the ledger, like everybody else's."""

import re
from datetime import datetime
from typing import Final

from api.errors import UnknownVolunteerError
from api.services.cases import EVERYBODYS_LEVEL, Case
from api.services.names import compared
from api.services.project_rules import ProjectRules
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.promotions import Known, NewEntry, PromotionStore

_PUBLIC_ID: Final = re.compile(r"V([1-9][0-9]{0,17})")


class Levels:
    """Grants levels to people, and takes them away; what that changes is announced in the same transaction.

    Whoever rises is told by push messages too, if they want to be reached by these.
    """

    def __init__(self, pool: Pool, projects: ProjectRules) -> None:
        self._pool = pool
        self._projects = projects

    @reachable
    async def grant(
        self, name_or_id: str, slug: str, level: int, *, until: datetime | None = None, why: str | None = None
    ) -> Known:
        """Let a person hold a level of a project, beside those held before, until a moment or without an end.

        Raises
        ------
        UnknownVolunteerError
            Nobody is called so, by name or by an id such as V7.
        UnknownProjectError
            There is no such project.
        """
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug)
            whom = await _volunteer(PromotionStore(connection), name_or_id)
            async with connection.transaction():
                case = await Case.hold(connection, promoting, whom)
                held = case.standing.grants.get(level)
                if level > EVERYBODYS_LEVEL and (held is None or held.ends_at != until):
                    await case.enter(await _by_the_operator(case, level, "granted", why, until))
                await case.close()
        return whom

    @reachable
    async def revoke(
        self, name_or_id: str, slug: str, level: int | None = None, *, why: str | None = None
    ) -> tuple[Known, list[int], int]:
        """Take a level of a person in a project away, or all of them.

        Returns who that is, the levels that were held until now, and the highest that is left. Raises what `grant`
        raises.
        """
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug)
            whom = await _volunteer(PromotionStore(connection), name_or_id)
            async with connection.transaction():
                case = await Case.hold(connection, promoting, whom)
                taken = [each for each in case.standing.grants if level in (None, each)]
                for each in taken:
                    await case.enter(await _by_the_operator(case, each, "revoked", why))
                await case.close()
        return whom, taken, case.standing.level


async def _by_the_operator(
    case: Case, level: int, action: str, why: str | None, until: datetime | None = None
) -> NewEntry:
    evidence = await case.evidence(level)
    return NewEntry(level=level, action=action, made_by="operator", why=why, evidence=evidence, ends_at=until)


async def _volunteer(store: PromotionStore, name_or_id: str) -> Known:
    """Return the volunteer of an id or a name; what looks like an id is one, whatever people call themselves."""
    number = _PUBLIC_ID.fullmatch(name_or_id)
    if number is not None:
        found = (await store.volunteers([int(number[1])])).get(int(number[1]))
    else:
        found = await store.volunteer_by_name(compared(name_or_id))
    if found is None:
        raise UnknownVolunteerError(name_or_id)
    return found
