"""Old months of the vote log: out of the database into a Parquet file each, and back.

Theory of operation
-------------------
A month that is closed does not change: votes go to the month that they arrive in. Archiving one is

    fold      it into what is counted by day (`api.services.activity`);
    read      its rows and their sum, in one snapshot, into a file;
    put       the file into the store of objects;
    check     the object: fetched again, decoded, and compared with what was read;
    let go    in one transaction: hold the month against writers, see that the sum is still the same, write down where
              the file is, drop the partition.

Until the last commit the database has every row, after it the store has: a process that is killed anywhere loses
nothing, and the next one begins anew and writes the same object. Nothing waits for us longer than `PATIENCE_MS`: where
an export or a backup is in the way, the partition is dropped when that is over.

Whoever reads the ledger and archived months both must lock the ledger (`ACCESS SHARE`, which holds up no vote) before
its snapshot begins, or it may see a month in neither place.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa
import structlog

from api.errors import CommandError
from api.media.storage import Storage
from api.services.activity import catch_up
from api.services.archive_files import Fingerprint, fingerprint_of, read_about, read_month, write_month
from api.services.partitions import PATIENCE_MS
from api.store.archiving import ArchiveStore, Checksum, Month, month_rows
from api.store.engine import Connection
from api.store.exports import ArchivedMonth
from api.store.failures import CONFLICTS

ATTEMPTS: Final = 30
"""How often the ledger is asked to let a partition go, while something reads it."""

PAUSE_SECONDS: Final = 2.0

CHUNK_BYTES: Final = 4_000_000

log = structlog.get_logger(__name__)


class NotArchivedError(CommandError):
    """The month does not lie in a file."""

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%Y-%m} is not archived; `chaffinch ledger list` shows which months are")
        self.month = month


class LedgerArchivedError(CommandError):
    """Some of the votes that are needed lie in files, and those are not at hand."""

    def __init__(self, months: Sequence[date]) -> None:
        names = ", ".join(f"{month:%Y-%m}" for month in months)
        super().__init__(f"the votes of {names} are archived; `chaffinch ledger restore MONTH` brings a month back")
        self.months = months


class DamagedArchiveError(CommandError):
    """The file of a month is not the one that was written."""

    def __init__(self, place: str, path: str, what: str) -> None:
        super().__init__(f"{path} in {place} {what}; put the right file there, from a backup perhaps")
        self.place = place
        self.path = path


class ArchivingElsewhereError(CommandError):
    """Another process archives or restores."""

    def __init__(self) -> None:
        super().__init__("another process archives or restores just now; try again when it has finished")


class MonthChangedError(CommandError):
    """The month was written to while its file was made."""

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%Y-%m} was written to meanwhile; it stays in the database, try again")
        self.month = month


class LedgerBusyError(CommandError):
    """Something reads the ledger, and has for as long as we had patience."""

    def __init__(self, month: date) -> None:
        super().__init__(
            f"something reads the vote log without end; {month:%Y-%m} stays in the database until it has finished"
        )
        self.month = month


class Archive:
    """Moves months between a database and a store of objects.

    Parameters
    ----------
    scratch
        Folder for files that are being made or read; it is made if need be.
    """

    def __init__(self, connection: Connection, database_url: str, storage: Storage, scratch: Path) -> None:
        self._connection = connection
        self._store = ArchiveStore(connection)
        self._url = database_url
        self._storage = storage
        self._scratch = scratch

    async def months(self) -> list[Month]:
        """Return every month of the ledger."""
        return await self._store.months()

    async def due(self, today: date, older_than_months: int) -> list[date]:
        """Return the months in the database that ended so many months ago or more."""
        newest = today.year * 12 + today.month - 1 - older_than_months
        return [
            each.month
            for each in await self._store.months()
            if not each.is_archived and each.month.year * 12 + each.month.month - 1 < newest
        ]

    async def archive(self, month: date) -> ArchivedMonth | None:
        """Move a month into a file; `None` if it has no rows, and then it stays where it is.

        Raises
        ------
        ArchivingElsewhereError, MonthChangedError, LedgerBusyError, StorageError
            Nothing has changed.
        """
        async with self._alone(), self._folder() as folder:
            await catch_up(self._connection)
            columns = await self._store.columns()
            path = folder / "month.parquet"
            known, fingerprint = await asyncio.to_thread(self._read, month, columns, path)
            if not known.rows:
                return None
            key = f"ledger/{month:%Y-%m}.parquet"
            digest = await asyncio.to_thread(_sha256, path)
            await self._storage.put_file_async(key, path)
            path.unlink()
            archived = ArchivedMonth(month, key, known.rows, digest)
            fetched = await self._fetch(archived, folder)
            if await asyncio.to_thread(fingerprint_of, fetched) != fingerprint:
                raise DamagedArchiveError(self._storage.place, key, "holds other rows than were written")
            await self._let_go(archived, columns, known)
            return archived

    async def restore(self, month: date) -> ArchivedMonth:
        """Bring a month back into the database; its file stays, and is of no further use.

        Raises
        ------
        NotArchivedError, DamagedArchiveError, ArchivingElsewhereError, LedgerBusyError, StorageError
            Nothing has changed.
        """
        async with self._alone(), self._folder() as folder:
            archived = await self._store.archived(month)
            if archived is None:
                raise NotArchivedError(month)
            path = await self._fetch(archived, folder)
            columns, known = await asyncio.to_thread(read_about, path)
            for attempt in range(ATTEMPTS):
                try:
                    await self._bring_back(archived, columns, known, path)
                except CONFLICTS as error:
                    if attempt == ATTEMPTS - 1:
                        raise LedgerBusyError(month) from error
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    return archived
        raise AssertionError("unreachable")

    def _read(self, month: date, columns: Sequence[str], path: Path) -> tuple[Checksum, Fingerprint]:
        with month_rows(self._url, month, columns) as (known, batches):
            fingerprint = write_month(path, batches, columns, known)
        if fingerprint.rows != known.rows:
            raise MonthChangedError(month)
        return known, fingerprint

    async def _fetch(self, archived: ArchivedMonth, folder: Path) -> Path:
        path = folder / "fetched.parquet"
        await asyncio.to_thread(fetch_month, self._storage, archived, path)
        return path

    async def _let_go(self, archived: ArchivedMonth, columns: Sequence[str], known: Checksum) -> None:
        async with self._connection.transaction():
            await self._store.hold(archived.month)
            if await self._store.checksum(archived.month, columns) != known:
                raise MonthChangedError(archived.month)
            await self._store.note(archived)
            for attempt in range(ATTEMPTS):
                try:
                    await self._store.drop(archived.month, PATIENCE_MS)
                except CONFLICTS as error:
                    if attempt == ATTEMPTS - 1:
                        raise LedgerBusyError(archived.month) from error
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    return

    async def _bring_back(self, archived: ArchivedMonth, columns: Sequence[str], known: Checksum, path: Path) -> None:
        async with self._connection.transaction():
            await self._store.create(archived.month)
            for batch in read_month(path):
                rows = await asyncio.to_thread(_records, batch)
                await self._store.copy_in(archived.month, columns, rows)
            if await self._store.checksum(archived.month, columns) != known:
                raise DamagedArchiveError(
                    self._storage.place, archived.path, "does not give the rows that it was made of"
                )
            await self._store.attach(archived.month, PATIENCE_MS)
            await self._store.forget(archived.month)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if not await self._store.claim():
            raise ArchivingElsewhereError
        try:
            yield
        finally:
            if not self._connection.is_closed():
                await self._store.release()

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        """Give a folder of its own, and remove what was left by a process that was killed."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        for left in self._scratch.glob("month-*"):
            await asyncio.to_thread(_remove_old, left)
        with TemporaryDirectory(prefix="month-", dir=self._scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder)


