"""Volunteers: who takes part. Nobody needs a name to start."""

from typing import Any

from api.caller import REGISTERED, Caller, Scope
from api.errors import NameTakenError
from api.services.names import compared, written
from api.services.reachable import reachable
from api.services.tokens import new_token, sha256_of
from api.store.sessions import Sessions
from api.store.tokens import TokenStore
from api.store.volunteers import VolunteerStore
from mobile_schemas.volunteers import VolunteerIn, volunteer_id


class Volunteers:
    """Lets people in, and tells them what they may do."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def register(self, volunteer: VolunteerIn) -> dict[str, Any]:
        """Begin a person, by a name or without one, and return the token that proves it.

        Raises
        ------
        NameTakenError
            Somebody else has the name, in whatever case.
        """
        name = None if volunteer.name is None else written(volunteer.name)
        token = new_token()
        async with self._sessions.begin() as session:
            added = await VolunteerStore(session).add(name, name and compared(name))
            if added is None:
                raise NameTakenError(name or "")
            TokenStore(session).add(sha256_of(token), Scope.VOLUNTEER, added.id, None, REGISTERED)
        return {"volunteer": volunteer_id(added.id), "name": name, "token": token}

    @reachable
    async def me(self, caller: Caller) -> dict[str, Any]:
        """Return what is known of the one who asks."""
        async with self._sessions.begin() as session:
            levels = await VolunteerStore(session).levels(caller.person_id, caller.sight)
        return {
            "volunteer": volunteer_id(caller.volunteer_id),
            "name": caller.name,
            "scope": caller.scope,
            "levels": levels,
        }
