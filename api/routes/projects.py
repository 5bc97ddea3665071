"""Projects."""

from api.caller import sight_of
from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.projects import ProjectPath


async def index(services: Services, call: Call[None, None, None]) -> Answer:
    """List the projects that are there for whoever asks."""
    return await services.projects.list(sight_of(call.bearer))


async def get(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """Show a project with its workflows."""
    return await services.projects.get(call.path.slug, sight_of(call.bearer))
