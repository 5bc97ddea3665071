"""Many images prepared at once, in processes of their own, in order, and none lost to another one's crash.

A decoder that meets a hostile file may crash, or be killed for the memory it takes. `concurrent.futures` then gives up
every image in flight without saying whose fault it was. So when a worker dies, what was in flight is prepared again,
one image at a time: the one that takes its worker down while alone is reported, the others are delivered. An image
that takes too long meets an alarm, which ends its worker in the same way.

Workers are spawned (they inherit nothing but the streams), leave Ctrl-C to their parent, and end when it does, however
it ends.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, Self, TypeAlias, TypeVar

from api.media.errors import MediaError, WorkerDiedError, WorkersCannotStartError
from api.media.images import DEFAULT_LIMITS, Limits, PreparedImage, prepare

Outcome: TypeAlias = PreparedImage | MediaError
"""What became of a file."""

Key = TypeVar("Key")
Result = TypeVar("Result")

_AHEAD_PER_PROCESS: Final = 8
_SECONDS_PER_IMAGE: Final = 60


@dataclass(slots=True)
class _Job:
    """An image on its way."""

    source: Path
    future: asyncio.Future[Outcome]


@dataclass(frozen=True, slots=True)
class _End(Generic[Key]):
    """Stands behind the images of a group."""

    key: Key


class ImagePool:
    """Worker processes that prepare images into one media folder.

    Use it as `async with ImagePool(media_dir) as pool`, and iterate over `pool.prepare(...)`, one iteration at a time.
    `processes` is the number of cores unless given.
    """

    def __init__(
        self,
        media_dir: Path,
        *,
        processes: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        seconds_per_image: int = _SECONDS_PER_IMAGE,
    ) -> None:
        self._media_dir = media_dir
        self._processes = processes or os.cpu_count() or 1
        self._limits = limits
        self._seconds_per_image = seconds_per_image

    async def __aenter__(self) -> Self:
        self._executor = self._new_executor()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._shut_down()

    async def prepare(
        self, groups: Iterable[tuple[Key, Sequence[Path]]]
    ) -> AsyncGenerator[tuple[Key, tuple[Outcome, ...]], None]:
        """Prepare groups of files; yield each group's key with one outcome a file, all in the order given.

        `groups` is drawn from as workers come free, never far ahead, and a group may be empty. A file that is refused,
        or that takes its worker down, has its error as its outcome.

        Raises
        ------
        WorkersCannotStartError
            Workers end before they take any image.
        OSError
            The media folder cannot be written.
        """
        entries = _flat(groups)
        queue: deque[_Job | _End[Key]] = deque()
        outcomes: list[Outcome] = []
        try:
            while self._fill(queue, entries):
                entry = queue.popleft()
                if isinstance(entry, _End):
                    yield entry.key, tuple(outcomes)
                    outcomes = []
                else:
                    outcomes.append(await self._outcome(entry, behind=queue))
        finally:
            for entry in queue:
                if isinstance(entry, _Job):
                    _abandon(entry.future)

    def _fill(self, queue: deque[_Job | _End[Key]], entries: Iterator[Path | _End[Key]]) -> bool:
        """Start as many images as may be in flight; return whether anything is left to wait for."""
        while len(queue) < self._processes * _AHEAD_PER_PROCESS and (entry := next(entries, None)) is not None:
            queue.append(entry if isinstance(entry, _End) else _Job(entry, self._start(entry)))
        return bool(queue)

    async def _outcome(self, job: _Job, behind: Iterable[_Job | _End[Key]]) -> Outcome:
        try:
            return await job.future
        except BrokenProcessPool:
            await self._recover([job, *(entry for entry in behind if isinstance(entry, _Job))])
            return await job.future

    async def _recover(self, jobs: Sequence[_Job]) -> None:
        """Prepare again, one at a time, what was lost with the workers, so that only the culprit fails."""
        await asyncio.wait([job.future for job in jobs])
        await self._replace_workers()
        for job in jobs:
            if isinstance(job.future.exception(), BrokenProcessPool):
                outcome = await self._alone(job.source)
                job.future = asyncio.get_running_loop().create_future()
                job.future.set_result(outcome)

    async def _alone(self, source: Path) -> Outcome:
        try:
            return await self._start(source)
        except BrokenProcessPool:
            await self._replace_workers()
            try:
                await self._submit(_ready)
            except BrokenProcessPool as error:
                raise WorkersCannotStartError from error
            return WorkerDiedError(source, self._seconds_per_image)

    def _start(self, source: Path) -> asyncio.Future[Outcome]:
        return self._submit(_work, source, self._media_dir, self._limits, self._seconds_per_image)

    def _submit(self, function: Callable[..., Result], *arguments: object) -> asyncio.Future[Result]:
        """Hand work to a worker; if all have died, that shows when the work is waited for, as at any later moment."""
        try:
            with _without_interrupts():
                future = self._executor.submit(function, *arguments)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        return asyncio.wrap_future(future)

    async def _replace_workers(self) -> None:
        await self._shut_down()
        self._executor = self._new_executor()

    async def _shut_down(self) -> None:
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    def _new_executor(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=_begin)


def _flat(groups: Iterable[tuple[Key, Sequence[Path]]]) -> Iterator[Path | _End[Key]]:
    for key, sources in groups:
        yield from sources
        yield _End(key)


def _abandon(future: asyncio.Future[Outcome]) -> None:
    if not future.cancel() and not future.cancelled():
        future.exception()  # or asyncio would complain that nobody looked


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back while a worker may be spawned: it inherits that, and so is deaf to it from its first moment."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Make a fresh process a worker: it ends with its parent, and is silent, as C libraries write to stderr."""
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    os.close(silence)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _ready() -> None:
    """Prove that a worker lives."""


def _work(source: Path, media_dir: Path, limits: Limits, seconds: int) -> Outcome:
    """Prepare one image in a worker, or die of the alarm."""
    signal.alarm(seconds)
    try:
        return prepare(source, media_dir, limits)
    except MediaError as error:
        return error
    finally:
        signal.alarm(0)
