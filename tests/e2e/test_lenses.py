"""Real gravitational-lens candidates, imported with their pictures and run through a cascade over HTTP."""

import asyncio
import csv
import shutil
from pathlib import Path

import asyncpg
import pytest

from api.services.published import PublishedCascades
from api.services.verifying import Verification, verify
from tests.e2e.conftest import Site
from tests.e2e.running import run

CASCADE = """
project: space-warps
workflows:
  - name: arc
    question: Is there an arc or a ring around the central galaxy?
    miss: 0.02
    false_alarm: 0.1
    prior: {score: crowd-2013, calibrate: false, people: 0}
    then: {yes: lens, no: retire, contested: expert}
  - name: lens
    question: Would you point a telescope at it?
    when: {score: crowd-2013, at_least: 0.5}
    else: retire
    then: {yes: retire, no: retire, contested: expert}
  - name: expert
    question: Is this a gravitational lens?
    level: expert
    policy: {count: 1}
"""
GUIDE = {"lenses": "yes", "non-lenses": "no", "artifacts": "no"}


@pytest.fixture(scope="module")
def lenses() -> Path:
    """The folder of the candidates and of the guide's examples, which are not part of the project."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "subjects"
    if not folder.is_dir():
        pytest.skip("the lens candidates (../shared/data/subjects) are not here")
    return folder


def write_campaign(lenses: Path, folder: Path) -> tuple[Path, Path, int]:
    """Write a manifest and a truth for the crowd; return both, and the number of candidates."""
    with (lenses / "spacewarps.csv").open(newline="") as file:
        candidates = {row["zooid"]: row for row in csv.DictReader(file)}
    for images in ("spacewarps_images", "spacewarps_guide"):
        shutil.copytree(lenses / images, folder / images)
    manifest, truth = folder / "manifest.csv", folder / "truth.csv"
    with manifest.open("w", newline="") as subjects, truth.open("w", newline="") as grades:
        rows, known = csv.writer(subjects), csv.writer(grades)
        rows.writerow(
            ["external_id", "location:1", "metadata:ra", "metadata:dec", "metadata:#grade", "score:crowd-2013"]
        )
        known.writerow(["external_id", "arc", "lens", "expert"])
        for name, row in candidates.items():
            rows.writerow([name, row["image"], row["ra"], row["dec"], row["expert_grade"], row["stage1_P"]])
            grade = float(row["expert_grade"])
            known.writerow([name, *("yes" if grade >= least else "no" for least in (1.0, 1.5, 1.5))])
    with (folder / "guide.csv").open("w", newline="") as guide, truth.open("a", newline="") as grades:
        rows, known = csv.writer(guide), csv.writer(grades)
        rows.writerow(["external_id", "location:1", "gold:arc", "explanation:arc", "gold:lens"])
        for picture in sorted((folder / "spacewarps_guide").iterdir()):
            answer = GUIDE[picture.name.split("__")[0]]
            about = picture.stem.replace("__", ", ").replace("_", " ")
            rows.writerow(
                [picture.stem, f"spacewarps_guide/{picture.name}", answer, f"From the guide: {about}.", answer]
            )
            known.writerow([picture.stem, answer, answer, answer])
    return manifest, truth, len(candidates)


async def look(site: Site) -> tuple[Verification, dict[str, int]]:
    connection = await asyncpg.connect(site.database_url)
    try:
        verified = await verify(connection, PublishedCascades(), "space-warps")
        counts = await connection.fetch(
            "SELECT w.name, count(*) AS retired FROM label l JOIN workflow w ON w.id = l.workflow_id"
            " JOIN project p ON p.id = l.project_id WHERE p.slug = 'space-warps' GROUP BY w.name"
        )
        return verified, {row["name"]: row["retired"] for row in counts}
    finally:
        await connection.close()


def test_real_lens_candidates_go_through_a_cascade(site: Site, lenses: Path, tmp_path: Path) -> None:
    manifest, truth, candidates = write_campaign(lenses, tmp_path)
    declaration = tmp_path / "space-warps.yaml"
    declaration.write_text(CASCADE)

    imported = run(site.env, "subjects", "import", str(manifest), "--project", "space-warps")
    guided = run(site.env, "subjects", "import", str(tmp_path / "guide.csv"), "--project", "space-warps")
    published = run(site.env, "publish", str(declaration), "--yes")
    options = ("--truth", str(truth), "--volunteers", "40", "--seed", "4", "--minutes", "1")
    crowd = run(site.env, "crowd", "--url", site.url, "--project", "space-warps", *options)
    verified, retired = asyncio.run(look(site))

    assert [done.returncode for done in (imported, guided, published, crowd)] == [0] * 4, crowd.stdout
    assert f"{candidates} imported" in imported.stdout
    assert f"{candidates} subjects entered" in published.stdout
    assert "nothing was left for them" in crowd.stdout
    assert retired.get("arc") == candidates, crowd.stdout
    assert 0 < retired["lens"] < candidates
    assert verified.discrepancies == []
