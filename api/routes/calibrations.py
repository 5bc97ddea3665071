"""Calibrations: what refits have learnt."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.calibrations import CalibrationsQuery
from mobile_schemas.projects import ProjectPath


async def index(services: Services, call: Call[ProjectPath, CalibrationsQuery, None]) -> Answer:
    """List the calibrations of a project, the newest first."""
    return await services.calibrations.page(call.caller, call.path.slug, call.query)
