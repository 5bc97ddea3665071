"""Using the embedded server: start it or join it, and leave it."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

from api.postgres.check import check_server
from api.postgres.cluster import require_version
from api.postgres.errors import AbandonedError, PostgresError, ServerRefusedError, ServerStartError
from api.postgres.home import DATABASE, Home, open_home
from api.postgres.locks import close_lock, open_lock, take, try_lock
from api.postgres.probe import GOING_OR_COMING, State, execute, probe
from api.postgres.programs import Programs, find_programs
from api.postgres.refuge import REFUGE, shelter_data, shelter_programs
from api.settings import Settings

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 0.05
_REPORT_SECONDS = 5.0
_ATTEMPTS = 20
_WATCH_SECONDS = 0.5
_DUPLICATE_DATABASE = ("42P04", "23505")

Report = Callable[[str], None]


class Postgres:
    """One user of the embedded server of a data folder, once; any number, in any processes, share it.

    While it is acquired, a small thread sees to it that the server has a supervisor, so the server comes back, at the
    same URL, whatever is killed.

    Parameters
    ----------
    settings
        Of which ``data_dir``, ``postgres_bin`` and ``postgres_linger_seconds`` count here.
    report
        Called with a sentence when there is something to wait for. By default it goes to the log.
    refuge
        Where root keeps the server's files if the server's account may not enter the folders they should be in.
    """

    def __init__(self, settings: Settings, report: Report = _logger.info, refuge: Path = REFUGE) -> None:
        self._settings = settings
        self._report = report
        self._refuge = refuge
        self._mutex = threading.Lock()
        self._leaving = threading.Event()
        self._users: int | None = None
        self._keeper: threading.Thread | None = None

    def acquire(self) -> str:
        """Start the server, or join the one that runs, and return its URL when it answers.

        There is no deadline: a server that replays its log after a crash is waited for. Raises PostgresError.
        """
        programs = find_programs(self._settings.postgres_bin)
        home = open_home(self._settings.data_dir)
        users = open_lock(home.users_lock)
        try:
            waiting = _Waiting(self._report, self._leaving)
            while not try_lock(users, shared=True):
                waiting.go_on("an earlier server stops")
            self._await_server(home, programs, waiting)
            if home.data.is_symlink():
                self._report(
                    f"The database is in {home.data.resolve()}, which the account {home.account.name!r} can reach"
                )
            with self._mutex:
                if self._leaving.is_set():
                    raise AbandonedError
                self._users = users
                self._keeper = threading.Thread(target=self._keep, args=(home, programs), daemon=True)
                self._keeper.start()
        except BaseException:
            close_lock(users)
            raise
        return home.url()

    def release(self) -> None:
        """Leave the server; it stops some seconds after its last user left."""
        with self._mutex:
            self._leaving.set()
            if self._keeper is not None:
                self._keeper.join()
            if self._users is not None:
                close_lock(self._users)
            self._users = self._keeper = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def _await_server(self, home: Home, programs: Programs, waiting: "_Waiting") -> None:
        started = 0
        while (answer := probe(home.run, DATABASE)).state is not State.READY:
            if answer.state is State.WITHOUT_DATABASE:
                _create_database(home)
                continue
            lock = take(home.supervisor_lock)
            if lock is not None:
                failure = home.failure.read_text() if waiting.has_waited and home.failure.exists() else None
                if failure or started == _ATTEMPTS:
                    close_lock(lock)
                    raise ServerStartError(failure or f"{_ATTEMPTS} supervisors died", home.log)
                self._report(f"PostgreSQL {programs.version} starts in {home.folder}")
                self._start_supervisor(home, programs, lock)
                started += 1
            waiting.go_on(answer.message)

    def _start_supervisor(self, home: Home, programs: Programs, lock: int) -> None:
        """Start a supervisor and put the lock into its hands."""
        try:
            home.failure.unlink(missing_ok=True)
            require_version(home, programs)
            shelter_data(home, self._refuge)
            programs = shelter_programs(programs, home.account, self._refuge)
            arguments = [str(home.folder.parent), str(programs.folder), str(self._settings.postgres_linger_seconds)]
            self._run(home, [sys.executable, "-m", "api.postgres.supervisor", *arguments, str(lock)], lock)
        finally:
            close_lock(lock)

    def _run(self, home: Home, command: list[str], lock: int) -> None:
        log = home.open_log()
        log_start = home.log.stat().st_size
        try:
            ended = subprocess.run(  # noqa: S603 (our own program)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
                check=False,
            )
        except OSError as error:
            raise ServerStartError(f"its supervisor could not be started: {error}", home.log) from error
        finally:
            os.close(log)
        if ended.returncode > 0:  # below 0 it was killed, and there will be another
            raise ServerStartError(home.last_words(log_start), home.log)

    def _keep(self, home: Home, programs: Programs) -> None:
        """Start another supervisor whenever there is none."""
        while not self._leaving.wait(_WATCH_SECONDS):
            try:
                lock = take(home.supervisor_lock)
                if lock is not None:
                    _logger.warning("the supervisor of PostgreSQL is gone; starting another")
                    self._start_supervisor(home, programs, lock)
            except (OSError, PostgresError):
                _logger.exception("no supervisor of PostgreSQL could be started; trying again")


class _Waiting:
    """Waits in small steps, reports in large ones, and gives up when asked to."""

    def __init__(self, report: Report, leaving: threading.Event) -> None:
        self._report = report
        self._leaving = leaving
        self._since = self._reported = time.monotonic()
        self.has_waited = False

    def go_on(self, reason: str) -> None:
        self.has_waited = True
        if self._leaving.wait(_POLL_SECONDS):
            raise AbandonedError
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._report(f"Waiting for PostgreSQL, {now - self._since:.0f} s so far: {reason}")


def _create_database(home: Home) -> None:
    """Create our database, unless another user does, or the server goes away; the caller looks again."""
    try:
        execute(home.run, "postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    except OSError:
        return
    except ServerRefusedError as refusal:
        if refusal.sqlstate not in (*_DUPLICATE_DATABASE, *GOING_OR_COMING):
            raise


@contextlib.asynccontextmanager
async def running_postgres(settings: Settings, report: Report = _logger.info) -> AsyncIterator[str]:
    """Give the URL of a database that answers: that of the settings once checked, or the embedded one's.

    Raises PostgresError.
    """
    if settings.database_url is not None:
        await check_server(settings.database_url)
        yield settings.database_url
        return
    postgres = Postgres(settings, report)
    try:
        yield await asyncio.to_thread(postgres.acquire)
    finally:
        postgres.release()
