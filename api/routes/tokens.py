"""Tokens: one's own, and those of a project's programs."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.projects import ProjectPath
from mobile_schemas.tokens import OwnTokenPath, PersonalTokenIn, ProjectTokenIn, ProjectTokenPath


async def mine(services: Services, call: Call[None, None, None]) -> Answer:
    """List one's own tokens."""
    return await services.token_lists.mine(call.caller)


async def make(services: Services, call: Call[None, None, PersonalTokenIn]) -> Answer:
    """Make a token of one's own."""
    return await services.token_lists.make(call.caller, call.body)


async def revoke_mine(services: Services, call: Call[OwnTokenPath, None, None]) -> Answer:
    """Revoke a token of one's own."""
    return await services.token_lists.revoke_mine(call.caller, call.path.token_id)


async def of_project(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """List the tokens of a project."""
    return await services.token_lists.of_project(call.caller, call.path.slug)


async def make_for(services: Services, call: Call[ProjectPath, None, ProjectTokenIn]) -> Answer:
    """Make a token of a project."""
    return await services.token_lists.make_for(call.caller, call.path.slug, call.body)


async def revoke_of(services: Services, call: Call[ProjectTokenPath, None, None]) -> Answer:
    """Revoke a token of a project."""
    return await services.token_lists.revoke_of(call.caller, call.path.slug, call.path.token_id)
