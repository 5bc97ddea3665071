"""Why a subject was decided as it was, from real votes: sentences, sums, skills, and what does not add up."""

import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic_core import to_json

from api.errors import NotAllowedError, NotInWorkflowError, UnknownSubjectError
from api.media.folder import FolderStorage
from api.services.archiving import Archive, archived_batches
from api.services.explaining import Explanations
from api.services.house import Services
from api.services.refitting import Refitting, find_workflows
from api.store.engine import Connection, Pool
from api.store.exports import ArchivedMonth
from cascade.vocabulary import Answer
from mobile_schemas.why import StageWhyOut, WhyOut
from tests.services.campaigns import (
    SEQUENTIAL,
    a_campaign,
    a_swipe,
    an_importer,
    deal_named,
    retract,
    show_skill,
    submit,
    vote,
)
from tests.services.harvest import Harvest, a_researcher, revise, sow

BY_EVIDENCE = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", miss: 0.1, false_alarm: 0.1, audit: 0, then: {yes: lens, no: retire}}
  - {name: lens, question: "Is it a lens?", policy: {count: 2}, audit: 0}
"""


def no_files(_month: ArchivedMonth, _workflows: Sequence[int]) -> Iterator[pa.RecordBatch]:
    raise AssertionError("nothing is archived")


def told(view: dict[str, Any]) -> WhyOut:
    """Return a view as clients get it."""
    return WhyOut.model_validate_json(to_json(view))


async def why(services: Services, subject: int) -> list[StageWhyOut]:
    return told(await services.explanations.why(None, subject)).workflows


async def teach(harvest: Harvest, persons: Sequence[int]) -> None:
    """Let persons answer ten training subjects of each answer, all but one of each rightly."""
    for number in range(20):
        subject = await harvest.subject(f"gold {number}")
        truth = number % 2
        await harvest.connection.execute(
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
            " VALUES ($1, 'arc', 1, $2, $3, 7)",
            subject,
            harvest.project_id,
            truth,
        )
        for person in persons:
            await harvest.vote(person, subject, "yes" if truth == (number // 2 != person) else "no")


async def test_a_consensus_is_told_vote_by_vote(connection: Connection, pool: Pool) -> None:
    harvest = await sow(connection, BY_EVIDENCE)
    await teach(harvest, [1, 2])
    subject = await harvest.entered()
    for person, answer in ((9, "unsure"), (1, "yes"), (2, "yes"), (3, "no")):
        await harvest.vote(person, subject, answer)  # type: ignore[arg-type]  # words of the contract

    view = await Explanations(pool, harvest.published, no_files).why(a_researcher(harvest.project_id), subject)
    arc, lens = told(view).workflows

    assert arc.in_words[0].startswith(f"S{subject} was retired as yes in workflow arc by consensus on 20")
    assert ": 3 votes brought the odds of yes from 1:1 to " in arc.in_words[0]
    assert arc.in_words[0].endswith(", past 9:1.")
    assert arc.in_words[1:] == ["It went on to workflow lens."]
    assert [(step.bucket, step.why_not) for step in arc.steps] == [
        ("unproven", None),
        ("proven", None),
        ("proven", None),
        ("late", "late"),
    ]
    assert [step.skill.gold_if_yes for step in arc.steps if step.skill] == [[0] * 3, [1, 9, 0], [1, 9, 0], [0] * 3]
    assert all(step.skill.exact for step in arc.steps if step.skill)
    assert [step.needed is None for step in arc.steps] == [False, False, True, True]
    assert (arc.labels[0].log_odds, arc.labels[0].routed_to) == (arc.steps[2].log_odds, "lens")
    assert (arc.prior.source, arc.rule.bounds, arc.discrepancies, arc.notes) == ("declared", "declared", [], [])
    assert (lens.entered_from, lens.state) == ("arc", "open")
    assert lens.in_words == [f"S{subject} is open in workflow lens: it has 0 of 2 votes."]


async def test_what_somebody_unproven_adds_to_an_audit_follows_from_their_skill(
    connection: Connection, pool: Pool
) -> None:
    harvest = await sow(connection, BY_EVIDENCE.replace("audit: 0, then", "audit: 1, then"))
    await teach(harvest, [1, 2])
    subject = await harvest.entered()
    for person in (1, 2, 9):
        await harvest.vote(person, subject, "yes")

    arc = told(await Explanations(pool, harvest.published, no_files).why(None, subject)).workflows[0]

    assert [(step.bucket, step.skill and step.skill.exact) for step in arc.steps] == [
        ("proven", True),
        ("proven", True),
        ("audit", True),
    ]


async def test_a_refit_is_told_between_the_votes(connection: Connection, pool: Pool, database_url: str) -> None:
    harvest = await sow(connection, BY_EVIDENCE)
    await teach(harvest, [1, 2, 3])
    for number in range(6):
        other = await harvest.entered(f"galaxy {number}")
        for person in (1, 2, 3, 9):
            await harvest.vote(person, other, "yes" if number % 3 == 0 else "no")
    subject = await harvest.entered("the one")
    await harvest.vote(9, subject, "no")
    await harvest.vote(1, subject, "yes")

    refitting = Refitting(connection, database_url, harvest.published, random.Random(1))
    (candidate,) = await find_workflows(connection, "lenses", "arc")
    await refitting.refit(candidate)
    for person in (2, 3, 4):
        await harvest.vote(person, subject, "yes")

    (arc, *_) = told(await Explanations(pool, harvest.published, no_files).why(None, subject)).workflows
    anew = arc.steps[2]

    assert [step.kind for step in arc.steps] == ["vote", "vote", "rescore", "vote", "vote", "vote"]
    assert [step.calibration for step in arc.steps] == [0, 0, 1, 1, 1, 1]
    assert anew.in_words.startswith("calibration 1 weighed 2 votes anew: the odds of yes went from ")
    assert anew.log_odds == await connection.fetchval("SELECT log_odds FROM rescore WHERE subject_id = $1", subject)
    assert all(step.skill.exact for step in arc.steps if step.skill)
    assert arc.discrepancies == []
    assert arc.rule.calibration == 1


async def test_a_vote_that_was_taken_back_is_told_with_its_retraction(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    subject, undecided = campaign.subjects[0], await an_importer(campaign)
    await show_skill(campaign, undecided)
    for answer in ("no", "yes"):
        await deal_named(services, undecided, campaign.arc, subject)
        swipe = a_swipe(campaign.arc, subject, answer)
        await submit(services, undecided, swipe)
        if answer == "no":
            await retract(services, undecided, swipe.id)

    (arc,) = await why(services, subject)

    assert [(step.kind, step.answer, step.ordinal) for step in arc.steps] == [
        ("vote", "no", 1),
        ("retraction", "no", 2),
        ("vote", "yes", 3),
    ]
    assert arc.steps[1].log_odds == 0
    assert arc.steps[2].log_odds == -arc.steps[0].log_odds > 0
    assert not arc.steps[2].skill.exact  # type: ignore[union-attr]  # the ledger knows nothing of these training answers
    assert arc.discrepancies == []


async def test_an_expert_is_named_and_a_tampered_sum_too(harvest: Harvest, pool: Pool) -> None:
    subject = await harvest.retired()
    await revise(harvest, subject, Answer.NO)
    explanations = Explanations(pool, harvest.published, no_files)

    (arc, _) = told(await explanations.why(None, subject)).workflows
    await harvest.connection.execute("UPDATE stage SET unproven = unproven + 1 WHERE subject_id = $1", subject)
    (tampered,) = told(await explanations.why(None, subject, "arc")).workflows

    assert arc.in_words[2].startswith("Caroline made it no on 20")
    assert arc.in_words[2].endswith(": seen with the telescope")
    assert [(label.label, label.author) for label in arc.labels] == [("yes", None), ("no", "Caroline")]
    assert arc.discrepancies == []
    assert [each.partition(" is stored")[0] for each in tampered.discrepancies] == ["unproven"]


async def test_a_calibration_that_speaks_against_a_label_is_told(harvest: Harvest, pool: Pool) -> None:
    subject, connection = await harvest.retired(), harvest.connection
    await connection.execute("UPDATE stage SET ordinal = 3, audit_open = 1 WHERE ordinal = 2")
    await connection.execute(
        "INSERT INTO rescore (workflow_id, subject_id, ordinal, calibration, version_id, prior_before, machine_before,"
        " prior, machine, if_yes, if_no, unproven, log_odds, votes, flagged)"
        " VALUES ($1, $2, 3, 4, $3, 0, 0, 0, 0, 0, 0, -1500000, -1000000, 2, true)",
        harvest.workflows["arc"],
        subject,
        harvest.version_id,
    )

    (arc, _) = told(await Explanations(pool, harvest.published, no_files).why(None, subject)).workflows

    assert arc.in_words[1:] == [
        "It went on to workflow lens.",
        "Calibration 4 would not decide it so: by its weights the odds of yes are 1:2.7. The label stands, and an audit"
        " was opened.",
        "An audit of it is open, and has no vote yet.",
    ]
    assert [(step.kind, step.flagged) for step in arc.steps] == [("vote", False), ("vote", False), ("rescore", True)]
    assert arc.steps[2].log_odds == arc.steps[1].log_odds > 0
    assert (arc.audit.state, arc.discrepancies) == ("open", [])


async def test_a_vote_that_no_card_leads_to_is_found_in_the_ledger(harvest: Harvest, pool: Pool) -> None:
    subject = await harvest.retired()
    await harvest.connection.execute("UPDATE card SET received_at = NULL")

    (arc, _) = told(await Explanations(pool, harvest.published, no_files).why(None, subject)).workflows

    assert [step.ordinal for step in arc.steps] == [1, 2]
    assert arc.discrepancies == []


async def test_votes_of_an_archived_month_are_read_from_its_file(
    harvest: Harvest, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    subject, connection, storage = await harvest.retired(), harvest.connection, FolderStorage(tmp_path)
    await connection.execute(
        "CREATE TABLE classification_2025_01 PARTITION OF classification"
        " FOR VALUES FROM ('2025-01-01T00:00Z') TO ('2025-02-01T00:00Z')"
    )
    for table in ("classification", "card"):
        await connection.execute(f"UPDATE {table} SET received_at = '2025-01-07T12:00Z'")
    await connection.execute("UPDATE stage SET entered_at = '2025-01-07T11:00Z'")
    await Archive(connection, database_url, storage, tmp_path / "scratch").archive(date(2025, 1, 1))

    def read_month(month: ArchivedMonth, workflows: Sequence[int]) -> Iterator[pa.RecordBatch]:
        return archived_batches(storage, month, workflows)

    (arc, _) = told(await Explanations(pool, harvest.published, read_month).why(None, subject)).workflows

    assert await connection.fetchval("SELECT count(*) FROM classification") == 0
    assert [step.ordinal for step in arc.steps] == [1, 2]
    assert (arc.discrepancies, arc.notes) == ([], [])


async def test_votes_of_a_month_whose_file_is_not_there_are_missed_in_words(
    harvest: Harvest, pool: Pool, tmp_path: Path
) -> None:
    subject = await harvest.retired()
    await harvest.connection.execute("UPDATE stage SET entered_at = '2025-01-07Z'")
    await harvest.connection.execute("DELETE FROM classification")
    await harvest.connection.execute(
        "INSERT INTO archived_month VALUES ('2025-01-01', 'ledger/2025-01.parquet', 2, '00')"
    )
    storage = FolderStorage(tmp_path)

    def read_month(month: ArchivedMonth, workflows: Sequence[int]) -> Iterator[pa.RecordBatch]:
        return archived_batches(storage, month, workflows)

    (arc, _) = told(await Explanations(pool, harvest.published, read_month).why(None, subject)).workflows

    assert arc.in_words[0].startswith(f"S{subject} was retired as yes in workflow arc on 20")
    assert (arc.steps, arc.discrepancies) == ([], [])
    assert arc.notes == ["The votes of 2025-01 are archived, and their file cannot be read: they are missing here."]


async def test_only_the_researchers_of_its_project_are_told(harvest: Harvest, pool: Pool) -> None:
    subject = await harvest.entered()
    explanations = Explanations(pool, harvest.published, no_files)

    with pytest.raises(NotAllowedError):
        await explanations.why(a_researcher(harvest.project_id + 1), subject)
    with pytest.raises(UnknownSubjectError):
        await explanations.why(None, subject + 1)
    with pytest.raises(NotInWorkflowError, match="it has one in arc"):
        await explanations.why(None, subject, "lens")


async def test_every_kind_of_outcome_fits_the_contract(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes", "yes", "yes", "yes")

    (contested,) = await why(services, campaign.subjects[0])
    (fresh,) = await why(services, campaign.subjects[1])
    known = told(await services.explanations.why(None, next(iter(campaign.gold))))

    assert contested.state == "contested"
    assert "asked of the most skilled" in contested.in_words[0]
    assert (fresh.steps, fresh.state) == ([], "open")
    assert [answer.truth for answer in known.known_answers] == ["no"]
