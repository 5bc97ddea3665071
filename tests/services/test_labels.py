import asyncio
import csv
import io
import json
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from api.caller import Caller, Scope
from api.cli.labels import classifications, labels
from api.errors import NotAllowedError, NotInWorkflowError, UnknownProjectError, UnknownSubjectError
from api.services.exporting import LABEL_COLUMNS, VOTE_COLUMNS, Form, export_classifications, export_labels
from api.services.labels import Labels
from api.services.retractions import Retractions
from api.services.revising import ExpertWord, Revised, revise_label
from api.services.sequencing import BATCH, sequence
from api.services.verifying import verify
from api.store.engine import Connection, Pool, open_pool
from cascade.vocabulary import Answer
from mobile_schemas.classifications import RetractionsIn
from mobile_schemas.labels import LabelOut
from tests.services.harvest import ARC_LENS, SAID_AT, Harvest, a_uuid7, a_volunteer, publish, sow

LATER_WITHOUT_ARC = """
project: lenses
workflows:
  - {name: lens, question: "Is it a lens?", policy: {count: 2}, audit: 0, then: {yes: retire, no: retire}}
"""
NO_LEADS_ON = ARC_LENS.replace("no: retire}}", "no: lens}}", 1)
WITH_A_SCORE = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: sequential
    prior: {score: cnn}
    audit: 0
    then: {yes: retire, no: retire}
