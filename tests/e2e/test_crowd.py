"""A simulated crowd at a campaign of two questions, over HTTP; and what is said where it cannot go."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from api.manifest import ManifestRow
from api.services.importing import import_rows
from api.services.published import PublishedCascades
from api.services.verifying import Verification, verify
from api.store.engine import open_pool
from cascade.vocabulary import Answer
from tests.e2e.conftest import Site
from tests.e2e.running import attempt, environment, run

MEADOW = """
project: meadow
workflows:
  - name: flower
    question: Is it in flower?
    policy: sequential
    then: {yes: bee, no: retire, contested: retire}
  - name: bee
    question: Is there a bee on it?
    level: 3
    policy: {lead: 2}
    then: {yes: fruit, no: retire, contested: retire}
  - name: fruit
    question: Will it bear fruit?
    policy: {count: 2}
"""
FLOWERS = 60


def external_id(number: int) -> str:
    return f"flower-{number}"


async def plant(site: Site) -> None:
    """Bring sixty subjects in without pictures; the first twelve are gold."""
    rows = [
        ManifestRow(n, external_id(n), (), {}, {"flower": Answer(n % 2)} if n < 12 else {}, {}, {})
        for n in range(FLOWERS)
    ]
    pool = await open_pool(site.database_url, 1)
    await import_rows(pool, "meadow", rows)
    await pool.close()


async def replayed(site: Site) -> Verification:
    connection = await asyncpg.connect(site.database_url)
    try:
        return await verify(connection, PublishedCascades(), "meadow")
    finally:
        await connection.close()


def crowd(site: Site, *options: str) -> tuple[int, str]:
    done = run(site.env, "crowd", "--url", site.url, *options)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def meadow(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    asyncio.run(plant(site))
    declaration = tmp_path_factory.mktemp("meadow") / "meadow.yaml"
    declaration.write_text(MEADOW)
    assert run(site.env, "publish", str(declaration), "--yes").returncode == 0
    return site


def test_a_crowd_retires_what_it_can_and_says_how_right_it_was(meadow: Site, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    yes_no = ("no", "yes")
    truth.write_text(
        "# what grows where\nexternal_id,flower,bee\n"
        + "".join(f"{external_id(n)},{yes_no[n % 2]},{yes_no[n % 4 // 3]}\n" for n in range(FLOWERS))
    )
    options = ("--project", "meadow", "--truth", str(truth), "--volunteers", "14", "--seed", "2", "--minutes", "1")

    status, said = crowd(meadow, *options)

    assert status == 0, said
    assert "No truth is known for fruit" in said
    assert "granted level 3 to 4 of the most skilled" in said
    assert "nothing was left for them" in said
    rows = {row[0]: row for line in said.splitlines() if (row := line.split()) and len(row) > 8}
    assert int(rows["flower"][1]) > 40
    assert rows["flower"][2] == "consensus"
    assert int(rows["bee"][1]) > 10
    assert rows["fruit"][2] == "classification_count"
    verification = asyncio.run(replayed(meadow))
    assert (verification.discrepancies, verification.labels > 60) == ([], True)


def test_a_crowd_goes_home_when_its_time_is_up(meadow: Site, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("external_id,flower\nflower-0,yes\n")
    options = ("--volunteers", "2", "--minutes", "0.02", "--pace", "0.3")

    status, said = crowd(meadow, "--project", "meadow", "--truth", str(truth), *options)

    assert (status, "their time was up" in said) == (0, True), said


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--project", "meadow"), "name a CSV file"),
        (("--project", "meadow", "--truth", "nowhere.csv"), "nowhere.csv: cannot be read (No such file or directory)"),
        (("--project", "hubble"), "there is no project 'hubble'"),
        (("--url", "http://127.0.0.1:1"), "is the service well there?"),
    ],
)
def test_where_a_crowd_cannot_go_it_says_so_in_one_line(meadow: Site, options: tuple[str, ...], why: str) -> None:
    status, said = attempt(meadow.env, "crowd", "--url", meadow.url, *options)

    assert (status, why in said, "\n" in said) == (1, True, False), said


def test_a_truth_without_a_yes_or_no_is_refused(meadow: Site, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("name,flower\nflower-0,perhaps\n")

    status, said = attempt(meadow.env, "crowd", "--project", "meadow", "--truth", str(truth))

    assert (status, "has no yes or no" in said) == (1, True)


def test_another_database_than_the_services_is_found_out(meadow: Site, database_url: str, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("external_id,flower\nflower-0,yes\n")
    elsewhere = environment(database_url=database_url, data_dir=str(tmp_path))

    status, said = attempt(elsewhere, "crowd", "--url", meadow.url, "--project", "meadow", "--truth", str(truth))

    assert (status, "does not use the database of this command" in said) == (1, True)
