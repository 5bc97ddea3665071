"""Pages of a project."""

from typing import Final

from api.caller import sight_of
from api.http.accepting import has_already
from api.http.calls import Answer, Call, Headers, Reply
from api.services.house import Services
from mobile_schemas.pages import PagesQuery
from mobile_schemas.projects import ProjectPath

_ASK_AGAIN: Final = (b"cache-control", b"private, no-cache")


async def get(services: Services, call: Call[ProjectPath, PagesQuery, None]) -> Answer:
    """Show what a project is about, its tutorial and its guide, unless the client has them as they are."""
    content, tag = await services.pages.read(call.path.slug, call.query.width, sight_of(call.bearer))
    headers: Headers = (_ASK_AGAIN, (b"etag", tag))
    return Reply(b"", headers, 304) if has_already(call.headers, tag) else Reply(content, headers)
