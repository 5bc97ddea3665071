"""Subjects, and the pictures of them."""

from typing import Final

from api.http.calls import Answer, Call, Reply, first_header
from api.services.house import Services
from mobile_schemas.places import SubjectsQuery
from mobile_schemas.projects import ProjectPath
from mobile_schemas.subjects import MediaPath, SubjectPath, subject_number

_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_AS_IT_SAYS: Final = (b"x-content-type-options", b"nosniff")


async def index(services: Services, call: Call[ProjectPath, SubjectsQuery, None]) -> Answer:
    """Show a project's researchers its subjects, and where they are."""
    return await services.places.find(call.caller, call.path.slug, call.query)


async def get(services: Services, call: Call[SubjectPath, None, None]) -> Answer:
    """Show a subject."""
    return await services.subjects.get(subject_number(call.path.subject))


async def media(services: Services, call: Call[MediaPath, None, None]) -> Answer:
    """Send a picture. Its address is made of its digest, so that it can be kept for ever."""
    content = await services.media.read(call.path.digest, call.path.width)
    tag = f'"{call.path.digest}-{call.path.width}"'.encode()
    headers = (_FOR_EVER, _AS_IT_SAYS, (b"etag", tag))
    if first_header(call.headers, b"if-none-match") == tag:
        return Reply(b"", headers, 304)
    return Reply(content, headers)
