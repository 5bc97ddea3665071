"""What /metrics tells: of all processes, whoever is asked and whoever was killed, and of the database."""

import asyncio
import os
import signal
import subprocess
import urllib.error
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog

from api.services.group_commit import GroupCommit
from api.services.house import Services
from api.store.engine import Connection
from tests.cli.program import PROGRAM
from tests.operation.site import Site, a_site, eventually, numbers_in
from tests.services.campaigns import a_campaign, a_swipe, deal, people, subjects_of, submit

TOKEN = "let-me-see-the-numbers"


def answered(site: Site) -> float:
    return site.numbers().get(("chaffinch_requests_total", ("health", "GET", "200")), 0)


def test_a_look_shows_all_processes_and_what_the_dead_have_counted(environment: dict[str, str]) -> None:
    with a_site(environment, 2) as site:
        assert eventually(lambda: site.numbers()["chaffinch_processes", ()] == 2)
        before = site.children()
        for _ in range(20):
            site.get("/health")
        looks = {answered(site) for _ in range(6)}

        os.kill(min(before), signal.SIGKILL)
        replaced = eventually(lambda: len(site.children() - before) == 1 and len(site.children()) == 2)
        processes = eventually(lambda: site.numbers()["chaffinch_processes", ()] == 2)
        again = site.numbers()

        assert looks == {20}
        assert (replaced, processes) == (True, True)
        assert again["chaffinch_requests_total", ("health", "GET", "200")] == 20
        assert again["chaffinch_process_resident_bytes", ()] < 2e9
        assert again["chaffinch_partitions_ahead", ()] == 2


def test_the_numbers_are_for_whoever_has_the_token(environment: dict[str, str]) -> None:
    with a_site(environment, 1, CHAFFINCH_METRICS_TOKEN=TOKEN) as site:
        seen, headers = site.get("/metrics", Authorization=f"Bearer {TOKEN}")
        opened, modern = site.get("/metrics", Authorization=f"Bearer {TOKEN}", Accept="application/openmetrics-text")
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.get("/metrics", Authorization="Bearer let-me-see-the-rest")

    assert (refused.value.code, b"CHAFFINCH_METRICS_TOKEN" in refused.value.read()) == (401, True)
    assert headers["content-type"].startswith("text/plain; version=")
    assert numbers_in(seen)["chaffinch_processes", ()] == 1
    assert modern["content-type"].startswith("application/openmetrics-text")
    assert opened.endswith("# EOF\n")


async def test_swipes_decks_and_retirements_are_counted_once_they_are_committed(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database)
    before = numbers_in((await services.monitoring.tell(None, ""))[0].decode())

    for caller in await people(campaign, 2):
        deck = await deal(services, caller, campaign.arc, 3)
        await submit(services, caller, *(a_swipe(campaign.arc, subject) for subject in subjects_of(deck)))
        await submit(services, caller, a_swipe(campaign.arc, 999_999))
    after = numbers_in((await services.monitoring.tell(None, ""))[0].decode())

    counted = {
        (name, *labels): after[name, labels] - before.get((name, labels), 0)
        for name, labels in after
        if name.split("_")[1] in ("swipes", "decks", "cards", "retirements")
        and after[name, labels] != before.get((name, labels))
    }
    assert counted == {
        ("chaffinch_swipes_total", "created"): 6,
        ("chaffinch_swipes_total", "rejected"): 2,
        ("chaffinch_decks_total",): 2,
        ("chaffinch_cards_total",): 6,
        ("chaffinch_retirements_total", "classification_count"): 3,
    }


async def test_the_database_is_asked_what_waits(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    await database.execute(
        "INSERT INTO outbox (project_id, kind, created_at) VALUES ($1, 'x', now() - interval '90 s')", campaign.project
    )
    await database.execute("INSERT INTO outbox (project_id, kind, position) VALUES ($1, 'x', 12)", campaign.project)
    hook = await database.fetchval(
        "INSERT INTO webhook (project_id, url, secret, form, position, failures)"
        " VALUES ($1, 'https://example.org', '', 'json', 5, 3) RETURNING id",
        campaign.project,
    )
    await database.execute(
        "INSERT INTO import_job (project_id, kind, options, state) VALUES ($1, 'manifest', '{}', 'failed')",
        campaign.project,
    )

    told = numbers_in((await services.monitoring.tell(None, ""))[0].decode())

    assert told["chaffinch_outbox_waiting", ()] == 1
    assert 90 <= told["chaffinch_outbox_waiting_seconds", ()] < 150
    assert told["chaffinch_webhook_lag", ("lenses", str(hook))] == 7
    assert told["chaffinch_webhook_failures", ("lenses", str(hook))] == 3
    assert told["chaffinch_import_jobs", ("failed",)] == 1
    assert told["chaffinch_import_jobs", ("running",)] == 0
    assert told["chaffinch_database_bytes", ()] > 1e6


def test_a_worker_tells_of_its_jobs_at_a_port_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("w") as said:
        worker = subprocess.Popen([*PROGRAM, "worker", "--metrics-port", "0"], env=environment, stderr=said)
    try:
        assert eventually(lambda: "metrics of this worker" in log.read_text())
        url = log.read_text().split(" at ")[1].split("/metrics")[0]
        site = Site(worker, url)  # type: ignore[arg-type]  # nothing is read from it
        assert eventually(lambda: site.numbers().get(("chaffinch_job_seconds_count", ("sequencing",)), 0) > 1)
        told = site.numbers()
    finally:
        worker.terminate()
        worker.wait(30)

    assert told["chaffinch_job_done_timestamp_seconds", ("sequencing",)] > 1.7e9
    assert ("chaffinch_decks_total", ()) not in told
    assert worker.returncode == 0


async def test_what_spoils_a_group_is_logged_under_the_request_that_brought_it() -> None:
    async def commit(items: Sequence[int]) -> Sequence[int]:
        if 13 in items:
            raise ZeroDivisionError
        return items

    async def request(name: str, item: int) -> Sequence[int]:
        structlog.contextvars.bind_contextvars(request_id=name)
        return await commits.submit([item])

    commits = GroupCommit(commit, lambda _: -1, lanes=1)
    said = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, said])
    try:
        answers = await asyncio.gather(*(asyncio.create_task(request(f"request-{n}", n)) for n in (12, 13, 14)))
    finally:
        structlog.reset_defaults()
        await commits.close()

    assert answers == [[12], [-1], [14]]
    assert [(entry["request_id"], entry["item"]) for entry in said.entries] == [("request-13", "13")]
