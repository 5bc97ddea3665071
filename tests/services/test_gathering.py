"""Pictures that are far: fetched once, named where they are bad, and not fetched again."""

import asyncio
import random
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from api.manifest import BadRow, read
from api.media.storage import Place
from api.outbound.errors import WrongAnswerError
from api.services.admitting import Report
from api.services.framing import Notice
from api.services.gathering import Fetching
from api.services.importing import Progress, Told, UnknownScoreError, Wishes, import_manifest, import_source
from api.sources import opened
from api.store.engine import Connection, Pool
from tests.services.imports import a_manifest, a_picture, everything

SITE = "https://example.org/"


class Site:
    """Serves the files of a folder, and remembers which were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.patience = 10**9
        self.impatient = asyncio.Event()

    async def __call__(self, url: str, into: Path, limit_bytes: int) -> None:
        assert limit_bytes == 100_000_000
        self.asked.append(url.removeprefix(SITE))
        if len(self.asked) > self.patience:
            self.impatient.set()
            await asyncio.sleep(60)
        await asyncio.sleep(random.uniform(0, 0.003))
        file = self.folder / url.removeprefix(SITE)
        if file.name == "lost.png":
            raise WrongAnswerError(404, 1)
        await asyncio.to_thread(shutil.copy, file, into)


async def bring(
    pool: Pool, manifest: Path, site: Site, folder: Path, tell: Told | None = None, *, again: bool = False
) -> Report:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    fetching = Fetching(site, scratch, again)
    report = await import_source(
        pool, read(manifest), "lenses", Place(folder), fetching=fetching, tell=tell or Told(lambda _: None)
    )
    assert list(scratch.iterdir()) == []
    return report


def far_rows(folder: Path, count: int) -> list[dict[str, object]]:
    return [
        {"external_id": f"galaxy {number}", "location:1": SITE + a_picture(folder, f"{number}.png", number)}
        for number in range(count)
    ]


async def test_far_pictures_are_fetched_once_and_rows_that_changed_again(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    site, rows = Site(tmp_path), far_rows(tmp_path, 130)
    manifest = a_manifest(tmp_path, rows)

    first = await bring(pool, manifest, site, tmp_path)
    asked = len(site.asked)
    second = await bring(pool, manifest, site, tmp_path)
    rows[5] |= {"location:1": rows[6]["location:1"], "metadata:note": "the same as the next"}
    third = await bring(pool, a_manifest(tmp_path, rows), site, tmp_path)
    fourth = await bring(pool, a_manifest(tmp_path, rows[:3]), site, tmp_path, again=True)

    assert (first, asked) == (Report(imported=130), 130)
    assert second == Report(unchanged=130)
    assert third == Report(updated=1, unchanged=129)
    assert fourth == Report(unchanged=3)
    assert (site.asked[130], sorted(site.asked[131:])) == ("6.png", ["0.png", "1.png", "2.png"])
    stored = await everything(database)
    assert stored["galaxy 5"][1][0]["digest"] == stored["galaxy 6"][1][0]["digest"]
    assert stored["galaxy 7"][1][0]["source"] == f"{SITE}7.png"


async def test_an_import_that_was_cut_off_does_not_fetch_again_what_it_has(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    site, rows = Site(tmp_path), far_rows(tmp_path, 450)
    manifest = a_manifest(tmp_path, rows)
    site.patience = 420
    enough = asyncio.Event()

    def follow(now: Progress) -> None:
        if now.report.imported >= 200:
            enough.set()

    importing = asyncio.create_task(bring(pool, manifest, site, tmp_path, Told(follow)))
    await site.impatient.wait()
    await enough.wait()
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    imported = await database.fetchval("SELECT count(*) FROM subject")
    site.asked.clear()
    site.patience = 10**9
    shutil.rmtree(tmp_path / "scratch")

    report = await bring(pool, manifest, site, tmp_path)

    assert imported >= 200
    assert report == Report(imported=450 - imported, unchanged=imported)
    assert len(site.asked) == 450 - imported
    assert await database.fetchval("SELECT count(*) FROM subject") == 450


async def test_what_cannot_be_fetched_or_read_is_a_bad_row(pool: Pool, database: Connection, tmp_path: Path) -> None:
    near = a_picture(tmp_path, "near.png")
    (tmp_path / "words.png").write_text("no picture")
    rows: Sequence[dict[str, object]] = [
        {"external_id": "near", "location:1": near},
        {"external_id": "lost", "location:1": near, "location:2": SITE + "lost.png"},
        {"external_id": "words", "location:1": SITE + "words.png"},
        {"external_id": "both", "location:1": SITE + near, "location:2": near},
    ]
    bad: list[BadRow] = []

    report = await bring(pool, a_manifest(tmp_path, rows), Site(tmp_path), tmp_path, Told(lambda _: None, bad.append))

    assert report == Report(imported=2, bad=2)
    assert [(each.line, each.column, each.problem) for each in bad] == [
        (3, "location:2", f"{SITE}lost.png: the answer is 404"),
        (4, "location", f"{SITE}words.png: this is neither an image nor a video, whatever its name says"),
    ]
    assert [location["source"] for location in (await everything(database))["both"][1]] == [SITE + near, near]


async def test_without_a_way_to_fetch_an_address_is_a_bad_row(pool: Pool, tmp_path: Path) -> None:
    bad: list[BadRow] = []

    report = await import_manifest(
        pool, a_manifest(tmp_path, far_rows(tmp_path, 1)), "lenses", Place(tmp_path), refuse=bad.append
    )

    assert report == Report(bad=1)
    assert str(bad[0]).startswith("line 2, location:1: is an address, and nothing is fetched here")


async def test_the_frames_of_one_subject_are_laid_on_the_first(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    for name, shift in (("g.fits", 0.0), ("r.fits", 8.0)):
        a_frame(tmp_path / name, shift)
    plain = tmp_path / "plain.fits"
    fits.PrimaryHDU(np.arange(100.0, dtype=np.float32).reshape(10, 10)).writeto(plain)
    rows = [
        {"external_id": "star", "location:1": SITE + "g.fits", "location:2": "r.fits"},
        {"external_id": "none", "location:1": "plain.fits"},
    ]
    said: list[Notice] = []

    report = await bring(
        pool, a_manifest(tmp_path, rows), Site(tmp_path), tmp_path, Told(lambda _: None, lambda _: None, said.append)
    )

    rows_stored = await database.fetch(
        "SELECT l.sky::jsonb->>'ra' AS ra, s.ra AS of_subject FROM location l JOIN subject s ON s.id = l.subject_id"
        " WHERE s.external_id = 'star' ORDER BY l.ordinal"
    )
    assert (report.imported, report.bad) == (2, 0)
    assert rows_stored[0]["ra"] == rows_stored[1]["ra"]
    assert float(rows_stored[0]["ra"]) == rows_stored[0]["of_subject"]
    assert [(each.line, each.location) for each in said if "without a position" in each.remark] == [(3, "plain.fits")]


def a_frame(path: Path, shift_pixels: float) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 2.0], [20.0 + shift_pixels, 20.0]
    wcs.wcs.cdelt = [-0.001, 0.001]
    noise = np.random.default_rng(1).normal(size=(40, 40)).astype(np.float32)
    fits.PrimaryHDU(noise, wcs.to_header()).writeto(path)


async def test_a_folder_and_an_archive_of_it_give_the_same_subjects(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    place, scratch = tmp_path / "photos", tmp_path / "scratch"
    (place / "deep").mkdir(parents=True)
    scratch.mkdir()
    names = [a_picture(place, "a.png", 1), "deep/" + a_picture(place / "deep", "b.png", 2)]
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in names:
            archive.write(place / name, f"photos/{name}")

    reports = []
    for source in (place, tmp_path / "photos.zip"):
        async with opened(str(source), scratch, Site(tmp_path)) as rows:
            reports.append(await import_source(pool, rows, "lenses", Place(tmp_path)))

    assert reports == [Report(imported=2), Report(unchanged=2)]
    assert set(await everything(database)) == {"a", "deep/b"}


async def test_the_model_of_a_score_is_kept_until_another_value_comes_without_one(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    row = {"external_id": "a", "location:1": a_picture(tmp_path, "a.png"), "score:cnn": 0.5}
    seen = []
    for value, models in ((0.5, {}), (0.5, {"cnn": "a" * 64}), (0.5, {}), (0.75, {})):
        manifest = read(a_manifest(tmp_path, [row | {"score:cnn": value}]))
        await import_source(pool, manifest, "lenses", Place(tmp_path), wishes=Wishes(score_models=models))
        seen.append(tuple(await database.fetchrow("SELECT revision, model FROM score") or ()))

    assert seen == [(1, None), (2, "a" * 64), (2, "a" * 64), (3, None)]
    with pytest.raises(UnknownScoreError, match="it has cnn"):
        await import_source(pool, manifest, "lenses", Place(tmp_path), wishes=Wishes(score_models={"cmm": "a" * 64}))
