"""Answers by day: whose day it is, what counts, and that each row of the ledger is counted once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.services.activity import catch_up, fold, fold_step
from api.services.house import Services
from api.store.engine import Connection
from cascade.vocabulary import EntryKind, Exclusion
from tests.services.campaigns import (
    a_campaign,
    a_swipe,
    an_importer,
    deal_named,
    retract,
    submit,
)
from tests.services.crashing import Crash, KilledError, crash, crashing
from tests.services.harvest import Connect, Harvest, a_uuid7

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TENTH = date(2026, 3, 10)


@dataclass(frozen=True)
class Row:
    """A row of the ledger that arrived at noon, `minutes` later; a retraction takes back the row before it."""

    minutes: float = 0
    given_minutes: float = 0
    offset: int | None = None
    person: int = 1
    client: int = 1
    kind: EntryKind = EntryKind.VOTE
    exclusion: Exclusion = Exclusion.NONE
    source: str = "phone"
    workflow: int = 1

    @property
    def received_at(self) -> datetime:
        return NOON + timedelta(minutes=self.minutes)


async def write(connection: Connection, rows: Sequence[Row]) -> None:
    await connection.executemany(
        "INSERT INTO classification (received_at, kind, person_id, volunteer_id, workflow_id, subject_id, client_id,"
        " attempt, answer, flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at,"
        " dwell_ms, utc_offset_minutes, source)"
        " VALUES ($1, $2, $3, $3, $4, 1, $5, 0, 1, false, 1, $6, 0, 0, 0, 0, 1, $7, 900, $8, $9)",
        [
            (
                row.received_at,
                int(row.kind),
                row.person,
                row.workflow,
                a_uuid7(row.client),
                int(row.exclusion),
                NOON + timedelta(minutes=row.given_minutes),
                row.offset,
                row.source,
            )
            for row in rows
        ],
    )


async def days(connection: Connection) -> dict[tuple[int, date], int]:
    """Return the answers by person and day."""
    return {
        (row[0], row[1]): row[2] for row in await connection.fetch("SELECT person_id, day, votes FROM activity_day")
    }


async def everything(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """Return all that is folded."""
    tables = ("activity_day", "project_day", "project_total")
    return [sorted(map(tuple, await connection.fetch(f"TABLE {table}"))) for table in tables]


async def until_now(connection: Connection) -> None:
    """Fold until everything that has happened is in: the horizon follows at some distance."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    async with asyncio.timeout(20):
        while True:
            await catch_up(connection)
            if await connection.fetchval("SELECT folded_until FROM activity_fold") > now:
                return
            await asyncio.sleep(0.02)


# Whose day it is


@pytest.mark.parametrize(
    ("given_minutes", "offset", "day"),
    [
        (0, None, TENTH),
        (0, 719, TENTH),
        (0, 720, date(2026, 3, 11)),
        (0, -720, TENTH),
        (-1, -720, date(2026, 3, 9)),
        (0, 840, date(2026, 3, 11)),
        (-3 * 24 * 60, None, date(2026, 3, 7)),
        (-30 * 24 * 60, None, date(2026, 3, 2)),
        (5 * 24 * 60, None, TENTH),
        (5 * 24 * 60, 720, date(2026, 3, 11)),
    ],
    ids=[
        "without an offset it is UTC's",
        "before midnight",
        "at midnight",
        "midnight in the west",
        "before midnight in the west",
        "far east",
        "three days in a tunnel",
        "a clock of last month: at most eight days",
        "a clock of next week: the arrival",
        "a clock of next week, in the east",
    ],
)
async def test_an_answer_belongs_to_the_day_on_the_calendar_of_the_person(
    harvest: Harvest, given_minutes: float, offset: int | None, day: date
) -> None:
    await write(harvest.connection, [Row(given_minutes=given_minutes, offset=offset)])

    await fold(harvest.connection)

    assert await days(harvest.connection) == {(1, day): 1}


# What counts


async def test_what_came_too_fast_was_taken_back_or_imported_does_not_count(harvest: Harvest) -> None:
    await harvest.connection.execute(
        "INSERT INTO token (sha256, scope, project_id, source) VALUES ('a', 'import', $1, 'log'),"
        " ('b', 'import', $1, 'api'), ('c', 'import', 99, 'bot')",
        harvest.project_id,
    )
    await harvest.connection.execute(
        "INSERT INTO imported_volunteer VALUES ($1, 'panoptes', 'Robin', 9)", harvest.project_id
    )
    outcomes = [
        Row(exclusion=Exclusion.TOO_FAST),
        Row(exclusion=Exclusion.RETRACTED),
        Row(exclusion=Exclusion.IMPORTED),
        Row(source="log"),
        Row(source="panoptes"),
    ]
    counting = [
        Row(exclusion=each) for each in (Exclusion.NONE, Exclusion.LATE, Exclusion.GOLD, Exclusion.CARD_EXPIRED)
    ]
    sources = [Row(source="api"), Row(source="bot")]
    await write(harvest.connection, [*outcomes, *counting, *sources])

    await fold(harvest.connection)

    assert await days(harvest.connection) == {(1, TENTH): 6}


