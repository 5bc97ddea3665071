"""The process that keeps the embedded server: ``python -m api.postgres.supervisor DATA_DIR BIN LINGER LOCK``.

Who finds no server takes ``supervisor.lock`` and starts this program with the lock in its hands, so there is never a
second one, and never a moment in which the lock is nobody's. What follows from a kill -9 at any moment:

of a user
    The kernel drops its share of ``users.lock``. When the whole lock can be had for some seconds, nobody is left; it
    is kept while the server stops, so that who comes meanwhile waits and then starts a new one.
of the server
    The supervisor sees its child end, kills the orphaned backends (their shared memory is lost, the truth is in the
    write-ahead log), and starts it again over the same socket.
of the supervisor
    The server asked the kernel for a SIGQUIT in that case, and stops at once. ``server.lock`` is inherited by each of
    its processes: the next supervisor, which any user starts that sees ``supervisor.lock`` free, waits for the last.

No process id in a file is believed, and no wait for a starting server has a deadline: replaying a log may take hours.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from api.postgres.cluster import create_cluster, start_server
from api.postgres.errors import ServerRefusedError, ServerStartError
from api.postgres.home import Home, open_home
from api.postgres.leftovers import PATIENCE_SECONDS, forget_dead_server, lock_server
from api.postgres.locks import hand_over, open_lock, try_lock, unlock
from api.postgres.probe import State, probe
from api.postgres.programs import Programs, find_programs

_POLL_SECONDS = 0.1
_PAUSE_SECONDS = 1.0  # between attempts to start a server that ran before and cannot now, for want of disk perhaps
_STOP_SECONDS = 60.0  # a fast shutdown that takes longer is turned into an immediate one, which is as safe


class Supervisor:
    """Keeps one server running for as long as somebody uses it."""

    def __init__(self, home: Home, programs: Programs, linger_seconds: float) -> None:
        self._home = home
        self._programs = programs
        self._linger_seconds = linger_seconds
        self._users = open_lock(home.users_lock)
        self._used_at = time.monotonic()

    def run(self) -> None:
        """Return when the last user has left and the server has stopped. Raises PostgresError if it cannot start."""
        has_been_ready = False
        patience_seconds = PATIENCE_SECONDS
        while True:
            server, log_start = self._start(patience_seconds)
            while server.poll() is None:
                time.sleep(_POLL_SECONDS)
                has_been_ready = has_been_ready or _is_up(self._home)
                if self._is_deserted():
                    _stop(server, _is_up(self._home))
                    self._home.remove_run()
                    return
            if server.returncode > 0 and not has_been_ready:
                raise ServerStartError(self._home.last_words(log_start), self._home.log)
            time.sleep(_POLL_SECONDS if server.returncode < 0 else _PAUSE_SECONDS)
            patience_seconds = 0.0

    def _start(self, patience_seconds: float) -> tuple[subprocess.Popen[bytes], int]:
        """Start the server when every process of an earlier one has gone; also return where its log begins."""
        lock = hand_over(lock_server(self._home, patience_seconds))
        try:
            self._home.prepare_run()
            create_cluster(self._home, self._programs, lock)
            forget_dead_server(self._home)
            log_start = self._home.log.stat().st_size
            return start_server(self._home, self._programs, lock), log_start
        finally:
            os.close(lock)  # the server's processes hold it now

    def _is_deserted(self) -> bool:
        """Tell whether nobody has used the server for a while; if so, keep the users' lock."""
        if not try_lock(self._users):
            self._used_at = time.monotonic()
        elif time.monotonic() - self._used_at >= self._linger_seconds:
            return True
        else:
            unlock(self._users)
        return False


def _stop(server: subprocess.Popen[bytes], is_up: bool) -> None:
    """Stop cleanly a server that is up; one that recovers from a crash may never end so."""
    server.send_signal(signal.SIGINT if is_up else signal.SIGQUIT)
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def _is_up(home: Home) -> bool:
    try:
        return probe(home.run, "postgres").state in (State.READY, State.WITHOUT_DATABASE)
    except ServerRefusedError:
        return True


def main() -> None:
    """Detach from whoever started this program, and supervise."""
    data_dir, folder, linger_seconds, _lock = sys.argv[1:]
    if os.fork():
        os._exit(0)  # the one who started us waits for this; the lock is inherited
    os.chdir("/")
    home = open_home(Path(data_dir))
    try:
        Supervisor(home, find_programs(Path(folder)), float(linger_seconds)).run()
    except ServerStartError as error:
        home.failure.write_text(error.reason)
        sys.exit(1)
    except Exception as error:
        home.failure.write_text(repr(error))
        raise


if __name__ == "__main__":
    main()
