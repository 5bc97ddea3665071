"""The service as systemd would run it, and what of it can be killed: nothing that was not started here."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from api.postgres.home import Home, open_home
from api.postgres.probe import State, probe

PROCESSES: Final = 2
RESTART_SECONDS: Final = 0.1
"""After which the parent is started again, as `RestartSec=100ms` of systemd does by default."""

WHOLE_SECONDS: Final = 60.0


class StuckError(Exception):
    """The service did not recover by itself."""


class Service:
    """`chaffinch serve` over the embedded PostgreSQL of a data folder, started again whenever its parent ends."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.home: Home = open_home(data_dir)
        self.log = data_dir / "service.log"
        self.starts = 0
        self._data_dir = data_dir
        self._port = port
        self._parent: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the service and wait until it is whole."""
        self._keeper = asyncio.create_task(self._keep())
        await self.until_whole()

    async def stop(self) -> None:
        """Stop the service as systemd does, and wait until its database has stopped too."""
        assert self._keeper is not None
        self._keeper.cancel()
        parent = self._parent
        if parent is not None:
            parent.terminate()
            await asyncio.to_thread(parent.wait, 60)
        until = time.monotonic() + WHOLE_SECONDS
        while self.supervisor() is not None and time.monotonic() < until:  # noqa: ASYNC110  # it is no child of ours
            await asyncio.sleep(0.05)

    async def _keep(self) -> None:
        while True:
            if self._parent is None or self._parent.poll() is not None:
                if self._parent is not None:
                    await asyncio.sleep(RESTART_SECONDS)
                self._parent = self._begin()
                self.starts += 1
            await asyncio.sleep(0.02)

    def _begin(self) -> "subprocess.Popen[bytes]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")}
        environment |= {
            "CHAFFINCH_DATA_DIR": str(self._data_dir),
            "CHAFFINCH_LOG_LEVEL": "warning",
            "CHAFFINCH_LIMITS": "false",
            "CHAFFINCH_POSTGRES_LINGER_SECONDS": "1",
        }
        command = [sys.executable, "-m", "api.cli", "serve", "--processes", str(PROCESSES), "--port", str(self._port)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    async def until_whole(self) -> None:
        """Wait until all processes are there again. Raises StuckError."""
        until = time.monotonic() + WHOLE_SECONDS
        while not await asyncio.to_thread(self._is_whole):
            if time.monotonic() > until:
                raise StuckError(f"workers {self.workers()}, supervisor {self.supervisor()}; {self.last_words()}")
            await asyncio.sleep(0.05)

    def last_words(self) -> str:
        """Return the end of what the service has logged."""
        return self.log.read_text(errors="replace")[-3000:]

    def _is_whole(self) -> bool:
        return (
            len(self.workers()) == PROCESSES
            and self.supervisor() is not None
            and probe(self.home.run, "postgres").state is State.READY
        )

    def parent(self) -> int | None:
        """Return the process that keeps the API processes."""
        return self._parent.pid if self._parent is not None and self._parent.poll() is None else None

    def workers(self) -> list[int]:
        """Return the API processes."""
        parent = self.parent()
        return [] if parent is None else api_processes(parent)

    def supervisor(self) -> int | None:
        """Return the supervisor of PostgreSQL."""
        mark = [b"api.postgres.supervisor", str(self._data_dir).encode()]
        found = [each for each in _processes() if _command(each).split(b"\0")[2:4] == mark]
        return found[0] if found else None

    def postmaster(self) -> int | None:
        """Return the server's first process."""
        try:
            number = int((self.home.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return number if str(self.home.data.resolve()).encode() in _command(number) else None

    def backends(self) -> list[int]:
        """Return the server's processes that serve connections."""
        postmaster = self.postmaster()
        children = [] if postmaster is None else _children(postmaster)
        return [each for each in children if _command(each).startswith(b"postgres: chaffinch ")]


def api_processes(parent: int) -> list[int]:
    """Return the API processes of a `chaffinch serve`."""
    return [each for each in _children(parent) if b"spawn_main" in _command(each)]


def listeners(port: int) -> int:
    """Count the processes that listen on a loopback port: one that is still loading does not."""
    wanted = f":{port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(wanted) and row[3] == "0A" for row in rows)


Choose = Callable[[Service, random.Random], list[int | None]]


def _one(pids: list[int], rng: random.Random) -> list[int | None]:
    return [rng.choice(pids)] if pids else []


VICTIMS: Final[Mapping[str, Choose]] = {
    "API process": lambda service, rng: _one(service.workers(), rng),
    "API parent": lambda service, _: [service.parent()],
    "postmaster": lambda service, _: [service.postmaster()],
    "backend": lambda service, rng: _one(service.backends(), rng),
    "supervisor of PostgreSQL": lambda service, _: [service.supervisor()],
    "everything": lambda service, _: [
        service.parent(),
        *service.workers(),
        service.supervisor(),
        service.postmaster(),
    ],
}


def kill(service: Service, victim: str, rng: random.Random) -> int:
    """Kill -9 what the name says; return how many processes that were."""
    pids = [pid for pid in VICTIMS[victim](service, rng) if pid is not None]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
