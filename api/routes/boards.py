"""Boards."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.boards import BoardQuery, BoardWishIn
from mobile_schemas.projects import ProjectPath


async def of_project(services: Services, call: Call[ProjectPath, BoardQuery, None]) -> Answer:
    """Show the boards of a week."""
    return await services.boards.of_project(call.bearer, call.path.slug, call.query.weeks_ago)


async def stand(services: Services, call: Call[None, None, BoardWishIn]) -> Answer:
    """Keep whether the bearer of the token wants to be seen."""
    return await services.boards.stand(call.caller, call.body)
