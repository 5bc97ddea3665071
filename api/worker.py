"""The worker: what is done beside the requests, on time, for as long as it is asked to.

Theory of operation
-------------------
Every job has a task and a connection of its own, so that a long count does not keep the sequencer waiting. A job that
fails gives its connection up, waits, longer each time up to some seconds, and goes on: the database may restart, move
or lock something without anybody starting the worker again. Any number of workers share one database; advisory locks
see to it that none does what another is doing. Nothing depends on a worker but freshness: the label feed sequences for
itself, and partitions are made ahead by the service too.

SIGTERM and SIGINT end every job after the transaction that it is in.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from api.media.avif import AvifMaker, available
from api.media.storage import open_storage, place_of
from api.metrics import count_job, count_job_failure
from api.outbound.fetching import Fetcher
from api.outbound.posting import Poster
from api.postgres.embedded import running_postgres
from api.services.activity import fold
from api.services.archiving import Archive, archive_due
from api.services.delivering import Delivering
from api.services.finishing import Finishing
from api.services.granting import Granting
from api.services.hourly_refits import HourlyRefits
from api.services.import_jobs import ImportJobs
from api.services.judging import Judging
from api.services.partitions import keep_ahead
from api.services.project_rules import ProjectRules
from api.services.published import PublishedCascades
from api.services.pushing import Pushing
from api.services.recoding import Recoding
from api.services.sequencing import sequence
from api.services.settling import settle, unheard
from api.services.totals import Totals
from api.settings import Settings
from api.store.engine import Connection, Pool, connect, open_pool
from api.store.failures import CONFLICTS, UNREACHABLE, is_away, is_starting
from api.store.publishing import PublishingStore
from api.store.schema import upgrade

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
START_PAUSE_SECONDS: Final = 0.5
"""Between attempts to reach a database that is away at the start."""

DELIVERY_CONNECTIONS: Final = 2
"""Connections by which webhooks are read and written; none is held while a receiver is waited for."""

STOP_SECONDS: Final = 5.0
"""How long jobs may take to end by themselves; what is under way then is rolled back, and done by the next worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again; a single statement of it that takes longer than its patience is given up."""

    name: str
    every_seconds: float
    patience_seconds: float
    run: Callable[[Connection], Awaitable[object]]


def jobs(delivering: Delivering) -> Sequence[Job]:
    """Return the jobs of one worker."""
    rules = ProjectRules(PublishedCascades())
    return (
        Job("sequencing", 0.1, 60, sequence),
        Job("settling", 2, 3600, partial(_settle_projects, PublishedCascades(), random.SystemRandom())),
        Job("totals", 1, 3600, Totals().count),
        Job("activity", 1, 3600, partial(fold, rules=rules)),
        Job("levels", 1, 60, Judging(rules).turn),
        Job("finishing", 1, 60, Finishing(PublishedCascades()).look),
        Job("webhooks", 0, 60, delivering.turn),
        Job("partitions", 3600, 60, _keep_partitions_ahead),
    )


async def run_worker(settings: Settings) -> None:
    """Do the jobs until SIGTERM or SIGINT, over the database of the settings, brought to the newest schema.

    Raises
    ------
    PostgresError
        The database cannot be had at the start, or was away for longer than the settings have patience.
    """
    stop = asyncio.Event()
    with _set_by_signals(stop):
        working = asyncio.create_task(_work(settings, stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({working}, timeout=STOP_SECONDS)
        finally:
            stopping.cancel()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def work(database_url: str, stop: asyncio.Event, settings: Settings | None = None) -> None:
    """Do the jobs over a database until `stop` is set; the settings are those of the environment by default."""
    settings = settings or Settings()
    log.info("worker started")
    async with (
        _delivering(database_url, settings) as delivering,
        _posting(settings) as poster,
        AvifMaker(place_of(settings)) as maker,
        asyncio.TaskGroup() as group,
    ):
        for job in (
            *jobs(delivering),
            *_pushing(settings, poster),
            _importing(settings, database_url),
            *_archiving(settings, database_url),
            *_refitting(settings, database_url),
            *_recoding(settings, maker),
        ):
            group.create_task(_repeat(job, database_url, stop), name=job.name)
    log.info("worker stopped")


@contextlib.asynccontextmanager
async def _posting(settings: Settings) -> AsyncIterator[Poster]:
    """Give what posts to push services."""
    poster = Poster(settings.private_addresses, shared=True)
    try:
        yield poster
    finally:
        await poster.close()


def _pushing(settings: Settings, poster: Poster) -> Sequence[Job]:
    """Return the jobs that find out whom to tell that there is more, and send push messages."""
    granting = Granting(PublishedCascades(), random.SystemRandom())
    pushing = Pushing(poster.post, settings.push_subject, random.SystemRandom())
    return Job("wishes", 5, 60, granting.look), Job("push", 1, 60, pushing.turn)


def _recoding(settings: Settings, maker: AvifMaker) -> Sequence[Job]:
    """Return the job that makes AVIF of the pictures, if the settings want it and it can be done here."""
    return (Job("avif", 1, 600, Recoding(maker).turn),) if settings.avif and available() else ()


def _importing(settings: Settings, database_url: str) -> Job:
    """Return the job that does the imports that were asked for over HTTP."""

    @contextlib.asynccontextmanager
    async def pool() -> AsyncIterator[Pool]:
        opened = await open_pool(database_url, 1)
        try:
            yield opened
        finally:
            opened.terminate()

    imports = ImportJobs(
        pool, lambda: Fetcher(settings.private_addresses), place_of(settings), settings.data_dir / "incoming"
    )
    return Job("imports", 1, 4 * 3600, imports.turn)


def _archiving(settings: Settings, database_url: str) -> Sequence[Job]:
    """Return the job that moves old months of the ledger into files, if the settings want it."""
    months = settings.archive_after_months
    if months is None:
        return ()
    storage, scratch = open_storage(settings), settings.data_dir / "scratch"

    async def archive(connection: Connection) -> None:
        await archive_due(Archive(connection, database_url, storage, scratch), datetime.now(UTC).date(), months)

    return (Job("archiving", 24 * 3600, 4 * 3600, archive),)


def _refitting(settings: Settings, database_url: str) -> Sequence[Job]:
    """Return the job that refits workflows, if the settings want it."""
    if not settings.refit_minutes:
        return ()
    refits = HourlyRefits(database_url, 60.0 * settings.refit_minutes, random.SystemRandom())
    return (Job("refitting", 10, 3600, refits.turn),)


@contextlib.asynccontextmanager
async def _delivering(database_url: str, settings: Settings) -> AsyncIterator[Delivering]:
    """Give what posts to webhooks."""
    async with contextlib.AsyncExitStack() as resources:
        pool = await open_pool(database_url, DELIVERY_CONNECTIONS)
        resources.push_async_callback(pool.close)
        poster = Poster(settings.private_addresses)
        resources.push_async_callback(poster.close)
        delivering = Delivering(pool, poster.post, settings.authority, random.SystemRandom())
        resources.push_async_callback(delivering.close)
        yield delivering


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    """Wait for the database as the service does, and do the jobs."""
    deadline = time.monotonic() + settings.database_patience_seconds
    while not stop.is_set():
        try:
            async with running_postgres(settings) as url:
                await upgrade(url)
                await work(url, stop, settings)
        except Exception as error:
            if not is_starting(error) and (not is_away(error) or time.monotonic() > deadline):
                raise
            log.info("waiting for the database", why=str(error))
        await _sleep(START_PAUSE_SECONDS, stop)


async def _repeat(job: Job, database_url: str, stop: asyncio.Event) -> None:
    """Do a job until `stop` is set, whatever happens to it."""
    failures = 0
    structlog.contextvars.bind_contextvars(job=job.name)
    while not stop.is_set():
        try:
            async with connect(database_url, job.name, job.patience_seconds) as connection:
                while not stop.is_set():
                    began = time.perf_counter()
                    await job.run(connection)
                    count_job(job.name, time.perf_counter() - began)
                    failures = 0
                    await _sleep(job.every_seconds, stop)
        except (*CONFLICTS, *UNREACHABLE) as error:
            log.warning("job interrupted", error=repr(error))
        except Exception:
            log.exception("job failed")
        failures += 1
        count_job_failure(job.name)
        await _sleep(_pause_seconds(failures), stop)


def _pause_seconds(failures: int) -> float:
    """Return how long to wait after so many failures in a row; the dice keep workers from coming back as one."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # spreads attempts


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep until the time is over or `stop` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


@contextlib.contextmanager
def _set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _settle_projects(published: PublishedCascades, dice: random.Random, connection: Connection) -> None:
    """Let subjects follow where a publication was interrupted."""
    for project_id in await PublishingStore(connection).unsettled():
        await settle(connection, published, dice, project_id, unheard)


async def _keep_partitions_ahead(connection: Connection) -> None:
    await keep_ahead(connection, datetime.now(UTC).date())
