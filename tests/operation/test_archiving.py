"""Months of the ledger leave the database and come back, and nothing is lost on the way."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.media.folder import FolderStorage
from api.services import archiving
from api.services.archiving import (
    Archive,
    ArchivingElsewhereError,
    DamagedArchiveError,
    LedgerArchivedError,
    MonthChangedError,
    NotArchivedError,
    archived_batches,
)
from api.services.house import Services
from api.services.published import PublishedCascades
from api.services.verifying import verify
from api.settings import Settings
from api.store.archiving import ARCHIVE_LOCK, ArchiveStore
from api.store.engine import Connection
from api.worker import work
from tests.services.campaigns import SLUG, a_campaign, a_swipe, deal, people, subjects_of, submit

JANUARY, MARCH = date(2025, 1, 1), date(2025, 3, 1)
FILE = "ledger/2025-01.parquet"

FILL = """
INSERT INTO classification (received_at, kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt,
    answer, flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at, dwell_ms, session,
    utc_offset_minutes, language, source, truth)
SELECT timestamptz '2025-01-01 00:00Z' + i * interval '1 s' * $1, i % 2, i, i + 7, i % 3, i * 11,
       gen_random_uuid(), 0, i % 3, i % 5 = 0, 1, 0, i, -i, i * 2, i, 1, now(), 900,
       CASE WHEN i % 2 = 0 THEN 'sitting ü' END,
       CASE WHEN i % 3 = 0 THEN -330 END, CASE WHEN i % 4 = 0 THEN 'de' END, 'phone', CASE WHEN i % 7 = 0 THEN 1 END
