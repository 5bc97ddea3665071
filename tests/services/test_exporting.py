import asyncio
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.errors import UnknownProjectError
from api.exports.columns import LABEL_COLUMNS, VOTE_COLUMNS, Column, Table
from api.exports.forms import Form
from api.media.folder import FolderStorage
from api.services.archiving import Archive, LedgerArchivedError, archived_batches
from api.services.cursors import START, WrongCursorError
from api.services.exporting import Exported, Wish, exported
from api.services.labels import Labels
from api.services.ledger_reading import ReadMonth
from api.services.pseudonyms import Pseudonyms
from api.services.retractions import Retractions
from api.store import columnar
from api.store.backup import BackupStore
from api.store.engine import Connection, Pool
from api.store.engine import connect as connect_as
from api.store.schema import create_partitions
from cascade.vocabulary import Answer
from mobile_schemas.classifications import RetractionsIn
from mobile_schemas.labels import LabelOut
from tests.services.harvest import (
    SAID_AT,
    Connect,
    Harvest,
    a_researcher,
    a_uuid7,
    a_volunteer,
    revise,
    sow,
    volunteer_of,
)


def csv_rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


@pytest.fixture
def take(database_url: str) -> Callable[..., Any]:
    """Export a table of a harvest; give what was written, and what is known of it."""

    async def take(
        harvest: Harvest, table: Table, form: Form = Form.CSV, read_month: ReadMonth | None = None, **wish: Any
    ) -> tuple[bytes, Exported]:
        text, wanted = io.BytesIO(), Wish(table, form, **wish)
        done = await exported(harvest.connection, database_url, harvest.slug, wanted, text.write, read_month=read_month)
        return text.getvalue(), done

    return take


async def pseudonym(harvest: Harvest, person: int) -> str:
    key = await harvest.connection.fetchval("SELECT pseudonym_key FROM project WHERE id = $1", harvest.project_id)
    return Pseudonyms(key).of(volunteer_of(person))


async def test_labels_are_exported_with_the_newest_revision_of_each(harvest: Harvest, take: Callable[..., Any]) -> None:
    first, second = await harvest.retired("one", "no"), await harvest.retired("two", "no")
    await revise(harvest, second, Answer.YES)

    newest = csv_rows((await take(harvest, Table.LABELS))[0])
    every = csv_rows((await take(harvest, Table.LABELS, all_revisions=True))[0])

    assert [(row["subject"], row["revision"], row["label"]) for row in newest] == [
        (f"S{first}", "1", "no"),
        (f"S{second}", "2", "yes"),
    ]
    assert [(row["subject"], row["revision"], row["author"], row["routed_to"]) for row in every] == [
        (f"S{first}", "1", "", ""),
        (f"S{second}", "1", "", ""),
        (f"S{second}", "2", "Caroline", "lens"),
    ]
    assert list(newest[0]) == names(LABEL_COLUMNS)


async def test_exported_labels_say_what_the_feed_says(harvest: Harvest, pool: Pool, take: Callable[..., Any]) -> None:
    await harvest.retired("one")
    await harvest.retired("two", "no")
    feed, _ = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)

    lines = [json.loads(line) for line in (await take(harvest, Table.LABELS, Form.NDJSON))[0].splitlines()]

    told = [LabelOut(**label).model_dump(mode="json", exclude={"cursor"}) for label in feed]
    assert [{name: line[name] for name in told[0]} for line in lines] == told
    assert list(lines[0]) == names(LABEL_COLUMNS)


