"""Many pictures prepared at once, in processes of their own, in order, and none lost to another one's crash.

Pictures go to the workers several at a time, as handing over one costs the parent a twentieth of what preparing a small
one costs a worker; and they go ahead of what was asked for, so that workers need not wait while a batch is committed.

A decoder that meets a hostile file may crash, or be killed for the memory it takes. `concurrent.futures` then gives up
every picture in flight without saying whose fault it was. So when a worker dies, what was in flight is prepared again,
one picture at a time: the one that takes its worker down while alone is reported, the others are delivered. A picture
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
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import count, islice
from multiprocessing.context import SpawnContext, SpawnProcess
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

from api.errors import StorageError
from api.media.errors import MediaError, WorkerDiedError, WorkersCannotStartError
from api.media.images import DEFAULT_LIMITS, Limits, PreparedImage, Unsaved, make, save
from api.media.storage import Place, Storage
from api.media.wanted import Wanted

Outcome: TypeAlias = PreparedImage | MediaError
"""What became of a picture."""

Key = TypeVar("Key")
Result = TypeVar("Result")

_IMAGES_PER_TASK: Final = 8
_AHEAD_PER_PROCESS: Final = 64
"""Pictures given to workers before the first of them is asked for: small ones last for about 0.4 seconds."""

_SECONDS_PER_IMAGE: Final = 60


_GRACE_SECONDS: Final = 3.0


class SpawningContext(SpawnContext):
    """Spawns workers, and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **named: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802 - its name there
        """Make a worker."""
        process = SpawnProcess(*args, **named)
        self.started.append(process)
        return process


@dataclass(slots=True)
class _Task:
    """Pictures on their way to a worker, together."""

    wanted: list[Wanted]
    future: asyncio.Future[list[Outcome]]


@dataclass(frozen=True, slots=True)
class _Turn:
    """The next picture: the one of this number in a task."""

    task: _Task
    number: int


@dataclass(frozen=True, slots=True)
class _End(Generic[Key]):
    """Stands behind the pictures of a group."""

    key: Key


class ImagePool:
    """Worker processes that prepare pictures into one store.

    Use it as `async with ImagePool(place) as pool`, and iterate over `pool.prepare(...)`, one iteration at a time.
    `processes` is the number of cores unless given.
    """

    def __init__(
        self,
        place: Place,
        *,
        processes: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        seconds_per_image: int = _SECONDS_PER_IMAGE,
    ) -> None:
        self._place = place
        self._storage = place.open()
        self._processes = processes or os.cpu_count() or 1
        self._limits = limits
        self._seconds_per_image = seconds_per_image

    async def __aenter__(self) -> Self:
        with suppress(StorageError):  # where it is away, the first picture will tell
            await self._storage.sweep_async()
        self._executor = self._new_executor()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._shut_down()

    async def flush(self) -> None:
        """Bring to disk what was prepared so far: to be awaited before a row that names a picture is committed.

        Raises
        ------
        StorageError
            The disk does not take it.
        """
        await self._storage.flush_async()

    async def prepare(
        self, groups: Iterable[tuple[Key, Sequence[Wanted]]]
    ) -> AsyncGenerator[tuple[Key, tuple[Outcome, ...]], None]:
        """Prepare groups of pictures; yield each group's key with one outcome a picture, all in the order given.

        `groups` is drawn from as workers come free, never far ahead, and a group may be empty. A picture that is
        refused, or that takes its worker down, has its error as its outcome.

        Raises
        ------
        WorkersCannotStartError
            Workers end before they take any picture.
        StorageError
            The store cannot be read or written.
        """
        entries = _flat(groups)
        queue: deque[_Turn | _End[Key]] = deque()
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
            for task in _tasks(queue):
                _abandon(task.future)

    def _fill(self, queue: deque[_Turn | _End[Key]], entries: Iterator[Wanted | _End[Key]]) -> bool:
        """Start as many pictures as may be in flight; return whether anything is left to wait for."""
        while len(queue) <= self._processes * _AHEAD_PER_PROCESS - _IMAGES_PER_TASK:
            drawn = list(islice(entries, _IMAGES_PER_TASK))
            if not drawn:
                break
            if wanted := [entry for entry in drawn if not isinstance(entry, _End)]:
                task = _Task(wanted, self._start(wanted))
            numbers = count()
            queue.extend(entry if isinstance(entry, _End) else _Turn(task, next(numbers)) for entry in drawn)
        return bool(queue)

    async def _outcome(self, turn: _Turn, behind: Iterable[_Turn | _End[Key]]) -> Outcome:
        try:
            return (await turn.task.future)[turn.number]
        except BrokenProcessPool:
            await self._recover(_tasks((turn, *behind)))
            return (await turn.task.future)[turn.number]

    async def _recover(self, tasks: Sequence[_Task]) -> None:
        """Prepare again, one at a time, what was lost with the workers, so that only the culprit fails."""
        await asyncio.wait([task.future for task in tasks])
        await self._replace_workers()
        for task in tasks:
            if isinstance(task.future.exception(), BrokenProcessPool):
                outcomes = [await self._alone(wanted) for wanted in task.wanted]
                task.future = asyncio.get_running_loop().create_future()
                task.future.set_result(outcomes)

    async def _alone(self, wanted: Wanted) -> Outcome:
        try:
            return (await self._start([wanted]))[0]
        except BrokenProcessPool:
            await self._replace_workers()
            try:
                await self._submit(_ready)
            except BrokenProcessPool as error:
                raise WorkersCannotStartError from error
            return WorkerDiedError(wanted.source, self._seconds_per_image)

    def _start(self, wanted: list[Wanted]) -> asyncio.Future[list[Outcome]]:
        return self._submit(_work, wanted, self._place, self._limits, self._seconds_per_image)

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
        await shut_down(self._executor, self._context)

    def _new_executor(self) -> ProcessPoolExecutor:
        self._context = SpawningContext()
        return ProcessPoolExecutor(self._processes, mp_context=self._context, initializer=begin_worker)