FROM generate_series(1, $2::int) i
"""


@pytest.fixture
async def old(database: Connection) -> Connection:
    """A database with 3,000 votes in January 2025 and some in March."""
    for month, until in ((JANUARY, "2025-02-01"), (MARCH, "2025-04-01")):
        await database.execute(
            f"CREATE TABLE classification_{month:%Y_%m} PARTITION OF classification"
            f" FOR VALUES FROM ('{month}T00:00Z') TO ('{until}T00:00Z')"
        )
    await database.execute(FILL, 800, 3000)
    await database.execute(
        "UPDATE classification SET received_at = received_at + interval '59 d' WHERE person_id > 2900"
    )
    return database


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "data")


@pytest.fixture
def archive(old: Connection, database_url: str, storage: FolderStorage, tmp_path: Path) -> Archive:
    return Archive(old, database_url, storage, tmp_path / "data" / "scratch")


async def rows(database: Connection) -> list[Any]:
    """Return the whole ledger."""
    return await database.fetch("SELECT * FROM classification ORDER BY received_at, person_id")


async def test_a_month_that_left_and_came_back_is_the_same(archive: Archive, old: Connection) -> None:
    before = await rows(old)

    archived = await archive.archive(JANUARY)
    without = await rows(old)
    restored = await archive.restore(JANUARY)

    assert archived is not None
    assert archived == restored
    assert (archived.path, archived.rows) == (FILE, sum(row["received_at"].month == 1 for row in before))
    assert without == [row for row in before if row["received_at"].month != 1]
    assert await rows(old) == before
    assert await ArchiveStore(old).archived_months() == []
    assert await ArchiveStore(old).has_partition(JANUARY)


async def test_a_month_is_counted_by_day_before_it_leaves(archive: Archive, old: Connection) -> None:
    await old.execute("INSERT INTO project (slug) VALUES ('lenses')")
    await old.execute("INSERT INTO workflow (project_id, name, question) VALUES (1, 'arc', 'Is there an arc?')")
    votes = await old.fetchval("SELECT count(*) FROM classification WHERE kind = 0 AND workflow_id = 1")

    await archive.archive(JANUARY)

    assert await old.fetchval("SELECT sum(votes) FROM activity_day") == votes > 0


async def test_the_file_is_read_by_others_and_by_workflow(
    archive: Archive, old: Connection, storage: FolderStorage, tmp_path: Path
) -> None:
    order = "received_at, workflow_id, subject_id, ordinal, kind, client_id"
    wanted = await old.fetch(
        f"SELECT * FROM classification WHERE workflow_id = 2 AND received_at < '2025-02-01Z' ORDER BY {order}"
    )

    archived = await archive.archive(JANUARY)
    assert archived is not None
    found = [row for batch in archived_batches(storage, archived, [2]) for row in batch.to_pylist()]

    assert found == [dict(row) for row in wanted]
    assert pq.read_table(tmp_path / "data" / FILE).num_rows == archived.rows


async def test_only_months_that_ended_long_enough_ago_are_due(archive: Archive) -> None:
    assert await archive.due(date(2026, 1, 31), 12) == []
    assert await archive.due(date(2026, 2, 1), 12) == [JANUARY]
    assert await archive.due(date(2026, 4, 1), 12) == [JANUARY, MARCH]


async def test_a_month_that_is_written_to_meanwhile_stays(
    archive: Archive, old: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = archiving.fetch_month

    def fetch_late(*arguments: Any) -> None:
        asyncio.run(_change(database_url))
        fetch(*arguments)

    monkeypatch.setattr(archiving, "fetch_month", fetch_late)
    count = len(await rows(old))

    with pytest.raises(MonthChangedError):
        await archive.archive(JANUARY)

    assert len(await rows(old)) == count
    assert await ArchiveStore(old).archived_months() == []


async def _change(database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    await other.execute("UPDATE classification SET answer = 1 - answer WHERE person_id = 500")
    await other.close()


async def test_a_damaged_file_is_not_restored(archive: Archive, old: Connection, tmp_path: Path) -> None:
    await archive.archive(JANUARY)
    file = tmp_path / "data" / FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(DamagedArchiveError, match=r"ledger/2025-01\.parquet in .* is damaged"):
        await archive.restore(JANUARY)
    file.unlink()
    with pytest.raises(DamagedArchiveError, match="is not there"):
        await archive.restore(JANUARY)

    assert len(await ArchiveStore(old).archived_months()) == 1
    assert not await ArchiveStore(old).has_partition(JANUARY)


async def test_what_came_late_is_kept_beside_the_file_and_goes_home_with_it(archive: Archive, old: Connection) -> None:
    await archive.archive(JANUARY)
    left = len(await rows(old))
    await old.execute(FILL, 60, 10)
    assert len(await rows(old)) == left + 10

    await archive.restore(JANUARY)

    assert await old.fetchval("SELECT count(*) FROM classification_default") == 0
    assert len(await rows(old)) == 3010


async def test_an_export_holds_nobody_up_and_is_not_cut_off(
    archive: Archive, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "PAUSE_SECONDS", 0.1)
    export, swipe = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    reading = export.transaction(isolation="repeatable_read")
    await reading.start()
    count = await export.fetchval("SELECT count(*) FROM classification")

    moving = asyncio.create_task(archive.archive(JANUARY))
    waits = []
    for number in range(10):
        began = asyncio.get_running_loop().time()
        await swipe.execute(FILL.replace("2025-01-01 00:00Z", "2026-11-20 00:00Z"), number, 1)
        waits.append(asyncio.get_running_loop().time() - began)
        await asyncio.sleep(0.1)
    assert await export.fetchval("SELECT count(*) FROM classification") == count
    assert not moving.done()
    await reading.rollback()
    archived = await moving
    await export.close()
    await swipe.close()

    assert archived is not None
    assert max(waits) < 1.5


async def test_one_archives_at_a_time(archive: Archive, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    await ArchiveStore(other).claim()

    with pytest.raises(ArchivingElsewhereError):
        await archive.archive(JANUARY)
    await other.close()


async def test_what_is_not_archived_cannot_be_restored(archive: Archive) -> None:
    with pytest.raises(NotArchivedError, match="2025-03 is not archived"):
        await archive.restore(MARCH)


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from api.media.folder import FolderStorage
from api.services import archiving
from api.settings import Settings
from api.store.archiving import ArchiveStore
from api.store.engine import connect

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

where, url, folder = sys.argv[1:]
if where == "reading":
    archiving.write_month = die
elif where == "checking":
    archiving.fetch_month = die
elif where == "noted":
    ArchiveStore.drop = die

async def main():
    async with connect(url, "ledger") as connection:
        storage = FolderStorage(Path(folder))
        await archiving.Archive(connection, url, storage, Path(folder, "scratch")).archive(date(2025, 1, 1))
        die()

asyncio.run(main())
"""


