"""Making a backup while the service runs: one snapshot of the database, then the objects that it names."""

import asyncio
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from api.backup.folder import DUMP, FORMAT, About, finish, newest_beside, sha256_of, unfinished, whole_path, write_sums
from api.backup.programs import find_tool, run
from api.media.storage import LEDGER, MEDIA, Storage, Stored, open_storage
from api.settings import Settings
from api.store.backup import BackupStore
from api.store.engine import connect

COMPRESSION: Final = "--compress=1"
"""gzip, fast: every pg_dump has it; a third larger than the default and three times as fast."""

DIGEST_DIGITS: Final = 64
THREADS: Final = 8

Say = Callable[[str], None]


class Copied(NamedTuple):
    """One object of a backup, and whether it had to be copied."""

    name: str
    sha256: str
    size_bytes: int
    is_new: bool


class Taken(NamedTuple):
    """A backup that is whole, and how many of its objects were not in the one before."""

    folder: Path
    about: About
    new_objects: int


async def take_backup(settings: Settings, database_url: str, folder: Path, say: Say) -> Taken:
    """Make a backup in a folder that does not exist yet.

    Raises
    ------
    FolderTakenError, BackupRunningError, ToolsMissingError, ToolFailedError, StorageError
        There is no backup; what was copied serves the next attempt at the same folder.
    """
    folder = whole_path(folder)
    with unfinished(folder) as part:
        made_at = datetime.now(UTC)
        async with connect(database_url, "backup") as connection:
            store = BackupStore(connection)
            async with store.snapshot() as snapshot:
                server, major, schema = await store.version()
                tool = await find_tool(settings, "pg_dump", major)
                say(f"pg_dump {tool.major} writes the database")
                await run(
                    tool,
                    database_url,
                    "--format=custom",
                    f"--snapshot={snapshot}",
                    "--no-owner",
                    "--no-privileges",
                    COMPRESSION,
                    f"--file={part / DUMP}",
                )
                counts = await store.counts()
                digests = await store.digests()
                months = await store.archived_months()
        say(f"{len(digests):,} pictures and {len(months)} archived months are copied")
        wanted = {month.path: month.sha256 for month in months}
        copied, missing = await asyncio.to_thread(_copy, open_storage(settings), part, folder, digests, wanted, say)
        sums = {each.name: each.sha256 for each in copied}
        sums[DUMP] = await asyncio.to_thread(sha256_of, part / DUMP)
        about = About(
            format=FORMAT,
            made_at=made_at.isoformat(timespec="seconds"),
            chaffinch=version("chaffinch"),
            schema=schema,
            postgresql=server,
            dumped_by=tool.major,
            counts=counts,
            objects=len(copied),
            size_bytes=sum(each.size_bytes for each in copied) + (part / DUMP).stat().st_size,
            missing=missing,
            sums_sha256=write_sums(part, sums),
        )
        await asyncio.to_thread(finish, part, folder, about)
        return Taken(folder, about, sum(each.is_new for each in copied))


def _copy(
    storage: Storage, part: Path, folder: Path, digests: Collection[bytes], months: Mapping[str, str], say: Say
) -> tuple[list[Copied], int]:
    """Copy the objects that a snapshot names; also return how many pictures and months are not there.

    `months` are the SHA-256 of their files by key.
    """
    before = newest_beside(folder)
    found: set[bytes] = set()
    wanted: list[Stored] = []
    for stored in storage.list(MEDIA):
        digest = _digest(stored.key)
        if digest in digests:
            assert digest is not None
            found.add(digest)
            wanted.append(stored)
    wanted += [archived for key in months if (archived := storage.head(key)) is not None]
    _sweep(part, {stored.key for stored in wanted})

    def copy(stored: Stored) -> Copied | None:
        return _copy_one(storage, part, before, stored, months.get(stored.key))

    with ThreadPoolExecutor(THREADS if storage.is_remote else 1, thread_name_prefix="backup") as threads:
        copied = [each for each in threads.map(copy, wanted) if each is not None]
    without = sorted(set(months) - {each.name for each in copied})
    for key in without:
        say(f"{key} in {storage.place} is not the file that was archived, or is not there: its votes are not backed up")
    return copied, len(digests) - len(found) + len(without)


def _copy_one(
    storage: Storage,
    part: Path,
    before: tuple[Path, Mapping[str, str]] | None,
    stored: Stored,
    archived_sha256: str | None,
) -> Copied | None:
    """Copy an object, or link it to the same one of the backup before; None if it has just been removed.

    A picture's record may be written anew under its key, so it is always copied. So may a month that came back and was
    archived again: only the file that the snapshot names (`archived_sha256`) is that month, and any other is left out.
    What else has a key never changes.
    """
    path = part / stored.key
    path.parent.mkdir(parents=True, exist_ok=True)
    if before is not None and not stored.key.endswith(".json"):
        older, digest = before[0] / stored.key, before[1].get(stored.key)
        is_same = archived_sha256 in (None, digest) and older.is_file() and older.stat().st_size == stored.size_bytes
        if digest is not None and is_same:
            path.unlink(missing_ok=True)
            _link(older, path)
            return Copied(stored.key, digest, stored.size_bytes, False)
    unfinished_path = path.with_name(f"{path.name}.part")
    if not storage.fetch(stored.key, unfinished_path):
        unfinished_path.unlink(missing_ok=True)
        return None
    copied = sha256_of(unfinished_path)
    if archived_sha256 not in (None, copied):
        unfinished_path.unlink()
        return None
    unfinished_path.rename(path)
    return Copied(stored.key, copied, path.stat().st_size, True)


def _link(older: Path, path: Path) -> None:
    try:
        os.link(older, path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(older, path)


def _digest(key: str) -> bytes | None:
    """Return the digest of the picture that an object belongs to."""
    try:
        return bytes.fromhex(key.rpartition("/")[2][:DIGEST_DIGITS])
    except ValueError:
        return None


def _sweep(part: Path, wanted: Collection[str]) -> None:
    """Remove what an earlier attempt has left and this one does not want."""
    for path in _files(part, (MEDIA, LEDGER)):
        if path.relative_to(part).as_posix() not in wanted:
            path.unlink()


def _files(part: Path, areas: Collection[str]) -> Iterator[Path]:
    for area in areas:
        yield from [path for path in (part / area).rglob("*") if path.is_file()]
