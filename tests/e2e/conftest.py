"""A service of two processes over a database of its own, for the tests of one module."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from api.postgres.home import Home
from api.postgres.probe import execute
from tests.e2e.running import environment, running

SERVING: Final = "Chaffinch serves at "


@dataclass(frozen=True, slots=True)
class Site:
    """A running service, and what programs beside it are started with."""

    url: str
    database_url: str
    env: dict[str, str]


@pytest.fixture(scope="module")
def site(server_home: Home, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"site_{uuid.uuid4().hex}"
    execute(server_home.run, "postgres", f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    url = server_home.url(name)
    env = environment(database_url=url, data_dir=str(tmp_path_factory.mktemp("site")))
    with running(env, SERVING, "serve", "--processes", "2", "--port", "0") as said:
        yield Site(next(line for line in said if line.startswith(SERVING)).split()[3], url, env)
    execute(server_home.run, "postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def vote_logs() -> Path:
    """The folder of real vote logs, which are not part of the project."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "votes"
    if not folder.is_dir():
        pytest.skip("the real vote logs (../shared/data/votes) are not here")
    return folder