async def archive_due(archive: Archive, today: date, older_than_months: int) -> None:
    """Archive every month that is old enough, unless another process is at it; what is busy is left for next time."""
    for month in await archive.due(today, older_than_months):
        try:
            archived = await archive.archive(month)
        except (ArchivingElsewhereError, LedgerBusyError) as error:
            log.info("a month is not archived now", month=f"{month:%Y-%m}", why=str(error))
            return
        if archived is not None:
            log.info("a month is archived", month=f"{month:%Y-%m}", rows=archived.rows, path=archived.path)


def fetch_month(storage: Storage, archived: ArchivedMonth, path: Path) -> None:
    """Fetch the file of a month, and see that it is the one that was written. Blocking.

    Raises
    ------
    DamagedArchiveError
        It is not there, or another.
    """
    if not storage.fetch(archived.path, path):
        raise DamagedArchiveError(storage.place, archived.path, "is not there")
    if _sha256(path) != archived.sha256:
        raise DamagedArchiveError(storage.place, archived.path, "is damaged")


def archived_batches(
    storage: Storage, archived: ArchivedMonth, workflow_ids: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the ledger rows of an archived month, all or those of some workflows. Blocking: use a thread.

    They have all columns of the ledger with the types of `api.store.exports`, in the order of its cursor
    (received_at, workflow_id, subject_id, ordinal, kind, client_id). Memory is that of one batch, and the file lies in
    the folder for temporary files meanwhile.

    Raises
    ------
    DamagedArchiveError
        The file is not there, or not the one that was written; before the first batch.
    """
    with TemporaryDirectory(prefix="chaffinch-month-") as folder:
        path = Path(folder, "month.parquet")
        fetch_month(storage, archived, path)
        yield from read_month(path, workflow_ids)


def _records(batch: pa.RecordBatch) -> list[tuple[object, ...]]:
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_old(folder: Path) -> None:
    """Remove a folder in which nobody has done anything for a day."""
    with contextlib.suppress(OSError):
        if folder.stat().st_mtime < time.time() - 86_400:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