async def test_every_vote_is_exported_counted_or_not_and_why(
    harvest: Harvest, pool: Pool, take: Callable[..., Any]
) -> None:
    subject, training = await harvest.entered("galaxy"), await harvest.subject("training")
    await harvest.connection.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'arc', 1, $2, 0, 1)",
        training,
        harvest.project_id,
    )
    await harvest.vote(1, training, "no")
    await harvest.vote(1, subject, "no", client_id=a_uuid7(1))
    retractions = Retractions(pool, harvest.published, harvest.dice)
    await retractions.retract(a_volunteer(1), RetractionsIn.model_validate({"retractions": [{"id": a_uuid7(1)}]}))
    await harvest.vote(2, subject, "yes", session="s", language="de", utc_offset_minutes=60, flag=True)
    await harvest.vote(1, subject, "yes")
    await harvest.vote(3, subject, "unsure")

    rows = csv_rows((await take(harvest, Table.VOTES))[0])

    one, two, three = [await pseudonym(harvest, person) for person in (1, 2, 3)]
    told = ("kind", "volunteer", "subject", "answer", "counted", "why_not", "bucket", "ordinal")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("vote", one, f"S{training}", "no", "false", "gold", "gold", "0"),
        ("vote", one, f"S{subject}", "no", "false", "retracted", "unproven", "1"),
        ("retraction", one, f"S{subject}", "no", "false", "retraction", "unproven", "2"),
        ("vote", two, f"S{subject}", "yes", "true", "", "unproven", "3"),
        ("vote", one, f"S{subject}", "yes", "true", "", "unproven", "4"),
        ("vote", three, f"S{subject}", "unsure", "false", "late", "late", "5"),
    ]
    assert list(rows[0]) == names(VOTE_COLUMNS)
    assert [rows[3][name] for name in ("session", "language", "utc_offset_minutes", "flag", "dwell_ms", "source")] == [
        *("s", "de", "60", "true", "900", "phone")
    ]
    assert rows[3]["answered_at"] == SAID_AT.isoformat().replace("+00:00", "Z")
    assert rows[0]["truth"] == "no"
    stage = await harvest.stage(subject)
    assert stage is not None
    unproven = [row for row in rows if row["bucket"] == "unproven"]
    assert sum(int(row["if_yes"]) - int(row["if_no"]) for row in unproven) == stage["unproven"]


async def test_ids_are_exported_as_they_were_imported(harvest: Harvest, take: Callable[..., Any]) -> None:
    ids = ["=1+1", "+49", "-7", "@home", 'a "quoted", id', "line\nbreak", "carriage\rreturn", "größer ☄"]
    for number in ids:
        await harvest.retired(number)

    labels, votes = [csv_rows((await take(harvest, table))[0]) for table in (Table.LABELS, Table.VOTES)]

    assert [row["external_id"] for row in labels] == ids
    assert sorted({row["external_id"] for row in votes}) == sorted(ids)


@pytest.mark.parametrize("table", Table)
async def test_exports_of_an_unknown_project_write_nothing(harvest: Harvest, database_url: str, table: Table) -> None:
    written: list[object] = []

    with pytest.raises(UnknownProjectError):
        await exported(harvest.connection, database_url, "nebulae", Wish(table), written.append)

    assert written == []


async def test_an_export_takes_no_more_memory_for_more_rows(
    harvest: Harvest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "BATCH_BYTES", 200_000)
    held: list[int] = []

    async def peak(rows: int) -> int:
        await many_votes(harvest, rows)
        held.clear()
        await exported(
            harvest.connection,
            database_url,
            harvest.slug,
            Wish(Table.VOTES),
            lambda _: held.append(pa.total_allocated_bytes()),
        )
        return max(held)

    few = await peak(5_000)
    many = await peak(25_000)

    assert many < 1.3 * few


async def test_pages_that_follow_the_cursor_are_the_whole_log(harvest: Harvest, take: Callable[..., Any]) -> None:
    await many_votes(harvest, 7)
    await harvest.retired("galaxy")
    whole, _ = await take(harvest, Table.VOTES, Form.NDJSON)

    pages, cursor = [], START[Table.VOTES]
    while True:
        page, done = await take(harvest, Table.VOTES, Form.NDJSON, after=cursor, limit=2)
        if done.rows == 0:
            break
        pages.append(page)
        cursor = done.cursor

    assert b"".join(pages) == whole
    assert [len(page.splitlines()) for page in pages] == [2, 2, 2, 2, 1]
    assert done.cursor == cursor


async def test_a_vote_that_commits_late_is_not_missed_by_who_follows_the_cursor(
    harvest: Harvest, connect: Connect, database_url: str
) -> None:
    early, late = await connect(), await connect()
    slow, quick = early.transaction(), late.transaction()
    await slow.start()
    await one_vote(harvest, early, 1)
    await asyncio.sleep(0.2)
    await quick.start()
    await one_vote(harvest, late, 2)
    await quick.commit()

    async def follow(after: str | None) -> tuple[list[str], Exported]:
        text, wish = io.BytesIO(), Wish(Table.VOTES, after=after, limit=10)
        done = await exported(harvest.connection, database_url, harvest.slug, wish, text.write, patience_seconds=0.3)
        return [row["session"] for row in csv_rows(text.getvalue())], done

    while_open, first = await follow(None)
    await slow.commit()
    afterwards, second = await follow(first.cursor)

    assert while_open == []
    assert not first.whole
    assert afterwards == ["1", "2"]
    assert second.whole


