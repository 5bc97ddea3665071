"""Members: who may do what in a project, and who may see it. The caller None is the operator, who needs no token.

What owners decide is decided while the project's owners are locked, and by somebody who is one of them at that moment:
of two owners who remove each other at once one is left, and nobody removes the last.
"""

from typing import Any

from api.account_errors import LastOwnerError, UnknownMemberError
from api.caller import Caller, Role
from api.errors import NotAllowedError, UnknownProjectError
from api.services.people import find_volunteer
from api.services.reachable import reachable
from api.store.members import Holding, Member, MemberStore
from api.store.projects import Project, ProjectStore
from api.store.sessions import Session, Sessions
from api.store.volunteers import VolunteerStore
from mobile_schemas.members import MembersQuery
from mobile_schemas.volunteers import volunteer_id

View = dict[str, Any]


class Members:
    """Gives roles and takes them away."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @reachable
    async def page(self, caller: Caller | None, slug: str, query: MembersQuery) -> View:
        """Return members as the contract has them (`mobile_schemas.members.MembersOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project, as far as the caller may know.
        NotAllowedError
            The caller is none of its moderators.
        """
        async with self._sessions.begin() as session:
            project = await own_project(session, caller, slug, Role.MODERATOR)
            found = await MemberStore(session).page(project.id, query.after, query.limit + 1)
        shown, complete = found[: query.limit], len(found) <= query.limit
        return {
            "visibility": project.visibility,
            "members": [_view(each) for each in shown],
            "complete": complete,
            "cursor": None if complete else shown[-1].person_id,
        }

    @reachable
    async def add(self, caller: Caller | None, slug: str, name_or_id: str, role: Role) -> View:
        """Give somebody a role beside those they have; return what they have then.

        Raises
        ------
        UnknownProjectError, NotAllowedError
            There is no such project, or the caller is none of its owners.
        UnknownVolunteerError
            Nobody is called so.
        """
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            volunteer = await find_volunteer(VolunteerStore(session), name_or_id)
            store = MemberStore(session)
            await store.add(project.id, volunteer.person_id, role, None if caller is None else caller.volunteer_id)
            return _view((await store.of_persons(project.id, [volunteer.person_id]))[0])

    @reachable
    async def remove(self, caller: Caller | None, slug: str, name_or_id: str, role: Role) -> View:
        """Take a role away; return what is left. Raises what `add` raises, and these.

        Raises
        ------
        UnknownMemberError
            The volunteer does not have the role.
        LastOwnerError
            It is the last owner's.
        """
        async with self._sessions.begin() as session:
            project, owners = await as_owner(session, caller, slug)
            volunteer = await find_volunteer(VolunteerStore(session), name_or_id)
            store = MemberStore(session)
            if role is Role.OWNER and owners == [volunteer.person_id]:
                raise LastOwnerError([slug])
            if not await store.remove(project.id, volunteer.person_id, role):
                raise UnknownMemberError(volunteer_id(volunteer.id), role, slug)
            return _view((await store.of_persons(project.id, [volunteer.person_id]))[0])

    @reachable
    async def show_to(self, caller: Caller | None, slug: str, visibility: str) -> View:
        """Say who may see a project. Raises UnknownProjectError, NotAllowedError."""
        async with self._sessions.begin() as session:
            project, _ = await as_owner(session, caller, slug)
            await ProjectStore(session).show_to(project.id, visibility)
        return {"slug": slug, "visibility": visibility}


async def own_project(session: Session, caller: Caller | None, slug: str, role: Role) -> Project:
    """Return a project in which the caller may do what a role may.

    Raises
    ------
    UnknownProjectError
        There is no such project, as far as the caller may know.
    NotAllowedError
        The caller may not.
    """
    project = await ProjectStore(session).by_slug(slug, None if caller is None else caller.sight)
    if project is None:
        raise UnknownProjectError(slug)
    if caller is not None and not caller.may(role, project.id):
        raise NotAllowedError(f"this is for the {role}s of {slug}, and you are none of them")
    return project


async def as_owner(session: Session, caller: Caller | None, slug: str) -> tuple[Project, list[int]]:
    """Return a project of the caller's, and its owners as persons, who stay the same until the end.

    Raises what `own_project` raises: also where the caller has just been removed.
    """
    project = await own_project(session, caller, slug, Role.OWNER)
    owners = (await MemberStore(session).lock_owners([project.id]))[project.id]
    if caller is not None and caller.person_id not in owners:
        raise NotAllowedError(f"this is for the owners of {slug}, and you are no longer one of them")
    return project, owners


def role_view(holding: Holding) -> View:
    """Return a role that somebody holds as the contract has it (`mobile_schemas.members.RoleHeldOut`)."""
    added_by = None if holding.added_by is None else volunteer_id(holding.added_by)
    return {"role": holding.role, "since": holding.since, "added_by": added_by}


def _view(member: Member) -> View:
    return {
        "volunteer": volunteer_id(member.volunteer_id),
        "name": member.name,
        "roles": [role_view(each) for each in member.holdings],
    }
