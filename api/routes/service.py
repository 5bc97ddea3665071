"""The service itself: its description for machines and for people, and its health."""

from functools import cache
from importlib.metadata import version

from pydantic_core import to_json

from api.errors import UnknownPathError
from api.http.calls import Answer, Call, Reply
from api.http.openapi import document
from api.http.reference.endpoints import Document
from api.http.reference.pages import HEADERS, problem_page, problems_page, reference_page
from api.services.house import Services
from mobile_schemas.endpoints import ENDPOINTS
from mobile_schemas.problems import ProblemPath


async def openapi(_services: Services, _call: Call[None, None, None]) -> Answer:
    """Describe the API."""
    return description()


@cache
def description() -> bytes:
    """Return the OpenAPI document of the table as JSON."""
    return to_json(_document())


async def reference(_services: Services, _call: Call[None, None, None]) -> Answer:
    """Show the API as a page."""
    return Reply(_reference(), HEADERS)


async def problems(_services: Services, _call: Call[None, None, None]) -> Answer:
    """Show every type of problem."""
    return Reply(problems_page(), HEADERS)


async def problem(_services: Services, call: Call[ProblemPath, None, None]) -> Answer:
    """Show what one type of problem means."""
    page = problem_page(call.path.name, _document())
    if page is None:
        raise UnknownPathError(f"/problems/{call.path.name}")
    return Reply(page, HEADERS)


@cache
def _document() -> Document:
    return document(ENDPOINTS, "Chaffinch", version("chaffinch"))


@cache
def _reference() -> bytes:
    return reference_page(_document())


async def health(services: Services, _call: Call[None, None, None]) -> Answer:
    """Ask the database whether it answers."""
    return await services.health.check()
