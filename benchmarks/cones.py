"""Cones over a million subjects with positions: by the index, beside a scan of all of them in the same run."""

import time
from functools import partial
from typing import Any

import asyncpg
import numpy as np

from api import sky
from api.postgres.embedded import running_postgres
from api.settings import Settings
from api.store.engine import Connection
from api.store.importing import ImportingStore
from api.store.places import PlaceStore
from api.store.schema import upgrade
from benchmarks.swipes import percentiles

SUBJECTS = 1_000_000
RADII = {"1 arcsec": 1 / 3600, "1 arcmin": 1 / 60, "1 deg": 1.0}
FOOTPRINT_DEGREES = 20.0
"""The subjects lie in a square of this side, as those of a survey do: 2,500 in a square degree."""

SCAN = """
SELECT count(*) FROM (
    SELECT 2 * degrees(asin(least(1, sqrt(power(sin(radians(s.dec - $3) / 2), 2)
           + cos(radians(s.dec)) * cos(radians($3)) * power(sin(radians(s.ra - $2) / 2), 2))))) AS separation
    FROM subject s WHERE s.project_id = $1
) q WHERE q.separation <= $4
"""


async def run_cones(settings: Settings, cones: int) -> dict[str, Any]:
    """Return milliseconds of cones of some radii, what they found on average, and those of a scan."""
    dice = np.random.default_rng(1)
    async with running_postgres(settings, partial(print, flush=True)) as url:
        await upgrade(url)
        connection = await asyncpg.connect(url)
        project = await _fill(connection, dice)
        results = {name: await _measure(connection, project, radius, cones, dice) for name, radius in RADII.items()}
        for name, result in results.items():
            print(f"cone of {name} among {SUBJECTS:,}: {result}", flush=True)
        await connection.close()
    return results


async def _fill(connection: Connection, dice: np.random.Generator) -> int:
    await ImportingStore(connection).create_project("sky", None)
    project = int(await connection.fetchval("SELECT id FROM project"))
    ra = 180 + dice.uniform(0, FOOTPRINT_DEGREES, SUBJECTS)
    dec = dice.uniform(0, FOOTPRINT_DEGREES, SUBJECTS)
    places = zip(ra.tolist(), dec.tolist(), sky.cells(ra.tolist(), dec.tolist()), strict=True)
    rows = ((project, f"s{n}", '{"mag": "20.1"}', *place) for n, place in enumerate(places))
    columns = ["project_id", "external_id", "metadata", "ra", "dec", "healpix"]
    await connection.copy_records_to_table("subject", records=rows, columns=columns)
    await connection.execute("VACUUM ANALYZE subject")
    return project


async def _measure(
    connection: Connection, project: int, radius: float, cones: int, dice: np.random.Generator
) -> dict[str, Any]:
    store = PlaceStore(connection)
    times, found = [], []
    for number in range(cones + 5):
        ra, dec = 181 + float(dice.uniform(0, 18)), 1 + float(dice.uniform(0, 18))
        started = time.perf_counter()
        subjects = await store.cone(project, sky.cone(ra, dec, radius), (ra, dec), radius, 1000)
        if number >= 5:  # the first ones fill caches and prepare statements
            times.append((time.perf_counter() - started) * 1e3)
            found.append(len(subjects))
    started = time.perf_counter()
    scanned = await connection.fetchval(SCAN, project, ra, dec, radius)
    scan = (time.perf_counter() - started) * 1e3
    assert min(scanned, 1000) == len(subjects)
    median = float(np.median(times))
    return {
        "ms": percentiles(times),
        "found": round(float(np.mean(found)), 1),
        "scan_ms": round(scan, 1),
        "times_faster": round(scan / median),
    }
