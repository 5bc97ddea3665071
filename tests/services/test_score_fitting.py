"""Machine scores from import to prior: calibrated on gold, by model, and watched for drift."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from api.errors import UnknownProjectError
from api.services.importing import import_rows
from api.services.published import PublishedCascades
from api.services.refitting import Outcome, Refitting, find_workflows
from api.services.score_watch import watch
from api.services.scores import import_scores
from api.store.checkup import Checkup
from api.store.engine import Connection, Pool
from cascade.vocabulary import Answer, StageState
from tests.cli.program import environment_of, runner
from tests.services.imports import a_row, publish

OLD, NEW = "a" * 64, "b" * 64
SCORED = """
project: lenses
workflows:
  - {{name: arc, question: 'Is there an arc?', policy: sequential, prior: {{score: cnn, people: {people}}}, audit: 0}}
"""
GOLD = 20


async def sow(pool: Pool, folder: Path, *, right: int = GOLD, people: float = 0) -> None:
    """Import gold of both answers with scores of the old model, so many of each right, and publish."""
    answers = {f"{answer.word}{n}": answer for answer in (Answer.NO, Answer.YES) for n in range(GOLD)}
    rows = [a_row(name, gold={"arc": answer}) for name, answer in answers.items()]
    await import_rows(pool, "lenses", rows)
    said = {name: (answer == Answer.YES) == (n % GOLD < right) for n, (name, answer) in enumerate(answers.items())}
    await score(pool, folder, {name: 0.9 if yes else 0.1 for name, yes in said.items()})
    await publish(pool, SCORED.format(people=people))


async def score(pool: Pool, folder: Path, values: dict[str, float], model: str = OLD) -> None:
    path = folder / "scores.csv"
    path.write_text("external_id,score\n" + "".join(f"{name},{value}\n" for name, value in values.items()))
    await import_scores(pool, path, "lenses", "cnn", model)


async def refit(database: Connection, database_url: str) -> Outcome:
    (candidate,) = await find_workflows(database, "lenses", "arc")
    return await Refitting(database, database_url, PublishedCascades(), random.Random(1)).refit(candidate)


async def beginnings(database: Connection) -> dict[str, tuple[int, int]]:
    """Return the prior of each stage, and whether a machine agrees by itself."""
    rows = await database.fetch("SELECT external_id, prior, machine FROM stage JOIN subject s ON s.id = subject_id")
    return {row[0]: (row[1], row[2]) for row in rows}


async def decide(database: Connection, answers: dict[str, Answer]) -> None:
    """Let people have decided subjects."""
    await database.executemany(
        "UPDATE stage SET state = $2, answer = $3, retired_at = now() FROM subject s"
        " WHERE s.id = subject_id AND s.external_id = $1",
        [(name, int(StageState.RETIRED), int(answer)) for name, answer in answers.items()],
    )


async def test_a_calibrated_score_is_the_prior_of_new_subjects_but_not_that_of_another_model(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await sow(pool, tmp_path)
    await import_rows(pool, "lenses", [a_row(name) for name in ("early", "late", "strange")])
    await database.execute("DELETE FROM stage")
    await score(pool, tmp_path, {"early": 0.9})
    before = await beginnings(database)

    outcome = await refit(database, database_url)
    await score(pool, tmp_path, {"late": 0.1})
    await score(pool, tmp_path, {"strange": 0.9}, NEW)

    after = await beginnings(database)
    assert outcome.calibration is not None
    prevalence = outcome.calibration.prevalence
    assert before == {"early": (0, 0)}
    assert after["strange"] == (prevalence, 0)
    assert after["late"][0] - prevalence < -1_500_000
    assert after["late"][1] == 1


async def test_a_score_that_gold_does_not_bear_out_changes_no_prior(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await sow(pool, tmp_path, right=GOLD // 2)
    outcome = await refit(database, database_url)

    (watched,) = await watch(database, "lenses")

    assert outcome.calibration is None or not outcome.calibration.scores["cnn"].used
    assert watched.said[0].startswith("cnn is not used")


async def test_a_share_of_the_subjects_begins_without_the_score(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await sow(pool, tmp_path, people=0.5)
    await refit(database, database_url)
    await import_rows(pool, "lenses", [a_row(f"e{n}") for n in range(60)])
    await database.execute("DELETE FROM stage")

    await score(pool, tmp_path, {f"e{n}": 0.9 for n in range(60)})

    alone = await database.fetchval("SELECT count(*) FROM stage WHERE machine = 0")
    assert 15 <= alone <= 45


async def test_answers_of_people_alone_that_contradict_a_score_take_it_out_of_use_and_are_told(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await sow(pool, tmp_path, people=1)
    await refit(database, database_url)
    names = [f"e{n}" for n in range(50)]
    await import_rows(pool, "lenses", [a_row(name) for name in names])
    await score(pool, tmp_path, {name: (0.1, 0.9)[n % 2] for n, name in enumerate(names)})
    await decide(database, {name: Answer((n // 2) % 2) for n, name in enumerate(names)})

    (watched,) = await watch(database, "lenses")
    outcome = await refit(database, database_url)

    assert watched.drift is not None
    assert (watched.drift.labels, watched.drift.broken) == (50, True)
    assert outcome.calibration is not None
    assert not outcome.calibration.scores["cnn"].used
    (project,) = await Checkup(database).projects()
    ((workflow, alarm),) = await Checkup(database).score_alarms(project.id)
    assert workflow == "arc"
    assert alarm.startswith("cnn does not keep what gold promises of it: 50 answers that people gave without it")


async def test_the_command_says_what_a_score_is_worth(
    pool: Pool, database: Connection, database_url: str, tmp_path: Path
) -> None:
    await sow(pool, tmp_path)
    await refit(database, database_url)
    chaffinch = runner(environment_of(database_url, tmp_path))

    words = await asyncio.to_thread(chaffinch, "scores", "check", "lenses")
    tree = await asyncio.to_thread(chaffinch, "scores", "check", "lenses", "--json")

    assert words.returncode == 0, words.stderr
    assert "cnn is used: on 20 yes and 20 no that it did not see it takes" in words.stdout
    (found,) = json.loads(tree.stdout)
    assert (found["score"], found["fit"]["gold_yes"], found["drift"]["broken"]) == ("cnn", 20, False)
    assert found["scored"] == [{"model": OLD, "subjects": 40}]


async def test_only_a_project_that_exists_has_scores_to_look_at(database: Connection) -> None:
    with pytest.raises(UnknownProjectError):
        await watch(database, "nowhere")
