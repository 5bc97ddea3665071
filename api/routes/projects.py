"""Projects."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.projects import ProjectPath


async def index(services: Services, _call: Call[None, None, None]) -> Answer:
    """List all projects."""
    return await services.projects.list()


async def get(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """Show a project with its workflows."""
    return await services.projects.get(call.path.slug)
