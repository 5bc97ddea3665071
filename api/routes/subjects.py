"""Subjects, and the pictures of them."""

from typing import Final

from api.caller import sight_of
from api.http.accepting import has_already, quality
from api.http.calls import Answer, Call, Headers, Reply
from api.services.house import Services
from api.services.pictures import Picture
from mobile_schemas.places import SubjectsQuery
from mobile_schemas.projects import ProjectPath
from mobile_schemas.subjects import MediaPath, SubjectPath, subject_number

_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_BY_ACCEPT: Final = (b"vary", b"Accept")
_AS_IT_SAYS: Final = (b"x-content-type-options", b"nosniff")


async def index(services: Services, call: Call[ProjectPath, SubjectsQuery, None]) -> Answer:
    """Show a project's researchers its subjects, and where they are."""
    return await services.places.find(call.caller, call.path.slug, call.query)


async def get(services: Services, call: Call[SubjectPath, None, None]) -> Answer:
    """Show a subject."""
    return await services.subjects.get(subject_number(call.path.subject), sight_of(call.bearer))


async def why(services: Services, call: Call[SubjectPath, None, None]) -> Answer:
    """Tell a project's researchers why a subject stands where it does."""
    return await services.explanations.why(call.caller, subject_number(call.path.subject))


async def media(services: Services, call: Call[MediaPath, None, None]) -> Answer:
    """Send a picture in the better of the formats that the client names."""
    best = quality(call.headers, b"image/avif")
    avif = best > 0 and best >= quality(call.headers, b"image/webp")
    return _sent(call, await services.media.read(call.path.digest, call.path.width, avif=avif), _BY_ACCEPT)


async def media_webp(services: Services, call: Call[MediaPath, None, None]) -> Answer:
    """Send a picture as WebP, which every picture has at every width."""
    return _sent(call, await services.media.read(call.path.digest, call.path.width, avif=False))


async def media_avif(services: Services, call: Call[MediaPath, None, None]) -> Answer:
    """Send a picture as AVIF, which not every picture has."""
    return _sent(call, await services.media.read_avif(call.path.digest, call.path.width))


def _sent(call: Call[MediaPath, None, None], picture: Picture, *more: tuple[bytes, bytes]) -> Reply:
    """Return a picture to be kept for ever: its address is made of its digest."""
    kind = picture.media_type.removeprefix("image/")
    tag = f'"{call.path.digest}-{call.path.width}.{kind}"'.encode()
    headers: Headers = (_FOR_EVER, _AS_IT_SAYS, (b"etag", tag), *more)
    if has_already(call.headers, tag):
        return Reply(b"", headers, 304)
    return Reply(picture.content, ((b"content-type", picture.media_type.encode()), *headers))
