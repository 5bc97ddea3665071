"""A backup of a campaign at work comes back whole, elsewhere, or is refused by name."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from api.backup.errors import DamagedBackupError, FolderTakenError, NoBackupError, NotEmptyError
from api.backup.folder import read_about
from api.backup.restoring import restore_backup
from api.backup.taking import take_backup
from api.media.folder import FolderStorage
from api.services.archiving import Archive
from api.services.house import Services
from api.services.published import PublishedCascades
from api.services.verifying import verify
from api.settings import Settings
from api.store.archiving import table_of
from api.store.backup import BackupStore
from api.store.engine import Connection
from tests.operation.test_archiving import FILL, JANUARY
from tests.services.campaigns import SLUG, Campaign, a_campaign, a_person, a_swipe, deal, subjects_of, submit

PICTURES = 40
SUBJECTS = 4000
"""More than are retired while a backup is made."""


def unsaid(_what: str) -> None:
    """Say nothing."""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", database_url=database_url)


@pytest.fixture
def elsewhere(tmp_path: Path, empty_database_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "elsewhere", database_url=empty_database_url)


@pytest.fixture
async def campaign(services: Services, database: Connection, tmp_path: Path) -> Campaign:
    """A campaign of which 40 subjects have a picture each, and one picture that no subject has."""
    campaign = await a_campaign(services, database, subjects=SUBJECTS)
    storage = FolderStorage(tmp_path / "data")
    for number, subject in enumerate([*campaign.subjects[:PICTURES], 0]):
        digest = f"{number:064x}"
        for suffix in ("-320.webp", "-640.avif", ".mp4", ".json"):
            storage.put(f"media/{digest[:3]}/{digest}{suffix}", f"{number} {suffix}".encode(), sync=False)
        if subject:
            await database.execute(
                "INSERT INTO location (subject_id, ordinal, digest, mime, width, height, blurhash, variants)"
                " VALUES ($1, 1, $2, 'image/png', 320, 320, '', '[[320, 320, 7]]')",
                subject,
                digest,
            )
    return campaign


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def swipe_on(services: Services, campaign: Campaign, stop: asyncio.Event) -> int:
    """Let people swipe until told to stop; return how many swipes were acknowledged."""
    acknowledged = 0
    while not stop.is_set():
        caller = await a_person(campaign)
        for subject in subjects_of(await deal(services, caller, campaign.arc, 10)):
            await submit(services, caller, a_swipe(campaign.arc, subject, "no" if subject % 3 else "yes"))
            acknowledged += 1
        await asyncio.sleep(0.002)
    return acknowledged


@pytest.fixture
async def restored(elsewhere: Settings) -> AsyncIterator[Connection]:
    """A connection to the database that is restored to."""
    assert elsewhere.database_url is not None
    connection = await asyncpg.connect(elsewhere.database_url)
    yield connection
    await connection.close()


async def restore(elsewhere: Settings, folder: Path) -> None:
    assert elsewhere.database_url is not None
    await restore_backup(elsewhere, elsewhere.database_url, folder, unsaid)


async def backed_up(settings: Settings, folder: Path) -> Path:
    assert settings.database_url is not None
    return (await take_backup(settings, settings.database_url, folder, unsaid)).folder


async def test_a_backup_that_was_taken_under_load_comes_back_elsewhere(
    services: Services,
    campaign: Campaign,
    settings: Settings,
    elsewhere: Settings,
    restored: Connection,
    tmp_path: Path,
) -> None:
    stop = asyncio.Event()
    swiping = asyncio.create_task(swipe_on(services, campaign, stop))
    await asyncio.sleep(0.3)
    folder = await backed_up(settings, tmp_path / "backups" / "one")
    await asyncio.sleep(0.1)
    stop.set()
    acknowledged = await swiping

    await restore(elsewhere, folder)

    about = read_about(folder)
    assert await BackupStore(restored).counts() == about.counts
    assert 0 < about.counts["classification"] < acknowledged
    found = await verify(restored, PublishedCascades(), SLUG)
    assert (found.votes, found.discrepancies) == (about.counts["classification"], [])
    pictures = sorted(path.name for path in (tmp_path / "elsewhere" / "media").rglob("*") if path.is_file())
    assert len(pictures) == about.objects == 4 * PICTURES
    assert (about.missing, f"{PICTURES:064x}.json" in pictures) == (0, False)


async def test_archived_months_go_with_it(
    services: Services,
    campaign: Campaign,
    database: Connection,
    settings: Settings,
    elsewhere: Settings,
    restored: Connection,
    tmp_path: Path,
) -> None:
    assert services.health is not None
    assert campaign.arc
    assert settings.database_url is not None
    assert elsewhere.database_url is not None
    await database.execute(
        f"CREATE TABLE {table_of(JANUARY)} PARTITION OF classification"
        " FOR VALUES FROM ('2025-01-01T00:00Z') TO ('2025-02-01T00:00Z')"
    )
    await database.execute(FILL, 100, 500)
    before = await database.fetch("SELECT * FROM classification ORDER BY received_at")
    await Archive(database, settings.database_url, FolderStorage(settings.data_dir), tmp_path / "x").archive(JANUARY)

    await restore(elsewhere, await backed_up(settings, tmp_path / "one"))
    archive = Archive(restored, elsewhere.database_url, FolderStorage(elsewhere.data_dir), tmp_path / "y")
    await archive.restore(JANUARY)

    assert await restored.fetch("SELECT * FROM classification ORDER BY received_at") == before


@pytest.mark.usefixtures("campaign")
async def test_a_month_goes_with_the_backup_only_as_the_file_that_was_archived(
    database: Connection, settings: Settings, tmp_path: Path
) -> None:
    storage = FolderStorage(settings.data_dir)
    said: list[str] = []
    assert settings.database_url is not None
    key, other = "ledger/2025-01.parquet", "ledger/2025-02.parquet"

    async def archived(month: str, content: bytes, of_content: bytes) -> None:
        storage.put(f"ledger/{month}.parquet", content, sync=False)
        await database.execute("DELETE FROM archived_month WHERE path = $1", f"ledger/{month}.parquet")
        await database.execute(
            "INSERT INTO archived_month (month, path, rows, sha256) VALUES ($1, $2, 1, $3)",
            date.fromisoformat(f"{month}-01"),
            f"ledger/{month}.parquet",
            hashlib.sha256(of_content).hexdigest(),
        )

    await archived("2025-01", b"as it was", b"as it was")
    await backed_up(settings, tmp_path / "backups" / "first")
    await archived("2025-01", b"came back", b"came back")
    await archived("2025-02", b"of another time", b"as it was")
    second = await take_backup(settings, settings.database_url, tmp_path / "backups" / "second", said.append)

    assert (second.folder / key).read_bytes() == b"came back"
    assert (second.about.missing, (second.folder / other).exists()) == (1, False)
    assert [line for line in said if line.startswith(other)]


@pytest.mark.usefixtures("campaign")
async def test_a_second_backup_takes_only_what_is_new(settings: Settings, tmp_path: Path) -> None:
    first = await backed_up(settings, tmp_path / "backups" / "first")
    assert settings.database_url is not None
    second = await take_backup(settings, settings.database_url, tmp_path / "backups" / "second", unsaid)

    webp = f"media/000/{1:064x}-320.webp"
    assert (second.about.objects, second.new_objects) == (4 * PICTURES, PICTURES)
    assert (first / webp).samefile(second.folder / webp)
    checked = await asyncio.to_thread(
        subprocess.run,
        ["sha256sum", "--quiet", "-c", "SHA256SUMS"],
        cwd=second.folder,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, b"")
    with pytest.raises(FolderTakenError):
        await backed_up(settings, first)


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("name", ["database.dump", f"media/000/{7:064x}-320.webp", "SHA256SUMS"])
async def test_a_damaged_backup_is_refused_with_the_file_named(
    settings: Settings, elsewhere: Settings, restored: Connection, tmp_path: Path, name: str
) -> None:
    folder = await backed_up(settings, tmp_path / "one")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(DamagedBackupError, match=f"{name} is not as it was written"):
        await restore(elsewhere, folder)
    (folder / name).unlink()
    with pytest.raises(DamagedBackupError, match=f"{name} is missing"):
        await restore(elsewhere, folder)

    assert await BackupStore(restored).tables() == []
    assert not (tmp_path / "elsewhere" / "media").exists()


@pytest.mark.usefixtures("campaign")
async def test_nothing_is_restored_over_something(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    folder = await backed_up(settings, tmp_path / "one")

    with pytest.raises(NotEmptyError, match="tables already"):
        await restore(settings, folder)
    FolderStorage(elsewhere.data_dir).put("media/abc/mine", b"x")
    with pytest.raises(NotEmptyError, match="holds media/abc/mine"):
        await restore(elsewhere, folder)
    with pytest.raises(NoBackupError, match=r"it has no backup\.json"):
        await restore(elsewhere, tmp_path)


KILLED = """
import os, signal
from api.backup import taking
copy, left = taking._copy_one, [20]

def copy_some(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(*arguments)

taking._copy_one = copy_some
from api.cli import main
main()
"""


@pytest.mark.usefixtures("campaign")
async def test_a_killed_backup_is_none_and_the_next_attempt_makes_it(
    settings: Settings, elsewhere: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "backups" / "one"

    command = [sys.executable, "-c", KILLED, "backup", str(folder)]
    killed = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, check=False)
    left = names_in(folder.parent)
    with pytest.raises(NoBackupError):
        await restore(elsewhere, folder)
    with pytest.raises(NoBackupError):
        await restore(elsewhere, folder.parent / left[0])
    await backed_up(settings, folder)
    await restore(elsewhere, folder)

    assert (killed.returncode, left) == (-signal.SIGKILL, [".one.part"])
    assert names_in(folder.parent) == ["one"]
    assert json.loads((folder / "backup.json").read_text())["objects"] == 4 * PICTURES
    assert len(list((tmp_path / "elsewhere" / "media").rglob("*.avif"))) == PICTURES
