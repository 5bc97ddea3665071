"""Import of many subjects by manifest, beside Pillow's bare decoding and encoding of the same files.

The peer is a pool of as many processes as there are cores that only opens, decodes, resizes and encodes, with our sizes
and settings, and writes nothing. It takes half of the files before the import and half after, so that a machine which
grows slower or faster meanwhile does not favour either. The import is the command that a researcher types, over the
embedded PostgreSQL, with everything: the manifest read, pictures checked, digests, blurhashes, files and rows on disk.

A second import, of a tenth, is killed with all its processes when it is about half done, and run again.
"""

import asyncio
import csv
import io
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import numpy as np
from PIL import Image

from api.demo.extra import hubble_deep_field
from api.media.storage import open_storage
from api.media.variants import METHOD, QUALITY, REDUCING_GAP, WIDTHS, sizes
from api.postgres.embedded import running_postgres
from api.settings import Settings
from api.store.schema import upgrade

SIDE_PX: Final = 256
NOISE: Final = 6.0
SLUG: Final = "imports"
SHARE_KILLED: Final = 10
LOOK_SECONDS: Final = 0.25
DRAFT_FACTOR: Final = 2
"""As in `api.media.decoding`; it does nothing for pictures as small as these."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident megabytes when so much of the import was done: the command, and the largest of its workers."""

    done: float
    command_mb: float
    worker_mb: float


