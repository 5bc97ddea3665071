"""Tokens: who bears one, by its SHA-256."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import col, func, select, update

from api.store.engine import Pool
from api.store.sessions import Session
from api.store.tables import TokenRow, VolunteerRow

_FIND_BEARER = """
SELECT v.id, v.person_id, v.name, t.scope, t.project_id, t.source, t.reach,
       ARRAY(SELECT m.project_id FROM member m WHERE m.person_id = v.person_id ORDER BY m.project_id, m.role),
       ARRAY(SELECT m.role FROM member m WHERE m.person_id = v.person_id ORDER BY m.project_id, m.role),
       t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 hour' AS unused
FROM token t JOIN volunteer v ON v.id = t.volunteer_id
WHERE t.sha256 = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""

_USED = "UPDATE token SET last_used_at = now() WHERE sha256 = $1"


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


class StoredToken(NamedTuple):
    """A token as its owners may see it: never the token itself."""

    sha256: bytes
    scope: str
    volunteer_id: int | None
    name: str | None
    source: str
    created_at: datetime
    revoked_at: datetime | None


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

    async def of_project(self, project_id: int) -> Sequence[StoredToken]:
        """Return the tokens of a project, the oldest first."""
        rows = await self._session.exec(
            select(TokenRow, VolunteerRow.name)
            .outerjoin(VolunteerRow, col(VolunteerRow.id) == col(TokenRow.volunteer_id))
            .where(col(TokenRow.project_id) == project_id)
            .order_by(col(TokenRow.created_at), col(TokenRow.sha256))
        )
        return [
            StoredToken(t.sha256, t.scope, t.volunteer_id, name, t.source, t.created_at, t.revoked_at)
            for t, name in rows
        ]

    async def starting_with(self, prefix: bytes) -> Sequence[bytes]:
        """Return the SHA-256 of each token, in force or not, whose SHA-256 begins so."""
        begins = func.substring(col(TokenRow.sha256), 1, len(prefix)) == prefix
        return (await self._session.exec(select(TokenRow.sha256).where(begins))).all()

    async def revoke(self, sha256: bytes) -> bool:
        """Revoke a token; say whether it was in force until now."""
        revoked = await self._session.exec(
            update(TokenRow)
            .where(col(TokenRow.sha256) == sha256, col(TokenRow.revoked_at).is_(None))
            .values(revoked_at=func.now())
        )
        return revoked.rowcount == 1