async def test_labels_after_a_cursor_are_the_revisions_since(harvest: Harvest, take: Callable[..., Any]) -> None:
    subject = await harvest.retired("one", "no")
    _, first = await take(harvest, Table.LABELS)
    await revise(harvest, subject, Answer.YES)

    since, second = await take(harvest, Table.LABELS, after=first.cursor)
    _, third = await take(harvest, Table.LABELS, after=second.cursor)

    [revision] = csv_rows(since)
    assert (revision["revision"], revision["author"], revision["position"]) == ("2", "Caroline", second.cursor)
    assert (third.rows, third.cursor) == (0, second.cursor)


async def test_subjects_are_exported_with_what_hangs_on_them(harvest: Harvest, take: Callable[..., Any]) -> None:
    subject = await harvest.entered("one", machine=0.9)
    training = await harvest.subject("two")
    await harvest.connection.execute(
        'UPDATE subject SET ra = 150.1, dec = 2.2, healpix = 7, metadata = \'{"field": "größer"}\' WHERE id = $1',
        subject,
    )
    await harvest.connection.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'arc', 1, $2, 1, 1)",
        training,
        harvest.project_id,
    )

    text, done = await take(harvest, Table.SUBJECTS, Form.NDJSON)

    one, two = [json.loads(line) for line in text.splitlines()]
    assert (one["subject"], one["external_id"], one["ra"], one["dec"], one["healpix"]) == (
        *(f"S{subject}", "one", 150.1, 2.2, 7),
    )
    assert json.loads(one["metadata"]) == {"field": "größer"}
    assert json.loads(one["scores"]) == {"machine": {"value": 0.9, "model": None, "revision": 1}}
    assert json.loads(one["stages"]) == [
        {
            "workflow": harvest.workflows["arc"],
            "workflow_name": "arc",
            "state": "open",
            "label": None,
            "reason": None,
        }
    ]
    assert (two["ra"], json.loads(two["gold"])) == (None, {"arc": "yes"})
    assert done.cursor == str(training)


@pytest.mark.parametrize(("table", "cursor"), [(Table.VOTES, "12"), (Table.LABELS, "1.2"), (Table.SUBJECTS, "S12")])
async def test_a_cursor_of_something_else_is_refused(
    harvest: Harvest, take: Callable[..., Any], table: Table, cursor: str
) -> None:
    with pytest.raises(WrongCursorError, match=table.value):
        await take(harvest, table, after=cursor)


async def test_what_was_written_is_described(harvest: Harvest, take: Callable[..., Any]) -> None:
    await harvest.retired("one")

    text, done = await take(harvest, Table.VOTES, Form.PARQUET)

    told = done.description
    assert (told["rows"], told["bytes"], told["sha256"]) == (2, len(text), hashlib.sha256(text).hexdigest())
    assert [column["name"] for column in told["columns"]] == names(VOTE_COLUMNS)
    [version] = told["cascade"]
    assert version["workflows"][str(harvest.workflows["arc"])]["policy"] == {"count": 2}


@pytest.mark.parametrize("old", [False, True], ids=["of today", "of before calibrations"])
async def test_months_in_the_archive_are_exported_in_their_place(
    harvest: Harvest, take: Callable[..., Any], database_url: str, tmp_path: Path, old: bool
) -> None:
    for month in (5, 6, 7):
        await months_votes(harvest, 2026, month)
    await harvest.retired("of now")
    whole, before = await take(harvest, Table.VOTES)
    _, half = await take(harvest, Table.VOTES, limit=5)
    archive = Archive(harvest.connection, database_url, FolderStorage(tmp_path), tmp_path / "scratch")
    await archive.archive(date(2026, 5, 1))
    await archive.archive(date(2026, 7, 1))
    read_month = partial(of_before_calibrations if old else archived_batches, FolderStorage(tmp_path))

    again, after = await take(harvest, Table.VOTES, read_month=read_month)
    rest, _ = await take(harvest, Table.VOTES, read_month=read_month, after=half.cursor)

    assert again == whole
    assert after.cursor == before.cursor
    assert rest.splitlines()[1:] == whole.splitlines()[6:]
    assert [row["why_not"] for row in csv_rows(whole)][:4] == ["", "retracted", "", ""]
    with pytest.raises(LedgerArchivedError, match=r"2026-05, 2026-07 .* ledger restore"):
        await take(harvest, Table.VOTES)


