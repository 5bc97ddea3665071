import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from api.postgres.home import Home
from api.postgres.leftovers import forget_dead_server, lock_server
from api.postgres.locks import close_lock, hand_over, take
from tests.postgres.servers import eventually

SLEEP = shutil.which("sleep") or "sleep"


def _write_pid_file(home: Home, words: str) -> Path:
    home.data.mkdir()
    file = home.data / "postmaster.pid"
    file.write_text(words)
    return file


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_processes_of_a_dead_server_are_ended_when_patience_is(home: Home) -> None:
    lock = take(home.server_lock)
    assert lock is not None
    hand_over(lock)
    backend = subprocess.Popen([SLEEP, "1000"], pass_fds=[lock], **home.account.identity)
    os.close(lock)

    close_lock(lock_server(home, patience_seconds=0.2))

    assert backend.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("words", ["", "\n", "garbled", "-1"])
def test_a_pid_file_that_names_no_process_is_removed(home: Home, words: str) -> None:
    file = _write_pid_file(home, words)

    forget_dead_server(home)

    assert not file.exists()


def test_a_pid_file_that_names_another_program_is_removed(home: Home) -> None:
    with subprocess.Popen([SLEEP, "1000"]) as other:
        file = _write_pid_file(home, f"{other.pid}\n/data\n")
        assert eventually(lambda: _state(other.pid) == "S")

        forget_dead_server(home)

        other.kill()
    assert not file.exists()


@pytest.mark.parametrize(("signal_number", "state", "stays"), [(0, "S", True), (signal.SIGKILL, "Z", False)])
def test_a_pid_file_stays_while_its_server_lives(
    home: Home, tmp_path: Path, signal_number: int, state: str, stays: bool
) -> None:
    (tmp_path / "postgres").symlink_to(SLEEP)
    with subprocess.Popen([tmp_path / "postgres", "1000"]) as server:
        file = _write_pid_file(home, f"{server.pid}\n/data\n")
        assert eventually(lambda: "postgres" in Path(f"/proc/{server.pid}/comm").read_text())
        os.kill(server.pid, signal_number)
        assert eventually(lambda: _state(server.pid) == state)

        forget_dead_server(home)

        server.kill()
    assert file.exists() is stays
