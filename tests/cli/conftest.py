"""The command line as people use it: in processes of its own, over a database of the test."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM, Chaffinch


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of commands over the test's database."""
    ours = {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(tmp_path)}
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")} | ours


@pytest.fixture
def chaffinch(environment: dict[str, str]) -> Chaffinch:
    """Run a command to its end, with nobody at the keyboard."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
