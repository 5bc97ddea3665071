"""Videos through a whole import and onto cards, beside pictures and beside what is refused."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from astropy.io import fits
from pydantic_core import to_json

from api.manifest import BadRow
from api.media.images import video_key
from api.media.storage import Place
from api.services.admitting import Report
from api.services.house import Services
from api.services.importing import Told, import_manifest, import_source
from api.sources.listing import listed
from api.store.engine import Connection, Pool
from mobile_schemas.subjects import SubjectOut, VideoOut
from tests.media.films import a_film
from tests.services.campaigns import Campaign, a_campaign, a_person, deal
from tests.services.imports import a_manifest, a_picture

SECRET = "badger-is-here"


async def shown(services: Services, database: Connection, external_id: str) -> SubjectOut:
    number = await database.fetchval("SELECT id FROM subject WHERE external_id = $1", external_id)
    return SubjectOut.model_validate_json(to_json(await services.subjects.get(number)))


async def test_a_folder_of_videos_and_pictures_is_imported_once(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    film = a_film(size=(480, 320))
    (folder / f"{SECRET}.MP4").write_bytes(film)
    (folder / "meadow.webm").write_bytes(a_film("webm", "libvpx"))
    (folder / "phone.mov").write_bytes(a_film("mov", "libx265"))
    a_picture(folder, "still.png")
    bad: list[BadRow] = []
    told = Told(lambda _: None, bad.append, lambda _: None)

    first = await import_source(pool, listed(folder), "lenses", Place(tmp_path), tell=told)
    second = await import_source(pool, listed(folder), "lenses", Place(tmp_path))

    assert (first, second) == (Report(imported=3, bad=1), Report(unchanged=3, bad=1))
    assert bad[0].problem == "phone.mov: HEVC in MP4 plays on few phones"
    assert bad[0].remedy == "convert it to H.264 (ffmpeg -i in.mov -c:v libx264 -pix_fmt yuv420p -an out.mp4)"
    digest = sha256(film).hexdigest()
    [location] = (await shown(services, database, SECRET)).locations
    size = (tmp_path / (video_key(digest, "video/mp4") or "")).stat().st_size
    assert (location.url, location.mime, location.width) == (f"/media/{digest}/480", "image/webp", 480)
    assert location.video == VideoOut(
        url=f"/media/{digest}/video.mp4", mime="video/mp4", width=480, height=320, bytes=size, seconds=1.2
    )
    assert [each.video for each in (await shown(services, database, "still")).locations] == [None]


async def test_a_card_shows_the_video_and_not_what_it_was_called(
    services: Services, pool: Pool, database: Connection, tmp_path: Path
) -> None:
    campaign = await a_campaign(services, database, subjects=0)
    (tmp_path / f"{SECRET}.mp4").write_bytes(a_film(tags={"title": SECRET}))
    row = {"external_id": "a", "location:1": f"{SECRET}.mp4", "metadata:#species": SECRET, "metadata:night": "7"}
    await import_manifest(pool, a_manifest(tmp_path, [row]), await slug_of(campaign), Place(tmp_path))

    deck = await deal(services, await a_person(campaign), campaign.arc)

    [card] = deck.cards
    assert card.metadata == {"night": "7"}
    assert card.locations[0].video is not None
    assert SECRET not in deck.model_dump_json()


async def slug_of(campaign: Campaign) -> str:
    slug: str = await campaign.database.fetchval("SELECT slug FROM project WHERE id = $1", campaign.project)
    return slug


async def test_a_video_lies_beside_frames_of_the_sky(pool: Pool, database: Connection, tmp_path: Path) -> None:
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0})
    header.update({"CRPIX1": 8, "CRPIX2": 8, "CDELT1": -1e-4, "CDELT2": 1e-4})
    fits.PrimaryHDU(np.random.default_rng(1).normal(size=(16, 16)), header).writeto(tmp_path / "a.fits")
    (tmp_path / "a.mp4").write_bytes(a_film())
    row = {"external_id": "a", "location:1": "a.fits", "location:2": "a.mp4"}

    report = await import_manifest(pool, a_manifest(tmp_path, [row]), "lenses", Place(tmp_path))

    assert report.imported == 1
    kinds = await database.fetch("SELECT mime, video->>'mime' FROM location ORDER BY ordinal")
    assert [tuple(kind) for kind in kinds] == [("image/fits", None), ("video/mp4", "video/mp4")]
