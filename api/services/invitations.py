"""Invitations: links by which people join a project. The caller None is the operator, who needs no token.

The secret of a link is kept as its SHA-256, and shown once. Whoever joins locks the invitation: of two who come at once
for its last use one is let in. Whoever is in already takes no use, so a reply that was lost may be asked for again.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.account_errors import TooManyInvitationsError, UnknownInvitationError
from api.caller import Caller, Role
from api.services.members import as_owner
from api.services.reachable import reachable
from api.services.tokens import SECRET_BYTES, sha256_of, shown_id
from api.store.invitations import Invitation, InvitationStore
from api.store.members import MemberStore
from api.store.projects import ProjectStore
from api.store.sessions import Sessions
from mobile_schemas.members import InvitationIn
from mobile_schemas.volunteers import volunteer_id

PREFIX: Final = "chi_"
"""How every secret of an invitation begins."""

JOIN_PATH: Final = "/join#"
"""The page of a link, before the secret: what stands behind the # stays in the browser."""

MOST_OPEN: Final = 100
"""Open invitations of one project."""

MOST_SHOWN: Final = 200

View = dict[str, Any]


class Invitations:
    """Invites, and lets in."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def invite(self, caller: Caller | None, slug: str, wanted: InvitationIn) -> View:
        """Make an invitation; the answer has its secret, this once.

        Raises
        ------
        UnknownProjectError, NotAllowedError
            There is no such project, or the caller is none of its owners.
        TooManyInvitationsError
            The project has as many open ones as it may have.
        """
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        ends = datetime.now(UTC) + timedelta(hours=wanted.expires_in_hours)
        maker = None if caller is None else caller.volunteer_id
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            store = InvitationStore(session)
            if await store.count_open(project.id) >= MOST_OPEN:
                raise TooManyInvitationsError(slug, MOST_OPEN)
            made = await store.add(sha256_of(secret), project.id, Role(wanted.role), wanted.uses, ends, maker)
        return _view(made) | {"secret": secret, "path": JOIN_PATH + secret}

    @reachable
    async def of_project(self, caller: Caller | None, slug: str) -> View:
        """Return the newest invitations of a project. Raises UnknownProjectError, NotAllowedError."""
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            found = await InvitationStore(session).newest(project.id, MOST_SHOWN)
        return {"invitations": [_view(each) for each in found]}

    @reachable
    async def revoke(self, caller: Caller | None, slug: str, short_id: str) -> View:
        """Let nobody join by an invitation any more; return what it was.

        Raises
        ------
        UnknownProjectError, NotAllowedError, UnknownInvitationError
        """
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            revoked = await InvitationStore(session).revoke(project.id, bytes.fromhex(short_id))
        if revoked is None:
            raise UnknownInvitationError
        return _view(revoked)

    @reachable
    async def accept(self, caller: Caller, secret: str) -> View:
        """Let somebody join by an invitation; return what they joined.

        Raises
        ------
        UnknownInvitationError
            No such invitation is open to them.
        """
        async with self._sessions.begin() as session:
            store, members = InvitationStore(session), MemberStore(session)
            found = await store.lock(sha256_of(secret))
            if found is None:
                raise UnknownInvitationError
            project = await ProjectStore(session).by_number(found.project_id)
            [member] = await members.of_persons(found.project_id, [caller.person_id])
            already = any(each.role == found.role for each in member.holdings)
            if project is None or not (already or found.in_force):
                raise UnknownInvitationError
            if not already:
                await members.add(project.id, caller.person_id, found.role, found.created_by)
                await store.use(found.sha256)
        return {"project": project.slug, "title": project.title or project.slug, "role": found.role, "already": already}


def _view(invitation: Invitation) -> View:
    return {
        "id": shown_id(invitation.sha256),
        "role": invitation.role,
        "uses_left": invitation.uses_left,
        "created_by": None if invitation.created_by is None else volunteer_id(invitation.created_by),
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "open": invitation.in_force,
    }
