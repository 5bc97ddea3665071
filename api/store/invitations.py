"""Invitations: links by which people join a project, by the SHA-256 of their secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select, update

from api.store.sessions import Session
from api.store.tables import InvitationRow

_OPEN = (
    col(InvitationRow.revoked_at).is_(None)
    & (col(InvitationRow.uses_left) > 0)
    & (col(InvitationRow.expires_at) > func.now())
)


class Invitation(NamedTuple):
    """An invitation as owners may see it: never its secret. `in_force` is whether somebody can still join by it."""

    sha256: bytes
    project_id: int
    role: str
    uses_left: int
    created_by: int | None
    created_at: datetime
    expires_at: datetime
    in_force: bool


class InvitationStore:
    """Adds, lists, uses and revokes invitations."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(
        self, sha256: bytes, project_id: int, role: str, uses: int, expires_at: datetime, created_by: int | None
    ) -> Invitation:
        """Add an invitation."""
        self._session.add(
            InvitationRow(
                sha256=sha256,
                project_id=project_id,
                role=role,
                uses_left=uses,
                expires_at=expires_at,
                created_by=created_by,
            )
        )
        await self._session.flush()
        return (await self._read(col(InvitationRow.sha256) == sha256))[0]

    async def count_open(self, project_id: int) -> int:
        """Return how many invitations of a project are in force."""
        found = await self._session.exec(
            select(func.count()).select_from(InvitationRow).where(col(InvitationRow.project_id) == project_id, _OPEN)
        )
        return found.one()

    async def newest(self, project_id: int, limit: int) -> list[Invitation]:
        """Return the newest invitations of a project that were not revoked, the newest first."""
        return await self._read(
            (col(InvitationRow.project_id) == project_id) & col(InvitationRow.revoked_at).is_(None), limit
        )

    async def lock(self, sha256: bytes) -> Invitation | None:
        """Return an invitation, and let others who use it wait."""
        found = await self._read(col(InvitationRow.sha256) == sha256, lock=True)
        return found[0] if found else None

    async def use(self, sha256: bytes) -> None:
        """Take one of the uses of an invitation."""
        await self._session.exec(
            update(InvitationRow)
            .where(col(InvitationRow.sha256) == sha256)
            .values(uses_left=col(InvitationRow.uses_left) - 1)
        )

    async def revoke(self, project_id: int, prefix: bytes) -> Invitation | None:
        """Revoke the invitation of a project whose SHA-256 begins so; return what it was, once."""
        begins = func.substring(col(InvitationRow.sha256), 1, len(prefix)) == prefix
        mine = (col(InvitationRow.project_id) == project_id) & col(InvitationRow.revoked_at).is_(None) & begins
        found = await self._read(mine, lock=True)
        if len(found) != 1:
            return None
        await self._session.exec(
            update(InvitationRow).where(col(InvitationRow.sha256) == found[0].sha256).values(revoked_at=func.now())
        )
        return found[0]

    async def _read(
        self, which: ColumnElement[bool], limit: int | None = None, *, lock: bool = False
    ) -> list[Invitation]:
        asked = select(InvitationRow, _OPEN).where(which).order_by(col(InvitationRow.created_at).desc()).limit(limit)
        if lock:
            asked = asked.with_for_update()
        rows: Sequence[tuple[InvitationRow, bool]] = (await self._session.exec(asked)).all()
        return [
            Invitation(
                row.sha256,
                row.project_id,
                row.role,
                row.uses_left,
                row.created_by,
                row.created_at,
                row.expires_at,
                in_force,
            )
            for row, in_force in rows
        ]
