from pathlib import Path

import pytest

from api.postgres.embedded import Postgres
from api.postgres.errors import DataVersionError, ProgramsMissingError, ServerTooOldError
from api.postgres.home import Home
from api.postgres.programs import find_programs
from api.settings import Settings
from tests.conftest import WaitUntilStopped

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def _a_fake_postgres(folder: Path, version: str) -> Path:
    folder.mkdir()
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


def test_the_embedded_programs_are_found() -> None:
    programs = find_programs(None)

    assert programs.major >= 15
    assert Path(programs.path("psql")).is_file()


@pytest.mark.parametrize("version", ["15.18 (Debian 15.18-0+deb12u1)", "16beta2", "19devel", "18.6"])
def test_a_version_that_serves(tmp_path: Path, version: str) -> None:
    folder = _a_fake_postgres(tmp_path / "bin", version)

    assert find_programs(folder).version == version.split(maxsplit=1)[0]


@pytest.mark.parametrize("version", ["9.6.24", "14.9"])
def test_a_version_that_is_too_old(tmp_path: Path, version: str) -> None:
    folder = _a_fake_postgres(tmp_path / "bin", version)

    with pytest.raises(ServerTooOldError, match=f"is PostgreSQL {version}; version 15 or newer is needed"):
        find_programs(folder)


def test_a_folder_without_programs(tmp_path: Path) -> None:
    with pytest.raises(ProgramsMissingError, match="Point CHAFFINCH_POSTGRES_BIN at the bin folder"):
        find_programs(tmp_path)


@pytest.mark.skipif(not INSTALLED, reason="no PostgreSQL is installed on this system")
def test_an_installed_postgres_takes_the_place_of_the_embedded_one(
    data_dir: Path, wait_until_stopped: WaitUntilStopped
) -> None:
    folder = INSTALLED[-1].parent
    postgres = Postgres(Settings(data_dir=data_dir, postgres_bin=folder, postgres_linger_seconds=0))

    postgres.acquire()

    server = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
    assert Path(f"/proc/{server}/exe").readlink() == INSTALLED[-1]
    postgres.release()
    wait_until_stopped(data_dir)


def test_a_data_folder_of_another_major_version(data_dir: Path, home: Home) -> None:
    home.data.mkdir()
    (home.data / "PG_VERSION").write_text("14\n")

    with pytest.raises(DataVersionError, match="was made by PostgreSQL 14, and this is PostgreSQL"):
        Postgres(Settings(data_dir=data_dir)).acquire()


def test_a_long_path_is_no_obstacle(data_dir: Path, wait_until_stopped: WaitUntilStopped) -> None:
    long = data_dir / ("long, 'quoted' %s + ä " * 5) / ("x" * 100)
    postgres = Postgres(Settings(data_dir=long, postgres_linger_seconds=0))

    url = postgres.acquire()

    postgres.release()
    wait_until_stopped(long)
    assert len(url) < 100
