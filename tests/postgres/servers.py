"""Processes that use a server of their own, and ways to kill it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from api.postgres.home import Home
from api.postgres.probe import State, probe

ORDINARY = pwd.getpwnam("daemon").pw_uid  # initdb wants an account with a name

USER_PROGRAM = """
import sys
from pathlib import Path
from api.postgres.embedded import Postgres
from api.settings import Settings

postgres = Postgres(Settings(data_dir=Path(sys.argv[1]), postgres_linger_seconds=0.2))
print(postgres.acquire(), flush=True)
sys.stdin.read()
postgres.release()
"""


@dataclass
class User:
    """A process that uses the server of a data folder."""

    process: subprocess.Popen[str]
    url: str

    def leave(self) -> None:
        """Release the server in good order."""
        self.process.communicate(timeout=30)

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.communicate(timeout=30)


class Enter(Protocol):
    """Start a process that uses the server, as ourselves or as somebody else."""

    def __call__(self, account: int | None = None) -> User: ...


def start_user(data_dir: Path, account: int | None = None) -> subprocess.Popen[str]:
    """Start a process that acquires the server, says its URL, and releases it when its input ends."""
    return subprocess.Popen(
        [*_become(account), sys.executable, "-c", USER_PROGRAM, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def run_python(program: str, *arguments: str, account: int) -> subprocess.CompletedProcess[str]:
    """Run a Python program as somebody else."""
    command = [*_become(account), sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


def _become(account: int | None) -> list[str]:
    """Return the words before a command that root runs as another account, which may read what only root may.

    Without that it could not run this Python if it is below /root.
    """
    if account is None or shutil.which("setpriv") is None:
        return []
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", *reading]


def server_pid(home: Home) -> int:
    return int((home.data / "postmaster.pid").read_text().split()[0])


def runs_anew(home: Home, old: int) -> bool:
    """Tell whether a server with another process id than the old one lets us in."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        return server_pid(home) != old and probe(home.run, "postgres").state is State.READY
    return False


def supervisor_pid(home: Home) -> int:
    """Return the one process whose arguments are those of the supervisor of this home."""
    mark = ["api.postgres.supervisor", str(home.folder.parent)]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cmdline").read_bytes().decode().split("\0")[2:4] == mark:
                found.append(int(process.name))
    (pid,) = found
    return pid


def kill_server(home: Home) -> None:
    os.kill(server_pid(home), signal.SIGKILL)


def kill_supervisor(home: Home) -> None:
    os.kill(supervisor_pid(home), signal.SIGKILL)


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Tell whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