async def test_a_vote_taken_back_is_subtracted_from_its_own_day(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database)
    caller = await an_importer(campaign)
    first, second = campaign.subjects[:2]
    await deal_named(services, caller, campaign.arc, first, second)
    swipes = [a_swipe(campaign.arc, subject) for subject in (first, second)]
    unseen = a_swipe(campaign.arc, first)
    await submit(services, caller, *swipes)
    await until_now(database)
    before = await days(database)

    await retract(services, caller, swipes[0].id, unseen.id)
    await submit(services, caller, unseen)
    await until_now(database)

    today = swipes[0].answered_at.date()
    assert before == {(caller.person_id, today): 2}
    assert await days(database) == {(caller.person_id, today): 1}
    total = await database.fetchrow("SELECT * FROM project_total")
    assert total is not None
    assert tuple(total) == (campaign.project, 1, 1)


# Once each


async def test_a_vote_that_commits_late_is_not_missed(harvest: Harvest, connect: Connect) -> None:
    slow = await connect()
    late = slow.transaction()
    await late.start()
    await slow.execute("SELECT now()")
    await harvest.vote(1, await harvest.entered("quick"))
    await asyncio.sleep(0.2)
    await fold(harvest.connection)
    before = await days(harvest.connection)

    now = await slow.fetchval("SELECT now()")
    await write(slow, [Row(minutes=(now - NOON) / timedelta(minutes=1), person=2, workflow=harvest.workflows["arc"])])
    await late.commit()
    await until_now(harvest.connection)

    assert before == {}
    assert sorted(person for person, _ in await days(harvest.connection)) == [1, 2]


@pytest.mark.parametrize("planned", [Crash.ROLLED_BACK, Crash.CUT_BEFORE_COMMIT, Crash.CUT_AFTER_COMMIT])
async def test_a_step_that_was_cut_off_is_counted_once(harvest: Harvest, database_url: str, planned: Crash) -> None:
    await write(harvest.connection, [Row(minutes=place, client=place) for place in range(9)])

    async with crashing(database_url) as bench:
        for turn in range(40):
            crash.set(planned if turn % 2 == 0 else Crash.NONE)
            async with bench.pool.acquire() as connection:
                with suppress(KilledError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await fold_step(connection, 2)
        crash.set(Crash.NONE)

    assert await days(harvest.connection) == {(1, TENTH): 9}


async def test_workers_share_the_fold(harvest: Harvest, connect: Connect) -> None:
    await write(
        harvest.connection,
        [Row(minutes=place, client=place, person=place % 5) for place in range(60)],
    )
    workers = [await connect() for _ in range(3)]

    async def work(worker: Connection) -> None:
        for _ in range(10):
            await fold_step(worker, 3)

    await asyncio.gather(*map(work, workers))
    await fold(harvest.connection)

    assert await days(harvest.connection) == {(person, TENTH): 12 for person in range(5)}


async def test_what_another_worker_folds_is_left_to_it(harvest: Harvest, connect: Connect) -> None:
    await write(harvest.connection, [Row()])
    other = await connect()

    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(7221300004)")
        await fold(harvest.connection)

    assert await days(harvest.connection) == {}


def rows() -> st.SearchStrategy[list[Row]]:
    """Return rows of a ledger in the order of arrival, some at once; a vote may be taken back within ten minutes."""
    votes = st.builds(
        Row,
        minutes=st.integers(0, 3000),
        given_minutes=st.integers(-20_000, 4000),
        offset=st.none() | st.integers(-720, 840),
        person=st.integers(1, 3),
        exclusion=st.sampled_from([Exclusion.NONE, Exclusion.NONE, Exclusion.GOLD, Exclusion.TOO_FAST]),
    )
    return st.lists(st.tuples(votes, st.none() | st.integers(-1, 9)), max_size=15).map(_ledger)


def _ledger(drawn: Sequence[tuple[Row, int | None]]) -> list[Row]:
    written = []
    for number, (vote, taken_back) in enumerate(drawn):
        written.append(replace(vote, client=number))
        if taken_back is not None:
            at = vote.minutes + taken_back
            written.append(
                replace(
                    vote,
                    client=number,
                    minutes=at,
                    given_minutes=at,
                    offset=None,
                    kind=EntryKind.RETRACTION,
                    exclusion=Exclusion.RETRACTED,
                )
            )
    return sorted(written, key=lambda row: row.minutes)


def expected(written: Sequence[Row]) -> dict[tuple[int, date], int]:
    """Return the answers by person and day, by a rule that knows no steps."""
    counted: Counter[tuple[int, date]] = Counter()
    back = {row.client for row in written if row.kind == EntryKind.RETRACTION}
    for row in written:
        if row.kind == EntryKind.VOTE and row.exclusion != Exclusion.TOO_FAST:
            said = NOON + timedelta(minutes=row.given_minutes)
            said = min(max(said, row.received_at - timedelta(days=8)), row.received_at)
            day = (said + timedelta(minutes=row.offset or 0)).date()
            counted[row.person, day] += 0 if row.client in back else 1
    return dict(counted)


@settings(deadline=None, max_examples=25, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=rows(), sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4))
async def test_any_division_into_steps_gives_the_same_tables(
    harvest: Harvest, written: list[Row], sizes: list[int]
) -> None:
    connection = harvest.connection
    await begin_anew(connection, emptied=("classification",))
    await write(connection, written)

    await fold(connection)
    at_once = await everything(connection)
    found = await days(connection)
    await begin_anew(connection)
    for size in itertools.cycle(sizes):
        if not await fold_step(connection, size):
            break

    assert found == expected(written)
    assert await everything(connection) == at_once


async def begin_anew(connection: Connection, emptied: Sequence[str] = ()) -> None:
    for table in (*emptied, "activity_day", "project_day", "project_total", "activity_fold"):
        await connection.execute(f"DELETE FROM {table}")