async def let_go(database: Connection) -> None:
    """Wait until the server has seen that an archiver is gone, which takes a moment on a busy machine."""
    await database.execute("SELECT pg_advisory_lock($1)", ARCHIVE_LOCK, timeout=30)
    await database.execute("SELECT pg_advisory_unlock($1)", ARCHIVE_LOCK)


@pytest.mark.parametrize("where", ["reading", "checking", "noted", "committed"])
async def test_a_kill_at_any_point_loses_nothing_and_the_next_goes_on(
    archive: Archive, old: Connection, database_url: str, tmp_path: Path, where: str
) -> None:
    before = await rows(old)

    command = [sys.executable, "-c", KILLED, where, database_url, str(tmp_path / "data")]
    killed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    await let_go(old)
    left = await rows(old)
    for month in await archive.due(date(2026, 11, 21), 12):
        await archive.archive(month)
    without = await rows(old)
    for month in (JANUARY, MARCH):
        await archive.restore(month)

    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")
    assert len(left) == (len(before) if where != "committed" else sum(row["received_at"].month > 1 for row in before))
    assert without == []
    assert await rows(old) == before


async def test_a_project_is_verified_with_its_archived_months(
    services: Services,
    database: Connection,
    database_url: str,
    storage: FolderStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = await a_campaign(services, database, gold=(3, 3))
    for caller in await people(campaign, 2):
        deck = await deal(services, caller, campaign.arc, 9)
        await submit(services, caller, *(a_swipe(campaign.arc, subject) for subject in subjects_of(deck)))
    month = datetime.now(UTC).date().replace(day=1)

    archived = await Archive(database, database_url, storage, tmp_path / "scratch").archive(month)

    assert archived is not None
    assert await database.fetchval("SELECT count(*) FROM classification") == 0
    with pytest.raises(LedgerArchivedError, match=f"the votes of {month:%Y-%m} are archived"):
        await verify(database, PublishedCascades(), SLUG)
    found = await verify(database, PublishedCascades(), SLUG, storage)
    assert (found.votes > 0, found.gold_votes > 0, found.discrepancies) == (True, True, [])

    def of_before_calibrations(*args: Any) -> Iterator[pa.RecordBatch]:
        yield from (batch.drop_columns(["calibration"]) for batch in archived_batches(*args))

    monkeypatch.setattr("api.services.verifying.archived_batches", of_before_calibrations)
    assert await verify(database, PublishedCascades(), SLUG, storage) == found


async def test_the_worker_archives_when_the_settings_say_so(old: Connection, database_url: str, tmp_path: Path) -> None:
    stop = asyncio.Event()
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, archive_after_months=12)

    working = asyncio.create_task(work(database_url, stop, settings))
    async with asyncio.timeout(30):
        while len(await ArchiveStore(old).archived_months()) < 2:  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.05)
    stop.set()
    await working

    assert (tmp_path / "data" / FILE).is_file()


@pytest.mark.usefixtures("old")
def test_the_commands_say_what_they_do(environment: dict[str, str]) -> None:
    def chaffinch(*arguments: str) -> str:
        done = CliRunner(env=environment).invoke(app, ["ledger", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert chaffinch("archive", "--older-than-months", "1", "--dry-run") == (
        "2025-01 would be archived.\n2025-03 would be archived.\n"
    )
    assert chaffinch("archive", "--older-than-months", "1") == (
        "2025-01 lies in ledger/2025-01.parquet now, with 2,900 rows.\n"
        "2025-03 lies in ledger/2025-03.parquet now, with 100 rows.\n"
    )
    assert chaffinch("list").splitlines()[1].split() == ["2025-01", FILE, "2,900"]
    assert chaffinch("restore", "2025-03") == "2025-03 is in the database again, with 100 rows.\n"
