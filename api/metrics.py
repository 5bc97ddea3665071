"""What a process counts while it works, in the form that Prometheus reads.

The objects live here, one for each thing that is counted, and are incremented by whoever does the thing: a group at a
time rather than a swipe at a time, so that counting costs a swipe next to nothing. What the database knows better
(open subjects, events that wait) is not counted here but asked for when somebody looks.

Several processes behind one port share a folder: each writes its numbers into files of its own there, and whichever is
asked adds them up. `PROMETHEUS_MULTIPROC_DIR` names the folder. prometheus_client looks at the variable once, when it
is imported, so the parent of the processes sets it before it starts them. Counters of a process that died go on
counting; its gauges, which say how things are, are removed by the parent.
"""

import os
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
GIVEN_UP: Final = 499
"""The status under which a request is counted whose client left before it had sent all of it."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped upstream

OURS: Final = CollectorRegistry()
"""What an API process counts."""

WORKERS: Final = CollectorRegistry()
"""What a worker counts; it serves them itself."""

ProcessCollector(registry=WORKERS)

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_ITEMS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_JOB_SECONDS: Final = (0.001, 0.01, 0.1, 1, 10, 100, 1000)

_requests: Final = Counter(
    "chaffinch_requests", "Requests that were answered.", ("endpoint", "method", "status"), registry=OURS
)
_limited: Final = Counter(
    "chaffinch_limited", "Requests that were refused since too much was asked.", ("limit",), registry=OURS
)
_request_seconds: Final = Histogram(
    "chaffinch_request_seconds",
    "From the head of a request to its reply; of a stream, to its beginning.",
    ("endpoint",),
    buckets=_SECONDS,
    registry=OURS,
)
_swipes: Final = Counter("chaffinch_swipes", "Swipes that were given a verdict.", ("verdict",), registry=OURS)
_retirements: Final = Counter(
    "chaffinch_retirements", "Subjects that swipes retired from a workflow.", ("reason",), registry=OURS
)
_decks: Final = Counter("chaffinch_decks", "Decks that were dealt or dealt again.", registry=OURS)
_cards: Final = Counter("chaffinch_cards", "Cards of these decks.", registry=OURS)
_group_items: Final = Histogram(
    "chaffinch_group_items",
    "Swipes, or wishes for a deck, that shared a transaction.",
    ("kind",),
    buckets=_ITEMS,
    registry=OURS,
)
_group_seconds: Final = Histogram(
    "chaffinch_group_seconds", "How long such a transaction took.", ("kind",), buckets=_SECONDS, registry=OURS
)
_waiting: Final = Gauge(
    "chaffinch_group_waiting",
    "Items that waited for the next transaction when the last one began.",
    ("kind",),
    multiprocess_mode="livesum",
    registry=OURS,
)
_processes: Final = Gauge("chaffinch_processes", "API processes that run.", multiprocess_mode="livesum", registry=OURS)
_resident: Final = Gauge(
    "chaffinch_process_resident_bytes",
    "Memory that the API processes hold together.",
    multiprocess_mode="livesum",
    registry=OURS,
)
_lag: Final = Gauge(
    "chaffinch_loop_lag_seconds",
    "By how much the busiest process was late for something due at a time: how long it could not attend to requests.",
    multiprocess_mode="livemax",
    registry=OURS,
)
_pool: Final = Gauge(
    "chaffinch_pool_connections",
    "Connections to the database for swipes and decks, by what they do.",
    ("state",),
    multiprocess_mode="livesum",
    registry=OURS,
)
_listeners: Final = Gauge(
    "chaffinch_event_listeners",
    "Clients that wait for events, by stream or by a request that is held.",
    multiprocess_mode="livesum",
    registry=OURS,
)
_job_seconds: Final = Histogram(
    "chaffinch_job_seconds", "How long a job of the worker took.", ("job",), buckets=_JOB_SECONDS, registry=WORKERS
)
_job_failures: Final = Counter(
    "chaffinch_job_failures", "Times that a job was interrupted.", ("job",), registry=WORKERS
)
_job_done: Final = Gauge(
    "chaffinch_job_done_timestamp_seconds", "When a job was done last.", ("job",), registry=WORKERS
)
_push: Final = Counter(
    "chaffinch_push_messages",
    "Push messages by what came of them: sent; failed, to be tried again; dropped, with what was gone or too old.",
    ("outcome",),
    registry=WORKERS,
)
_refit_seconds: Final = Gauge(
    "chaffinch_refit_seconds", "How long the last refit of a workflow took.", ("project", "workflow"), registry=WORKERS
)


class Sample(NamedTuple):
    """One number that was asked for: the metric's name, its label values, and the number."""

    metric: str
    labels: tuple[str, ...]
    value: float


