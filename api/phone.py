"""A client of our own API: the one module that asks the service over HTTP, as a phone would.

Whatever may pass (no connection, a lost reply, a timeout, 429, 5xx) is tried again for as long as the patience lasts,
with growing pauses, or after the pause that the service asks for. The same keys and ids are sent again, so nothing is
dealt or counted twice. What will not pass is raised at once, with the problem that the service told.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar
from uuid import UUID

import aiohttp
from multidict import CIMultiDictProxy
from pydantic import ValidationError

from api.errors import CommandError
from cascade.vocabulary import Answer
from mobile_schemas.classifications import ClassificationIn, ClassificationsIn, VerdictOut, VerdictsOut
from mobile_schemas.decks import DealIn, DealOut, DeckIn, DeckOut
from mobile_schemas.endpoint import CURSOR_HEADER, Endpoint
from mobile_schemas.endpoints import ENDPOINTS
from mobile_schemas.fields import Model
from mobile_schemas.health import HealthOut
from mobile_schemas.labels import LabelOut
from mobile_schemas.problems import ProblemOut
from mobile_schemas.projects import ProjectOut
from mobile_schemas.volunteers import MeOut, VolunteerCreatedOut, VolunteerIn

Reply = TypeVar("Reply", bound=Model)

PATIENCE_SECONDS: Final = 60.0
"""How long one thing is tried."""

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 5.0

REPLY_SECONDS: Final = 30.0
"""How long one reply is waited for, at most."""

_ENDPOINTS: Final[Mapping[str, Endpoint]] = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_WORDS: Final[Mapping[Answer, Literal["yes", "no", "unsure"]]] = {
    Answer.YES: "yes",
    Answer.NO: "no",
    Answer.UNSURE: "unsure",
}
_JSON: Final = {"Content-Type": "application/json"}
_BYTES: Final = {"Content-Type": "application/octet-stream"}


class RefusedError(CommandError):
    """The service says that the same request will never succeed."""

    def __init__(self, endpoint: Endpoint, problem: ProblemOut) -> None:
        wrong = "".join(f"; {each.pointer or each.parameter}: {each.problem}" for each in problem.errors[:3])
        super().__init__(
            f"{endpoint.method} {endpoint.path} was answered with {problem.status}: {problem.detail}{wrong}"
        )
        self.problem = problem


class UnansweredError(CommandError):
    """The service gave no usable answer for as long as it was tried."""

    def __init__(self, url: str, why: str, tried_seconds: float) -> None:
        super().__init__(f"{url} could not be asked within {tried_seconds:g} s ({why}); is the service well there?")
        self.url = url
        self.why = why


class StrangeReplyError(CommandError):
    """What answers does not speak as this version of Chaffinch does."""

    def __init__(self, url: str, endpoint: Endpoint, why: str) -> None:
        super().__init__(f"the answer to {endpoint.method} {url}{endpoint.path} is not one of this version: {why}")
        self.url = url


class _Answer(NamedTuple):
    status: int
    headers: "CIMultiDictProxy[str]"
    content: bytes


class Phone:
    """One client of the service, for any number of volunteers: an asynchronous context manager."""

    def __init__(self, url: str, patience_seconds: float = PATIENCE_SECONDS, connections: int = 100) -> None:
        self.url = url.rstrip("/")
        self._patience_seconds = patience_seconds
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=min(REPLY_SECONDS, self._patience_seconds)),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def health(self) -> HealthOut:
        """Return what the service says of itself, once it is well."""
        return await self._ask("health", HealthOut)

    async def register(self, name: str | None = None) -> VolunteerCreatedOut:
        """Begin to take part. If the first reply is lost, a nameless volunteer who never answers is left behind."""
        return await self._ask("register_volunteer", VolunteerCreatedOut, body=VolunteerIn(name=name))

    async def me(self, token: str) -> MeOut:
        """Return what the service knows of the token's bearer."""
        return await self._ask("me", MeOut, token)

    async def project(self, slug: str) -> ProjectOut:
        """Return a project with its workflows in the order of the cascade."""
        return await self._ask("get_project", ProjectOut, path={"slug": slug})

    async def deck(self, token: str, workflow: int, deck: DeckIn) -> DeckOut:
        """Return a deck of unseen subjects."""
        return await self._ask("deal_deck", DeckOut, token, {"workflow_id": workflow}, deck)

    async def deal(self, token: str, workflow: int, deal: DealIn) -> DealOut:
        """Return cards of exactly the named subjects, with a token of scope import."""
        return await self._ask("deal_named", DealOut, token, {"workflow_id": workflow}, deal)

    async def swipe(self, token: str, swipes: Sequence[ClassificationIn]) -> list[VerdictOut]:
        """Send 1 to 100 swipes, and those again that could not be stored; return their verdicts in their order."""
        verdicts: dict[UUID, VerdictOut] = {}
        left = list(swipes)
        for pause in self._pauses():
            batch = ClassificationsIn(classifications=left)
            reply = await self._ask("submit_classifications", VerdictsOut, token, body=batch)
            verdicts |= {verdict.id: verdict for verdict in reply.verdicts}
            left = [swipe for swipe in left if verdicts[swipe.id].verdict == "retry"]
            if not left:
                return [verdicts[swipe.id] for swipe in swipes]
            await asyncio.sleep(pause)
        raise UnansweredError(self.url, "it asks again and again for the same swipes", self._patience_seconds)

    async def labels(self, token: str, slug: str, after: int, limit: int = 1000) -> tuple[list[LabelOut], int]:
        """Return the labels that come after a cursor, and the cursor to go on from."""
        query = {"after": after, "limit": limit}
        answer = await self._send(_ENDPOINTS["labels"], token, {"slug": slug}, query=query)
        rows = [LabelOut.model_validate_json(line) for line in answer.content.splitlines()]
        return rows, int(answer.headers[CURSOR_HEADER])

    async def _ask(
        self,
        name: str,
        reply: type[Reply],
        token: str | None = None,
        path: Mapping[str, object] | None = None,
        body: Model | bytes | None = None,
    ) -> Reply:
        endpoint = _ENDPOINTS[name]
        answer = await self._send(endpoint, token, path or {}, body)
        try:
            return reply.model_validate_json(answer.content)
        except ValidationError as error:
            first = error.errors()[0]
            raise StrangeReplyError(self.url, endpoint, f"{first['loc']}: {first['msg']}") from error

    async def _send(
        self,
        endpoint: Endpoint,
        token: str | None,
        path: Mapping[str, object],
        body: Model | bytes | None = None,
        query: Mapping[str, int] | None = None,
    ) -> _Answer:
        """Return an answer that is none of a problem, however often it takes within the patience."""
        headers = {} if body is None else dict(_BYTES if isinstance(body, bytes) else _JSON)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = body.model_dump_json().encode() if isinstance(body, Model) else body
        why = "no attempt was made"
        for pause in self._pauses():
            try:
                answer = await self._once(endpoint, path, headers, content, query)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                why, wanted = str(error) or type(error).__name__, 0.0
            else:
                if answer.status < 300:
                    return answer
                problem = _problem(endpoint, answer)
                if answer.status < 500 and answer.status != 429:
                    raise RefusedError(endpoint, problem)
                why, wanted = f"{problem.status}: {problem.detail}", _retry_after(answer.headers)
            await asyncio.sleep(max(pause, wanted))
        raise UnansweredError(self.url, why, self._patience_seconds)

    async def _once(
        self,
        endpoint: Endpoint,
        path: Mapping[str, object],
        headers: Mapping[str, str],
        content: bytes | None,
        query: Mapping[str, int] | None,
    ) -> _Answer:
        assert self._session is not None
        url = self.url + endpoint.path.format_map(path)
        async with self._session.request(
            endpoint.method, url, data=content, headers=headers, params=query, allow_redirects=False
        ) as reply:
            return _Answer(reply.status, reply.headers, await reply.read())

    def _pauses(self) -> Iterator[float]:
        """Yield the pause after each attempt, for as long as the patience lasts."""
        end = time.monotonic() + self._patience_seconds
        for attempt in count():
            longest = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
            yield max(0.0, min(longest * random.uniform(0.5, 1), end - time.monotonic()))  # noqa: S311  # spreads retries
            if time.monotonic() >= end:
                return