async def test_votes_that_came_to_a_month_after_it_was_archived_are_exported_in_their_place(
    harvest: Harvest, take: Callable[..., Any], database_url: str, tmp_path: Path
) -> None:
    await months_votes(harvest, 2026, 5)
    whole, _ = await take(harvest, Table.VOTES)
    _, half = await take(harvest, Table.VOTES, limit=2)
    late = await harvest.connection.fetch("SELECT * FROM classification WHERE person_id IN (1, 3)")
    await harvest.connection.execute("DELETE FROM classification WHERE person_id IN (1, 3)")
    await Archive(harvest.connection, database_url, FolderStorage(tmp_path), tmp_path / "x").archive(date(2026, 5, 1))
    await harvest.connection.copy_records_to_table("classification", records=late)
    read_month = partial(archived_batches, FolderStorage(tmp_path))

    again, _ = await take(harvest, Table.VOTES, read_month=read_month)
    rest, _ = await take(harvest, Table.VOTES, read_month=read_month, after=half.cursor)

    assert again == whole
    assert rest.splitlines()[1:] == whole.splitlines()[3:]


async def test_an_export_does_not_wait_for_a_backup(
    harvest: Harvest, take: Callable[..., Any], database_url: str
) -> None:
    async with connect_as(database_url, "backup") as connection, BackupStore(connection).snapshot():
        await harvest.retired("galaxy")
        text, done = await take(harvest, Table.VOTES)

    assert (len(csv_rows(text)), done.whole) == (2, True)


def of_before_calibrations(*args: Any) -> Iterator[pa.RecordBatch]:
    """Give the rows of an archived month as they were before the ledger kept calibrations."""
    yield from (batch.drop_columns(["calibration"]) for batch in archived_batches(*args))


LEDGER = (
    "received_at kind person_id volunteer_id workflow_id subject_id client_id attempt answer flag bucket exclusion"
    " ordinal if_yes if_no skill_revision version_id answered_at dwell_ms session utc_offset_minutes language source"
    " truth"
)

KEYS = "person_id client_id workflow_id subject_id retracted_at"


