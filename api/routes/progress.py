"""Progress of projects and of those who take part."""

from api.caller import sight_of
from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.progress import MyProjectQuery
from mobile_schemas.projects import ProjectPath


async def of_project(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """Show what a project has reached."""
    return await services.progress.of_project(call.path.slug, sight_of(call.bearer))


async def mine(services: Services, call: Call[ProjectPath, MyProjectQuery, None]) -> Answer:
    """Show the bearer of the token what their answers have done."""
    return await services.progress.mine(call.caller, call.path.slug, call.query.utc_offset_minutes)
