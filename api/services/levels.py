"""Levels: what people may be asked in a project."""

import re
from typing import Final

from api.errors import UnknownProjectError, UnknownVolunteerError
from api.services.names import compared
from api.store.projects import Project, ProjectStore
from api.store.sessions import Session, Sessions
from api.store.volunteers import Volunteer, VolunteerStore

EVERYBODYS_LEVEL: Final = 1

_PUBLIC_ID: Final = re.compile(r"V([1-9][0-9]{0,17})")


class Levels:
    """Grants levels to people, and takes them away; what that changes is announced in the same transaction.

    Whoever rises is told by push messages too, if they want to be reached by these.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def grant(self, name_or_id: str, slug: str, level: int) -> Volunteer:
        """Let a person hold a level of a project, in the place of the one it held.

        Raises
        ------
        UnknownVolunteerError
            Nobody is called so, by name or by an id such as V7.
        UnknownProjectError
            There is no such project.
        """
        async with self._sessions.begin() as session:
            volunteer, project = await _meet(session, name_or_id, slug)
            store = VolunteerStore(session)
            before = await store.held(volunteer.person_id, project.id) or EVERYBODYS_LEVEL
            if await store.grant(volunteer.person_id, project.id, level):
                store.announce_level(project.id, volunteer.id, level)
                if level > before:
                    await store.tell_level(volunteer.person_id, project, level)
        return volunteer

    async def revoke(self, name_or_id: str, slug: str) -> tuple[Volunteer, bool]:
        """Take a person's level in a project away; also say whether there was one. Raises what `grant` raises."""
        async with self._sessions.begin() as session:
            volunteer, project = await _meet(session, name_or_id, slug)
            store = VolunteerStore(session)
            held = await store.revoke(volunteer.person_id, project.id)
            if held:
                store.announce_level(project.id, volunteer.id, EVERYBODYS_LEVEL)
            return volunteer, held


async def _meet(session: Session, name_or_id: str, slug: str) -> tuple[Volunteer, Project]:
    project = await ProjectStore(session).by_slug(slug)
    if project is None:
        raise UnknownProjectError(slug)
    return await find_volunteer(VolunteerStore(session), name_or_id), project


async def find_volunteer(store: VolunteerStore, name_or_id: str) -> Volunteer:
    """Return the volunteer of an id or a name; what looks like an id is one, whatever people call themselves."""
    number = _PUBLIC_ID.fullmatch(name_or_id)
    if number is not None:
        volunteer = await store.by_number(int(number[1]))
    else:
        volunteer = await store.by_name(compared(name_or_id))
    if volunteer is None:
        raise UnknownVolunteerError(name_or_id)
    return volunteer
