"""Servers of their own, for tests that kill them."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.postgres.home import Home, open_home
from tests.postgres.servers import Enter, User, start_user


@pytest.fixture
def data_dir(open_folder: Path, wait_until_stopped: Callable[[Path], None]) -> Iterator[Path]:
    """A data folder whose server stops with the test, with a space and a letter beyond ASCII in its path."""
    folder = Path(tempfile.mkdtemp(prefix="ä data folder ", dir=open_folder))
    folder.chmod(0o755)
    yield folder
    wait_until_stopped(folder)
    Home(folder / "postgres").remove_run()
    shutil.rmtree(folder)


@pytest.fixture
def home(data_dir: Path) -> Home:
    return open_home(data_dir)


@pytest.fixture
def enter(data_dir: Path) -> Iterator[Enter]:
    with contextlib.ExitStack() as running:

        def start(account: int | None = None) -> User:
            process = running.enter_context(start_user(data_dir, account))
            running.callback(process.kill)
            assert process.stdout
            return User(process, process.stdout.readline().strip())

        yield start
