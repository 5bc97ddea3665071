import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.errors import DatabaseUnavailableError
from api.services.admitting import Report
from api.services.importing import Progress, WrongSlugError, import_rows
from api.store.engine import Connection, Pool, open_pool
from cascade.vocabulary import Answer, StageState, Tier
from tests.services.imports import ARC_THEN_LENS, a_row, everything, publish, stages

BRIGHT_OR_FAINT = """
project: lenses
workflows:
  - name: bright
    question: Is it bright?
    prior: {score: cnn, calibrate: false, people: 0}
    when: {metadata: magnitude, at_most: 20}
    else: faint
    then: {yes: faint, no: faint}
  - name: faint
    question: Is it faint?
    policy: {lead: 2}
    when: {score: cnn, at_least: 0.1}
    else: retire
    then: {yes: retire, no: retire}
"""


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


async def publish_bright_or_faint(pool: Pool) -> None:
    """Publish the cascade, whose first workflow cannot be without gold of both classes."""
    await import_rows(pool, "lenses", [a_row(f"gold {n}", gold={"bright": Answer(n % 2)}) for n in range(10)])
    await publish(pool, BRIGHT_OR_FAINT)


async def test_a_row_that_comes_again_in_one_import_has_the_last_word(pool: Pool, database: Connection) -> None:
    report = await import_rows(pool, "lenses", [a_row(metadata={"x": "1"}), a_row(metadata={"x": "2"})])

    assert report == Report(imported=1, updated=1)
    assert (await everything(database))["one"][0] == {"x": "2"}


async def test_subjects_enter_a_published_cascade_where_their_attributes_let_them(
    pool: Pool, database: Connection
) -> None:
    await publish_bright_or_faint(pool)

    report = await import_rows(
        pool,
        "lenses",
        [
            a_row("bright", metadata={"magnitude": "18.5"}),
            a_row("likely", metadata={"magnitude": "18.5"}, scores={"cnn": 0.9}),
            a_row("faint", metadata={"magnitude": "21"}, scores={"cnn": 0.5}),
            a_row("hopeless", metadata={"magnitude": "21"}, scores={"cnn": 0.0}),
            a_row("known", metadata={"magnitude": "18.5"}, gold={"faint": Answer.YES}),
        ],
    )

    assert report == Report(imported=5, entered=3)
    assert await stages(database) == {
        "bright": ("bright", StageState.OPEN, True),
        "likely": ("bright", StageState.OPEN, True),
        "faint": ("faint", StageState.OPEN, True),
    }
    likely = await database.fetch(
        "SELECT external_id FROM dealable JOIN subject ON id = subject_id WHERE tier = $1", int(Tier.LIKELY)
    )
    assert [row[0] for row in likely] == ["likely"]


async def test_a_subject_enters_when_a_later_import_makes_it_fit(pool: Pool, database: Connection) -> None:
    await publish_bright_or_faint(pool)
    await import_rows(pool, "lenses", [a_row("dim", metadata={"magnitude": "21"})])

    report = await import_rows(pool, "lenses", [a_row("dim", scores={"cnn": 0.5})])

    assert report == Report(updated=1, entered=1)
    assert await stages(database) == {"dim": ("faint", StageState.OPEN, True)}


async def test_a_subject_that_becomes_gold_leaves_the_cascade(pool: Pool, database: Connection) -> None:
    await publish(pool, ARC_THEN_LENS)
    await import_rows(pool, "lenses", [a_row(name) for name in ("open", "contested", "audited", "other")])
    for name, state, tier in (("contested", 1, Tier.CONTESTED), ("audited", 2, Tier.AUDIT)):
        number = await database.fetchval("SELECT id FROM subject WHERE external_id = $1", name)
        await database.execute("UPDATE stage SET state = $2 WHERE subject_id = $1", number, state)
        await database.execute("UPDATE dealable SET tier = $2 WHERE subject_id = $1", number, int(tier))

    report = await import_rows(
        pool, "lenses", [a_row(name, gold={"lens": Answer.NO}) for name in ("open", "contested", "audited")]
    )

    assert report == Report(updated=3, withdrawn=2)
    assert await stages(database) == {
        "open": ("arc", StageState.WITHDRAWN, False),
        "contested": ("arc", StageState.WITHDRAWN, False),
        "audited": ("arc", StageState.RETIRED, False),
        "other": ("arc", StageState.OPEN, True),
    }


