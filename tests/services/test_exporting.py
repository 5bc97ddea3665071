import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from api.cli.labels import classifications, labels
from api.errors import UnknownProjectError
from api.services.exporting import LABEL_COLUMNS, VOTE_COLUMNS, Form, export_classifications, export_labels
from api.services.labels import Labels
from api.services.retractions import Retractions
from api.store.engine import Pool
from cascade.vocabulary import Answer
from mobile_schemas.classifications import RetractionsIn
from mobile_schemas.labels import LabelOut
from tests.services.harvest import SAID_AT, Harvest, a_researcher, a_uuid7, a_volunteer, revise, sow


def csv_rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


async def exported(harvest: Harvest, form: Form = Form.CSV, *, all_revisions: bool = False) -> bytes:
    text = io.BytesIO()
    await export_labels(harvest.connection, harvest.slug, form, text.write, all_revisions=all_revisions)
    return text.getvalue()


async def exported_votes(harvest: Harvest, form: Form = Form.CSV) -> bytes:
    text = io.BytesIO()
    await export_classifications(harvest.connection, harvest.slug, form, text.write)
    return text.getvalue()


async def test_labels_are_exported_with_the_newest_revision_of_each(harvest: Harvest) -> None:
    first, second = await harvest.retired("one", "no"), await harvest.retired("two", "no")
    await revise(harvest, second, Answer.YES)

    newest, every = csv_rows(await exported(harvest)), csv_rows(await exported(harvest, all_revisions=True))

    assert [(row["subject"], row["revision"], row["label"]) for row in newest] == [
        (f"S{first}", "1", "no"),
        (f"S{second}", "2", "yes"),
    ]
    assert [(row["subject"], row["revision"], row["author"], row["routed_to"]) for row in every] == [
        (f"S{first}", "1", "", ""),
        (f"S{second}", "1", "", ""),
        (f"S{second}", "2", "Caroline", "lens"),
    ]
    assert list(newest[0]) == list(LABEL_COLUMNS)


async def test_exported_labels_say_what_the_feed_says(harvest: Harvest, pool: Pool) -> None:
    await harvest.retired("one")
    await harvest.retired("two", "no")
    feed, _ = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)

    lines = [json.loads(line) for line in (await exported(harvest, Form.NDJSON)).splitlines()]

    told = [LabelOut(**label).model_dump(mode="json", exclude={"cursor"}) for label in feed]
    assert [{name: line[name] for name in told[0]} for line in lines] == told
    assert list(lines[0]) == list(LABEL_COLUMNS)


async def test_every_vote_is_exported_counted_or_not_and_why(harvest: Harvest, pool: Pool) -> None:
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

    rows = csv_rows(await exported_votes(harvest))

    told = ("kind", "volunteer", "subject", "answer", "counted", "why_not", "bucket", "ordinal")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("vote", "V101", f"S{training}", "no", "false", "gold", "gold", "0"),
        ("vote", "V101", f"S{subject}", "no", "false", "retracted", "unproven", "1"),
        ("retraction", "V101", f"S{subject}", "no", "false", "retraction", "unproven", "2"),
        ("vote", "V102", f"S{subject}", "yes", "true", "", "unproven", "3"),
        ("vote", "V101", f"S{subject}", "yes", "true", "", "unproven", "4"),
        ("vote", "V103", f"S{subject}", "unsure", "false", "late", "late", "5"),
    ]
    assert list(rows[0]) == list(VOTE_COLUMNS)
    assert [rows[3][name] for name in ("session", "language", "utc_offset_minutes", "flag", "dwell_ms", "source")] == [
        *("s", "de", "60", "true", "900", "phone")
    ]
    assert rows[3]["answered_at"] == SAID_AT.isoformat().replace("+00:00", "Z")
    assert rows[0]["truth"] == "no"
    stage = await harvest.stage(subject)
    assert stage is not None
    unproven = [row for row in rows if row["bucket"] == "unproven"]
    assert sum(int(row["if_yes"]) - int(row["if_no"]) for row in unproven) == stage["unproven"]


async def test_ids_are_exported_as_they_were_imported(harvest: Harvest) -> None:
    ids = ["=1+1", "+49", "-7", "@home", 'a "quoted", id', "line\nbreak", "carriage\rreturn", "größer ☄"]
    for number in ids:
        await harvest.retired(number)

    assert [row["external_id"] for row in csv_rows(await exported(harvest))] == ids
    assert sorted({row["external_id"] for row in csv_rows(await exported_votes(harvest))}) == sorted(ids)


async def test_exports_of_an_unknown_project_write_nothing(harvest: Harvest) -> None:
    written: list[bytes] = []

    for export in (export_labels, export_classifications):
        with pytest.raises(UnknownProjectError):
            await export(harvest.connection, "nebulae", Form.CSV, written.append)

    assert written == []


async def test_an_export_takes_no_more_memory_for_more_rows(harvest: Harvest) -> None:
    async def peak(rows: int) -> int:
        await many_votes(harvest, rows)
        tracemalloc.start()
        await export_classifications(harvest.connection, harvest.slug, Form.CSV, len)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    await peak(2000)
    few = await peak(1000)
    many = await peak(9000)

    assert many < 1.3 * few


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
    app = typer.Typer()
    app.add_typer(labels)
    app.add_typer(classifications)

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
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["labels.csv"]


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
    assert [json.loads(line)["volunteer"] for line in result.stdout.splitlines()] == ["V101", "V102"]


def test_the_command_lists_the_columns_with_their_meaning(chaffinch: Callable[..., Any]) -> None:
    result = chaffinch("labels", "export", "--columns")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(LABEL_COLUMNS)


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
