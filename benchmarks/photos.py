"""A campaign of photographs, drawn here and imported as a researcher would import them, and a service for phones."""

import csv
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from api.factory import open_services
from api.media.storage import place_of
from api.postgres.embedded import running_postgres
from api.services.importing import import_manifest
from api.settings import Settings
from api.store.engine import open_pool
from benchmarks.serving import free_port, serving

SLUG: Final = "photos"
PAGE: Final = f"/p/{SLUG}/1"
DECLARATION: Final = f"""
project: {SLUG}
title: Photographs
workflows:
  - name: first
    question: Is there anything in the picture?
    policy: {{count: 200}}
    audit: 0
"""
SIDE_PX: Final = 1080
ROUGHNESS: Final = (5, 17, 67, 270)
"""Points across of the clouds that a picture is a sum of; the finest gives it its bytes."""

STRENGTH: Final = (60.0, 26.0, 12.0)
GRAIN: Final = (4.0, 13.0)
"""The least and the most of the finest clouds: 60 to 130 kB as WebP of 1080 pixels."""


@asynccontextmanager
async def photos_served(settings: Settings, subjects: int) -> AsyncIterator[str]:
    """Serve a campaign of so many photographs from one process over the embedded database; gives its address."""
    async with running_postgres(settings) as database_url:
        served = settings.model_copy(update={"database_url": database_url})
        services = await open_services(served)
        pool = await open_pool(database_url, 1)
        try:
            manifest = draw(settings.data_dir / "drawn", subjects)
            await import_manifest(pool, manifest, SLUG, place_of(served))
            await services.publishing.publish(DECLARATION)
        finally:
            await pool.close()
            await services.close()
        port = free_port()
        environment = {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(settings.data_dir)}
        environment["CHAFFINCH_LOG_LEVEL"] = "warning"
        environment["CHAFFINCH_LIMITS"] = "false"
        async with serving(["api.cli", "serve", "--port", str(port)], port, environment):
            yield f"http://127.0.0.1:{port}"


def draw(folder: Path, count: int) -> Path:
    """Write so many distinct pictures, and the manifest that names them."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        names = list(pool.map(partial(_draw, folder), range(count), chunksize=20))
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["external_id", "location:1", "metadata:number"])
        rows.writerows([name, name, number] for number, name in enumerate(names))
    return manifest


def _draw(folder: Path, number: int) -> str:
    rng = np.random.default_rng(number)
    picture = np.full((SIDE_PX, SIDE_PX, 3), 120.0, dtype=np.float32)
    for points, strength in zip(ROUGHNESS, (*STRENGTH, rng.uniform(*GRAIN)), strict=True):
        clouds = rng.normal(0, 42.5, (points, points, 3)).clip(-127, 127) + 127
        drawn = Image.fromarray(clouds.astype(np.uint8)).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
        picture += (np.asarray(drawn, dtype=np.float32) - 127) / 42.5 * strength
    name = f"{number:04d}.jpg"
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name, quality=92)
    return name