async def test_a_stage_that_a_vote_begins_meanwhile_is_withdrawn_too(pool: Pool, database: Connection) -> None:
    await publish(pool, ARC_THEN_LENS)
    await import_rows(pool, "lenses", [a_row()])
    vote = database.transaction()
    await vote.start()
    await database.execute("UPDATE stage SET state = 2")
    await database.execute(
        "INSERT INTO stage (workflow_id, subject_id, draw, version_id)"
        " SELECT (SELECT id FROM workflow WHERE name = 'lens'), subject_id, 5, version_id FROM stage"
    )

    importing = asyncio.create_task(import_rows(pool, "lenses", [a_row(gold={"arc": Answer.YES})]))
    await _until_someone_waits(pool)
    await vote.commit()

    assert await importing == Report(updated=1, withdrawn=1)
    found = await database.fetch("SELECT name, state FROM stage JOIN workflow ON id = workflow_id ORDER BY name")
    assert [tuple(row) for row in found] == [("arc", StageState.RETIRED), ("lens", StageState.WITHDRAWN)]


async def _until_someone_waits(pool: Pool) -> None:
    while not await pool.fetchval(  # noqa: ASYNC110  # the server has no event of ours
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1"
    ):
        await asyncio.sleep(0.01)


async def test_two_imports_at_once_have_one_result(pool: Pool, database: Connection) -> None:
    await publish(pool, ARC_THEN_LENS)
    rows = [
        a_row(
            f"galaxy {n}",
            metadata={"n": str(n)},
            scores={"cnn": n / 1000},
            gold={"arc": Answer(n % 2)} if n < 50 else {},
        )
        for n in range(1000)
    ]
    shuffled = random.Random(2).sample(rows, len(rows))

    reports = await asyncio.gather(
        import_rows(pool, "lenses", rows),
        import_rows(pool, "lenses", rows[::-1]),
        import_rows(pool, "lenses", shuffled),
    )

    found = await everything(database)
    assert sum(report.imported for report in reports) == 1000
    assert [report.imported + report.unchanged for report in reports] == [1000, 1000, 1000]
    assert {name: each[0] for name, each in found.items()} == {f"galaxy {n}": {"n": str(n)} for n in range(1000)}
    assert all(len(each[2]) == 1 and each[2][0]["revision"] == 1 for each in found.values())
    assert sum(len(each[3] or ()) for each in found.values()) == 50
    assert len(await stages(database)) == sum(report.entered for report in reports) == 950


async def test_every_subject_enters_once_when_a_cascade_is_published_during_the_import(
    pool: Pool, database: Connection
) -> None:
    rows = [a_row(f"galaxy {n}", gold={"arc": Answer.YES} if n % 10 == 0 else {}) for n in range(3000)]
    published: list[asyncio.Task[None]] = []

    def publish_in_the_middle(now: Progress) -> None:
        if now.report.rows >= 1000 and not published:
            published.append(asyncio.create_task(publish(pool, ARC_THEN_LENS)))

    plain, late_gold = rows, [a_row(row.external_id, gold={"lens": Answer.NO}) for row in rows[1:1000:10]]
    await import_rows(pool, "lenses", plain, follow=publish_in_the_middle)
    await asyncio.gather(*published, import_rows(pool, "lenses", late_gold))

    found = await stages(database)
    gold = {row.external_id for row in (*plain, *late_gold) if row.gold}
    assert {name for name, stage in found.items() if stage[1] == StageState.OPEN} == {
        row.external_id for row in plain
    } - gold
    assert all(stage == ("arc", StageState.WITHDRAWN, False) for name, stage in found.items() if name in gold)


async def test_a_project_name_that_no_cascade_could_have_is_refused(pool: Pool, database: Connection) -> None:
    with pytest.raises(WrongSlugError, match=r"'Lens Search' will not do; write 2 to 60 lower-case letters"):
        await import_rows(pool, "Lens Search", [a_row()])

    assert await database.fetchval("SELECT count(*) FROM project") == 0


async def test_a_database_that_goes_away_is_named(pool: Pool, database: Connection) -> None:
    def cut_the_line(_now: Progress) -> None:
        cutting.append(asyncio.create_task(_cut(database)))

    cutting: list[asyncio.Task[None]] = []
    rows = (a_row(f"galaxy {n}") for n in range(100_000))

    with pytest.raises(DatabaseUnavailableError):
        await import_rows(pool, "lenses", rows, follow=cut_the_line)
    await asyncio.gather(*cutting)


async def _cut(database: Connection) -> None:
    async with _ONE_AT_A_TIME:
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'chaffinch-hot'"
        )


_ONE_AT_A_TIME = asyncio.Lock()
