"""Invitations to projects."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.members import AcceptIn, InvitationIn, InvitationPath
from mobile_schemas.projects import ProjectPath


async def invite(services: Services, call: Call[ProjectPath, None, InvitationIn]) -> Answer:
    """Make a link."""
    return await services.invitations.invite(call.caller, call.path.slug, call.body)


async def index(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """List the links of a project."""
    return await services.invitations.of_project(call.caller, call.path.slug)


async def revoke(services: Services, call: Call[InvitationPath, None, None]) -> Answer:
    """End a link."""
    return await services.invitations.revoke(call.caller, call.path.slug, call.path.invitation)


async def accept(services: Services, call: Call[None, None, AcceptIn]) -> Answer:
    """Join by a link."""
    return await services.invitations.accept(call.caller, call.body.secret)
