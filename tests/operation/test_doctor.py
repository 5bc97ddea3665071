"""What the doctor finds in set-ups that are really wrong."""

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.doctor.campaigns import check_pictures
from api.doctor.database import check_clock, check_connections, check_revision, check_server
from api.doctor.examination import examine
from api.doctor.findings import Finding, Verdict
from api.doctor.machine import check_folder, check_port, check_storage
from api.doctor.surroundings import check_python, check_variables
from api.media.folder import FolderStorage
from api.postgres.home import Home
from api.postgres.probe import execute
from api.services.house import Services
from api.settings import Settings
from api.store.checkup import Checkup, Picture
from api.store.engine import Connection
from tests.operation.site import a_site
from tests.services.campaigns import SEQUENTIAL, a_campaign, vote

OK, NOTE, WRONG = Verdict


def verdicts(found: list[Finding], check: str) -> list[Verdict]:
    return [finding.verdict for finding in found if finding.check == check]


def the(found: list[Finding], verdict: Verdict) -> Finding:
    """Return the one finding of a verdict."""
    (finding,) = [each for each in found if each.verdict is verdict]
    return finding


async def examined(database_url: str, folder: Path) -> list[Finding]:
    """Return what the doctor finds over a database."""
    settings = Settings(database_url=database_url, data_dir=folder / "data", port=0)
    return [finding async for finding in examine(settings)]


# The environment


def test_a_misspelt_variable_is_told_what_was_meant() -> None:
    found = list(check_variables({"CHAFFINCH_PROT": "80", "CHAFFINCH_PORT": "81", "PATH": "/", "CHAFFINCH_XYZZY": "1"}))

    assert [(each.verdict, each.found.split()[0]) for each in found] == [
        (WRONG, "CHAFFINCH_PROT"),
        (WRONG, "CHAFFINCH_XYZZY"),
    ]
    assert found[0].remedy == "write CHAFFINCH_PORT if you mean that"
    assert [each.verdict for each in check_variables({"CHAFFINCH_PORT": "81"})] == [OK]


def test_packages_are_compared_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "runtime.txt"
    lock.write_text("numpy==0.1 \\\n    --hash=x\nno-such-package==1\nuvloop==0 ; sys_platform == 'none' \\\n")

    found = list(check_python(lock))

    assert verdicts(found, "Python") == [OK]
    assert the(found, WRONG).found == "missing: no-such-package"
    assert the(found, NOTE).found.startswith("other versions than were tested: numpy ")
    assert verdicts(list(check_python(tmp_path / "none")), "packages") == [NOTE]


# The machine


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/1").exists(), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    good = list(check_folder(Settings(data_dir=tmp_path / "deep" / "down")))
    bad = list(check_folder(Settings(data_dir=Path("/proc/nowhere"))))

    assert [each.verdict for each in good] in ([OK], [NOTE])
    assert (
        the(bad, WRONG).remedy == "give this account the folder, or set CHAFFINCH_DATA_DIR to one that it can write to"
    )


def test_a_store_that_refuses_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "uploads").touch()

    assert [each.verdict for each in check_storage(FolderStorage(tmp_path))] == [WRONG]
    assert [each.verdict for each in check_storage(FolderStorage(tmp_path / "good"))] == [OK]


class Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[1]")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of another service."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_port_may_be_free_ours_or_somebody_else_s(environment: dict[str, str], stranger: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with a_site(environment, 1) as site:
        ours = int(site.url.rpartition(":")[2])
        found = [next(check_port(Settings(port=port))) for port in (free, ours, stranger)]

    assert [each.verdict for each in found] == [NOTE, OK, WRONG]
    assert found[2].found == f"127.0.0.1, port {stranger} is in use, by something else than Chaffinch"


# The database


async def test_a_sound_set_up_has_nothing_wrong(services: Services, database_url: str, tmp_path: Path) -> None:
    assert services.health is not None

    found = await examined(database_url, tmp_path)

    assert [each for each in found if each.verdict is WRONG] == []
    assert {"PostgreSQL", "durability", "encoding", "connections", "clock", "schema"} <= {each.check for each in found}


async def test_a_server_with_wrong_settings_is_told_which(
    database: Connection, database_url: str, tmp_path: Path, server_home: Home
) -> None:
    name = await database.fetchval("SELECT current_database()")
    execute(server_home.run, "postgres", f"ALTER DATABASE {name} SET synchronous_commit = off")
    execute(server_home.run, "postgres", f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'")

    found = await examined(database_url, tmp_path)

    assert verdicts(found, "durability") == [NOTE]
    assert verdicts(found, "encoding") == [NOTE]
    assert verdicts(found, "partitions") == [WRONG]


async def test_a_database_of_another_encoding_is_wrong(server_home: Home, tmp_path: Path) -> None:
    name = f"latin_{uuid.uuid4().hex}"
    execute(
        server_home.run,
        "postgres",
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    try:
        found = await examined(server_home.url(name), tmp_path)
    finally:
        execute(server_home.run, "postgres", f"DROP DATABASE {name} WITH (FORCE)")

    assert verdicts(found, "encoding") == [WRONG]
    assert verdicts(found, "schema") == [NOTE]


async def test_a_database_that_is_away_is_wrong_and_no_password_is_told(tmp_path: Path) -> None:
    found = await examined("postgresql://me:hunter2@127.0.0.1:1/x", tmp_path)

    assert verdicts(found, "database") == [WRONG]
    assert "hunter2" not in str(found)


async def test_settings_that_endanger_what_was_acknowledged_are_wrong(database: Connection) -> None:
    server = await Checkup(database).server()
    now = datetime.now(UTC)

    assert [each.verdict for each in check_server(server._replace(fsync="off"))][1] is WRONG
    assert next(each.verdict for each in check_server(server._replace(major=14))) is WRONG
    assert [each.verdict for each in check_connections(server._replace(connections=20, used=3), Settings())] == [WRONG]
    assert [each.verdict for each in check_clock(server._replace(now=now), now, now)] == [OK]
    late = list(check_clock(server._replace(now=now - timedelta(minutes=1)), now, now))
    assert late[0].found == "the database is 60 s behind this machine"
    assert [each.verdict for revision in ("9999", "0001", None) for each in check_revision(revision)] == [
        WRONG,
        NOTE,
        NOTE,
    ]


# Work and campaigns


async def test_events_that_nobody_numbers_are_wrong(
    services: Services, database: Connection, database_url: str, tmp_path: Path
) -> None:
    campaign = await a_campaign(services, database)
    await database.execute(
        "INSERT INTO outbox (project_id, kind, created_at) VALUES ($1, 'x', now() - interval '3 h')", campaign.project
    )

    finding = the([each for each in await examined(database_url, tmp_path) if each.check == "worker"], WRONG)

    assert finding.found == "1 events wait for their number, the oldest for 3 hours"
    assert finding.remedy == "start `chaffinch worker`, and keep it running"


async def test_campaigns_that_cannot_go_on_are_wrong(
    services: Services, database: Connection, database_url: str, tmp_path: Path
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    await database.execute("DELETE FROM gold_standard WHERE truth = 1")
    await services.publishing.publish(
        "project: empty\nworkflows: [{name: arc, question: 'An arc?', policy: {count: 3}}]"
    )
    await database.execute("INSERT INTO project (slug) VALUES ('unpublished')")
    await database.execute(
        "INSERT INTO webhook (project_id, url, secret, form, failures, paused_at, why_paused)"
        " VALUES ($1, 'https://example.org', '', 'json', 30, now(), 'it answers 410')",
        campaign.project,
    )
    await database.execute(
        "INSERT INTO import_job (project_id, kind, options, state, created_at)"
        " VALUES ($1, 'manifest', '{}', 'waiting', now() - interval '10 min')",
        campaign.project,
    )
    await database.execute(
        "INSERT INTO location (subject_id, ordinal, digest, mime, width, height, blurhash, variants)"
        " VALUES ($1, 1, repeat('ab', 32), 'image/png', 320, 320, '', '[[320, 320, 7]]')",
        campaign.subjects[0],
    )

    found = await examined(database_url, tmp_path)

    assert {each.check: each.found for each in found if each.verdict is WRONG} == {
        "project lenses": "too little gold to learn who can see: arc has 3 of no and 0 of yes",
        "project empty": "is published and has no subjects",
        "webhooks": "webhook 1 of lenses is paused: it answers 410",
        "imports": "import 1 of lenses has waited for 10 minutes",
        "subjects": f"1 of 1 pictures looked for are missing, one of S{campaign.subjects[0]}",
    }
    assert verdicts(found, "project unpublished") == [NOTE]


async def test_votes_that_no_refit_has_looked_at_for_hours_are_wrong(
    services: Services, database: Connection, database_url: str, tmp_path: Path
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes")
    before = await examined(database_url, tmp_path)

    await database.execute("UPDATE stage SET last_vote_at = now() - interval '200 min' WHERE last_vote_at IS NOT NULL")

    finding = the([each for each in await examined(database_url, tmp_path) if each.check == "project lenses"], WRONG)
    assert finding.found == "votes come in, and arc was never refitted"
    assert verdicts(before, "project lenses") == [OK]


async def test_push_messages_that_fail_for_a_day_are_told(
    database: Connection, database_url: str, tmp_path: Path
) -> None:
    before = await examined(database_url, tmp_path)
    await database.execute(
        "WITH s AS (INSERT INTO push_subscription (id, volunteer_id, endpoint, p256dh, auth)"
        " SELECT gen_random_uuid(), n, 'https://push.example.org/' || n, '', '' FROM generate_series(1, 3) n"
        " RETURNING id)"
        " INSERT INTO push_message (subscription_id, kind, payload, attempts, error, created_at)"
        " SELECT id, 'more', '{}', 9, 'answered 403', now() - interval '25 hours' FROM s"
    )

    found = await examined(database_url, tmp_path)

    assert verdicts(before, "push") == [OK]
    finding = the([each for each in found if each.check == "push"], WRONG)
    assert finding.found == "push.example.org has not taken 3 messages to 3 volunteers for a day (answered 403)"
    assert finding.remedy is not None
    assert "https://chaffinch.local (CHAFFINCH_PUSH_CONTACT)" in finding.remedy


def test_pictures_that_are_there_are_fine(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.put("media/aba/" + "ab" * 32 + "-320.webp", b"x")

    assert [each.verdict for each in check_pictures([Picture("ab" * 32, 320, 1)], storage)] == [OK]


# The command


def test_the_command_fails_when_something_is_wrong_and_fits_a_phone(environment: dict[str, str]) -> None:
    env = environment | {"CHAFFINCH_POTR": "1", "COLUMNS": "44", "CHAFFINCH_PORT": "0"}

    said = CliRunner(env=env).invoke(app, ["doctor"])
    told = CliRunner(env=env).invoke(app, ["doctor", "--json"])

    report = json.loads(told.stdout)
    assert (said.exit_code, told.exit_code) == (1, 1)
    assert report["wrong"] == sum(each["verdict"] == "wrong" for each in report["findings"]) > 0
    assert max(map(len, said.stdout.splitlines())) <= 44
    assert "WRONG settings: CHAFFINCH_POTR is set, and" in said.stdout
    assert "      > write CHAFFINCH_PORT if you mean" in said.stdout