async def all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do several things at once; the first that fails ends the others, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


def new_swipe(
    workflow: int, subject: str, answer: Answer, answered_at: datetime | None = None, dwell_ms: int = 0
) -> ClassificationIn:
    """Return an answer under a new id, given now if nothing else is said."""
    return ClassificationIn(
        id=new_id(),
        workflow=workflow,
        subject=subject,
        answer=_WORDS[answer],
        answered_at=answered_at or datetime.now(UTC),
        dwell_ms=dwell_ms,
    )


def new_id() -> UUID:
    """Return a new UUID of version 7 (RFC 9562): 48 bits of the time in ms, and 74 of chance."""
    bits = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def _problem(endpoint: Endpoint, answer: _Answer) -> ProblemOut:
    """Return the problem that was told; whoever is between us and the service may tell none."""
    try:
        return ProblemOut.model_validate_json(answer.content)
    except ValidationError:
        said = answer.content[:100].decode(errors="replace").strip() or "it says nothing more"
        return ProblemOut(
            type="about:blank", title="", status=max(answer.status, 400), detail=said, instance=endpoint.path, errors=[]
        )


def _retry_after(headers: Mapping[str, Any]) -> float:
    """Return how many seconds the service asks to wait, 0 if it does not say so in seconds."""
    asked = str(headers.get("Retry-After", ""))
    return min(float(asked), PATIENCE_SECONDS) if asked.isascii() and asked.isdigit() else 0.0
