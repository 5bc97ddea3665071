"""What operators may look up: people with their roles, levels and tokens, and all projects."""

from typing import Any

from api.services.members import role_view
from api.services.people import find_volunteer
from api.services.reachable import reachable
from api.services.token_lists import token_view
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Session, Sessions
from api.store.tokens import TokenStore
from api.store.volunteers import VolunteerStore
from mobile_schemas.volunteers import volunteer_id

View = dict[str, Any]


class Directory:
    """Tells operators who is who."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def people(self, after: int, limit: int) -> View:
        """Return people who have a name or a role, in the order of their persons, after one of these."""
        async with self._sessions.begin() as session:
            found = await MemberStore(session).known(after, limit + 1)
            shown, complete = found[:limit], len(found) <= limit
            members = [
                {
                    "volunteer": volunteer_id(each.volunteer_id),
                    "name": each.name,
                    "roles": await _roles(session, each.person_id),
                }
                for each in shown
            ]
        return {"members": members, "cursor": None if complete else shown[-1].person_id}

    @reachable
    async def show(self, name_or_id: str) -> View:
        """Return what is known of a person. Raises UnknownVolunteerError."""
        async with self._sessions.begin() as session:
            volunteers = VolunteerStore(session)
            volunteer = await find_volunteer(volunteers, name_or_id)
            levels = await volunteers.levels(volunteer.person_id)
            tokens = await TokenStore(session).of_person(volunteer.person_id)
            return {
                "volunteer": volunteer_id(volunteer.id),
                "name": volunteer.name,
                "roles": await _roles(session, volunteer.person_id),
                "levels": [{"project": slug, "level": level} for slug, level in levels.items()],
                "tokens": [token_view(each) for each in tokens],
            }

    @reachable
    async def projects(self) -> list[View]:
        """Return all projects, with who may see them."""
        async with self._sessions.begin() as session:
            found = await ProjectStore(session).every()
        return [{"slug": each.slug, "title": each.title, "visibility": each.visibility} for each in found]


async def _roles(session: Session, person_id: int) -> list[View]:
    roles = await MemberStore(session).roles_of(person_id)
    return [role_view(holding) | {"project": slug} for slug, holding in roles]
