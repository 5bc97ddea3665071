"""Campaigns for the tests of pages, served by a process that can be killed, and a look at what reached the database."""

import asyncio
import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
from PIL import Image, ImageDraw

from api.factory import open_services
from api.media.storage import place_of
from api.services.activity import fold
from api.services.importing import import_manifest
from api.services.totals import Totals
from api.settings import Settings
from api.store.engine import open_pool
from tests.media.films import a_film

MEADOW, LESSON, POND, FILM, GLADE = "meadow", "lesson", "pond", "film", "glade"
"""Many subjects and no gold; gold of both kinds among others; three subjects; one, which is a video; and one for
moderators, where a single answer decides."""

SUBJECTS: Final = {MEADOW: 90, LESSON: 30, POND: 3, FILM: 1, GLADE: 160}
GOLD: Final = {LESSON: 14, GLADE: 24}
VOTES: Final = {GLADE: 1}
DRAWN: Final = {GLADE: 24}
"""So many pictures are drawn, where more would only take time: subjects share them."""

SECRET: Final = "nobody-may-see-this"
WHY: Final = "The wing has a white bar."

CASCADE: Final = """
project: {slug}
title: Birds of the {slug}
workflows:
  - name: bird
    question: Is there a bird in the picture?
    guide: Look for a beak.
    policy: {{count: {count}}}
    audit: 0
    then: {{yes: nest, no: retire}}
  - name: nest
    question: Is it at its nest?
    level: 2
    policy: {{count: 1}}
"""
START_SECONDS: Final = 60
SERVING: Final = re.compile(r"Chaffinch serves at (\S+)")


@dataclass
class Service:
    """A service in a process of its own, over a database that outlives it."""

    database_url: str
    data_dir: Path
    settings: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")}
        env = kept | {"CHAFFINCH_DATABASE_URL": self.database_url, "CHAFFINCH_DATA_DIR": str(self.data_dir)}
        env["CHAFFINCH_LIMITS"] = "false"  # every phone of these tests has one address
        env |= self.settings
        program = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", "0"]
        said = self.data_dir / "service.log"
        with said.open("w") as log:
            self._process = subprocess.Popen(
                program, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while (found := SERVING.search(said.read_text())) is None:
            assert time.monotonic() < deadline, f"the service did not start:\n{said.read_text()}"
            time.sleep(0.05)
        self.url = found[1]

    def kill(self) -> None:
        """End it without a chance to finish anything."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what the database says, as tuples."""

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.database_url)
            try:
                return [tuple(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as beside:  # Playwright's event loop has this thread
            return beside.submit(asyncio.run, ask()).result()

    def votes(self, volunteer: str) -> list[tuple[str, str]]:
        """Return subject and answer of every vote of a volunteer that is in the ledger, in the order of its swipes."""
        rows = self.rows(
            "SELECT subject_id, answer FROM classification WHERE kind = 0 AND volunteer_id = $1 ORDER BY answered_at",
            int(volunteer.removeprefix("V")),
        )
        return [(f"S{subject}", ("no", "yes", "unsure")[answer]) for subject, answer in rows]

    def retractions(self, volunteer: str) -> int:
        statement = "SELECT count(*) FROM classification WHERE kind = 1 AND volunteer_id = $1"
        count: int = self.rows(statement, int(volunteer.removeprefix("V")))[0][0]
        return count


@contextmanager
def served(database_url: str, folder: Path, **more: str) -> Iterator[Service]:
    """Set the campaigns up over an empty database, and serve them with more settings, by their variables."""
    settings = Settings(data_dir=folder, database_url=database_url)
    asyncio.run(_prepare(settings))
    service = Service(database_url, folder, more)
    service.start()
    try:
        yield service
    finally:
        service.stop()


async def _prepare(settings: Settings) -> None:
    assert settings.database_url is not None
    services = await open_services(settings)
    pool = await open_pool(settings.database_url, 1)
    try:
        for slug, count in SUBJECTS.items():
            await import_manifest(pool, _manifest(settings.data_dir / slug, slug, count), slug, place_of(settings))
            await services.publishing.publish(CASCADE.format(slug=slug, count=VOTES.get(slug, 60)))
        async with pool.acquire() as connection:  # what a worker would have counted
            await Totals().count(connection)
            await fold(connection)
    finally:
        await pool.close()
        await services.close()


def _manifest(folder: Path, slug: str, count: int) -> Path:
    """Draw the pictures and write the manifest that names them."""
    folder.mkdir()
    path = folder / "manifest.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "external_id",
                "location:1",
                "location:2",
                "metadata:place",
                "metadata:#note",
                "gold:bird",
                "explanation:bird",
            ]
        )
        for number in range(count):
            names = [_film(folder) if slug == FILM else _draw(folder, slug, number % DRAWN.get(slug, count)), ""]
            if slug == MEADOW and number % 5 == 4:
                names[1] = draw(folder, f"{slug}-{number}-b.png", number, turned=True)
            gold = ("yes", "no")[number % 2] if number < GOLD.get(slug, 0) else ""
            rows.writerow([f"{slug}-{number}", *names, f"hedge {number}", SECRET, gold, WHY if gold else ""])
    return path


def _draw(folder: Path, slug: str, number: int) -> str:
    name = f"{slug}-{number}.png"
    return name if (folder / name).exists() else draw(folder, name, number)


def _film(folder: Path) -> str:
    (folder / "film.mp4").write_bytes(a_film(frames=20, size=(320, 240)))
    return "film.mp4"


def draw(folder: Path, name: str, number: int, *, turned: bool = False) -> str:
    sky, body = ((200, 214, 226), (176, 92, 58)) if not turned else ((28, 32, 44), (150, 170, 200))
    picture = Image.new("RGB", (420, 420), sky)
    pen = ImageDraw.Draw(picture)
    x, y = 90 + number * 37 % 200, 110 + number * 53 % 180
    pen.line((0, y + 62, 420, y + 62 + number % 30), fill=(96, 84, 70), width=9)
    pen.ellipse((x, y, x + 90, y + 64), fill=body)
    pen.ellipse((x + 66, y - 24, x + 112, y + 22), fill=(92, 120, 156))
    pen.polygon([(x + 108, y - 6), (x + 134, y + 2), (x + 108, y + 8)], fill=(70, 60, 50))
    pen.text((8, 400), str(number), fill=(90, 90, 90))
    picture.save(folder / name)
    return name
