"""The service itself: its description, and its health."""

from functools import cache
from importlib.metadata import version

from pydantic_core import to_json

from api.http.calls import Answer, Call
from api.http.openapi import document
from api.services.house import Services
from mobile_schemas.endpoints import ENDPOINTS


async def openapi(_services: Services, _call: Call[None, None, None]) -> Answer:
    """Describe the API."""
    return description()


@cache
def description() -> bytes:
    """Return the OpenAPI document of the table as JSON."""
    return to_json(document(ENDPOINTS, "Chaffinch", version("chaffinch")))


async def health(services: Services, _call: Call[None, None, None]) -> Answer:
    """Ask the database whether it answers."""
    return await services.health.check()