async def months_votes(harvest: Harvest, year: int, month: int) -> None:
    """Add four votes in a month that has a partition; the second was taken back."""
    await create_partitions(harvest.connection, date(year, month, 1))
    subject = await harvest.subject(f"of {month}")
    arc = harvest.workflows["arc"]
    keys, votes = [], []
    for person in (1, 2, 3, 4):
        moment, client_id = datetime(year, month, 9, 12, person // 2, tzinfo=UTC), a_uuid7(100 * month + person)
        keys.append((person, client_id, arc, subject, moment if person == 2 else None))
        votes.append(
            (
                *(moment, 0, person, person, arc, subject, client_id, 0, 1, False, 1, 0, person, -1, -2, 0),
                *(harvest.version_id, moment, 9, None, None, None, "phone", None),
            )
        )
    await harvest.connection.copy_records_to_table("classification", records=votes, columns=LEDGER.split())
    await harvest.connection.copy_records_to_table("swipe_key", records=keys, columns=KEYS.split())


async def one_vote(harvest: Harvest, connection: Connection, number: int) -> None:
    await connection.execute(
        """
        WITH s AS (INSERT INTO subject (project_id, external_id, metadata) VALUES ($1, $2, '{}') RETURNING id)
        INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer,
            flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at, dwell_ms, source,
            session)
        SELECT 0, 1, 1, $3, s.id, gen_random_uuid(), 0, 1, false, 1, 0, 1, -1, -2, 0, $4, now(), 1, 'phone', $2 FROM s
        """,
        harvest.project_id,
        str(number),
        harvest.workflows["arc"],
        harvest.version_id,
    )


async def many_votes(harvest: Harvest, rows: int) -> None:
    await harvest.connection.execute(
        """
        WITH s AS (INSERT INTO subject (project_id, external_id, metadata)
                   SELECT $1, gen_random_uuid()::text, '{}' FROM generate_series(1, $2) RETURNING id)
        INSERT INTO classification (kind, person_id, volunteer_id, workflow_id, subject_id, client_id, attempt, answer,
            flag, bucket, exclusion, ordinal, if_yes, if_no, skill_revision, version_id, answered_at, dwell_ms, source)
        SELECT 0, 1, 1, $3, s.id, gen_random_uuid(), 0, 1, false, 1, 0, 1, -1, -2, 0, $4, now(), 1, 'phone' FROM s
        """,
        harvest.project_id,
        rows,
        harvest.workflows["arc"],
        harvest.version_id,
    )


# The commands


@pytest.fixture
def chaffinch(database_url: str, tmp_path: Path) -> Callable[..., Any]:
    environment = {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(tmp_path / "data")}

    def run(*arguments: str) -> Any:
        return CliRunner(env=environment).invoke(app, list(arguments))

    return run


def sown(database_url: str) -> int:
    """Add a project with one retired subject; return the subject."""

    async def begin() -> int:
        connection = await asyncpg.connect(database_url)
        subject = await (await sow(connection)).retired("galaxy 7", "no")
        await connection.close()
        return subject

    return asyncio.run(begin())


def test_the_command_exports_to_a_file_that_appears_whole(
    database_url: str, chaffinch: Callable[..., Any], tmp_path: Path
) -> None:
    sown(database_url)
    target = tmp_path / "labels.csv"

    result = chaffinch("labels", "export", "--project", "lenses", "--output", str(target))

    assert result.exit_code == 0, result.output
    assert f"1 labels written to {target}" in result.stderr
    assert [row["external_id"] for row in csv_rows(target.read_bytes())] == ["galaxy 7"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["labels.csv", "labels.csv.json"]
    described = json.loads((tmp_path / "labels.csv.json").read_bytes())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert (described["file"], described["rows"], described["sha256"]) == ("labels.csv", 1, digest)
    assert digest in result.stderr
    assert f"--after {described['cursor']}" in result.stderr


def test_an_export_that_fails_leaves_the_file_of_before(chaffinch: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / "labels.csv"
    target.write_text("of before")

    result = chaffinch("labels", "export", "--project", "nebulae", "--output", str(target))

    assert isinstance(result.exception, UnknownProjectError)
    assert target.read_text() == "of before"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["labels.csv"]


def test_the_command_exports_votes_to_standard_output(database_url: str, chaffinch: Callable[..., Any]) -> None:
    sown(database_url)

    result = chaffinch("classifications", "export", "--project", "lenses", "--format", "ndjson")

    assert result.exit_code == 0, result.output
    volunteers = [json.loads(line)["volunteer"] for line in result.stdout.splitlines()]
    assert [volunteer[:2] for volunteer in volunteers] == ["v-", "v-"]
    assert len(set(volunteers)) == 2


def test_the_command_lists_the_columns_with_their_meaning(chaffinch: Callable[..., Any]) -> None:
    result = chaffinch("labels", "export", "--columns")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == names(LABEL_COLUMNS)


def test_the_command_writes_an_experts_word(database_url: str, chaffinch: Callable[..., Any]) -> None:
    subject = sown(database_url)
    word = ("--workflow", "arc", "--answer", "yes", "--by", "Caroline", "--why", "seen with the telescope")

    result = chaffinch("labels", "revise", f"S{subject}", *word)

    assert result.exit_code == 0, result.output
    assert result.stdout == f"S{subject} is yes in arc: revision 2. It leads to lens.\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("12", "--workflow", "arc", "--answer", "yes", "--by", "C", "--why", "w"), "such as S1234"),
        (("S12", "--workflow", "arc", "--answer", "maybe", "--by", "C", "--why", "w"), "maybe"),
        (("S12", "--workflow", "arc", "--answer", "yes", "--by", " ", "--why", "w"), "say something"),
    ],
)
def test_an_experts_word_that_is_no_word_is_refused(
    arguments: tuple[str, ...], complaint: str, chaffinch: Callable[..., Any]
) -> None:
    result = chaffinch("labels", "revise", *arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())
