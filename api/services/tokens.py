"""Tokens: opaque, stored as their SHA-256, bounded to a scope, revocable.

A token that was looked up is believed for `BELIEVED_SECONDS` by what comes often (decks, answers), so a revoked one
dies there within that time, and everywhere else at once.
"""

import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from api.caller import OF_PROJECTS, Caller, Role, Scope, usable
from api.errors import UnknownProjectError, UnknownTokenError
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.projects import ProjectStore
from api.store.sessions import Session, Sessions
from api.store.tokens import Bearer, NewToken, StoredToken, TokenStore, find_bearer, note_use
from api.store.volunteers import VolunteerStore

PREFIX: Final = "chf_"
"""How every token begins, so that one which was published by mistake is recognised."""

SECRET_BYTES: Final = 32
SESSION_LASTS: Final = timedelta(days=90)
"""After so long a login has to be done again."""

BELIEVED_SECONDS: Final = 5.0
MOST_BELIEVED: Final = 50_000

SHOWN_DIGITS: Final = 12
"""Hexadecimal digits of a token's SHA-256 by which it is listed."""


def new_token() -> str:
    """Return a token that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def sha256_of(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def shown_id(sha256: bytes) -> str:
    """Return the short name of a token."""
    return sha256.hex()[:SHOWN_DIGITS]


def session_ends() -> datetime:
    """Return when a session ends that begins now."""
    return datetime.now(UTC) + SESSION_LASTS


def open_session(session: Session, volunteer_id: int) -> str:
    """Return a new token by which somebody who has logged in does what they may do."""
    token = new_token()
    TokenStore(session).add(sha256_of(token), Scope.SESSION, volunteer_id, None, "login", expires_at=session_ends())
    return token


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token, which is shown this once, and the volunteer whose votes it would be."""

    token: str
    volunteer_id: int
    person_id: int


class Tokens:
    """Recognises, issues and revokes tokens."""

    def __init__(self, pool: Pool, sessions: Sessions) -> None:
        self._pool = pool
        self._sessions = sessions
        self._believed: dict[bytes, tuple[float, Caller]] = {}

    async def authenticate(self, sha256: bytes, *, believing: bool = True) -> Caller | None:
        """Return the bearer of the token with this SHA-256, or None if it is unknown, over or revoked.

        `believing` what was looked up a moment ago is for requests that decide nothing by roles, and come often.
        """
        believed = self._believed.get(sha256)
        now = time.monotonic()
        if believing and believed is not None and believed[0] > now:
            return believed[1]
        caller = await self._look_up(sha256)
        self._believed.pop(sha256, None)
        if caller is not None:
            if len(self._believed) >= MOST_BELIEVED:
                del self._believed[next(iter(self._believed))]
            self._believed[sha256] = (now + BELIEVED_SECONDS, caller)
        return caller

    def forget_person(self, person_id: int) -> None:
        """Believe no token of a person any more that was looked up in this process."""
        self._believed = {key: kept for key, kept in self._believed.items() if kept[1].person_id != person_id}

    @reachable
    async def _look_up(self, sha256: bytes) -> Caller | None:
        found = await find_bearer(self._pool, sha256)
        if found is None:
            return None
        if found.unused:
            await note_use(self._pool, sha256)
        return Caller(
            volunteer_id=found.volunteer_id,
            person_id=found.person_id,
            name=found.name,
            scope=Scope(found.scope),
            project_id=found.project_id,
            source=found.source,
            roles=_roles(found),
            token_sha256=sha256,
        )

    def forget(self, sha256: bytes) -> None:
        """Believe a token no more, in this process: it has just been revoked."""
        self._believed.pop(sha256, None)

    async def issue(
        self, slug: str, scope: Scope, source: str, *, label: str | None = None, lasts: timedelta | None = None
    ) -> IssuedToken:
        """Issue a token for a project, with a person of its own: votes imported by it are one person's.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        token = new_token()
        ends = None if lasts is None else datetime.now(UTC) + lasts
        async with self._sessions.begin() as session:
            project = await ProjectStore(session).by_slug(slug)
            if project is None:
                raise UnknownProjectError(slug)
            volunteer = await VolunteerStore(session).add()
            assert volunteer is not None
            values = NewToken(scope, volunteer.id, project.id, source, label=label, expires_at=ends)
            await TokenStore(session).put(sha256_of(token), values)
        return IssuedToken(token, volunteer.id, volunteer.person_id)

    async def of_project(self, slug: str) -> Sequence[StoredToken]:
        """Return the tokens of a project. Raises UnknownProjectError."""
        async with self._sessions.begin() as session:
            project = await ProjectStore(session).by_slug(slug)
            if project is None:
                raise UnknownProjectError(slug)
            return await TokenStore(session).of_project(project.id)

    async def revoke(self, token_or_id: str) -> bool:
        """Revoke a token, named by itself or by the digits under which it is listed.

        Returns whether it was in force until now.

        Raises
        ------
        UnknownTokenError
            No token is called so, or more than one.
        """
        async with self._sessions.begin() as session:
            store = TokenStore(session)
            found = await store.starting_with(_digest_or_prefix(token_or_id))
            if len(found) != 1:
                raise UnknownTokenError
            return await store.revoke(found[0])


def _roles(found: Bearer) -> dict[int, frozenset[Role]]:
    """Return the roles that a personal token may use, by project; a phone's that only registered uses none but one."""
    scope = Scope(found.scope)
    if scope in OF_PROJECTS:
        return {}
    reach = Role(found.reach) if found.reach else None
    if scope == Scope.VOLUNTEER:
        reach = Role.VOLUNTEER
    held: dict[int, set[Role]] = defaultdict(set)
    for project_id, role in zip(found.member_of, found.member_as, strict=True):
        held[project_id].add(Role(role))
    return {project_id: usable(frozenset(roles), reach) for project_id, roles in held.items()}


def _digest_or_prefix(token_or_id: str) -> bytes:
    """Return the SHA-256 of a token, or the bytes that the listed digits stand for."""
    if token_or_id.startswith(PREFIX):
        return sha256_of(token_or_id)
    try:
        prefix = bytes.fromhex(token_or_id)
    except ValueError:
        raise UnknownTokenError from None
    if len(prefix) * 2 < SHOWN_DIGITS:
        raise UnknownTokenError
    return prefix
