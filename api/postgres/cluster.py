"""The database cluster: how it is made, and the command that serves it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from api.postgres.errors import DataVersionError, ServerStartError
from api.postgres.home import Home
from api.postgres.probe import PORT, USER
from api.postgres.programs import Programs

# Written into postgresql.conf when the cluster is made, so that an operator may tune them there.
_TUNABLE = """
# Chaffinch's choices
max_connections = 200
shared_buffers = 256MB
effective_cache_size = 1GB
wal_compression = on
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.02
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_line_prefix = '%m [%p] '
"""

# Given on the command line, which wins over every file: what durability, privacy and the supervisor rest on.
_FIXED = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "restart_after_crash": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
}


def create_cluster(home: Home, programs: Programs, inherited: int) -> None:
    """Make the cluster if there is none. Killed at any moment, it leaves none, and the next call starts afresh.

    Raises ServerStartError.
    """
    if home.data.exists():
        return
    if not home.unfinished.is_symlink():
        home.discard_unfinished()
        home.unfinished.mkdir(mode=0o700)
    unfinished = home.unfinished.resolve()
    home.account.own(unfinished)
    command = [programs.path("initdb"), f"--pgdata={unfinished}", f"--username={USER}", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
    log_start = home.log.stat().st_size
    if start_program(command, home, inherited).wait() != 0:
        raise ServerStartError(home.last_words(log_start), home.log)
    with (unfinished / "postgresql.conf").open("a") as configuration:
        configuration.write(_TUNABLE)
        configuration.flush()
        os.fsync(configuration.fileno())
    home.unfinished.rename(home.data)
    _sync_folder(home.folder)


def require_version(home: Home, programs: Programs) -> None:
    """Raise DataVersionError for a cluster that another major version made."""
    file = home.data / "PG_VERSION"
    if file.exists() and (made_by := int(file.read_text())) != programs.major:
        raise DataVersionError(home.data, made_by, programs.major)


def start_server(home: Home, programs: Programs, inherited: int) -> subprocess.Popen[bytes]:
    """Start the server over its socket alone."""
    command = [programs.path("postgres"), "-D", str(home.data.resolve()), "-c", f"unix_socket_directories={home.run}"]
    for name, value in _FIXED.items():
        command += ["-c", f"{name}={value}"]
    return start_program(command, home, inherited)


def start_program(command: list[str], home: Home, inherited: int) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs as the server's account, holding the inherited lock, dying with its parent."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    log = home.open_log()
    try:
        return subprocess.Popen(  # noqa: S603 (our own command)
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment | {"LC_ALL": "C", "TZ": "UTC"},
            pass_fds=[inherited],
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 (the supervisor has one thread)
            **home.account.identity,
        )
    finally:
        os.close(log)


def _dying_with(parent: int) -> Callable[[], None] | None:
    """Return what makes a child ask for SIGQUIT, PostgreSQL's immediate shutdown, when its parent dies.

    A clean one (SIGINT) never ends if it comes while the server recovers from a crash of its own (seen with 18.6).
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    set_parent_death_signal = 1

    def ask() -> None:  # runs after the change of account, which would undo it
        prctl(set_parent_death_signal, signal.SIGQUIT, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
