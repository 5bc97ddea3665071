"""Volunteers."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.volunteers import VolunteerIn


async def register(services: Services, call: Call[None, None, VolunteerIn]) -> Answer:
    """Make a volunteer and their token."""
    return await services.volunteers.register(call.body)


async def me(services: Services, call: Call[None, None, None]) -> Answer:
    """Tell the bearer of the token who they are."""
    return await services.volunteers.me(call.caller)
