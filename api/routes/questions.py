"""Questions for experts."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.projects import ProjectPath
from mobile_schemas.questions import QuestionsQuery


async def index(services: Services, call: Call[ProjectPath, QuestionsQuery, None]) -> Answer:
    """List the subjects whose answers by an expert would help most."""
    return await services.questions.page(call.caller, call.path.slug, call.query)
