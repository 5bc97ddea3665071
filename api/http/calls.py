"""What a handler is given, and what it may answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from api.caller import Caller
from mobile_schemas.fields import Model

Services = TypeVar("Services")
Path = TypeVar("Path")
Query = TypeVar("Query")
Body = TypeVar("Body")

Headers = tuple[tuple[bytes, bytes], ...]


def first_header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the value of the first header of a name, which is in lower case as ASGI has it."""
    for key, value in headers:
        if key == name:
            return value
    return None


class Call(NamedTuple, Generic[Path, Query, Body]):
    """A request that has been let in and read.

    `path`, `query` and `body` are models, or None where the endpoint has none. `headers` are as ASGI has them:
    lower-case names and values, both bytes.
    """

    path: Path
    query: Query
    body: Body
    bearer: Caller | None
    headers: list[tuple[bytes, bytes]]

    @property
    def caller(self) -> Caller:
        """Who calls. Only endpoints that are not public know it."""
        if self.bearer is None:
            raise LookupError("a public endpoint has no caller")
        return self.bearer


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with more to it than its content; without a status of its own it has that of the endpoint.

    Content that is a generator is sent as it comes; when the client leaves, the generator is closed. A content type
    among the headers takes the place of the endpoint's.
    """

    content: bytes | AsyncGenerator[bytes, None]
    headers: Headers = ()
    status: int | None = None


Answer = Mapping[str, object] | Model | bytes | Reply
"""What a handler may return: something to make JSON of, or bytes that are as the endpoint promises."""

Handler = Callable[[Services, Call[Any, Any, Any]], Awaitable[Answer]]
Handlers = Mapping[str, Handler[Services]]
