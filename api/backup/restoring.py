"""The way back: a backup into an empty database and an empty store of objects."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.backup.errors import NewerBackupError, NotEmptyError, OtherCountsError
from api.backup.folder import DUMP, About, check_files, read_about, read_sums, whole_path
from api.backup.programs import find_tool, run
from api.backup.taking import THREADS
from api.media.storage import LEDGER, MEDIA, Storage, open_storage
from api.settings import Settings
from api.store.backup import BackupStore
from api.store.engine import connect
from api.store.schema import NEWEST_REVISION, upgrade

Say = Callable[[str], None]


async def restore_backup(settings: Settings, database_url: str, folder: Path, say: Say) -> About:
    """Restore a backup, and bring it to the newest schema. It may be killed and begun again.

    Everything is checked before anything is written; objects come first, and the database in one transaction.

    Raises
    ------
    NoBackupError, DamagedBackupError, NewerBackupError, NotEmptyError, ToolsMissingError
        Nothing was written.
    ToolFailedError, StorageError
        The database is as it was; objects may have been written, and are no trouble to the next attempt.
    OtherCountsError
        The database holds something else than the backup says.
    """
    folder = whole_path(folder)
    about = await asyncio.to_thread(read_about, folder)
    if about.schema > NEWEST_REVISION:
        raise NewerBackupError(folder, about.chaffinch)
    sums = await asyncio.to_thread(read_sums, folder, about)
    storage = open_storage(settings)
    async with connect(database_url, "restore") as connection:
        store = BackupStore(connection)
        if tables := await store.tables():
            what = f"the database has {len(tables)} tables already"
            raise NotEmptyError(what, "create an empty one, and name it in CHAFFINCH_DATABASE_URL")
        await asyncio.to_thread(_require_room, storage, sums)
        tool = await find_tool(settings, "pg_restore", max(await store.major(), about.dumped_by))
        say(f"{len(sums):,} files are checked")
        await asyncio.to_thread(check_files, folder, sums)
        say(f"{about.objects:,} objects are put into {storage.place}")
        await asyncio.to_thread(_put, storage, folder, sums)
        say(f"pg_restore {tool.major} fills the database")
        arguments = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(folder / DUMP))
        await run(tool, database_url, *arguments)
        _compare(about.counts, await store.counts())
        await upgrade(database_url)
        await store.analyze()
    return about


def _require_room(storage: Storage, sums: Mapping[str, str]) -> None:
    """See that the store holds nothing but what an interrupted restore of this backup may have put."""
    for area in (MEDIA, LEDGER):
        for stored in storage.list(area):
            if stored.key not in sums:
                what = f"{storage.place} holds {stored.key}, which is not of this backup"
                raise NotEmptyError(what, "name an empty place in CHAFFINCH_DATA_DIR or CHAFFINCH_MEDIA_URL")


def _put(storage: Storage, folder: Path, sums: Mapping[str, str]) -> None:
    def put(name: str) -> None:
        storage.put(name, (folder / name).read_bytes(), sync=False)

    pictures = [name for name in sums if name.startswith(f"{MEDIA}/")]
    with ThreadPoolExecutor(THREADS if storage.is_remote else 1, thread_name_prefix="restore") as threads:
        for _ in threads.map(put, pictures):
            pass
    for name in sums:
        if name.startswith(f"{LEDGER}/"):
            storage.put_file(name, folder / name)
    storage.flush()


def _compare(wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    other = [
        f"{name} has {found.get(name, 0):,} rows instead of {rows:,}"
        for name, rows in wanted.items()
        if found.get(name, 0) != rows
    ]
    if other:
        raise OtherCountsError(", ".join(other))
