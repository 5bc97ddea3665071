import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

from api.manifest import BadHeaderError, BadRow, UnreadableManifestError
from api.media.storage import Place
from api.services.admitting import Report
from api.services.importing import MediaStoreError, import_manifest, import_rows
from api.store.engine import Connection, Pool, open_pool
from cascade.vocabulary import Answer, StageState
from tests.services.imports import ARC_THEN_LENS, a_manifest, a_picture, a_row, everything, many_rows, publish, stages

ROOT = Path(__file__).parents[2]
SPACEWARPS = ROOT.parent / "shared" / "data" / "subjects"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, 4)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_row_becomes_a_subject_with_all_that_is_known_of_it(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    row = {
        "external_id": "ASW1",
        "location:1": a_picture(tmp_path, "one.png"),
        "location:2": a_picture(tmp_path, "two.png", 7),
        "metadata:#ra": "30.3",
        "gold:arc": "yes",
        "explanation:arc": "The blue ring.",
        "score:cnn": "0.25",
    }

    report = await import_manifest(pool, a_manifest(tmp_path, [row]), "lenses", Place(tmp_path), title="Lenses")

    [metadata, locations, scores, gold] = (await everything(database))["ASW1"]
    assert report == Report(imported=1)
    assert dict(await database.fetchrow("SELECT slug, title, version_id FROM project") or {}) == {
        "slug": "lenses",
        "title": "Lenses",
        "version_id": None,
    }
    assert metadata == {"#ra": "30.3"}
    assert scores == [{"name": "cnn", "value": 0.25, "model": None, "revision": 1}]
    project_id = await database.fetchval("SELECT id FROM project")
    assert gold == [
        {
            "workflow": "arc",
            "revision": 1,
            "project_id": project_id,
            "truth": 1,
            "explanation": "The blue ring.",
            "current": True,
        }
    ]
    assert [location["ordinal"] for location in locations] == [0, 1]
    for location, name in zip(locations, ("one.png", "two.png"), strict=True):
        digest = sha256((tmp_path / name).read_bytes()).hexdigest()
        webp = tmp_path / "media" / digest[:3] / f"{digest}-16.webp"
        assert (location["digest"], location["mime"], location["width"], location["height"]) == (
            digest,
            "image/png",
            16,
            12,
        )
        assert location["variants"] == [[16, 12, webp.stat().st_size]]
        assert len(location["blurhash"]) > 20


async def test_bad_rows_are_reported_with_their_lines_and_the_rest_is_imported(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    sound = a_picture(tmp_path, "sound.png")
    unfinished = tmp_path / "unfinished.png"
    unfinished.write_bytes((tmp_path / sound).read_bytes()[:60])
    (tmp_path / "words.png").write_text("no picture")
    rows = [
        {"external_id": "first", "location:1": sound, "location:2": sound, "gold:arc": "no"},
        {"external_id": "cut", "location:1": sound, "location:2": unfinished.name},
        {"external_id": "guess", "location:1": sound, "location:2": sound, "gold:arc": "maybe"},
        {"external_id": "lost", "location:1": "lost.png", "location:2": sound},
        {"external_id": "words", "location:1": "", "location:2": "words.png"},
        {"external_id": "first", "location:1": sound},
        {"external_id": "last", "location:1": sound},
    ]
    bad: list[BadRow] = []

    report = await import_manifest(pool, a_manifest(tmp_path, rows), "lenses", Place(tmp_path), refuse=bad.append)

    assert report == Report(imported=2, bad=5)
    assert set(await everything(database)) == {"first", "last"}
    assert [(each.line, each.column) for each in bad] == [
        (3, "location:2"),
        (4, "gold:arc"),
        (5, "location:1"),
        (6, "location"),
        (7, "external_id"),
    ]
    assert [each.problem for each in bad][2] == "lost.png: there is no such file"
    assert bad[0].problem.startswith("unfinished.png: the image is unfinished or damaged")


async def test_a_second_run_writes_nothing(pool: Pool, database: Connection, tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, many_rows(tmp_path, 30))
    await publish(pool, ARC_THEN_LENS)
    first = await import_manifest(pool, manifest, "lenses", Place(tmp_path))
    before = await _versions_of_all_rows(database)
    pictures = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*.*")}

    second = await import_manifest(pool, manifest, "lenses", Place(tmp_path))

    assert first == Report(imported=30, entered=27)
    assert second == Report(unchanged=30)
    assert await _versions_of_all_rows(database) == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*.*")} == pictures


async def _versions_of_all_rows(database: Connection) -> list[tuple[str, str, str]]:
    """Return the transactions that wrote and locked each row, and its place."""
    tables = ("project", "subject", "location", "gold_standard", "score", "stage", "dealable")
    return [
        (table, str(row[0]), str(row[1]))
        for table in tables
        for row in await database.fetch(f"SELECT xmin, ctid FROM {table} ORDER BY ctid")
    ]


async def test_another_import_updates_what_its_columns_say_and_keeps_the_rest(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    old = {
        "external_id": "a",
        "location:1": a_picture(tmp_path, "old.png"),
        "metadata:note": "faint",
        "metadata:ra": "1.5",
        "metadata:dec": "2.5",
        "gold:arc": "yes",
        "explanation:arc": "See the arc.",
        "gold:lens": "yes",
        "score:cnn": 0.5,
        "score:other": 0.125,
    }
    new = {
        "external_id": "a",
        "location:1": a_picture(tmp_path, "new.png", 9),
        "metadata:note": "",
        "metadata:ra": "1.75",
        "gold:arc": "no",
        "gold:lens": "",
        "score:cnn": 0.75,
    }
    await import_manifest(pool, a_manifest(tmp_path, [old]), "lenses", Place(tmp_path))
    number = await database.fetchval("SELECT id FROM subject")

    report = await import_manifest(pool, a_manifest(tmp_path, [new]), "lenses", Place(tmp_path))

    metadata, locations, scores, gold = (await everything(database))["a"]
    assert report == Report(updated=1, gold_kept=1)
    assert await database.fetchval("SELECT id FROM subject") == number
    assert metadata == {"ra": "1.75", "dec": "2.5"}
    assert [location["digest"] for location in locations] == [sha256((tmp_path / "new.png").read_bytes()).hexdigest()]
    assert scores == [
        {"name": "cnn", "value": 0.75, "model": None, "revision": 2},
        {"name": "other", "value": 0.125, "model": None, "revision": 1},
    ]
    assert [(g["workflow"], g["revision"], g["truth"], g["explanation"], g["current"]) for g in gold] == [
        ("arc", 1, 1, "See the arc.", False),
        ("arc", 2, 0, "See the arc.", True),
        ("lens", 1, 1, None, True),
    ]


async def test_rows_without_pictures_leave_the_pictures_of_a_subject_alone(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "a", "location:1": a_picture(tmp_path, "a.png"), "metadata:x": 1}])
    await import_manifest(pool, manifest, "lenses", Place(tmp_path))

    report = await import_rows(pool, "lenses", [a_row("a", metadata={"y": "2"}), a_row("b", gold={"arc": Answer.NO})])

    found = await everything(database)
    assert report == Report(imported=1, updated=1)
    assert found["a"][0] == {"x": "1", "y": "2"}
    assert len(found["a"][1]) == 1
    assert (found["b"][1], found["b"][3][0]["truth"]) == (None, 0)


async def test_gold_of_an_unknown_workflow_is_a_bad_header_once_a_cascade_is_published(
    pool: Pool, tmp_path: Path
) -> None:
    row = {"external_id": "a", "location:1": a_picture(tmp_path, "a.png"), "gold:arcs": "yes"}
    manifest = a_manifest(tmp_path, [row])
    before = await import_manifest(pool, manifest, "lenses", Place(tmp_path))
    await publish(pool, ARC_THEN_LENS)

    with pytest.raises(BadHeaderError) as refused:
        await import_manifest(pool, manifest, "lenses", Place(tmp_path))

    assert before == Report(imported=1)
    assert str(refused.value) == (
        "manifest.csv: line 1, column 3 (gold:arcs) names no workflow of the published cascade; did you mean arc?."
    )


async def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await publish(pool, ARC_THEN_LENS)
    manifest = a_manifest(tmp_path, many_rows(tmp_path, 700))

    for enough in (1, 150, 350):
        await _import_and_kill(database, database_url, manifest, enough)
    left = 700 - await database.fetchval("SELECT count(*) FROM subject")
    report = await import_manifest(pool, manifest, "lenses", Place(tmp_path))

    assert report == Report(imported=left, unchanged=700 - left, entered=report.entered)
    found = await everything(database)
    assert {name: each[0] for name, each in found.items()} == {f"galaxy {n}": {"number": str(n)} for n in range(700)}
    assert all(len(each[1]) == 1 for each in found.values())
    gold = {f"galaxy {n}" for n in range(0, 700, 10)}
    assert {name for name, each in found.items() if each[3]} == gold
    assert await stages(database) == {name: ("arc", StageState.OPEN, True) for name in found if name not in gold}


async def _import_and_kill(database: Connection, database_url: str, manifest: Path, enough: int) -> None:
    """Start an import in a process of its own, and kill it when some subjects, or the first pictures, are there."""
    program = "from api.cli.subjects import app; app()"
    process = subprocess.Popen(  # noqa: ASYNC220  # starts at once
        [sys.executable, "-c", program, "import", str(manifest), "--project", "lenses"],
        cwd=ROOT,
        env=os.environ | {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(manifest.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    with process:
        while process.poll() is None and time.monotonic() < deadline:
            pictures = any((manifest.parent / "media").rglob("*.json")) if enough == 1 else False
            if pictures or await database.fetchval("SELECT count(*) FROM subject") >= enough:
                break
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, (process.stderr or sys.stderr).read()


async def test_a_media_folder_that_cannot_be_written_ends_the_import(pool: Pool, tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "a", "location:1": a_picture(tmp_path, "a.png")}])
    (tmp_path / "media").write_text("a file where a folder should be")

    with pytest.raises(MediaStoreError, match="cannot be written"):
        await import_manifest(pool, manifest, "lenses", Place(tmp_path))


async def test_a_manifest_that_is_not_there_creates_no_project(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableManifestError):
        await import_manifest(pool, tmp_path / "none.csv", "lenses", Place(tmp_path))

    assert await database.fetchval("SELECT count(*) FROM project") == 0


async def test_real_lenses_are_imported_with_their_gold(pool: Pool, database: Connection, tmp_path: Path) -> None:
    if not (SPACEWARPS / "spacewarps.csv").exists():
        pytest.skip("the Space Warps subjects are not beside this checkout, in ../shared/data/subjects")
    manifest = _space_warps_manifest(tmp_path)
    await publish(pool, ARC_THEN_LENS)
    bad: list[BadRow] = []

    report = await import_manifest(pool, manifest, "lenses", Place(tmp_path), root=SPACEWARPS, refuse=bad.append)

    assert report == Report(imported=399, bad=30, entered=357), "30 of the 429 rows name a subject a second time"
    assert {each.column for each in bad} == {"external_id"}
    assert await database.fetchval("SELECT count(*) FROM location") == 399
    assert len(await stages(database)) == 357


def _space_warps_manifest(folder: Path) -> Path:
    """Write a manifest of the real subjects; the first fifty are gold by the experts' grade."""
    rows: list[Mapping[str, object]] = []
    with (SPACEWARPS / "spacewarps.csv").open(encoding="utf-8") as file:
        names = next(file).strip().split(",")
        for number, line in enumerate(file):
            values = dict(zip(names, line.strip().split(","), strict=True))
            rows.append(
                {
                    "external_id": values["zooid"],
                    "location:1": SPACEWARPS / values["image"],
                    "metadata:ra": values["ra"],
                    "metadata:dec": values["dec"],
                    "gold:arc": ("no", "yes")[float(values["expert_grade"] or 0) >= 2] if number < 50 else "",
                    "score:swap": values["P"],
                }
            )
    return a_manifest(folder, rows)
