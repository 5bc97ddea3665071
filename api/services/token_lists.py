"""Tokens that people make for themselves, and owners for the programs of their projects.

A personal token is a ceiling, not a grant: what its person may do is looked up at every request, and the token does no
more than that, no more than its reach, and nothing in another project than the one that it is bound to.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.account_errors import TooManyTokensError, UnknownOwnTokenError
from api.caller import Caller, Role, Scope
from api.errors import UnknownProjectError
from api.services.members import as_owner
from api.services.reachable import reachable
from api.services.tokens import new_token, sha256_of, shown_id
from api.store.projects import ProjectStore
from api.store.sessions import Session, Sessions
from api.store.tokens import NewToken, StoredToken, TokenStore
from api.store.volunteers import VolunteerStore
from mobile_schemas.tokens import PersonalTokenIn, ProjectTokenIn
from mobile_schemas.volunteers import volunteer_id

MOST_PERSONAL: Final = 50
"""Personal tokens of one person in force."""

MOST_OF_PROJECT: Final = 200
"""Tokens of one project in force."""

PERSONAL_SOURCE: Final = "personal"
"""What is stamped on votes by personal tokens."""

View = dict[str, Any]


class TokenLists:
    """Lists, makes and revokes tokens for those whose they are."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def mine(self, caller: Caller) -> View:
        """Return the tokens of a person that are in force: phones, logins, and personal tokens."""
        async with self._sessions.begin() as session:
            found = await TokenStore(session).of_person(caller.person_id)
        return {"tokens": [token_view(each) for each in found]}

    @reachable
    async def make(self, caller: Caller, wanted: PersonalTokenIn) -> View:
        """Make a personal token, which is shown this once.

        Raises
        ------
        UnknownProjectError
            There is no such project to bind it to, as far as the caller may know.
        TooManyTokensError
            The person has as many as may be.
        """
        async with self._sessions.begin() as session:
            await VolunteerStore(session).hold(caller.person_id)
            project_id = None
            if wanted.project is not None:
                project = await ProjectStore(session).by_slug(wanted.project, caller.sight)
                if project is None:
                    raise UnknownProjectError(wanted.project)
                project_id = project.id
            if await TokenStore(session).count_personal(caller.person_id) >= MOST_PERSONAL:
                raise TooManyTokensError("you have", MOST_PERSONAL)
            values = NewToken(Scope.PERSONAL, caller.volunteer_id, project_id, PERSONAL_SOURCE)
            return await _made(
                session, values._replace(reach=wanted.reach, label=wanted.label, expires_at=_ends(wanted))
            )

    @reachable
    async def revoke_mine(self, caller: Caller, short_id: str) -> View:
        """Revoke a token of a person; return what it was. Raises UnknownOwnTokenError."""
        async with self._sessions.begin() as session:
            revoked = await TokenStore(session).revoke_of_person(caller.person_id, bytes.fromhex(short_id))
        if revoked is None:
            raise UnknownOwnTokenError(short_id, "/v1/me/tokens")
        return token_view(revoked)

    @reachable
    async def of_project(self, caller: Caller, slug: str) -> View:
        """Return the tokens of a project that are in force. Raises UnknownProjectError, NotAllowedError."""
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            found = await TokenStore(session).of_project(project.id)
        return {"tokens": [token_view(each) for each in found if each.in_force]}

    @reachable
    async def make_for(self, caller: Caller | None, slug: str, wanted: ProjectTokenIn) -> View:
        """Make a token of a project, with a person of its own: votes sent by it are one person's.

        Raises
        ------
        UnknownProjectError, NotAllowedError
            There is no such project, or the caller is none of its owners; the operator is None.
        TooManyTokensError
            The project has as many as may be.
        """
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            in_force = sum(each.in_force for each in await TokenStore(session).of_project(project.id))
            if in_force >= MOST_OF_PROJECT:
                raise TooManyTokensError(f"{slug} has", MOST_OF_PROJECT)
            volunteer = await VolunteerStore(session).add()
            assert volunteer is not None
            values = NewToken(wanted.scope, volunteer.id, project.id, wanted.source or wanted.scope)
            return await _made(session, values._replace(label=wanted.label, expires_at=_ends(wanted)))

    @reachable
    async def revoke_of(self, caller: Caller, slug: str, short_id: str) -> View:
        """Revoke a token of a project; return what it was.

        Raises
        ------
        UnknownProjectError, NotAllowedError, UnknownOwnTokenError
        """
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            revoked = await TokenStore(session).revoke_of_project(project.id, bytes.fromhex(short_id))
        if revoked is None:
            raise UnknownOwnTokenError(short_id, f"/v1/projects/{slug}/tokens")
        return token_view(revoked)


async def _made(session: Session, values: NewToken) -> View:
    token = new_token()
    store = TokenStore(session)
    await store.put(sha256_of(token), values)
    return token_view(await store.read(sha256_of(token))) | {"token": token}


def _ends(wanted: PersonalTokenIn | ProjectTokenIn) -> datetime | None:
    days = wanted.expires_in_days
    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def token_view(token: StoredToken) -> View:
    """Return a token as the contract has it (`mobile_schemas.tokens.TokenOut`): never the token itself."""
    return {
        "id": shown_id(token.sha256),
        "scope": token.scope,
        "label": token.label,
        "reach": _reach(token),
        "project": token.project,
        "source": token.source,
        "volunteer": None if token.volunteer_id is None else volunteer_id(token.volunteer_id),
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
        "expires_at": token.expires_at,
    }


def _reach(token: StoredToken) -> str | None:
    return Role.VOLUNTEER if token.scope == Scope.VOLUNTEER else token.reach
