"""The command line as people use it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

PROGRAM: Final = [sys.executable, "-c", "from api.cli import main; main()"]


class Chaffinch(Protocol):
    """Runs a command to its end."""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]: ...


def environment_of(database_url: str, data_dir: Path) -> dict[str, str]:
    """Return the environment of commands over a database of a test."""
    ours = {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(data_dir)}
    return {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")} | ours


def runner(environment: dict[str, str]) -> Chaffinch:
    """Return what runs a command to its end, with nobody at the keyboard."""

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
