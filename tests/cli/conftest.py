"""The command line as people use it: in processes of its own, over a database of the test."""

from pathlib import Path

import pytest

from tests.cli.program import Chaffinch, environment_of, runner


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of commands over the test's database."""
    return environment_of(database_url, tmp_path)


@pytest.fixture
def chaffinch(environment: dict[str, str]) -> Chaffinch:
    """Run a command to its end, with nobody at the keyboard."""
    return runner(environment)