async def shut_down(executor: ProcessPoolExecutor, context: SpawningContext) -> None:
    """End workers, by force where they do not end by themselves: what they do now nobody waits for.

    One may wait for ever, where another was killed while it held the lock of their queue.
    """
    ending = asyncio.create_task(asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True))
    await asyncio.wait({ending}, timeout=_GRACE_SECONDS)
    if not ending.done():
        for worker in context.started:
            worker.kill()
    await ending


def _flat(groups: Iterable[tuple[Key, Sequence[Wanted]]]) -> Iterator[Wanted | _End[Key]]:
    for key, wanted in groups:
        yield from wanted
        yield _End(key)


def _tasks(queue: Iterable[_Turn | _End[Key]]) -> list[_Task]:
    """Return the tasks of what is in the queue, each once, in order."""
    tasks = (entry.task for entry in queue if not isinstance(entry, _End))
    return list({id(task): task for task in tasks}.values())


def _abandon(future: asyncio.Future[list[Outcome]]) -> None:
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


def begin_worker() -> None:
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


_storage = cache(Place.open)
"""The store of a worker, opened with its first picture."""


def _work(wanted: Sequence[Wanted], place: Place, limits: Limits, seconds: int) -> list[Outcome]:
    """Prepare pictures in a worker, or die of the alarm.

    Writing to a store across a network goes on beside the next pictures, as that is mostly waiting.
    """
    storage = _storage(place)
    if not storage.is_remote:
        return [_one(each, storage, limits, seconds, partial(save, storage=storage)) for each in wanted]
    with ThreadPoolExecutor(len(wanted)) as threads:
        saved: list[Future[None]] = []
        outcomes = [
            _one(each, storage, limits, seconds, lambda made: saved.append(threads.submit(save, made, storage)))
            for each in wanted
        ]
        for future in saved:
            future.result()
    return outcomes


def _one(wanted: Wanted, storage: Storage, limits: Limits, seconds: int, keep: Callable[[Unsaved], None]) -> Outcome:
    signal.alarm(seconds)
    try:
        made = make(wanted, storage, limits)
        keep(made)
    except MediaError as error:
        return error
    finally:
        signal.alarm(0)
    return made.image
