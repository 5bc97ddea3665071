"""Tokens: who bears one, by its SHA-256."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select, update

from api.store.engine import Pool
from api.store.sessions import Session
from api.store.tables import ProjectRow, TokenRow, VolunteerRow

_FIND_BEARER = """
SELECT v.id, v.person_id, v.name, t.scope, t.project_id, t.source, t.reach,
       ARRAY(SELECT m.project_id FROM member m WHERE m.person_id = v.person_id ORDER BY m.project_id, m.role),
       ARRAY(SELECT m.role FROM member m WHERE m.person_id = v.person_id ORDER BY m.project_id, m.role),
       t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 hour' AS unused
FROM token t JOIN volunteer v ON v.id = t.volunteer_id
WHERE t.sha256 = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""

_USED = "UPDATE token SET last_used_at = now() WHERE sha256 = $1"


PERSONS = ("volunteer", "session", "personal")
"""Scopes of tokens that belong to people."""


class Bearer(NamedTuple):
    """What a token that is in force says of its bearer."""

    volunteer_id: int
    person_id: int
    name: str | None
    scope: str
    project_id: int | None
    source: str
    reach: str | None
    member_of: list[int]
    member_as: list[str]
    unused: bool


class NewToken(NamedTuple):
    """What a token is for."""

    scope: str
    volunteer_id: int
    project_id: int | None
    source: str
    reach: str | None = None
    label: str | None = None
    expires_at: datetime | None = None


class StoredToken(NamedTuple):
    """A token as its owners may see it: never the token itself. `project` is a slug."""

    sha256: bytes
    scope: str
    volunteer_id: int | None
    project: str | None
    source: str
    reach: str | None
    label: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    in_force: bool


_IN_FORCE = col(TokenRow.revoked_at).is_(None) & (
    col(TokenRow.expires_at).is_(None) | (col(TokenRow.expires_at) > func.now())
)


async def find_bearer(pool: Pool, sha256: bytes) -> Bearer | None:
    """Return the bearer of a token, or None if it is unknown or revoked. On the hot path."""
    row = await pool.fetchrow(_FIND_BEARER, sha256)
    return None if row is None else Bearer(*row)


async def note_use(pool: Pool, sha256: bytes) -> None:
    """Remember that a token is in use."""
    await pool.execute(_USED, sha256)


class TokenStore:
    """Adds, lists and revokes tokens."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        sha256: bytes,
        scope: str,
        volunteer_id: int,
        project_id: int | None,
        source: str,
        *,
        expires_at: datetime | None = None,
    ) -> None:
        """Add a token."""
        self._session.add(
            TokenRow(
                sha256=sha256,
                scope=scope,
                volunteer_id=volunteer_id,
                project_id=project_id,
                source=source,
                expires_at=expires_at,
            )
        )

    async def put(self, sha256: bytes, values: NewToken) -> None:
        """Add a token, at once."""
        self._session.add(TokenRow(sha256=sha256, **values._asdict()))
        await self._session.flush()

    async def read(self, sha256: bytes) -> StoredToken:
        """Return a token that is there."""
        return (await self._list(col(TokenRow.sha256) == sha256))[0]

    async def of_project(self, project_id: int) -> Sequence[StoredToken]:
        """Return the tokens of a project's programs, in force or not, the oldest first."""
        return (await self._list(_of_programs(project_id)))[::-1]

    async def of_person(self, person_id: int) -> Sequence[StoredToken]:
        """Return the tokens of a person that are in force, the newest first."""
        return await self._list(_of_person(person_id) & _IN_FORCE)

    async def count_personal(self, person_id: int) -> int:
        """Return how many personal tokens of a person are in force."""
        counted = select(func.count()).select_from(TokenRow)
        mine = _of_person(person_id) & _IN_FORCE & (col(TokenRow.scope) == "personal")
        return (await self._session.exec(counted.where(mine))).one()

    async def revoke_of_person(self, person_id: int, prefix: bytes) -> StoredToken | None:
        """Revoke the token of a person whose SHA-256 begins so, if one is in force; return what it was."""
        return await self._revoke_one(_of_person(person_id) & _IN_FORCE & _begins(prefix))

    async def revoke_of_project(self, project_id: int, prefix: bytes) -> StoredToken | None:
        """Revoke the token of a project whose SHA-256 begins so, if one is in force; return what it was."""
        return await self._revoke_one(_of_programs(project_id) & _IN_FORCE & _begins(prefix))

    async def _revoke_one(self, which: ColumnElement[bool]) -> StoredToken | None:
        found = await self._list(which)
        if len(found) != 1 or not await self.revoke(found[0].sha256):
            return None
        return found[0]

    async def _list(self, which: ColumnElement[bool]) -> list[StoredToken]:
        rows = await self._session.exec(
            select(TokenRow, ProjectRow.slug, _IN_FORCE)
            .outerjoin(ProjectRow, col(ProjectRow.id) == col(TokenRow.project_id))
            .where(which)
            .order_by(col(TokenRow.created_at).desc(), col(TokenRow.sha256).desc())
        )
        return [
            StoredToken(
                t.sha256,
                t.scope,
                t.volunteer_id,
                slug,
                t.source,
                t.reach,
                t.label,
                t.created_at,
                t.last_used_at,
                t.expires_at,
                t.revoked_at,
                in_force,
            )
            for t, slug, in_force in rows
        ]

    async def starting_with(self, prefix: bytes) -> Sequence[bytes]:
        """Return the SHA-256 of each token, in force or not, whose SHA-256 begins so."""
        return (await self._session.exec(select(TokenRow.sha256).where(_begins(prefix)))).all()

    async def revoke(self, sha256: bytes) -> bool:
        """Revoke a token; say whether it was in force until now."""
        revoked = await self._session.exec(
            update(TokenRow)
            .where(col(TokenRow.sha256) == sha256, col(TokenRow.revoked_at).is_(None))
            .values(revoked_at=func.now())
        )
        return revoked.rowcount == 1


def _begins(prefix: bytes) -> ColumnElement[bool]:
    return func.substring(col(TokenRow.sha256), 1, len(prefix)) == prefix


def _of_person(person_id: int) -> ColumnElement[bool]:
    mine = select(VolunteerRow.id).where(col(VolunteerRow.person_id) == person_id)
    return col(TokenRow.volunteer_id).in_(mine) & col(TokenRow.scope).in_(PERSONS)


def _of_programs(project_id: int) -> ColumnElement[bool]:
    return (col(TokenRow.project_id) == project_id) & col(TokenRow.scope).not_in(PERSONS)
