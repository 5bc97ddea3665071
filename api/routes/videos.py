"""Videos of subjects, whole and in parts: Safari plays none without them, and nobody can wind on."""

from typing import Final

from api.http.accepting import has_already
from api.http.calls import Answer, Call, Headers, Reply
from api.http.ranges import Part, part_of
from api.services.house import Services
from mobile_schemas.endpoint import MP4, WEBM
from mobile_schemas.subjects import VideoPath

_ALWAYS: Final = (
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
)


async def mp4(services: Services, call: Call[VideoPath, None, None]) -> Answer:
    """Send a video that is MP4, or the part of it that is asked for."""
    return await _sent(services, call, MP4)


async def webm(services: Services, call: Call[VideoPath, None, None]) -> Answer:
    """Send a video that is WebM, or the part of it that is asked for."""
    return await _sent(services, call, WEBM)


async def _sent(services: Services, call: Call[VideoPath, None, None], mime: str) -> Reply:
    """Return a video to be kept for ever. Its tag has its size too, as another FFmpeg may pack it otherwise."""
    stored = await services.videos.find(call.path.digest, mime)
    tag = f'"{call.path.digest}-{stored.size_bytes}.{mime.removeprefix("video/")}"'.encode()
    headers: Headers = (*_ALWAYS, (b"etag", tag))
    if has_already(call.headers, tag):
        return Reply(b"", headers, 304)
    part = part_of(call.headers, tag, stored.size_bytes)
    start, end = part or (0, stored.size_bytes)
    content = await services.videos.read(stored, start, end)
    if not isinstance(content, bytes):
        headers = (*headers, (b"content-length", b"%d" % (end - start)))
    if part is None:
        return Reply(content, headers)
    return Reply(content, (*headers, (b"content-range", _place(part, stored.size_bytes))), 206)


def _place(part: Part, size_bytes: int) -> bytes:
    return b"bytes %d-%d/%d" % (part.start, part.end - 1, size_bytes)
