"""What an endpoint is: one thing that can be asked of the service, and everything that is known of it."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from mobile_schemas.fields import Model

Access = Literal["public", "volunteer", "person", "account", "moderator", "researcher", "listener", "owner", "import"]
AUDIENCES: Final[dict[Access, str]] = {
    "public": "everybody",
    "volunteer": "any personal token, or one of an import",
    "person": "a session, or the token that registering gave",
    "account": "a session, which a login gives",
    "moderator": "moderators of the project, by a session or a personal token",
    "researcher": "researchers of the project, by a session, a personal token or a researcher token of the project",
    "listener": "researchers of the project, and its bots",
    "owner": "owners of the project, by a session",
    "import": "import tokens of the project",
}
"""Whom an endpoint of each access is for, in words."""

Rate = Literal["usual", "files", "registration", "login"]
"""What a request without a token counts as, beside the address that it comes from."""

MediaType = Literal[
    "application/json",
    "application/octet-stream",
    "application/x-ndjson",
    "application/xml",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "text/event-stream",
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
]

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"
HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
XML: Final = "application/xml"
NDJSON: Final = "application/x-ndjson"
WEBP: Final = "image/webp"
AVIF: Final = "image/avif"
MP4: Final = "video/mp4"
WEBM: Final = "video/webm"

CURSOR_HEADER: Final = "Chaffinch-Cursor"
"""Header of the label feed: the cursor to give as `after` next time."""

TABLE_MEDIA_TYPES: Final = (
    "text/csv; charset=utf-8",
    "application/x-ndjson",
    "application/vnd.apache.parquet",
    "application/x-votable+xml",
    "application/fits",
)
"""What a page of an export may be, by its format."""

PAGE_HEADERS: Final = {
    CURSOR_HEADER: "Give it as `after` next time, to read on where this page ends.",
    "Repr-Digest": "SHA-256 of the page (RFC 9530).",
    "Content-Disposition": "A name for the file.",
}

BODY_LIMIT_BYTES: Final = 200_000
"""The largest body that is read: five times a full batch of classifications with all fields at their longest.

The worst body of this size (nothing but unknown fields) takes 50 ms to refuse; of 1 MB it took 260 ms.
"""

CHUNK_LIMIT_BYTES: Final = 8_000_000
"""The largest chunk of an upload: some 8 s on a link of 1 MB/s, which is what a broken connection costs."""

PATH_PARAMETER: Final = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that can be asked of the service.

    `path` has its parameters in braces; `parameters` is the model of them. `reply` is the model of the reply, of one
    line of it if `media_type` is NDJSON, of one event's data if it is EVENTS, and None where the bytes are not ours to
    describe; `other_media_types` are those that a handler may say instead. `body` is the model of a JSON body, or
    `bytes` for one that is taken as it is. Where `ranges` are known, a part of the reply can be had (206). `problems`
    are the statuses peculiar to this endpoint; `statuses` adds those that follow from its form. What is asked `often`
    believes a token for some seconds. A public endpoint that `knows_bearer` looks at the token of whoever sends one.
    `rate` is what a request counts as where it is limited how often an address may ask.
    """

    name: str
    method: Literal["DELETE", "GET", "POST", "PUT"]
    path: str
    summary: str
    access: Access = "public"
    parameters: type[Model] | None = None
    query: type[Model] | None = None
    body: type[Model] | type[bytes] | None = None
    reply: type[Model] | None = None
    status: int = 200
    media_type: MediaType = JSON
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    other_media_types: tuple[str, ...] = ()
    ranges: bool = False
    often: bool = False
    knows_bearer: bool = False
    rate: Rate = "usual"
    problems: tuple[int, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status of a problem that this endpoint can answer, in order."""
        found = {*self.problems, 422, 429, 500, 503}
        if self.access != "public":
            found |= {401, 403}
        if self.knows_bearer:
            found.add(401)
        if self.parameters is not None:
            found.add(404)
        if self.body is not None:
            found |= {400, 413, 415}
        if self.ranges:
            found.add(416)
        return tuple(sorted(found))