def run_imports(subjects: int) -> dict[str, Any]:
    """Make pictures, import them beside the peer, kill and resume; return what was measured."""
    folder = Path(tempfile.mkdtemp(prefix="chaffinch-imports-"))
    folder.chmod(0o755)  # the embedded PostgreSQL does not run as root, and must get there
    try:
        manifest = make_pictures(folder / "pictures", subjects)
        speed = asyncio.run(_speed(folder / "speed", manifest, subjects))
        part = _part(manifest, max(200, subjects // SHARE_KILLED))
        killed = asyncio.run(_killed(folder / "killed", *part))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {"subjects": subjects} | speed | {"killed": killed}
    print(f"imports: {result}", flush=True)
    return result


def make_pictures(folder: Path, count: int) -> Path:
    """Write so many distinct JPEGs, cut out of the Hubble eXtreme Deep Field with noise on them, and their manifest."""
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool() as pool:
        for _ in pool.imap_unordered(partial(_make, folder), range(count), chunksize=100):
            pass
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["external_id", "location:1", "metadata:number", "metadata://field"])
        rows.writerows([f"cutout {number}", _name(number), number, "HUDF"] for number in range(count))
    os.sync()
    return manifest


def _name(number: int) -> str:
    return f"{number:07d}.jpg"


def _make(folder: Path, number: int) -> None:
    sky = hubble_deep_field()
    rng = np.random.default_rng(number)
    top, left = rng.integers(0, sky.shape[0] - SIDE_PX), rng.integers(0, sky.shape[1] - SIDE_PX)
    noisy = sky[top : top + SIDE_PX, left : left + SIDE_PX] + rng.normal(0, NOISE, (SIDE_PX, SIDE_PX, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / _name(number), quality=90)


def bare(path: Path) -> int:
    """Do with Pillow what every importer has to do, and nothing else; return the bytes that came out."""
    made = 0
    with Image.open(path) as image:
        width, height = image.size
        image.draft(None, (WIDTHS[-1] * DRAFT_FACTOR, 1))
        pixels = image.convert("RGB")
    for size in sorted(sizes(width, height), reverse=True):
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
        buffer = io.BytesIO()
        pixels.save(buffer, "WEBP", quality=QUALITY, method=METHOD)
        made += len(buffer.getvalue())
    return made


def _bare_seconds(paths: Sequence[Path]) -> float:
    """Return how long the peer takes, its processes having been started."""
    with multiprocessing.get_context("spawn").Pool() as pool:
        pool.map(bare, paths[: 4 * (os.cpu_count() or 1)], chunksize=1)
        started = time.perf_counter()
        for _ in pool.imap_unordered(bare, paths, chunksize=32):
            pass
        return time.perf_counter() - started


async def _speed(data_dir: Path, manifest: Path, count: int) -> dict[str, Any]:
    paths = [manifest.parent / _name(number) for number in range(count)]
    settings = Settings(data_dir=data_dir)
    before = await asyncio.to_thread(_bare_seconds, paths[: count // 2])
    async with running_postgres(settings) as url:
        await upgrade(url)
        started = time.perf_counter()
        command = _import(data_dir, manifest)
        memory = await _watched(command, url, count)
        seconds = time.perf_counter() - started
        if command.returncode:
            raise RuntimeError(f"the import ended with {command.returncode}")
        wrong = await _audit(url, settings, count)
    after = await asyncio.to_thread(_bare_seconds, paths[count // 2 :])
    peer = count / (before + after)
    return {
        "images_per_second": round(count / seconds, 1),
        "bare_images_per_second": round(peer, 1),
        "ratio": round(count / seconds / peer, 3),
        "memory": [asdict(each) for each in memory],
        "wrong": wrong,
    }


async def _killed(data_dir: Path, manifest: Path, count: int) -> dict[str, Any]:
    """Kill an import in the middle, run it again, and return what was found then."""
    settings = Settings(data_dir=data_dir)
    async with running_postgres(settings) as url:
        await upgrade(url)
        connection = await asyncpg.connect(url)
        command = _import(data_dir, manifest)
        while command.poll() is None and await _imported(connection) < count // 2:  # noqa: ASYNC110  # not our process
            await asyncio.sleep(0.02)
        os.killpg(command.pid, signal.SIGKILL)
        await asyncio.to_thread(command.wait)
        at = await _imported(connection)
        await connection.close()
        again = _import(data_dir, manifest)
        if await asyncio.to_thread(again.wait):
            raise RuntimeError(f"the import that was resumed ended with {again.returncode}")
        return {"killed_at": at, "of": count, "wrong": await _audit(url, settings, count)}


def _import(data_dir: Path, manifest: Path) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")}
    environment["CHAFFINCH_DATA_DIR"] = str(data_dir)
    command = [sys.executable, "-m", "api.cli", "subjects", "import", str(manifest), "--project", SLUG]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


async def _imported(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    return int(await connection.fetchval("SELECT count(*) FROM subject"))


async def _watched(command: "subprocess.Popen[bytes]", url: str, count: int) -> list[Memory]:
    """Wait for a command, and return its memory at a tenth, at half and at the end of its work."""
    connection = await asyncpg.connect(url)
    due, found, last = [0.1, 0.5], [], (0.0, 0.0)
    while command.poll() is None:
        # The numbers of subjects are given in order, so the greatest costs no scan.
        done = (await connection.fetchval("SELECT coalesce(max(id), 0) FROM subject")) / count
        last = _memory(command.pid) or last
        while due and done >= due[0]:
            found.append(Memory(due.pop(0), *last))
        await asyncio.sleep(LOOK_SECONDS)
    await connection.close()
    return [*found, Memory(1.0, *last)]


def _memory(pid: int) -> tuple[float, float] | None:
    """Return the resident megabytes of a process and of the largest of its children."""
    try:
        children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        own, below = _resident_mb(pid), [_resident_mb(child) for child in children]
    except OSError:
        return None
    return (own, max(below)) if own and below else None


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGESIZE") / 1e6, 1)


async def _audit(url: str, settings: Settings, count: int) -> list[str]:
    """Return what is wrong: subjects that are missing or there twice, and pictures that are not whole."""
    connection = await asyncpg.connect(url)
    subjects, names = await connection.fetchrow("SELECT count(*), count(DISTINCT external_id) FROM subject") or (0, 0)
    rows = await connection.fetch("SELECT subject_id FROM location")
    await connection.close()
    wrong = [] if subjects == names == count else [f"{subjects} subjects of {names} names, not {count}"]
    if len({row["subject_id"] for row in rows}) != count or len(rows) != count:
        wrong.append(f"{len(rows)} locations, not {count}")
    stored = {each.key: each.size_bytes for each in open_storage(settings).list("media")}
    if len(stored) != 2 * count:
        wrong.append(f"{len(stored)} objects, not two for each of {count} pictures")
    return wrong


def _part(manifest: Path, count: int) -> tuple[Path, int]:
    """Write a manifest of the first subjects of another."""
    part = manifest.with_name("part.csv")
    lines = manifest.read_text().splitlines(keepends=True)[: count + 1]
    part.write_text("".join(lines))
    return part, len(lines) - 1