class Asked(NamedTuple):
    """A metric whose numbers are asked for when somebody looks."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


@cache
def _request_children(endpoint: str, method: str, status: int) -> tuple[Any, Any]:
    """Return what counts such requests; finding it by its labels would cost as much as counting."""
    return _requests.labels(endpoint, method, status).inc, _request_seconds.labels(endpoint).observe


def count_request(endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count a request that was answered. All three names come from the table, not from the client."""
    count, observe = _request_children(endpoint, method, status)
    count()
    observe(seconds)


def count_limited(which: str) -> None:
    """Count a request that was refused since too much was asked, by the limit that it met."""
    _child(_limited, which).inc()


def count_swipes(verdicts: Iterable[str]) -> None:
    """Count a group of swipes by their verdicts."""
    for verdict, number in Tally(verdicts).items():
        _child(_swipes, verdict).inc(number)


def count_retirements(reasons: Iterable[str]) -> None:
    """Count what a group of swipes retired, by the reasons."""
    for reason, number in Tally(reasons).items():
        _child(_retirements, reason).inc(number)


def count_decks(sizes: Iterable[int]) -> None:
    """Count decks by how many cards each has."""
    found = tuple(sizes)
    _decks.inc(len(found))
    _cards.inc(sum(found))


def count_group(kind: str, items: int, seconds: float, waiting: int) -> None:
    """Count a transaction that many requests shared, while so many items waited for the next."""
    _child(_group_items, kind).observe(items)
    _child(_group_seconds, kind).observe(seconds)
    _child(_waiting, kind).set(waiting)


def show_process(*, lag_seconds: float, resident_bytes: int, connections: int, idle: int, listeners: int) -> None:
    """Say how this process is."""
    _listeners.set(listeners)
    _processes.set(1)
    _lag.set(lag_seconds)
    _resident.set(resident_bytes)
    _child(_pool, "busy").set(connections - idle)
    _child(_pool, "idle").set(idle)


def count_job(job: str, seconds: float) -> None:
    """Count a job that the worker has done."""
    _child(_job_seconds, job).observe(seconds)
    _child(_job_done, job).set(time.time())


def count_job_failure(job: str) -> None:
    """Count a job that was interrupted."""
    _child(_job_failures, job).inc()


def count_push(outcome: Literal["sent", "failed", "dropped"]) -> None:
    """Count an attempt to send a push message."""
    _child(_push, outcome).inc()


def show_refit(project: str, workflow: str, seconds: float) -> None:
    """Say how long the last refit of a workflow took."""
    _refit_seconds.labels(project, workflow).set(seconds)


@cache
def _child(metric: Any, label: str) -> Any:
    """Return what counts things with this label, which is one of a few."""
    return metric.labels(label)


def exposition(asked: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Return everything counted by all processes and what was `asked` of the database, and its media type.

    That is the text format, or OpenMetrics for whoever accepts it.
    """
    registry = CollectorRegistry(auto_describe=False)
    folder = os.environ.get(FOLDER_VARIABLE)
    registry.register(_Shared(Path(folder)) if folder else _Own())
    registry.register(_Given(tuple(asked)))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def families(known: Iterable[Asked], samples: Iterable[Sample]) -> Iterator[Metric]:
    """Yield samples as Prometheus has them, each metric of `known` in its place, without any sample too."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.metric, []).append(sample)
    for metric in known:
        family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for sample in by_name.get(metric.name, ()):
            family.add_metric(sample.labels[: len(metric.labels)], sample.value)
        yield family


class _Own(Collector):
    """What this process counted, where it is the only one."""

    def collect(self) -> Iterable[Metric]:
        return OURS.collect()


class _Given(Collector):
    """What was asked for."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


class _Shared(Collector):
    """What all processes that share a folder counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        # A process that is killed between making a file and giving it a length leaves one that cannot be read.
        files = [str(file) for file in self._folder.glob("*.db") if _size(file)]
        found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # untyped upstream
        return found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Make the folder in which the processes that are started meanwhile share what they count."""
    with tempfile.TemporaryDirectory(prefix="chaffinch-metrics-", ignore_cleanup_errors=True) as folder:
        before = os.environ.get(FOLDER_VARIABLE)
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ[FOLDER_VARIABLE]
            else:
                os.environ[FOLDER_VARIABLE] = before


@contextmanager
def served_by_worker(host: str, port: int) -> Iterator[int]:
    """Serve what a worker counts at an address of its own, and give the port; 0 picks a free one.

    Raises
    ------
    OSError
        Nothing can listen there.
    """
    server, thread = start_http_server(port, host, WORKERS)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def forget_dead(folder: Path, is_alive: Callable[[int], bool]) -> None:
    """Remove the gauges of processes that are no more; what they counted stays."""
    for file in folder.glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not is_alive(process):
            file.unlink(missing_ok=True)
