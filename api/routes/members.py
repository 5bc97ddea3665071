"""Members of projects."""

from api.caller import Role
from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.members import MemberPath, MembersQuery, RoleIn, RolePath, VisibilityIn
from mobile_schemas.projects import ProjectPath


async def index(services: Services, call: Call[ProjectPath, MembersQuery, None]) -> Answer:
    """List who may do what."""
    return await services.members.page(call.caller, call.path.slug, call.query)


async def add_role(services: Services, call: Call[MemberPath, None, RoleIn]) -> Answer:
    """Give a role."""
    return await services.members.add(call.caller, call.path.slug, call.path.volunteer, Role(call.body.role))


async def remove_role(services: Services, call: Call[RolePath, None, None]) -> Answer:
    """Take a role away."""
    return await services.members.remove(call.caller, call.path.slug, call.path.volunteer, Role(call.path.role))


async def set_visibility(services: Services, call: Call[ProjectPath, None, VisibilityIn]) -> Answer:
    """Say who may see a project."""
    return await services.members.show_to(call.caller, call.path.slug, call.body.visibility)
