"""Reads what `chaffinch doctor` looks at, one method for each statement."""

from datetime import datetime
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("checkup")


class Server(NamedTuple):
    """A server and its settings; `connections` are those that others than superusers may open."""

    version: str
    major: int
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    timezone: str
    connections: int
    used: int
    encoding: str
    collation: str
    is_standby: bool
    size_bytes: int
    now: datetime
    shared_buffers: str


class Work(NamedTuple):
    """What the worker does: how many are connected, events without a position, and how old the totals are."""

    workers: int
    waiting: int
    age_seconds: float
    totals_age_seconds: float
    workflows: int
    uncounted: int


class Partitions(NamedTuple):
    """Whether the months have partitions, and whether something lies in the default one."""

    has_this: bool
    has_next: bool
    strays: bool


class TroubledWebhook(NamedTuple):
    """A webhook whose last delivery failed, or that is paused."""

    project: str
    id: int
    failures: int
    paused: bool
    why_paused: str | None


class FailingPush(NamedTuple):
    """A push service that has not taken some messages for a day; `error` is what came of the last attempt."""

    host: str
    messages: int
    volunteers: int
    error: str


class OpenImport(NamedTuple):
    """An import that waits, runs, or failed within a week."""

    project: str
    id: int
    state: str
    error: str | None
    age_seconds: float


class Project(NamedTuple):
    """A project, its version in force, and whether it has subjects."""

    id: int
    slug: str
    version_id: int | None
    has_subjects: bool


class Unfitted(NamedTuple):
    """A workflow with votes that should have been in a refit by now; the age is that of the last, if there was one."""

    workflow_id: int
    name: str
    age_seconds: float | None


class Picture(NamedTuple):
    """A picture of a subject, in its smallest width."""

    digest: str
    width: int
    subject_id: int


class Checkup:
    """Asks a database how it is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def server(self) -> Server:
        """Return the server and its settings."""
        return Server(*await self._connection.fetchrow(_SQL["server"]) or ())

    async def revision(self) -> str | None:
        """Return the schema's revision, or None of a database without tables."""
        if not await self._connection.fetchval(_SQL["has_revision"]):
            return None
        revision: str | None = await self._connection.fetchval(_SQL["revision"])
        return revision

    async def work(self) -> Work:
        """Return what the worker does."""
        return Work(*await self._connection.fetchrow(_SQL["work"]) or ())

    async def partitions(self) -> Partitions:
        """Return which partitions are there."""
        return Partitions(*await self._connection.fetchrow(_SQL["partitions"]) or ())

    async def webhooks(self) -> list[TroubledWebhook]:
        """Return the webhooks in trouble."""
        return [TroubledWebhook(*row) for row in await self._connection.fetch(_SQL["webhooks"])]

    async def push(self) -> list[FailingPush]:
        """Return the push services that have not taken messages for a day."""
        return [FailingPush(*row) for row in await self._connection.fetch(_SQL["push"])]

    async def imports(self) -> list[OpenImport]:
        """Return the imports that are not done."""
        return [OpenImport(*row) for row in await self._connection.fetch(_SQL["imports"])]

    async def projects(self) -> list[Project]:
        """Return all projects."""
        return [Project(*row) for row in await self._connection.fetch(_SQL["projects"])]

    async def unfitted(self, project_id: int, seconds: float) -> list[Unfitted]:
        """Return the workflows of a project with votes that have waited so long for a refit."""
        return [Unfitted(*row) for row in await self._connection.fetch(_SQL["unfitted"], project_id, seconds)]

    async def score_alarms(self, project_id: int) -> list[tuple[str, str]]:
        """Return what the last refits found amiss with machine scores: the workflow, and a sentence."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["score_alarms"], project_id)]

    async def pictures(self, most: int) -> list[Picture]:
        """Return so many of the newest and of the oldest pictures."""
        return [Picture(*row) for row in await self._connection.fetch(_SQL["pictures"], most)]
