"""``chaffinch demo``: from nothing to a running campaign over real sky."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from api.app import App
from api.cli.beside import Beside, beside
from api.cli.pages import summary
from api.cli.speaking import console, fail
from api.cli.welcome import addresses, where_to_go
from api.demo.by_eye import cascade_declaration
from api.demo.cutouts import MANIFEST, cut
from api.demo.telling import write_pages
from api.errors import CommandError
from api.manifest import ManifestError
from api.media.errors import WorkersCannotStartError
from api.media.storage import place_of
from api.phone import Phone, all_of
from api.services.admitting import ImportingError, Report
from api.services.importing import import_manifest
from api.services.pages import import_pages
from api.settings import Settings
from api.worker import work

PROJECT: Final = "hubble"
"""As the demonstration's cascade names it."""

SUBJECTS: Final = Path("demo", PROJECT)
"""Folder of the cutouts, inside the data folder."""

PAGES: Final = Path("demo", f"{PROJECT}-pages")
"""Folder of what volunteers are told, inside the data folder."""


class PortTakenError(CommandError):
    """Somebody else listens there."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"{host}:{port} cannot be listened on ({why}); choose another port: make demo ARGS='--port 8001'"
        )
        self.port = port


def demo(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one. [default: 8000]")
    ] = None,
) -> None:
    """Run a campaign over galaxies of the Hubble Deep Field, and print where to go.

    The galaxies are cut out of a picture that comes with the demo extra, imported and published on the first start;
    later starts go on with what is there. Ctrl-C stops the service; the campaign stays in the data folder.
    """
    settings = Settings()
    try:
        asyncio.run(_demo(settings, settings.port if port is None else port))
    except (ImportingError, ManifestError, WorkersCannotStartError) as error:
        fail(str(error))


async def _demo(settings: Settings, port: int) -> None:
    started = time.monotonic()
    listening = _listen(settings.host, port)
    with contextlib.closing(listening):
        local, in_network = addresses(settings.host, listening.getsockname()[1])
        console.print(
            f"Chaffinch's demonstration: galaxies of the Hubble Deep Field. Everything is kept in {settings.data_dir}."
        )
        async with beside(settings) as house:
            await _prepare(house, settings)
            stop = _stopped_by_signals()
            welcome = _welcome(local, in_network, started)
            await all_of([work(house.database_url, stop), _serve(house, listening, stop), welcome])
    console.print("Stopped. The campaign is kept; the same command goes on with it.")


async def _welcome(local: str, in_network: str | None, started: float) -> None:
    """Say where to go, once the service answers."""
    async with Phone(local) as phone:
        await phone.health()
    console.print(f"Ready after {time.monotonic() - started:.1f} s.\n")
    console.print(where_to_go(PROJECT, local, in_network), markup=False)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTakenError(host, port, error.strerror or str(error)) from error


def _stopped_by_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _prepare(house: Beside, settings: Settings) -> None:
    """Do what is not done yet: cut, import, publish, tell."""
    manifest = await _cut(settings.data_dir / SUBJECTS)
    report = await _import(house, settings, manifest)
    console.print(f"Galaxies: {report.imported} imported, {report.updated} updated, {report.unchanged} there already.")
    publication = await house.services.publishing.publish(cascade_declaration())
    said = "is in force already" if publication.unchanged else "is published"
    console.print(f"Version {publication.version} of the cascade {said}.")
    console.print(await _tell(house, settings, manifest.parent), markup=False)


async def _cut(folder: Path) -> Path:
    manifest = folder / MANIFEST
    if manifest.exists():
        return manifest
    console.print("Cutting galaxies out of the Hubble eXtreme Deep Field (NASA), which comes with scikit-image.")
    with _bar("cut") as follow:
        return await asyncio.to_thread(cut, folder, follow)


async def _import(house: Beside, settings: Settings, manifest: Path) -> Report:
    with _bar("imported") as follow:
        return await import_manifest(
            house.pool,
            manifest,
            PROJECT,
            place_of(settings),
            follow=lambda now: follow(now.report.rows, max(now.lines - 1, 1)),
        )


async def _tell(house: Beside, settings: Settings, cutouts: Path) -> str:
    """Import what volunteers are told, and say what became of it."""
    folder = await asyncio.to_thread(write_pages, settings.data_dir / PAGES, cutouts)
    return summary(PROJECT, await import_pages(house.pool, folder, PROJECT, place_of(settings)))


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    shown = (BarColumn(), MofNCompleteColumn(), TextColumn(what))
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda done, of: bar.update(task, completed=done, total=of)


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: the worker has to stop with it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(house: Beside, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    config = uvicorn.Config(
        App(services=house.services), log_level="warning", access_log=False, timeout_graceful_shutdown=5
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    stop.set()
    await serving
