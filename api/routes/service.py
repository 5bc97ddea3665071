"""The service itself: its description for machines and for people, and its health."""

from functools import cache
from importlib.metadata import version

from pydantic_core import to_json

from api.errors import UnknownPathError
from api.http.calls import Answer, Call, Reply, first_header
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


async def metrics(services: Services, call: Call[None, None, None]) -> Answer:
    """Tell a monitoring system what was counted."""
    kind, _, token = (first_header(call.headers, b"authorization") or b"").decode("latin-1").partition(" ")
    sent = token.strip() if kind.lower() == "bearer" else None
    accept = (first_header(call.headers, b"accept") or b"").decode("latin-1")
    content, media_type = await services.monitoring.tell(sent, accept)
    return Reply(content, ((b"content-type", media_type.encode()), (b"cache-control", b"no-store")))
