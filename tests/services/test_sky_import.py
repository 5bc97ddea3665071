"""Real frames through a whole import: positions, remarks, and what is refused beside them."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits

from api.manifest import BadRow, read
from api.media.storage import Place
from api.services.framing import Notice
from api.services.importing import Told, import_source
from api.store.engine import Connection, Pool, open_pool

SHARED = Path(__file__).parents[2] / "../shared/data"
CENTRES = {
    "HorseHead.fits": (85.274994, -2.458296),
    "reprojected_sdss_g.fits.bz2": (313.170191, -5.693353),
    "FIRSTJ151227.2+454026_8.fits": (228.113498, 45.673941),
    "example_a.fits": (359.995016, 0.701753),
    "example_b.fits": (0.004367, 0.541321),
}
"""ICRS, by astropy itself; tests/media/test_fits_sky.py computes them anew."""


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


def spoilt(folder: Path) -> list[str]:
    """Write frames that cannot be shown, and return their names."""
    for name, values in (("cube", np.zeros((7, 20, 20))), ("nan", np.full((20, 20), np.nan))):
        fits.PrimaryHDU(values).writeto(folder / f"{name}.fits")
    whole = (SHARED / "fits/sep__image.fits").read_bytes()
    (folder / "torn.fits").write_bytes(whole[:60_000])
    claim = whole.replace(b"NAXIS1  =                  256", b"NAXIS1  =             20000000")
    (folder / "claim.fits").write_bytes(claim)
    return ["cube.fits", "nan.fits", "torn.fits", "claim.fits"]


async def test_real_frames_get_their_positions_and_spoilt_ones_an_error_each(
    pool: Pool, database: Connection, tmp_path: Path
) -> None:
    if not SHARED.exists():
        pytest.skip("the shared data are not here")
    with (SHARED / "subjects/ztf_alerts.csv").open(newline="") as table:
        alerts = list(csv.DictReader(table))[:6]
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["external_id", "location:1", "location:2", "location:3", "ra", "dec"])
        for path in sorted((SHARED / "fits").iterdir()):
            rows.writerow([path.name.split("__")[1], path.resolve(), "", "", "", ""])
        for name in spoilt(tmp_path):
            rows.writerow([name, name, "", "", "", ""])
        for alert in alerts:
            kinds = ("science", "template", "difference")
            stamps = [SHARED.resolve() / f"subjects/ztf_stamps/{alert['candid']}_{kind}.fits.gz" for kind in kinds]
            rows.writerow([alert["candid"], *stamps, alert["ra"], alert["dec"]])
    bad: list[BadRow] = []
    said: list[Notice] = []

    report = await import_source(
        pool, read(manifest, SHARED), "sky", Place(tmp_path), tell=Told(lambda _: None, bad.append, said.append)
    )

    assert (report.imported, report.bad) == (9 + len(alerts), 4)
    assert [str(row).partition(": ")[2].partition(";")[0] for row in bad] == [
        "cube.fits: this is a cube: 7 planes of 20 x 20 pixels",
        "nan.fits: no pixel of the frame has a value (all are NaN)",
        "torn.fits: its header promises 131,072 bytes of data, but 31,200 are there",
        "claim.fits: its header promises 10,240,000,000 bytes of data, but 132,480 are there",
    ]
    found = {row[0]: (row[1], row[2]) for row in await database.fetch("SELECT external_id, ra, dec FROM subject")}
    for name, (ra, dec) in CENTRES.items():
        apart = SkyCoord(*found[name], unit="deg").separation(SkyCoord(ra, dec, unit="deg"))
        assert apart < 0.1 * u.arcsec
    assert (found["M51.fits"], found["image.fits"]) == ((None, None), (None, None))
    assert all(found[alert["candid"]] == (float(alert["ra"]), float(alert["dec"])) for alert in alerts)
    lone = [each for each in said if each.remark == "has no WCS; imported without a position"]
    assert [Path(each.location).name for each in lone] == ["photutils-datasets__M51.fits", "sep__image.fits"]
    stamped = [each for each in said if each.remark == "has no WCS; imported without a position of its own"]
    assert len(stamped) == 3 * len(alerts)
