"""A command is loaded when it is called, and what is said of it before is what it says itself."""

import subprocess
import sys

import pytest

from api.cli import Commands
from api.cli.loading import Lazy
from tests.cli.program import Chaffinch

LARGE = {"aiohttp", "alembic", "api.factory", "astropy", "av", "numpy", "pyarrow", "scipy", "sqlalchemy", "starlette"}


@pytest.mark.parametrize("command", Commands.lazy, ids=lambda command: command.name)
def test_the_list_of_commands_says_of_each_what_its_own_help_begins_with(command: Lazy) -> None:
    said = command.load().help.split("\n\n")[0]

    assert command.help == " ".join(said.split())


def test_the_list_of_commands_loads_none_of_them() -> None:
    assert loaded_by("--help") & LARGE == set()


def test_a_command_on_the_ledger_loads_neither_the_service_nor_what_migrates(environment: dict[str, str]) -> None:
    words = ("labels", "revise", "S1", "--workflow", "arc", "--answer", "yes", "--by", "Ada", "--why", "it is seen")

    assert loaded_by(*words, environment=environment) & {"alembic", "api.factory", "sqlalchemy"} == set()


def test_a_command_that_does_not_exist_is_told_with_one_that_may_be_meant(chaffinch: Chaffinch) -> None:
    done = chaffinch("workr")

    assert done.returncode == 2
    assert "No such command 'workr'. Did you mean 'worker'?" in done.stderr


def loaded_by(*arguments: str, environment: dict[str, str] | None = None) -> set[str]:
    """Return the modules that a process has loaded in which a command ran."""
    program = """
import sys
from api.cli import main
try:
    main()
finally:
    print("loaded", *sys.modules)
"""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return set(done.stdout.splitlines()[-1].removeprefix("loaded ").split())
