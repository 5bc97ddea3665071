"""Pages come in whole or not at all, and are shown as the contract has them."""

from pathlib import Path

import httpx2
import pytest

from api.app import App
from api.errors import UnknownProjectError
from api.media.folder import FolderStorage
from api.media.images import key
from api.media.storage import Place
from api.pages import PageName, PagesError
from api.services.house import Services
from api.services.pages import PagesReport, UnknownPageError, import_pages
from api.store.backup import BackupStore
from api.store.engine import Connection, Pool
from mobile_schemas.pages import ExampleOut, PagesOut
from mobile_schemas.projects import ProjectOut, ProjectsOut
from tests.media.drawings import a_file, a_picture, encoded
from tests.services.campaigns import SLUG, Campaign, a_campaign

ABOUT = "# Lenses\n\nWe look for **lenses**.\n\n![An arc](images/arc.png)\n"
GUIDE = "## Arcs {arc=yes}\n\n![An arc](images/arc.png)\n\nBlue.\n\n## Rings {ring=yes}\n\nRound.\n"
DIGEST = "1" * 64


@pytest.fixture
async def campaign(services: Services, database: Connection) -> Campaign:
    return await a_campaign(services, database, gold=(1, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two pages that name one picture, 800 pixels wide."""
    folder = tmp_path / "pages"
    (folder / "images").mkdir(parents=True)
    a_file(folder / "images", "arc.png", encoded(a_picture(800, 600), "PNG"))
    (folder / "about.md").write_text(ABOUT)
    (folder / "guide.md").write_text(GUIDE)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(folder=tmp_path)


async def told(services: Services, width: int = 640) -> PagesOut:
    return PagesOut.model_validate_json((await services.pages.read(SLUG, width)).content)


async def stored(database: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await database.fetch("SELECT * FROM project_page ORDER BY name")]


async def a_location(database: Connection, subject: int, digest: str = DIGEST) -> None:
    await database.execute(
        "INSERT INTO location (subject_id, ordinal, digest, mime, width, height, blurhash, variants)"
        " VALUES ($1, 0, $2, 'image/png', 700, 700, '', '[[320, 320, 7], [640, 640, 9], [700, 700, 11]]')",
        subject,
        digest,
    )


@pytest.mark.usefixtures("campaign")
async def test_pages_come_in_with_their_pictures_and_are_shown(
    services: Services, pool: Pool, folder: Path, place: Place, tmp_path: Path
) -> None:
    report = await import_pages(pool, folder, SLUG, place)
    shown = await told(services)

    assert report.new == ["about", "guide"]
    assert [str(notice) for notice in report.notices] == [
        "guide.md:7: no workflow ring is in force; the cascade has arc, lens"
    ]
    arcs, rings = shown.guide
    assert (arcs.id, arcs.html, arcs.picture_alt) == ("arcs", "<p>Blue.</p>", "An arc")
    assert (arcs.example, rings.example) == (
        ExampleOut(workflow="arc", answer="yes"),
        ExampleOut(workflow="ring", answer="yes"),
    )
    assert arcs.picture is not None
    assert (arcs.picture.width, arcs.picture.height, rings.picture) == (640, 480, None)
    assert f'<img src="{arcs.picture.url}" width="640" height="480" alt="An arc" loading="lazy">' in (shown.about or "")
    _, _, digest, width = arcs.picture.url.split("/")
    content = FolderStorage(tmp_path).get(key(digest, int(width)) or "")
    assert len(content or b"") == arcs.picture.bytes


@pytest.mark.usefixtures("campaign")
async def test_a_screen_gets_pictures_of_its_width_and_the_tag_goes_with_them(
    services: Services, pool: Pool, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)

    tags = {width: (await services.pages.read(SLUG, width)).tag for width in (1, 320, 321, 700, 1080, 10_000)}
    widths = [picture.width if (picture := (await told(services, width)).guide[0].picture) else 0 for width in tags]

    assert widths == [320, 320, 640, 800, 800, 800]
    assert len({tags[1], tags[321], tags[700]}) == 3
    assert (tags[1], tags[700]) == (tags[320], tags[10_000])


@pytest.mark.usefixtures("campaign")
async def test_a_client_that_has_the_pages_is_not_sent_them_again(
    services: Services, pool: Pool, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)
    transport = httpx2.ASGITransport(app=App(services=services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://pages") as client:
        path = f"/v1/projects/{SLUG}/pages"
        first = await client.get(path)
        unchanged = await client.get(
            f"{path}?width=1000", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'}
        )
        await services.pages.remove(SLUG, PageName.ABOUT)
        changed = await client.get(path, headers={"if-none-match": first.headers["etag"]})
        picture = await client.get(first.json()["guide"][0]["picture"]["url"])
        wrong = await client.get(f"{path}?width=0")
        nowhere = await client.get("/v1/projects/nowhere/pages")

    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    assert (changed.status_code, changed.json()["about"]) == (200, None)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "width")
    assert (nowhere.status_code, nowhere.json()["type"]) == (404, "/problems/unknown-project")


@pytest.mark.usefixtures("campaign")
async def test_the_same_again_changes_nothing_and_what_has_changed_is_said(
    services: Services, pool: Pool, database: Connection, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)
    before, tag = await stored(database), (await services.pages.read(SLUG, 640)).tag
    again = await import_pages(pool, folder, SLUG, place)

    assert (again.new, again.changed, again.unchanged) == ([], [], ["about", "guide"])
    assert (await stored(database), (await services.pages.read(SLUG, 640)).tag) == (before, tag)

    (folder / "guide.md").unlink()
    (folder / "tutorial.md").write_text("## One\nText.\n")
    a_file(folder / "images", "arc.png", encoded(a_picture(400, 300, seed=1), "PNG"))
    later = await import_pages(pool, folder, SLUG, place)

    assert later == PagesReport(["tutorial"], ["about"], [], [])
    assert [row[1] for row in await stored(database)] == ["about", "guide", "tutorial"]
    assert (await services.pages.read(SLUG, 640)).tag != tag


@pytest.mark.usefixtures("campaign")
async def test_of_a_folder_with_faults_nothing_is_stored_and_all_of_them_are_told(
    pool: Pool, database: Connection, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)
    before = await stored(database)
    a_file(folder, "broken.png", b"\x89PNG\r\n\x1a\nnothing")
    (folder / "about.md").write_text("New.\n\n![No file](images/Arc.png)\n![](images/arc.png)\n![Half](broken.png)\n")
    (folder / "guide.md").write_text("## Arcs {arc}\nx\n")
    (folder / "faq.md").write_text("x")

    with pytest.raises(PagesError) as caught:
        await import_pages(pool, folder, SLUG, place)

    assert [(each.file, each.line, each.problem.partition(";")[0]) for each in caught.value.problems] == [
        ("about.md", 3, "the picture images/Arc.png: there is no such file"),
        ("about.md", 4, "the picture images/arc.png has no text for people who cannot see it"),
        ("about.md", 5, caught.value.problems[2].problem),
        ("faq.md", 0, "is not a page"),
        ("guide.md", 1, "{arc} says of no answer that this is an example of it"),
    ]
    assert caught.value.problems[2].problem.startswith("the picture broken.png: the image is unfinished or damaged")
    assert await stored(database) == before


@pytest.mark.usefixtures("campaign")
async def test_a_page_is_removed_once_and_a_project_without_pages_has_none(
    services: Services, pool: Pool, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)

    await services.pages.remove(SLUG, PageName.ABOUT)
    with pytest.raises(UnknownPageError, match="lenses has no page about; it has guide"):
        await services.pages.remove(SLUG, PageName.ABOUT)
    assert (await told(services)).about is None

    await services.pages.remove(SLUG, PageName.GUIDE)
    assert await told(services) == PagesOut(about=None, tutorial=[], guide=[])


async def test_pages_of_a_project_that_is_not_there_are_refused(
    services: Services, pool: Pool, folder: Path, place: Place
) -> None:
    for attempt in (
        import_pages(pool, folder, SLUG, place),
        services.pages.read(SLUG, 640),
        services.pages.remove(SLUG, PageName.ABOUT),
    ):
        with pytest.raises(UnknownProjectError):
            await attempt


async def test_a_project_shows_what_its_about_page_begins_with_in_a_list(
    services: Services, pool: Pool, database: Connection, campaign: Campaign, folder: Path, place: Place
) -> None:
    await a_location(database, campaign.subjects[0])
    await import_pages(pool, folder, SLUG, place)

    [listed] = ProjectsOut.model_validate(await services.projects.list()).projects
    alone = ProjectOut.model_validate(await services.projects.get(SLUG))

    assert listed.summary == "We look for lenses."
    assert listed.picture is not None
    assert (listed.picture.width, listed.picture.height) == (640, 480)
    assert (alone.summary, alone.picture) == (listed.summary, listed.picture)


async def test_without_an_about_page_a_project_shows_its_first_subject_that_is_no_gold(
    services: Services, database: Connection, campaign: Campaign
) -> None:
    for number, subject in enumerate(campaign.gold):
        await a_location(database, subject, f"{number:064x}")
    [unpictured] = ProjectsOut.model_validate(await services.projects.list()).projects
    await a_location(database, campaign.subjects[2])
    await a_location(database, campaign.subjects[1], "2" * 64)
    await database.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'lens', 1, $2, 1, 1)",
        campaign.subjects[1],
        campaign.project,
    )

    [listed] = ProjectsOut.model_validate(await services.projects.list()).projects

    assert (unpictured.summary, unpictured.picture) == (None, None)
    assert listed.picture is not None
    assert listed.picture.url == f"/media/{DIGEST}/640"


async def test_the_first_subject_of_a_project_is_found_by_an_index_without_reading_the_others(
    pool: Pool, database: Connection
) -> None:
    await database.execute("INSERT INTO project (slug) VALUES ('a'), ('b')")
    await database.execute(
        "INSERT INTO subject (project_id, external_id, metadata)"
        " SELECT p.id, 'e' || i, '{}' FROM project p, generate_series(1, 3000) i ORDER BY p.slug, i"
    )
    await a_location(database, await database.fetchval("SELECT max(id) - 10 FROM subject"))
    statement = (Path(__file__).parents[2] / "api/store/sql/pages.sql").read_text().partition("-- name: faces\n")[2]

    of_all = statement.replace("$1", "NULL").replace("$2", "'{}'")

    async with pool.acquire() as connection:
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {of_all}"))

    assert "subject_in_order" in plan
    assert "Seq Scan on subject" not in plan
    assert "Seq Scan on location" not in plan
    assert "Sort" not in plan  # which would read all 5,000 before it gives the first


@pytest.mark.usefixtures("campaign")
async def test_a_backup_takes_the_pictures_of_pages_along(
    services: Services, pool: Pool, database: Connection, folder: Path, place: Place
) -> None:
    await import_pages(pool, folder, SLUG, place)
    picture = (await told(services)).guide[0].picture

    digests = await BackupStore(database).digests()

    assert picture is not None
    assert digests == {bytes.fromhex(picture.url.split("/")[2])}
