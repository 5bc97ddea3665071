"""What a command does beside the running service: set up over its database, and follow its labels over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from api.caller import Scope
from api.cli.speaking import say
from api.errors import CommandError, UnknownProjectError
from api.factory import open_services
from api.phone import Phone, RefusedError
from api.postgres.embedded import running_postgres
from api.services.house import Services
from api.settings import Settings
from api.store.engine import Pool, open_pool
from mobile_schemas.labels import LabelOut

SOURCE: Final = "command line"


class OtherDatabaseError(CommandError):
    """The service does not know what was just written to the database of this command's settings."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} does not use the database of this command; start both with the same CHAFFINCH_DATABASE_URL"
            " and CHAFFINCH_DATA_DIR"
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """The services over the database, a pool for imports, and the database's URL."""

    services: Services
    pool: Pool
    database_url: str


@asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Beside]:
    """Give the services over the database of the settings, which is started if it is the embedded one."""
    async with AsyncExitStack() as resources:
        url = await resources.enter_async_context(running_postgres(settings, say))
        services = await open_services(settings, url, say=say)
        resources.push_async_callback(services.close)
        pool = await open_pool(url, 1)
        resources.push_async_callback(pool.close)
        yield Beside(services, pool, url)


class LabelFeed:
    """The labels of a project as they are made, by a researcher's token."""

    def __init__(self, phone: Phone, slug: str, token: str) -> None:
        self.labels: list[LabelOut] = []
        self._phone = phone
        self._slug = slug
        self._token = token
        self._cursor = 0

    @classmethod
    async def open(cls, phone: Phone, slug: str, services: Services) -> "LabelFeed":
        """Return a feed with a token of its own, read up to now; the service must know the project.

        Raises
        ------
        OtherDatabaseError
            The token is written to another database than that of the service.
        """
        try:
            issued = await services.tokens.issue(slug, Scope.RESEARCHER, SOURCE)
        except UnknownProjectError as error:
            raise OtherDatabaseError(phone.url) from error
        feed = cls(phone, slug, issued.token)
        await feed.read()
        return feed

    async def read(self) -> None:
        """Read the labels that were made since the last time."""
        while page := await self._page():
            self.labels += page

    async def _page(self) -> list[LabelOut]:
        try:
            page, self._cursor = await self._phone.labels(self._token, self._slug, self._cursor)
        except RefusedError as refused:
            if refused.problem.status in (401, 404):
                raise OtherDatabaseError(self._phone.url) from refused
            raise
        return page
