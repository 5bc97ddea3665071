"""A browser for all tests of pages, and a service for those of one module."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize

from api.postgres.home import Home
from api.postgres.probe import execute
from benchmarks.browser import a_browser
from tests.services.login_providers import CLIENT, SECRET, LoginProvider, a_login_provider_beside
from tests.web.line import Line, a_line
from tests.web.meadow import Service, served
from tests.web.phone import SIZE, Phone

NewPhone = Callable[..., Phone]


@pytest.fixture(scope="session")
def lab() -> Iterator[LoginProvider]:
    """Who people log in with."""
    with a_login_provider_beside() as provider:
        yield provider


@pytest.fixture(scope="session")
def service(
    server_home: Home, migrated_template: str, tmp_path_factory: pytest.TempPathFactory, lab: LoginProvider
) -> Iterator[Service]:
    name = f"web_{uuid.uuid4().hex}"
    execute(server_home.run, "postgres", f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    folder: Path = tmp_path_factory.mktemp("web")
    logins = [{"name": "lab", "title": "The lab", "issuer": lab.url, "client_id": CLIENT, "client_secret": SECRET}]
    with served(server_home.url(name), folder, CHAFFINCH_LOGINS=json.dumps(logins)) as service:
        yield service
    execute(server_home.run, "postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def browser(service: Service) -> Iterator[Browser]:
    """A browser, started after the service and ended before it: while it is there, no event loop can run beside it."""
    del service
    with a_browser() as started:
        yield started


@pytest.fixture
def line(service: Service) -> Iterator[Line]:
    with a_line(service.url) as line:
        yield line


@pytest.fixture
def new_phone(browser: Browser, line: Line) -> Iterator[NewPhone]:
    """Make phones that speak to the service over the line; they are closed after the test."""
    phones: list[Phone] = []

    def make(size: ViewportSize = SIZE, **options: object) -> Phone:
        phones.append(Phone(browser, line.url, size=size, **options))
        return phones[-1]

    yield make
    for phone in phones:
        phone.close()


@pytest.fixture
def phone(new_phone: NewPhone) -> Phone:
    return new_phone()
