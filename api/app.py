"""The application: the table's routes over services that open with the server and close with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from api.caller import Caller
from api.factory import open_services
from api.http.adapter import routes
from api.http.client_files import ClientFiles
from api.http.rates import UNLIMITED, Allowance, Rates
from api.routes.client import Client
from api.routes.handlers import HANDLERS
from api.services.house import Services
from api.settings import Settings
from mobile_schemas.endpoints import ENDPOINTS


class App:
    """The ASGI application.

    Made of `settings`, it opens its services when the server starts it, and closes them when the server stops.
    Made of `services`, it uses those, and leaves them open: they are their maker's. Nobody asks too often then: so run
    the demonstration, with its simulated crowd, and tests.
    """

    def __init__(
        self, settings: Settings | None = None, services: Services | None = None, client: ClientFiles | None = None
    ) -> None:
        if (settings is None) == (services is None):
            raise ValueError("give either settings or services")
        self._settings = settings
        self._services = services
        lines = "errors" if settings is None else settings.access_log
        rates = UNLIMITED if settings is None else Rates(Allowance.of(settings))
        self._router = Router(
            routes(ENDPOINTS, HANDLERS, _authenticate, self._opened, lines, rates),
            redirect_slashes=False,
            default=Client(self._opened, lines, client, rates),
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        await self._router(scope, receive, send)

    def end_streams(self) -> None:
        """End the replies that go on for as long as somebody listens: the process is asked to stop."""
        if self._services is not None:
            self._services.events.end_streams()

    def _opened(self) -> Services:
        if self._services is None:
            raise RuntimeError("the server has not started the application's lifespan")
        return self._services

    @asynccontextmanager
    async def _lifespan(self, _app: Any) -> AsyncIterator[None]:
        if self._settings is None:
            yield
            return
        self._services = await open_services(self._settings)
        try:
            yield
        finally:
            services, self._services = self._services, None
            await services.close()


async def _authenticate(services: Services, token_sha256: bytes, believing: bool) -> Caller | None:
    return await services.authenticate(token_sha256, believing=believing)


def app_from_environment() -> App:
    """Return the application with the settings of the environment: a factory for servers of many processes."""
    return App(settings=Settings())
