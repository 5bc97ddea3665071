"""AVIF beside WebP: where it is smaller, once, by one worker, and without an end to anything else."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, features

from api.errors import UnknownMediaError
from api.media.avif import AvifMaker, worthy
from api.media.storage import Place
from api.media.variants import AVIF, WEBP
from api.services.importing import import_manifest
from api.services.pictures import Pictures
from api.services.recoding import MADE, Recoding
from api.store.engine import Connection, Pool
from tests.services.harvest import Connect
from tests.services.imports import a_manifest

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")


class Counting:
    """Makes nothing, and tells of what it was asked to."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def make(self, digest: str, widths: Sequence[int]) -> int:
        self.asked.append(digest)
        return len(widths)


async def imported(pool: Pool, folder: Path, *sides: int) -> None:
    rows = []
    for number, side in enumerate(sides):
        Image.effect_noise((side, side), 30 + number).convert("RGB").save(folder / f"{number}.png")
        rows.append({"external_id": f"s{number:02}", "location:1": f"{number}.png"})
    await import_manifest(pool, a_manifest(folder, rows), "lenses", Place(folder))


async def tried(database: Connection) -> int:
    count: int = await database.fetchval("SELECT count(*) FROM location WHERE avif")
    return count


def test_avif_is_made_of_pictures_half_as_wide_again() -> None:
    assert worthy([320, 640, 1080, 1600]) == [320, 640]
    assert worthy([320, 480]) == [320]
    assert worthy([320, 400]) == []
    assert worthy([256]) == []


async def test_pictures_get_avif_where_it_is_worth_it(pool: Pool, database: Connection, tmp_path: Path) -> None:
    await imported(pool, tmp_path, 700, 100)
    pictures = Pictures(Place(tmp_path).open())
    large, small = [row[0] for row in await database.fetch("SELECT digest FROM location ORDER BY subject_id")]
    before = await pictures.read(large, 320, avif=True)

    async with AvifMaker(Place(tmp_path)) as maker:
        assert await Recoding(maker).turn(database) == 2
        assert await Recoding(maker).turn(database) == 0

    after = await pictures.read(large, 320, avif=True)
    assert (before.media_type, after.media_type) == (WEBP, AVIF)
    assert len(after.content) < len(before.content)
    assert (await pictures.read(large, 320, avif=False)) == before
    assert (await pictures.read(large, 640, avif=True)).media_type == WEBP
    with pytest.raises(UnknownMediaError):
        await pictures.read_avif(small, 100)
    assert await tried(database) == 2


async def test_a_round_makes_few_and_passes_over_those_that_need_none(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    await imported(pool, tmp_path, *([50] * 8), *([500 + n for n in range(MADE + 2)]), 50)
    maker = Counting()
    recoding = Recoding(maker)

    assert await recoding.turn(database) == 8 + MADE
    assert await recoding.turn(database) == 3
    assert len(maker.asked) == len(set(maker.asked)) == MADE + 2


async def test_one_worker_makes_avif_at_a_time(
    pool: Pool, connect: Connect, database: Connection, tmp_path: Path
) -> None:
    await imported(pool, tmp_path, 50)
    recoding = Recoding(Counting())
    other = await connect()

    assert await recoding.turn(database) == 1
    assert await recoding.turn(other) == 0
    assert await tried(other) == 1


async def test_a_maker_that_is_killed_while_idle_costs_no_picture_and_holds_nobody_up(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    await imported(pool, tmp_path, 700)
    digest, widths = await database.fetchval("SELECT digest FROM location"), [320, 640, 700]
    others = {child.pid for child in multiprocessing.active_children()}

    async with AvifMaker(Place(tmp_path)) as maker:
        made = [await maker.make(digest, widths)]
        for _ in range(2):
            for child in multiprocessing.active_children():
                if child.pid not in others:
                    child.kill()
                    await asyncio.to_thread(child.join)
            await asyncio.sleep(0.5)  # the executor hears of it in a thread of its own
            made.append(await maker.make(digest, widths) if len(made) == 1 else 0)
        began = time.monotonic()

    assert made == [1, 1, 0]
    assert time.monotonic() - began < 10


async def test_a_picture_that_is_gone_is_tried_but_once(pool: Pool, database: Connection, tmp_path: Path) -> None:
    await imported(pool, tmp_path, 700)
    for path in (tmp_path / "media").rglob("*.webp"):
        path.unlink()

    async with AvifMaker(Place(tmp_path)) as maker:
        assert await Recoding(maker).turn(database) == 1

    assert await tried(database) == 1
