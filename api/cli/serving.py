"""``chaffinch serve``: API processes on one port, and the database for as long as they run.

Each of several processes listens on a socket of its own (`SO_REUSEPORT`), so that the kernel spreads connections
evenly; on a shared socket one busy process may take them all. The parent holds the port without listening. Each process
opens the services by itself, with the settings of the environment. uvicorn's supervisor starts another process in the
place of one that dies; one whose parent has died stops, so that the next start finds the port free.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from multiprocessing import connection, parent_process
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import Multiprocess

from api.cli.loading import loading
from api.cli.speaking import console, fail, say
from api.logs import open_log
from api.media.storage import open_storage
from api.metrics import forget_dead, shared_folder
from api.postgres.embedded import Postgres
from api.reaching import bring_up_to_date
from api.settings import Settings

if TYPE_CHECKING:
    from api.app import App

log = structlog.get_logger(__name__)

BACKLOG: Final = 2048
STOP_SECONDS: Final = 15
"""How long requests under way may take to end."""

SILENCE_SECONDS: Final = 30
"""After which a process that does not answer its parent is taken for hung; it may have to load everything first."""

FOREVER_SECONDS: Final = 10**9

GARBAGE_THRESHOLD: Final = 50_000
"""New objects between two looks for garbage; most of ours is freed without a look."""


def serve(
    processes: Annotated[
        int | None, typer.Option(min=1, max=128, help="API processes; CHAFFINCH_PROCESSES by default, else 1.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; CHAFFINCH_HOST by default, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port, 0 for a free one; CHAFFINCH_PORT by default, else 8000."),
    ] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    settings = Settings()
    host, port = settings.host if host is None else host, settings.port if port is None else port
    count = processes or settings.processes
    with _port(host, port, shared=count > 1) as listener, _database(settings):
        threading.Thread(target=_announce, args=(listener,), daemon=True).start()
        served = _serve(settings, count, listener)
    if not served:
        fail("The service could not start; what is said above tells why.")


def worker_app() -> "App":
    """Return the application of one process, which stops when its parent has died."""
    settings = Settings()
    open_log(settings.log_level, settings.log_format)
    log.info("an API process starts")
    threading.Thread(target=_follow_parent, daemon=True).start()
    with loading():  # what is loaded stays; looking through it again and again costs 5 % of a busy process
        from api.app import app_from_environment  # noqa: PLC0415 - what starts several processes does without it
    gc.set_threshold(GARBAGE_THRESHOLD)
    app = app_from_environment()
    _end_streams_at_signals(app)
    return app


def _end_streams_at_signals(app: "App") -> None:
    """End streams when uvicorn, which has set its handlers by now, is asked to stop: it waits for replies under way."""
    loop = asyncio.get_running_loop()

    def handle(before: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(app.end_streams)
        before(number, frame)

    for number in HANDLED_SIGNALS:
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(handle, before))


def _serve(settings: Settings, processes: int, listener: socket.socket) -> bool:
    """Serve until a signal comes; say whether there was a service at all."""
    config = Config(
        "api.cli.serving:worker_app",
        factory=True,
        workers=processes,
        backlog=BACKLOG,
        lifespan="on",
        ws="none",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        log_config=None,
        log_level="debug" if settings.log_level == "debug" else "warning",
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_worker_healthcheck=SILENCE_SECONDS,
    )
    if processes > 1:
        with shared_folder() as folder:
            supervisor = Parent(config, [listener], folder)
            supervisor.run()
        return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)
    server = Server(config)
    with _signals_to(server):
        server.run(sockets=[listener])
    return server.started


@contextmanager
def _signals_to(server: Server) -> Iterator[None]:
    """Let a signal stop the server and nothing else: uvicorn raises it once more at the end, which would end us too."""
    before = {number: signal.signal(number, server.handle_exit) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Parent(Multiprocess):
    """uvicorn's supervisor, which does not wait for an answer from a process that has died meanwhile.

    The processes share what they count in the folder `metrics`.
    """

    def __init__(self, config: Config, sockets: list[socket.socket], metrics: Path) -> None:
        super().__init__(config, sockets)
        self._metrics = metrics

    def keep_subprocess_alive(self) -> None:
        """Replace the processes that have died or hang."""
        for process in self.processes:
            # The parent's copy of the process's end: with it gone, the end of the process is the end of the line.
            process.child_conn.close()
        super().keep_subprocess_alive()
        forget_dead(self._metrics, {process.pid for process in self.processes}.__contains__)


class Listener(socket.socket):
    """A socket bound to the service's port: sent to another process, it becomes a listener of that process's own."""

    def __reduce_ex__(self, _protocol: object) -> tuple[Callable[..., "Listener"], tuple[object, ...]]:
        """Say how the other process makes its own."""
        return _listener, (self.family, self.getsockname(), True)


def _listener(family: socket.AddressFamily, address: tuple[str, int], shared: bool) -> Listener:
    listener = Listener(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(address)
    return listener


@contextmanager
def _port(host: str, port: int, *, shared: bool) -> Iterator[Listener]:
    """Hold the port of the service; one that is in use is refused, whoever uses it."""
    try:
        with _listener(_family(host), (host, port), shared=False) as alone:
            address = alone.getsockname()
            if not shared:
                yield alone
                return
        with _listener(_family(host), address, shared=True) as holder:
            yield holder
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        fail(f"Nothing can listen on {host}, port {port} ({why}); choose another with --host and --port.")


def _announce(listener: Listener) -> None:
    """Say where the service is, once it can be reached."""
    address = listener.getsockname()
    while True:
        with contextlib.suppress(OSError), socket.create_connection(address[:2], timeout=1):
            console.print(f"Chaffinch serves at {_url(listener)} (Ctrl-C stops it)")
            return
        time.sleep(0.1)


def _family(host: str) -> socket.AddressFamily:
    try:
        version = ip_address(host).version
    except ValueError:
        return socket.AF_INET
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    """Hold the embedded database, and bring the schema up to date, so that what is wrong is said here and once.

    From then on the processes wait for a database that is away, however long.
    """
    postgres = Postgres(settings, say) if settings.database_url is None else None
    try:
        if postgres is not None:
            postgres.acquire()
        asyncio.run(bring_up_to_date(settings, say))
        open_storage(settings)
        os.environ["CHAFFINCH_DATABASE_PATIENCE_SECONDS"] = str(FOREVER_SECONDS)
        yield
    finally:
        if postgres is not None:
            postgres.release()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
