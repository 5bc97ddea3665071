"""A project that begins without gold: agreement decides, experts are asked, and then the proven decide."""

import asyncio
import csv
import json
import random
from pathlib import Path

import pytest

from api.manifest import BadRow
from api.services.admitting import UnknownGoldError
from api.services.answering import take_answers
from api.services.asking import Asking, WorkflowQuestions
from api.services.house import Services
from api.services.refitting import Outcome, Refitting, find_workflows
from api.services.verifying import verify
from api.store.engine import Connection, Pool
from cascade.asking import Why
from cascade.errors import DeclarationErrors
from cascade.vocabulary import Answer, StageState
from tests.cli.program import environment_of, runner
from tests.services.harvest import Harvest, revise, sow

ASKED = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: sequential, miss: 0.2, false_alarm: 0.2,
     votes: {min: 2, max: 6, contested: 2}, audit: 0}
"""
COLD = ASKED.replace("audit: 0", "audit: 0, cold: agreement")
PEOPLE = range(1, 5)


@pytest.fixture
async def arcs(connection: Connection) -> Harvest:
    return await sow(connection, COLD)


async def refit(harvest: Harvest, database_url: str) -> Outcome:
    refitting = Refitting(harvest.connection, database_url, harvest.published, random.Random(1))
    (candidate,) = await find_workflows(harvest.connection, harvest.slug, "arc")
    return await refitting.refit(candidate)


async def asked(harvest: Harvest, count: int = 20) -> WorkflowQuestions:
    asking = Asking(harvest.connection, harvest.published, random.Random(2))
    (questions,) = await asking.questions(harvest.project_id, harvest.version_id, count)
    return questions


async def retired_by_agreement(harvest: Harvest, count: int) -> list[int]:
    """Let the first three people agree on so many subjects, of which every other is a yes."""
    subjects = []
    for place in range(count):
        subject = await harvest.entered(f"galaxy{place}")
        for person in PEOPLE[:3]:
            await harvest.vote(person, subject, "yes" if place % 2 else "no")
        subjects.append(subject)
    return subjects


async def state(harvest: Harvest, subject: int) -> tuple[StageState, int]:
    stage = await harvest.stage(subject)
    assert stage is not None
    return StageState(stage["state"]), stage["answer"]


def a_sheet(folder: Path, header: list[str], *rows: list[str]) -> Path:
    path = folder / "answers.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


async def test_a_cold_start_is_published_without_gold_where_it_is_declared(services: Services) -> None:
    with pytest.raises(DeclarationErrors, match="cold: agreement"):
        await services.publishing.publish(ASKED)

    assert (await services.publishing.publish(COLD)).version == 1


async def test_from_agreement_to_gold_to_the_proven(
    arcs: Harvest, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    subjects = await retired_by_agreement(arcs, 12)
    assert [await state(arcs, each) for each in subjects[:2]] == [
        (StageState.RETIRED, Answer.NO),
        (StageState.RETIRED, Answer.YES),
    ]

    cold = await refit(arcs, database_url)
    assert cold.report["agreement"] == {"proof_by_gold": 0.0, "labels": 12, "expected_error": 0.2}
    assert any("no bound" in line for line in cold.report["advice"])

    rows = [[f"galaxy{place}", "yes" if place % 2 else "no"] for place in range(10)]
    taken = await take_answers(pool, a_sheet(tmp_path, ["external_id", "gold:arc"], *rows), arcs.slug)
    assert (taken.updated, taken.bad) == (10, 0)
    warm = await refit(arcs, database_url)
    assert warm.calibration is not None
    assert warm.calibration.proven == 1_000_000
    assert "agreement" not in warm.report

    by_strangers, by_known = await arcs.entered("late"), await arcs.entered("later")
    for person in (11, 12, 13, 14):
        await arcs.vote(person, by_strangers)
    for person in PEOPLE[:3]:
        await arcs.vote(person, by_known)
    assert await state(arcs, by_strangers) == (StageState.OPEN, -1)
    assert await state(arcs, by_known) == (StageState.RETIRED, Answer.YES)
    assert (await verify(arcs.connection, arcs.published, arcs.slug)).discrepancies == []


async def test_half_of_the_questions_settle_and_half_teach(arcs: Harvest) -> None:
    await retired_by_agreement(arcs, 4)
    split = await arcs.entered("split")
    for person in range(1, 7):
        await arcs.vote(person, split, "yes" if person % 2 else "no")

    questions = await asked(arcs, 3)

    assert [(each.subject.external_id, each.why) for each in questions.questions[:1]] == [("split", Why.CONTESTED)]
    assert [each.why for each in questions.questions[1:]] == [Why.TEACHES] * 2
    assert {each.label for each in questions.questions[1:]} == {"yes", "no"}
    assert questions.advice[0].startswith("There is gold for 0 yes and 0 no.")
    await revise(arcs, split, Answer.YES)
    assert "split" not in {each.subject.external_id for each in (await asked(arcs)).questions}


async def test_an_audit_that_contradicts_is_asked_about_first(arcs: Harvest) -> None:
    subjects = await retired_by_agreement(arcs, 3)
    await arcs.connection.execute(
        "UPDATE stage SET audit = 9000000, audit_count = 5 WHERE subject_id = $1", subjects[0]
    )

    first = (await asked(arcs)).questions[0]

    assert (first.subject.subject_id, first.why, first.label) == (subjects[0], Why.AUDIT, "no")


async def test_gold_is_asked_about_no_more_and_leaves_the_cascade(arcs: Harvest, pool: Pool, tmp_path: Path) -> None:
    subject = await arcs.entered("open")
    await arcs.vote(1, subject)
    sheet = a_sheet(tmp_path, ["external_id", "gold:arc", "explanation:arc"], ["open", "Yes", "A blue arc."])

    report = await take_answers(pool, sheet, arcs.slug)

    assert (report.updated, report.withdrawn) == (1, 1)
    assert (await asked(arcs)).questions == []
    assert (await asked(arcs)).gold == (0, 1)
    row = await arcs.connection.fetchrow("SELECT truth, explanation FROM gold_standard")
    assert row is not None
    assert tuple(row) == (1, "A blue arc.")
    assert (await take_answers(pool, sheet, arcs.slug)).unchanged == 1


async def test_answers_that_will_not_do_are_refused_by_row_and_make_no_subjects(
    arcs: Harvest, pool: Pool, tmp_path: Path
) -> None:
    await arcs.subject("there")
    rows = (["there", "perhaps"], ["there", "yes"], ["elsewhere", "no"], ["there"], ["empty", ""])
    refused: list[BadRow] = []

    report = await take_answers(
        pool, a_sheet(tmp_path, ["external_id", "gold:arc"], *rows), arcs.slug, refuse=refused.append
    )

    assert [(each.line, each.problem) for each in refused] == [
        (2, "is 'perhaps'"),
        (3, "is 'there', as on line 2"),
        (4, "is 'elsewhere', which is no subject"),
        (5, "has 1 cells for 2 columns"),
    ]
    assert (report.bad, report.updated) == (4, 0)
    assert await arcs.connection.fetchval("SELECT count(*) FROM subject") == 1
    with pytest.raises(UnknownGoldError, match="lens"):
        await take_answers(pool, a_sheet(tmp_path, ["external_id", "gold:lens"], ["there", "yes"]), arcs.slug)


async def test_the_sheet_of_an_ask_comes_back_as_gold(arcs: Harvest, database_url: str, tmp_path: Path) -> None:
    await retired_by_agreement(arcs, 2)
    chaffinch, sheet = runner(environment_of(database_url, tmp_path)), tmp_path / "answers.csv"

    shown = await asyncio.to_thread(chaffinch, "ask", arcs.slug, "--sheet", str(sheet))
    as_json = await asyncio.to_thread(chaffinch, "ask", arcs.slug, "--json", "--count", "1")
    unknown = await asyncio.to_thread(chaffinch, "ask", arcs.slug, "--workflow", "ring")
    sheet.write_text(sheet.read_text().replace("galaxy1,", "galaxy1,yes"))
    imported = await asyncio.to_thread(chaffinch, "gold", "import", str(sheet), "--project", arcs.slug)

    assert (shown.returncode, as_json.returncode) == (0, 0)
    assert "galaxy0" in shown.stdout
    assert "Gold: 0 yes, 0 no." in shown.stdout
    assert [len(each["questions"]) for each in json.loads(as_json.stdout)["workflows"]] == [1]
    assert (unknown.returncode, "ring" in unknown.stderr) == (1, True)
    assert (imported.returncode, "gold is new for 1 subjects" in imported.stdout) == (0, True)
    assert await arcs.connection.fetchval("SELECT truth FROM gold_standard") == 1