"""


@pytest.fixture
async def resources() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


Connect = Callable[[], Any]


@pytest.fixture
def connect(database_url: str, resources: AsyncExitStack) -> Connect:
    async def open_one() -> Connection:
        connection = await asyncpg.connect(database_url)
        resources.push_async_callback(connection.close)
        return connection

    return open_one


@pytest.fixture
async def connection(connect: Connect) -> Connection:
    opened: Connection = await connect()
    return opened


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, 2)
    yield pool
    await pool.close()


@pytest.fixture
async def harvest(connection: Connection) -> Harvest:
    return await sow(connection)


def a_researcher(project_id: int | None, scope: Scope = Scope.RESEARCHER) -> Caller:
    return Caller(7, 7, "Caroline", scope, project_id, "researcher")


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


async def revise(harvest: Harvest, subject: int, answer: Answer, workflow: str = "arc") -> Revised:
    word = ExpertWord(subject, workflow, answer, "Caroline", "seen with the telescope")
    return await revise_label(harvest.connection, harvest.published, harvest.dice, word)


# The sequencer


async def announce(connection: Connection, subject: int) -> None:
    await connection.execute(
        "INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)"
        " VALUES (1, 'subject.retired', 1, $1, 1)",
        subject,
    )


async def subjects_after(connection: Connection, position: int) -> list[tuple[int, int]]:
    rows = await connection.fetch(
        "SELECT position, subject_id FROM outbox WHERE position > $1 ORDER BY position LIMIT 10", position
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_row_that_commits_late_comes_after_all_that_was_read(connect: Connect) -> None:
    slow, quick, reader = await connect(), await connect(), await connect()
    late = slow.transaction()
    await late.start()
    await announce(slow, 1)
    await announce(quick, 2)

    await sequence(reader)
    first = await subjects_after(reader, 0)
    await late.commit()
    await sequence(reader)
    second = await subjects_after(reader, first[-1][0])

    assert first == [(1, 2)]
    assert second == [(2, 1)]


async def test_a_row_that_is_rolled_back_leaves_no_hole(connect: Connect) -> None:
    writer, reader = await connect(), await connect()
    undone = writer.transaction()
    await undone.start()
    await announce(writer, 1)
    await undone.rollback()
    await announce(writer, 2)

    numbered = await sequence(reader)

    assert numbered == 1
    assert await subjects_after(reader, 0) == [(1, 2)]


async def write_in_slow_transactions(connection: Connection, number: int) -> list[int]:
    """Announce subjects in twenty transactions, a fifth of which are rolled back; return what was committed."""
    dice, committed = random.Random(number), []
    for turn in range(20):
        subjects = [number * 1000 + turn * 10 + place for place in range(dice.randint(1, 4))]
        transaction = connection.transaction()
        await transaction.start()
        for subject in subjects:
            await announce(connection, subject)
            await asyncio.sleep(dice.random() * 0.01)
        if dice.random() < 0.2:
            await transaction.rollback()
        else:
            await transaction.commit()
            committed += subjects
    return committed


async def sequence_until(over: asyncio.Event, connection: Connection) -> None:
    while not over.is_set():
        await sequence(connection)
        await asyncio.sleep(0.001)


async def follow_until(over: asyncio.Event, connection: Connection) -> list[tuple[int, int]]:
    """Read on from the last position until nothing can come any more."""
    read: list[tuple[int, int]] = []
    while True:
        last_look = over.is_set()
        if last_look:
            await sequence(connection)
        page = await subjects_after(connection, read[-1][0] if read else 0)
        read += page
        if last_look and not page:
            return read


async def test_who_follows_positions_misses_nothing_though_transactions_commit_out_of_order(connect: Connect) -> None:
    over = asyncio.Event()
    following = asyncio.create_task(follow_until(over, await connect()))
    sequencers = [asyncio.create_task(sequence_until(over, await connect())) for _ in range(3)]

    written = await asyncio.gather(*[write_in_slow_transactions(await connect(), number) for number in range(8)])
    over.set()
    read = await following
    await asyncio.gather(*sequencers)

    committed = [subject for each in written for subject in each]
    assert sorted(subject for _, subject in read) == sorted(committed)
    assert [position for position, _ in read] == list(range(1, len(committed) + 1))


async def test_more_than_one_batch_is_numbered_in_the_order_of_ids(connection: Connection) -> None:
    rows = 2 * BATCH + 7
    await connection.execute(
        "INSERT INTO outbox (project_id, kind, workflow_id, subject_id, revision)"
        " SELECT 1, 'subject.retired', 1, s, 1 FROM generate_series(1, $1) s",
        rows,
    )

    numbered = await sequence(connection)

    assert numbered == rows
    assert await connection.fetchval("SELECT bool_and(position = subject_id) FROM outbox")
    assert await sequence(connection) == 0


# The feed


async def test_the_feed_tells_a_label_as_the_contract_has_it(harvest: Harvest, pool: Pool) -> None:
    subject = await harvest.retired("galaxy 7")
    await harvest.vote(3, subject, "no")
    stage = await harvest.stage(subject)
    assert stage is not None

    told, cursor = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)

    assert (told, cursor) == (
        [
            {
                "cursor": 1,
                "revision": 1,
                "subject": f"S{subject}",
                "external_id": "galaxy 7",
                "workflow": harvest.workflows["arc"],
                "workflow_name": "arc",
                "version": 1,
                "label": "yes",
                "reason": "classification_count",
                "p_yes": pytest.approx(0.8176, abs=1e-4),  # 1.5 nats: as much as unproven votes can say
                "counted": 2,
                "excluded": 0,
                "late": 1,
                "machine_score": None,
                "first_vote_at": stage["first_vote_at"],
                "last_vote_at": stage["last_vote_at"],
                "retired_at": stage["retired_at"],
            }
        ],
        1,
    )
    LabelOut(**told[0])


async def test_a_label_without_an_answer_is_null(harvest: Harvest, pool: Pool) -> None:
    subject = await harvest.entered()
    await harvest.vote(1, subject, "yes")
    await harvest.vote(2, subject, "no")

    told, _ = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)

    assert [(label["label"], label["reason"]) for label in told] == [(None, "classification_count")]


async def test_a_label_tells_the_machine_score_that_was_its_prior(connection: Connection, pool: Pool) -> None:
    harvest = await sow(connection, WITH_A_SCORE)
    subject = await harvest.entered(cnn=0.9)
    await revise(harvest, subject, Answer.YES)

    told, _ = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)

    assert [(label["machine_score"], label["p_yes"]) for label in told] == [(0.9, pytest.approx(0.9))]


async def test_the_feed_in_small_pages_is_the_feed_in_one(harvest: Harvest, pool: Pool) -> None:
    for number in range(5):
        await harvest.retired(f"galaxy {number}", "yes" if number % 2 else "no")
    feed, researcher = Labels(pool), a_researcher(harvest.project_id)

    whole, end = await feed.page(researcher, "lenses", 0, 1000)
    pages, cursor = [], 0
    while (page := await feed.page(researcher, "lenses", cursor, 2))[0]:
        pages += page[0]
        cursor = page[1]

    assert pages == whole
    assert [label["cursor"] for label in whole] == [1, 2, 3, 4, 5]
    assert cursor == end == page[1] == 5


async def test_the_feed_has_only_the_labels_of_its_project(harvest: Harvest, pool: Pool) -> None:
    other = await sow(harvest.connection, ARC_LENS.replace("lenses", "rings"))
    await harvest.retired("ours")
    await other.retired("theirs")

    told, _ = await Labels(pool).page(a_researcher(other.project_id), "rings", 0, 10)

    assert [label["external_id"] for label in told] == ["theirs"]


async def test_the_feed_is_for_researchers_of_the_project(harvest: Harvest, pool: Pool) -> None:
    feed = Labels(pool)

    for stranger in (a_researcher(harvest.project_id + 1), a_researcher(harvest.project_id, Scope.IMPORT)):
        with pytest.raises(NotAllowedError, match="for its researchers"):
            await feed.page(stranger, "lenses", 0, 10)
    with pytest.raises(UnknownProjectError):
        await feed.page(a_researcher(harvest.project_id), "nebulae", 0, 10)


# An expert's word


async def test_an_expert_retires_an_open_subject_which_moves_on(harvest: Harvest) -> None:
    subject = await harvest.entered()
    await harvest.vote(1, subject, "no")
    before = await harvest.stage(subject)
    assert before is not None

    revised = await revise(harvest, subject, Answer.YES)

    stage = await harvest.stage(subject)
    assert stage is not None
    assert revised == Revised(1, True, "lens")
    assert await harvest.piles(subject) == ["lens"]
    changed = {name for name in stage if stage[name] != before[name]}
    assert changed == {"state", "answer", "reason", "need", "revision", "decided_ordinal", "retired_at"}
    assert [stage[name] for name in ("state", "answer", "reason", "revision")] == [2, 1, 6, 1]


async def test_an_experts_word_about_a_retired_subject_is_a_revision_that_is_announced(
    harvest: Harvest, pool: Pool
) -> None:
    subject = await harvest.retired(answer="no")

    revised = await revise(harvest, subject, Answer.YES)

    told, _ = await Labels(pool).page(a_researcher(harvest.project_id), "lenses", 0, 10)
    kinds = await harvest.connection.fetch("SELECT kind FROM outbox ORDER BY position")
    assert revised == Revised(2, False, "lens")
    assert [(label["revision"], label["label"], label["reason"]) for label in told] == [
        (1, "no", "classification_count"),
        (2, "yes", "human"),
    ]
    assert told[0]["p_yes"] == told[1]["p_yes"]
    assert [row[0] for row in kinds] == ["subject.retired", "label.revised"]


async def test_a_revised_subject_moves_on_to_where_it_has_not_been(harvest: Harvest) -> None:
    subject = await harvest.retired(answer="no")
    assert await harvest.stage(subject, "lens") is None

    await revise(harvest, subject, Answer.YES)

    assert await harvest.piles(subject) == ["lens"]


async def test_what_an_earlier_label_led_to_goes_on(harvest: Harvest) -> None:
    subject = await harvest.retired(answer="yes")
    await harvest.vote(1, subject, "yes", "lens")
    before = await harvest.stage(subject, "lens")

    revised = await revise(harvest, subject, Answer.NO)

    assert revised.routed_to is None
    assert await harvest.stage(subject, "lens") == before
    assert await harvest.piles(subject) == ["lens"]


async def test_a_subject_that_has_been_where_its_new_label_leads_does_not_begin_anew(connection: Connection) -> None:
    harvest = await sow(connection, NO_LEADS_ON)
    subject = await harvest.retired(answer="yes")
    await harvest.vote(1, subject, "yes", "lens")
    before = await harvest.stage(subject, "lens")

    revised = await revise(harvest, subject, Answer.NO)

    assert revised.routed_to == "lens"
    assert await harvest.stage(subject, "lens") == before


async def test_an_experts_word_ends_an_audit(connection: Connection) -> None:
    harvest = await sow(connection, ARC_LENS.replace("audit: 0", "audit: 0.9999999"))
    subject = await harvest.retired(answer="no")
    assert await harvest.piles(subject) == ["arc"]

    await revise(harvest, subject, Answer.NO)

    stage = await harvest.stage(subject)
    assert stage is not None
    assert await harvest.piles(subject) == []
    assert stage["audit_open"] == stage["need"] == 0


async def test_votes_after_an_experts_word_are_late(harvest: Harvest) -> None:
    subject = await harvest.entered()
    await revise(harvest, subject, Answer.NO)

    verdict = await harvest.vote(1, subject, "yes")

    stage = await harvest.stage(subject)
    assert stage is not None
    assert (verdict["verdict"], verdict["reason"]) == ("kept", "late")
    assert (stage["answer"], stage["late_count"]) == (0, 1)


async def test_experts_who_speak_at_once_write_one_revision_after_the_other(harvest: Harvest, connect: Connect) -> None:
    subject = await harvest.retired()
    words = [ExpertWord(subject, "arc", Answer(n % 2), f"expert {n}", "because") for n in range(6)]

    revised = await asyncio.gather(
        *[revise_label(await connect(), harvest.published, harvest.dice, word) for word in words]
    )

    stage = await harvest.stage(subject)
    newest = await harvest.connection.fetchrow("SELECT answer, revision FROM label ORDER BY revision DESC LIMIT 1")
    assert sorted(each.revision for each in revised) == [2, 3, 4, 5, 6, 7]
    assert stage is not None
    assert newest == (stage["answer"], stage["revision"])


async def test_a_subject_does_not_move_on_from_a_workflow_that_is_not_asked_any_more(harvest: Harvest) -> None:
    subject = await harvest.retired(answer="no")
    await publish(harvest.connection, harvest.project_id, LATER_WITHOUT_ARC, {"lens": harvest.workflows["lens"]})

    revised = await revise(harvest, subject, Answer.YES)

    assert revised == Revised(2, False, None)
    assert await harvest.stage(subject, "lens") is None


async def test_what_a_person_decided_is_left_out_of_the_replay(harvest: Harvest) -> None:
    await harvest.retired("by votes")
    await revise(harvest, await harvest.retired("revised"), Answer.NO)
    await revise(harvest, await harvest.entered("by hand"), Answer.YES)

    proof = await verify(harvest.connection, harvest.published, "lenses")

    assert (proof.by_hand, list(proof.discrepancies)) == (2, [])


async def test_an_experts_word_needs_a_subject_in_the_workflow(harvest: Harvest) -> None:
    subject = await harvest.entered()

    with pytest.raises(UnknownSubjectError, match="S999"):
        await revise(harvest, 999, Answer.YES)
    with pytest.raises(NotInWorkflowError, match="it has one in arc"):
        await revise(harvest, subject, Answer.YES, "lens")
    with pytest.raises(NotInWorkflowError, match="nor has it one in another"):
        await revise(harvest, await harvest.subject("training"), Answer.YES)


# Exports


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
