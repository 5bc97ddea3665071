"""The imports that were asked for over HTTP, done by the worker: one at a time, from an upload or an address.

An import is held by an advisory lock of the worker's connection. When a worker is killed its connection goes, and the
next one takes the import up again: what is imported already is found and left as it is, so nothing is done twice. One
that takes down worker after worker at the same place is given up.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog

from api.errors import ChaffinchError, UnavailableError
from api.manifest import BadRow, ManifestError
from api.media.errors import WorkersCannotStartError
from api.media.storage import Place, Storage
from api.services.admitting import ImportingError, Report
from api.services.gathering import Fetching
from api.services.importing import Progress, Told, Wishes, import_source
from api.services.scores import import_scores
from api.services.uploads import chunk_key, folder_key
from api.sources import Fetch, SourceError, fetched, opened, own_scratch
from api.sources.archives import Bounds
from api.sources.stopping import Stop, in_thread
from api.store.engine import Connection, Pool
from api.store.failures import CONFLICTS, UNREACHABLE
from api.store.uploads import ImportStore, StoredImport, StoredUpload, UploadStore

log = structlog.get_logger(__name__)

PROBLEMS_KEPT: Final = 100
PROGRESS_SECONDS: Final = 1.0
ABANDONED_DAYS: Final = 7
MOST_ENDS: Final = 5
"""Workers that may end over an import without one coming further than those before it."""

BOUNDS: Final = Bounds(unpacked_bytes=20_000_000_000)
"""How much may come out of an archive that came over HTTP."""

_FORESEEN: Final = (ChaffinchError, ImportingError, ManifestError, SourceError, WorkersCannotStartError)
_PASSING: Final[tuple[type[BaseException], ...]] = (*CONFLICTS, *UNREACHABLE, UnavailableError)


class DamagedUploadError(ImportingError):
    """What arrived is not what was announced; it was thrown away."""

    def __init__(self, name: str, sha256: str, found: str) -> None:
        super().__init__(
            f"{name} arrived with the SHA-256 {found}, and {sha256} was announced; what was sent is thrown away: "
            "upload it again."
        )
        self.sha256 = sha256
        self.found = found


class DeadlyImportError(ImportingError):
    """Worker after worker ended while it did this import."""

    def __init__(self, ends: int, line: int) -> None:
        place = f"behind line {line}" if line else "before its first row"
        super().__init__(
            f"{ends} workers in a row ended while they did it, {place}; what is imported stays. Import the file in "
            "parts to find what does it, or give the worker more memory."
        )
        self.ends = ends
        self.line = line


class LostUploadError(ImportingError):
    """A part of an upload is not in the store any more."""

    def __init__(self, name: str, offset: int) -> None:
        super().__init__(f"The part of {name} that begins at byte {offset} is gone; upload it again.")
        self.offset = offset


@dataclass(slots=True)
class _Book:
    """What is to be written down of an import."""

    line: int = 0
    lines: int = 0
    report: Report = field(default_factory=Report)
    problems: list[dict[str, Any]] = field(default_factory=list)

    def follow(self, now: Progress) -> None:
        self.line, self.lines, self.report = now.line, now.lines, now.report

    def refuse(self, bad: BadRow) -> None:
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(asdict(bad))


class ImportJobs:
    """Does imports.

    `open_pool` opens connections for the import itself, `open_fetch` what fetches; both only while one is done. `data`
    is a folder of the worker's own for what is fetched and unpacked.
    """

    def __init__(
        self,
        open_pool: Callable[[], AbstractAsyncContextManager[Pool]],
        open_fetch: Callable[[], AbstractAsyncContextManager[Fetch]],
        place: Place,
        data: Path,
    ) -> None:
        self._open_pool = open_pool
        self._open_fetch = open_fetch
        self._place = place
        self._data = data

    async def turn(self, connection: Connection) -> None:
        """Do all imports that wait, and throw away uploads that nobody imports."""
        store = ImportStore(connection)
        while (number := await store.claim()) is not None:
            try:
                await self._do(connection, number)
            finally:
                await store.release(number)
        await _forget_abandoned(connection, self._place.open())

    async def _do(self, connection: Connection, number: int) -> None:
        """Do one import, and write down what became of it; trouble that passes leaves it for the next turn."""
        store = ImportStore(connection)
        job = await store.read(number)
        assert job is not None
        book, error = _Book(), None
        try:
            if job.taken_up > MOST_ENDS:
                raise DeadlyImportError(MOST_ENDS, job.furthest)
            await self._followed(connection, job, book)
        except _PASSING:
            raise
        except _FORESEEN as failed:
            error = str(failed)
        except Exception as failed:
            log.exception("import failed", number=number)
            error = f"A fault of ours stopped it ({type(failed).__name__}); the worker's log says more."
        await store.write_progress(number, book.line, book.lines, asdict(book.report), book.problems)
        await store.end(number, error)
        log.info("import ended", number=number, error=error, **asdict(book.report))
        if error is None and job.upload_id is not None:
            await _forget(connection, self._place.open(), job.upload_id)

    async def _followed(self, connection: Connection, job: StoredImport, book: _Book) -> None:
        """Import, and write down how far it is meanwhile."""
        store = ImportStore(connection)
        async with own_scratch(self._data) as scratch:
            path = await self._assembled(connection, job, scratch)
            slug = await store.project_slug(job.project_id)
            importing = asyncio.create_task(self._import(job, slug, path, scratch, book))
            try:
                while not (await asyncio.wait({importing}, timeout=PROGRESS_SECONDS))[0]:
                    await store.write_progress(job.id, book.line, book.lines, asdict(book.report), book.problems)
                importing.result()
            finally:
                importing.cancel()
                await asyncio.wait({importing})

    async def _import(self, job: StoredImport, slug: str, path: Path | None, scratch: Path, book: _Book) -> None:
        async with self._open_pool() as pool, self._open_fetch() as fetch:
            if job.kind == "scores":
                file = path or await fetched(str(job.url), scratch, fetch)
                name, model = job.options["name"], job.options["model"]
                await import_scores(pool, file, slug, name, model, follow=book.follow, refuse=book.refuse)
                return
            models = {each["name"]: each["model"] for each in job.options["score_models"]}
            fetching = Fetching(fetch, scratch, job.options["refetch"])
            async with opened(str(path or job.url), scratch, fetch, bounds=BOUNDS) as source:
                wishes = Wishes(job.options["title"], models)
                tell = Told(book.follow, book.refuse)
                await import_source(pool, source, slug, self._place, fetching=fetching, wishes=wishes, tell=tell)

    async def _assembled(self, connection: Connection, job: StoredImport, scratch: Path) -> Path | None:
        """Return the file that was uploaded, put together and compared with what was announced."""
        if job.upload_id is None:
            return None
        upload = await UploadStore(connection).read(job.upload_id)
        assert upload is not None
        # A folder of its own: a manifest in it may name no file of ours.
        folder = scratch / "upload"
        folder.mkdir()
        path = folder / upload.name
        storage = self._place.open()
        try:
            await in_thread(partial(_assemble, storage, upload, path))
        except (DamagedUploadError, LostUploadError):
            await _forget(connection, storage, upload.id, even_if_wanted=True)
            raise
        return path


def _assemble(storage: Storage, upload: StoredUpload, path: Path, stop: Stop) -> None:
    """Write the chunks of an upload to a file, and compare that with what was announced."""
    digest = hashlib.sha256()
    offset = 0
    with path.open("wb") as file:
        while offset < upload.size_bytes:
            stop.check()
            chunk = storage.get(chunk_key(upload.id, offset))
            if not chunk:
                raise LostUploadError(upload.name, offset)
            file.write(chunk)
            digest.update(chunk)
            offset += len(chunk)
    if digest.hexdigest() != upload.sha256:
        raise DamagedUploadError(upload.name, upload.sha256, digest.hexdigest())


async def _forget(connection: Connection, storage: Storage, upload_id: UUID, *, even_if_wanted: bool = False) -> None:
    """Throw away what was sent of an upload, unless an import waits for it.

    Its row is locked meanwhile, or a chunk that is sent anew could go with the old ones.
    """
    async with connection.transaction():
        store = UploadStore(connection)
        await store.lock(upload_id)
        if even_if_wanted or not await store.is_wanted(upload_id):
            for stored in await storage.list_async(folder_key(upload_id)):
                await storage.delete_async(stored.key)
            await store.reset(upload_id)


async def _forget_abandoned(connection: Connection, storage: Storage) -> None:
    """Throw away what was sent of uploads that nobody has imported for days."""
    uploads: Sequence[UUID] = await UploadStore(connection).abandoned(ABANDONED_DAYS)
    for upload_id in uploads:
        await _forget(connection, storage, upload_id)
        log.info("abandoned upload thrown away", upload=str(upload_id))
