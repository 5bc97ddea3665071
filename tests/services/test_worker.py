import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.postgres.embedded import Postgres
from api.postgres.home import open_home
from api.services.partitions import keep_ahead
from api.services.totals import Totals
from api.settings import Settings
from api.store.engine import Connection
from api.store.failures import CONFLICTS
from api.worker import work
from tests.services.harvest import ARC_LENS, Connect, Harvest, publish

SOCKET = ".s.PGSQL.5432"
WORKER = "from api.cli.working import worker; worker()"


async def announce(connection: Connection) -> None:
    await connection.execute(
        "INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)"
        " VALUES (1, 'subject.retired', 1, 1, 1)"
    )


async def is_sequenced(connection: Connection) -> bool:
    waits: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE position IS NULL)")
    return not waits


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.02)


# Totals


async def totals(harvest: Harvest, workflow: str = "arc") -> dict[str, Any]:
    row = await harvest.connection.fetchrow(
        "SELECT open, contested, retired, retired_yes AS yes, retired_no AS no, votes, contested_bar"
        " FROM workflow_total WHERE workflow_id = $1",
        harvest.workflows[workflow],
    )
    assert row is not None
    return dict(row)


async def test_workflows_are_counted_by_the_states_of_their_subjects(harvest: Harvest) -> None:
    retired = await harvest.retired()
    await harvest.vote(3, retired)
    await harvest.retired("nothing", "no")
    await harvest.vote(1, await harvest.entered("voted"))
    contested = await harvest.entered("contested")
    await harvest.connection.execute("UPDATE stage SET state = 1 WHERE subject_id = $1", contested)

    counted = await Totals().count(harvest.connection)

    assert counted == 2
    nothing = {"contested": 0, "retired": 0, "yes": 0, "no": 0, "votes": 0, "contested_bar": None}
    assert await totals(harvest, "lens") == nothing | {"open": 1}
    assert await totals(harvest) == nothing | {"open": 1, "contested": 1, "retired": 2, "yes": 1, "no": 1, "votes": 5}


async def test_the_contested_go_to_the_upper_quarter_of_the_proven(harvest: Harvest) -> None:
    proven = [(person, 3, 3, 100 * person) for person in range(1, 9)]
    unproven = [(20, 0, 9, 10_000), (21, 9, 0, 10_000), (22, 9, 9, -10_000)]
    await harvest.connection.executemany(
        "INSERT INTO skill (person_id, workflow_id, no_no, yes_yes, informedness) VALUES ($1, $2, $3, $4, $5)",
        [(person, harvest.workflows["arc"], *rest) for person, *rest in proven + unproven],
    )

    await Totals().count(harvest.connection)

    assert (await totals(harvest))["contested_bar"] == 600
    assert (await totals(harvest, "lens"))["contested_bar"] is None


async def test_what_was_counted_just_now_is_not_counted_again(harvest: Harvest) -> None:
    await Totals().count(harvest.connection)
    await harvest.entered()

    counted = await Totals().count(harvest.connection)
    await harvest.connection.execute("UPDATE workflow_total SET counted_at = counted_at - interval '1 minute'")
    counted_later = await Totals().count(harvest.connection)

    assert (counted, counted_later) == (0, 2)
    assert (await totals(harvest))["open"] == 1


async def test_a_workflow_that_another_worker_counts_is_left_to_it(harvest: Harvest, connect: Connect) -> None:
    other = await connect()

    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(7222, $1)", harvest.workflows["arc"])
        await Totals().count(harvest.connection)

    rows = await harvest.connection.fetch("SELECT workflow_id FROM workflow_total")
    assert [row[0] for row in rows] == [harvest.workflows["lens"]]


# Partitions


async def partitions(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'classification'::regclass ORDER BY 1"
    )
    return [row[0].removeprefix("classification_") for row in rows]


async def test_partitions_are_made_ahead_and_only_once(connection: Connection) -> None:
    for _ in range(2):
        await keep_ahead(connection, date(2031, 11, 30))

    assert await partitions(connection) == ["2031_11", "2031_12", "2032_01", "default"]


async def test_a_month_that_began_without_a_partition_stays_without_one(harvest: Harvest) -> None:
    await harvest.vote(1, await harvest.entered())
    today = datetime.now(UTC).date()

    await keep_ahead(harvest.connection, today)

    assert f"{today:%Y_%m}" not in await partitions(harvest.connection)
    assert len(await partitions(harvest.connection)) == 3


