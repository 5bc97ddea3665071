"""What a killed server leaves behind, and how it is cleared away.

Everything here is for the holder of ``supervisor.lock``. The processes of a server are known by ``server.lock``, which
each of them has inherited, and by nothing else.
"""

import os
import signal
import time
from pathlib import Path

from api.postgres.home import Home
from api.postgres.locks import take

_POLL_SECONDS = 0.05
_DEAD = ("Z", "X")  # proc(5): zombie, dead
PATIENCE_SECONDS = 10.0  # an immediate shutdown may be under way, which kills what is left after 5 s


def lock_server(home: Home, patience_seconds: float) -> int:
    """Return the descriptor of the server's lock once every process of an earlier server has gone.

    A server that lost its supervisor is stopping already, and so is a backend that lost its server, unless it computes
    and does not look up: after a while the rest is killed. The truth is in the write-ahead log.
    """
    patient_until = time.monotonic() + patience_seconds
    while (lock := take(home.server_lock)) is None:
        if time.monotonic() >= patient_until:
            _kill_holders(home)
        time.sleep(_POLL_SECONDS)
    return lock


def forget_dead_server(home: Home) -> None:
    """Remove a postmaster.pid that speaks of no server, over which PostgreSQL would stumble.

    It is empty if the server was killed as it wrote it; the process that it names may be dead and not yet reaped, or
    another one that got the same number. One that names a living server, started by hand, stays: PostgreSQL then
    refuses, and says why.
    """
    file = home.data / "postmaster.pid"
    try:
        status = Path(f"/proc/{abs(int(file.read_text().split()[0]))}/stat").read_text()
    except FileNotFoundError:
        return  # no such file, or no such process, which PostgreSQL sees for itself
    except (ValueError, IndexError):
        status = ""
    name, _, state = status.partition("(")[2].rpartition(") ")
    if name != "postgres" or state[:1] in _DEAD:
        file.unlink()


def _kill_holders(home: Home) -> None:
    """Kill every process that has the server's lock open."""
    account = home.account
    lock = str(home.server_lock.resolve())
    child = os.fork()  # which becomes the account: root in a container may not look into other accounts' processes
    if child:
        os.waitpid(child, 0)
        return
    try:
        account.become()
        for process in Path("/proc").glob("[0-9]*"):
            if int(process.name) != os.getpid() and _has_open(process, lock):
                os.kill(int(process.name), signal.SIGKILL)
    finally:
        os._exit(0)


def _has_open(process: Path, file: str) -> bool:
    try:
        return any(os.readlink(descriptor) == file for descriptor in (process / "fd").iterdir())  # noqa: PTH115 (text)
    except OSError:
        return False
