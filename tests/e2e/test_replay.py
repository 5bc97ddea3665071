"""Real vote logs, played through two API processes from eight clients: every vote once, every number as it follows."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from api.replay.vote_logs import VoteLog, read
from api.services.published import PublishedCascades
from api.services.verifying import Verification, verify
from tests.e2e.conftest import Site
from tests.e2e.running import attempt, run

VOTES = """
SELECT s.external_id, c.answer, c.person_id
FROM classification c JOIN workflow w ON w.id = c.workflow_id JOIN project p ON p.id = w.project_id
JOIN subject s ON s.id = c.subject_id
WHERE p.slug = $1 AND c.kind = 0
"""
SUMS = """
SELECT s.external_id, t.if_yes, t.if_no, t.unproven, t.n_yes, t.n_no, t.n_unsure, t.u_yes, t.u_no, t.u_unsure, t.ordinal
FROM stage t JOIN workflow w ON w.id = t.workflow_id JOIN project p ON p.id = w.project_id
JOIN subject s ON s.id = t.subject_id
WHERE p.slug = $1
"""
RETIRED = """
SELECT count(*) FILTER (WHERE t.state = 2) AS retired,
       (SELECT count(*) FROM label l WHERE l.project_id = p.id) AS labels,
       (SELECT count(*) FROM outbox o WHERE o.project_id = p.id AND o.kind = 'subject.retired') AS announced
FROM stage t JOIN workflow w ON w.id = t.workflow_id JOIN project p ON p.id = w.project_id
WHERE p.slug = $1
GROUP BY p.id
"""


def replay(site: Site, log: Path, *options: str) -> tuple[str, str]:
    """Play a log; return the slug of its project, and what was said."""
    done = run(site.env, "replay", str(log), "--through-api", "--url", site.url, *options)
    assert done.returncode == 0, done.stdout
    found = re.search(r"Making project (\S+):", done.stdout)
    assert found, done.stdout
    return found[1], done.stdout


async def stored_votes(site: Site, slug: str) -> list[tuple[str, int, int]]:
    connection = await asyncpg.connect(site.database_url)
    try:
        return [tuple(row) for row in await connection.fetch(VOTES, slug)]
    finally:
        await connection.close()


async def verified(site: Site, slug: str) -> tuple[Verification, tuple[int, int, int]]:
    """Replay a project in the engine; also count what retired, the labels, and what was announced."""
    connection = await asyncpg.connect(site.database_url)
    try:
        [counts] = await connection.fetch(RETIRED, slug)
        return await verify(connection, PublishedCascades(), slug), tuple(counts)
    finally:
        await connection.close()


def recomputed(site: Site, slug: str, folder: Path) -> str:
    """Export a project, and let the script of docs/, which imports nothing of ours, recompute its labels."""
    for table, name in (("classifications", "votes.csv"), ("labels", "labels.csv")):
        done = run(site.env, table, "export", "--project", slug, "--output", str(folder / name))
        assert done.returncode == 0, done.stdout
    script = Path(__file__).parents[2] / "docs" / "recompute_labels.py"
    command = [sys.executable, "-I", str(script), str(folder / "votes.csv"), str(folder / "labels.csv")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def in_the_log(log: VoteLog) -> Counter[tuple[str, int]]:
    return Counter((log.items[vote.item], int(vote.answer)) for vote in log.votes)


@pytest.mark.parametrize("name", ["possent", "real_golden_a"])
async def test_a_real_log_played_twice_is_stored_once_and_decided_as_the_engine_decides(
    site: Site, vote_logs: Path, name: str, tmp_path: Path
) -> None:
    log = read(vote_logs / f"{name}.csv.gz")

    slug, said = replay(site, vote_logs / f"{name}.csv.gz", "--twice", "--clients", "8", "--batch", "50")

    votes = await stored_votes(site, slug)
    assert len(votes) == len({(item, person) for item, _, person in votes}) == len(log.votes)
    assert Counter((item, answer) for item, answer, _ in votes) == in_the_log(log)
    verification, (retired, labels, announced) = await verified(site, slug)
    assert verification.discrepancies == []
    assert verification.votes + verification.gold_votes == len(log.votes)
    assert verification.labels == labels == retired == announced > 0.5 * len(log.items)
    assert "0 discrepancies" in said
    assert recomputed(site, slug, tmp_path) == f"{labels} of {labels} labels recomputed, equal to the stored ones\n"


@pytest.mark.parametrize("policy", ["count:5", "lead:3"])
async def test_labels_that_do_not_weigh_votes_are_recomputed_too(
    site: Site, vote_logs: Path, policy: str, tmp_path: Path
) -> None:
    slug, _ = replay(site, vote_logs / "bluebirds.csv.gz", "--policy", policy, "--gold-share", "0")

    assert recomputed(site, slug, tmp_path) == "108 of 108 labels recomputed, equal to the stored ones\n"


async def test_with_frozen_skills_and_no_stopping_any_order_gives_the_same_sums(site: Site, vote_logs: Path) -> None:
    log = vote_logs / "bluebirds.csv.gz"
    nothing_stops = ("--policy", "count:1000", "--gold-share", "0")
    sums = []

    for seed in ("1", "2"):
        slug, _ = replay(site, log, *nothing_stops, "--shuffle-seed", seed)
        connection = await asyncpg.connect(site.database_url)
        sums.append(sorted(tuple(row) for row in await connection.fetch(SUMS, slug)))
        await connection.close()

    assert sums[0] == sums[1]
    assert [row[-1] for row in sums[0]] == [39] * 108


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "the known answers are too few (1): with --gold-share 0.1 all of them are training"),
        (("--through-api",), "sequential needs 3 items of each known answer as training, and this gives 1 yes and"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    log = tmp_path / "votes.csv"
    log.write_text("item,worker,answer,gold\na,w,yes,yes\n")

    status, said = attempt({}, "replay", str(log), *options)

    assert (status, why in said, "\n" in said) == (1, True, False), said


def test_a_policy_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    assert attempt({}, "replay", str(tmp_path / "votes.csv"), "--policy", "lead:0")[0] == 2