async def test_partitions_are_not_waited_for_while_the_ledger_is_read(connection: Connection, connect: Connect) -> None:
    reader = await connect()
    async with reader.transaction():
        await reader.execute("SELECT FROM classification LIMIT 1")

        with pytest.raises(CONFLICTS):
            await keep_ahead(connection, date(2031, 11, 30))

    await keep_ahead(connection, date(2031, 11, 30))
    async with reader.transaction():
        await reader.execute("SELECT FROM classification LIMIT 1")
        await keep_ahead(connection, date(2031, 11, 30))  # nothing is missing, so nothing is locked


# The worker


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Two workers over the same database."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(work(database_url, stop)) for _ in range(2)]
    yield tasks
    stop.set()
    await asyncio.gather(*tasks)


@pytest.mark.usefixtures("workers")
async def test_workers_do_all_their_jobs(harvest: Harvest) -> None:
    await harvest.retired()

    await eventually(lambda: is_sequenced(harvest.connection))
    await eventually(lambda: has_total(harvest))
    await eventually(lambda: is_partitioned(harvest.connection))
    await eventually(lambda: has_activity(harvest.connection))


async def has_activity(connection: Connection) -> bool:
    return bool(await connection.fetchval("SELECT sum(votes) = 2 FROM activity_day"))


async def has_total(harvest: Harvest) -> bool:
    return bool(await harvest.connection.fetchval("SELECT sum(retired) = 1 FROM workflow_total"))


async def is_partitioned(connection: Connection) -> bool:
    return len(await partitions(connection)) > 1


@pytest.mark.usefixtures("workers")
async def test_a_worker_lets_subjects_follow_where_a_publication_was_interrupted(harvest: Harvest) -> None:
    await harvest.subject()
    version = await publish(harvest.connection, harvest.project_id, ARC_LENS, harvest.workflows)
    await harvest.connection.execute("UPDATE cascade_version SET settled_at = NULL WHERE id = $1", version)

    async def followed() -> bool:
        return bool(await harvest.connection.fetchval("SELECT count(*) = 1 FROM stage"))

    await eventually(followed)


@pytest.mark.usefixtures("workers")
async def test_workers_come_back_when_their_connections_are_cut(connection: Connection) -> None:
    for _ in range(5):
        await announce(connection)
        await eventually(lambda: is_sequenced(connection))
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    await announce(connection)
    await eventually(lambda: is_sequenced(connection))
    assert await connection.fetchval("SELECT bool_and(position = id) FROM outbox")


@contextmanager
def a_worker_process(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_ends_in_good_order_when_asked_to(
    number: signal.Signals, connection: Connection, database_url: str, tmp_path: Path
) -> None:
    await announce(connection)
    with a_worker_process(CHAFFINCH_DATABASE_URL=database_url, CHAFFINCH_DATA_DIR=str(tmp_path)) as worker:
        await eventually(lambda: is_sequenced(connection))

        worker.send_signal(number)

        assert await asyncio.to_thread(worker.wait, 10) == 0


async def test_a_worker_waits_for_a_database_that_is_not_there_yet(connection: Connection, database_url: str) -> None:
    folder = Path(database_url.partition("?host=")[2].partition("&")[0])
    await announce(connection)
    with tempfile.TemporaryDirectory() as elsewhere:
        url = database_url.replace(str(folder), elsewhere)
        with a_worker_process(CHAFFINCH_DATABASE_URL=url, CHAFFINCH_DATA_DIR=elsewhere) as worker:
            await asyncio.sleep(2)
            assert worker.poll() is None

            await asyncio.to_thread(Path(elsewhere, SOCKET).symlink_to, folder / SOCKET)

            await eventually(lambda: is_sequenced(connection))


async def test_a_worker_goes_on_after_its_database_was_killed(
    open_folder: Path, wait_until_stopped: Callable[[Path], None]
) -> None:
    data_dir = open_folder / "of the worker"
    postgres = Postgres(Settings(data_dir=data_dir, postgres_linger_seconds=0))
    url = await asyncio.to_thread(postgres.acquire)
    with a_worker_process(CHAFFINCH_DATA_DIR=str(data_dir), CHAFFINCH_POSTGRES_LINGER_SECONDS="0") as worker:
        await eventually(lambda: sequences(url))

        os.kill(int((open_home(data_dir).data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

        await asyncio.sleep(0.5)
        await eventually(lambda: sequences(url))
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 30) == 0
    await asyncio.to_thread(postgres.release)
    await asyncio.to_thread(wait_until_stopped, data_dir)


async def sequences(url: str) -> bool:
    """Announce something, and tell whether it has a position soon; not while the database or its tables are away."""
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return False
    try:
        await announce(connection)
        await eventually(lambda: is_sequenced(connection), seconds=5)
    except (asyncpg.PostgresError, TimeoutError):
        return False
    finally:
        await connection.close()
    return True
