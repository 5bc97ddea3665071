"""A refit, from the cards of a workflow to a calibration in force."""

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic_core import to_json

from api.errors import NotAllowedError, UnknownProjectError
from api.services.hourly_refits import HourlyRefits
from api.services.house import Services
from api.services.published import PublishedCascades
from api.services.refitting import (
    NO_VOTES,
    NOT_SEQUENTIAL,
    NOTHING_NEW,
    CascadeChangedError,
    Outcome,
    Refitting,
    RefitUnderWayError,
    UnknownWorkflowNameError,
    find_workflows,
)
from api.services.verifying import verify
from api.store.engine import Connection
from mobile_schemas.calibrations import CalibrationsOut, CalibrationsQuery
from tests.cli.program import environment_of, runner
from tests.services.harvest import Connect, Harvest, a_researcher, publish, sow

SEQUENTIAL = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: sequential, votes: {min: 9, max: 19}, audit: 0}
"""
PEOPLE = range(1, 7)


@pytest.fixture
async def arcs(connection: Connection) -> Harvest:
    return await sow(connection, SEQUENTIAL)


async def refit(harvest: Harvest, database_url: str, *, dry_run: bool = False) -> Outcome:
    refitting = Refitting(harvest.connection, database_url, harvest.published, random.Random(1))
    (candidate,) = await find_workflows(harvest.connection, harvest.slug, "arc")
    return await refitting.refit(candidate, dry_run=dry_run)


async def play(harvest: Harvest, gold: Sequence[int] = (0, 0, 0, 1, 1, 1), subjects: int = 4) -> None:
    """Let six people answer gold of these truths, and subjects of which every other is a yes; the last one errs."""
    truths = {}
    for place, truth in enumerate(gold):
        number = await harvest.subject(f"gold{place}")
        await harvest.connection.execute(
            "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
            " VALUES ($1, 'arc', 1, $2, $3, $4)",
            number,
            harvest.project_id,
            truth,
            place,
        )
        truths[number] = truth
    for place in range(subjects):
        truths[await harvest.entered(f"galaxy{place}")] = place % 2
    for number, truth in truths.items():
        for person in PEOPLE:
            right = person != PEOPLE[-1]
            await harvest.vote(person, number, "yes" if right == bool(truth) else "no")


async def skills(connection: Connection) -> dict[int, tuple[int, ...]]:
    rows = await connection.fetch(
        "SELECT person_id, b_no_no, b_no_yes, b_no_unsure, b_yes_no, b_yes_yes, b_yes_unsure FROM skill"
    )
    return {row[0]: tuple(row[1:]) for row in rows}


async def test_a_refit_writes_a_calibration_and_everybodys_skill_and_puts_it_in_force(
    arcs: Harvest, database_url: str
) -> None:
    await play(arcs)

    outcome = await refit(arcs, database_url)

    assert outcome.why_not is None
    assert outcome.calibration is not None
    assert (outcome.report["votes"], outcome.report["votes_on_gold"]) == (60, 36)
    assert (outcome.report["volunteers"], outcome.report["subjects"]) == (6, 10)
    connection = arcs.connection
    assert await connection.fetchval("SELECT calibration FROM workflow") == 1
    row = await connection.fetchrow("SELECT * FROM calibration")
    assert row is not None
    assert (row["revision"], row["version_id"], row["votes"]) == (1, arcs.version_id, 60)
    assert row["prior"] == outcome.calibration.prior.ravel().tolist()
    batch = await skills(connection)
    good, bad = np.array(batch[1]).reshape(2, 3), np.array(batch[6]).reshape(2, 3)
    assert good[0, 0] > 10 * good[0, 1]
    assert bad[0, 1] > 10 * bad[0, 0]
    announced = await connection.fetchrow("SELECT workflow_id, detail FROM outbox WHERE kind = 'workflow.recalibrated'")
    assert announced is not None
    assert tuple(announced) == (arcs.workflows["arc"], '{"calibration": 1}')
    fits = await connection.fetch("SELECT person_id, calibration, revision, b_no_no FROM skill_fit ORDER BY 1")
    assert [tuple(row) for row in fits] == [(person, 1, 6, batch[person][0]) for person in PEOPLE]


async def test_where_nothing_is_new_nothing_is_written_until_somebody_votes(arcs: Harvest, database_url: str) -> None:
    await play(arcs)
    await refit(arcs, database_url)

    again = await refit(arcs, database_url)
    await arcs.vote(7, await arcs.entered("another"), "yes")
    third = await refit(arcs, database_url)

    assert (again.why_not, again.calibration) == (NOTHING_NEW, None)
    assert third.calibration is not None
    assert third.calibration.revision == 2
    assert await arcs.connection.fetchval("SELECT array_agg(revision ORDER BY revision) FROM calibration") == [1, 2]


async def test_a_dry_run_writes_nothing(arcs: Harvest, database_url: str) -> None:
    await play(arcs)

    outcome = await refit(arcs, database_url, dry_run=True)

    assert outcome.calibration is not None
    assert await arcs.connection.fetchval("SELECT count(*) FROM calibration") == 0
    assert set((await skills(arcs.connection)).values()) == {(0,) * 6}


@pytest.mark.parametrize("gold", [(), (1, 1, 1)], ids=["none", "of yes alone"])
async def test_a_project_with_little_gold_is_refitted(arcs: Harvest, database_url: str, gold: Sequence[int]) -> None:
    await play(arcs, gold)

    outcome = await refit(arcs, database_url)

    assert outcome.calibration is not None
    assert outcome.report["votes_on_gold"] == 6 * len(gold)


async def test_a_project_without_votes_and_one_that_counts_are_told_why_not(
    connection: Connection, database_url: str
) -> None:
    arcs = await sow(connection, SEQUENTIAL)
    before = await refit(arcs, database_url)
    counting = SEQUENTIAL.replace("policy: sequential, votes: {min: 9, max: 19}", "policy: {count: 3}")
    await publish(connection, arcs.project_id, counting, arcs.workflows)
    after = await refit(arcs, database_url)

    assert (before.why_not, after.why_not) == (NO_VOTES, NOT_SEQUENTIAL)
    assert await connection.fetchval("SELECT count(*) FROM calibration") == 0


async def test_what_is_asked_for_and_is_not_there_is_named(arcs: Harvest) -> None:
    with pytest.raises(UnknownProjectError, match="there is no project 'galaxies'"):
        await find_workflows(arcs.connection, "galaxies")
    with pytest.raises(UnknownWorkflowNameError, match="lenses has no workflow 'ring'; it has arc"):
        await find_workflows(arcs.connection, "lenses", "ring")


async def test_one_process_at_a_time_refits_a_workflow(arcs: Harvest, database_url: str, connect: Connect) -> None:
    await play(arcs, subjects=1)
    other = await connect()
    await other.execute("SELECT pg_advisory_lock(7233, $1)", arcs.workflows["arc"])

    with pytest.raises(RefitUnderWayError, match="another process refits arc of lenses"):
        await refit(arcs, database_url)


async def test_a_cascade_that_is_published_meanwhile_undoes_the_refit(arcs: Harvest, database_url: str) -> None:
    await play(arcs, subjects=1)
    (candidate,) = await find_workflows(arcs.connection)
    await publish(arcs.connection, arcs.project_id, SEQUENTIAL.replace("max: 19", "max: 18"), arcs.workflows)

    with pytest.raises(CascadeChangedError, match="a cascade of lenses was published while arc was refitted"):
        await Refitting(arcs.connection, database_url, PublishedCascades(), random.Random(1)).refit(candidate)

    assert await arcs.connection.fetchval("SELECT count(*) FROM calibration") == 0
    assert set((await skills(arcs.connection)).values()) == {(0,) * 6}


async def test_answers_on_gold_that_was_withdrawn_are_not_weighed_and_those_on_what_became_gold_are(
    arcs: Harvest, database_url: str
) -> None:
    await play(arcs)
    await arcs.connection.execute("UPDATE gold_standard SET current = false WHERE draw = 0")
    subject = await arcs.connection.fetchval("SELECT id FROM subject WHERE external_id = 'galaxy1'")
    await arcs.connection.execute(
        "INSERT INTO gold_standard (subject_id, workflow, revision, project_id, truth, draw)"
        " VALUES ($1, 'arc', 1, $2, 1, 99)",
        subject,
        arcs.project_id,
    )

    outcome = await refit(arcs, database_url)

    assert (outcome.report["votes"], outcome.report["votes_on_gold"]) == (54, 36)
    assert (await skills(arcs.connection))[1][4] > 100


async def test_who_lost_their_record_gets_nothing_from_other_subjects(arcs: Harvest, database_url: str) -> None:
    await play(arcs)
    await arcs.connection.execute("UPDATE skill SET drops = 1, no_no = 0, yes_yes = 1 WHERE person_id = 2")

    outcome = await refit(arcs, database_url)

    assert (await skills(arcs.connection))[2] == (0,) * 6
    (dropped,) = outcome.report["dropped"]
    assert dropped["times"] == 1
    assert dropped["volunteer"].startswith("v-")


async def test_calibrations_are_listed_newest_first_page_by_page(
    arcs: Harvest, database_url: str, services: Services
) -> None:
    await play(arcs, subjects=1)
    await refit(arcs, database_url)
    await arcs.vote(7, await arcs.entered("another"), "yes")
    await refit(arcs, database_url)
    researcher = a_researcher(arcs.project_id)

    async def page(after: str | None = None) -> CalibrationsOut:
        query = CalibrationsQuery(after=after, limit=1)
        reply = await services.calibrations.page(researcher, "lenses", query)
        return CalibrationsOut.model_validate_json(to_json(reply))

    newest = await page()
    oldest = await page(newest.cursor)

    found = [(each.revision, each.in_force, each.votes) for each in (*newest.calibrations, *oldest.calibrations)]
    assert found == [(2, True, 43), (1, False, 42)]
    assert (newest.complete, oldest.complete, oldest.cursor) == (False, True, None)
    assert oldest.calibrations[0].start_if_yes.yes > oldest.calibrations[0].start_if_yes.no
    with pytest.raises(NotAllowedError, match="the calibrations of lenses are for its researchers"):
        await services.calibrations.page(a_researcher(arcs.project_id + 1), "lenses", CalibrationsQuery())


async def test_the_command_says_what_was_learnt(arcs: Harvest, database_url: str, tmp_path: Path) -> None:
    await play(arcs)
    chaffinch = runner(environment_of(database_url, tmp_path))

    dry = await asyncio.to_thread(chaffinch, "refit", "lenses", "--dry-run", "--json")
    done = await asyncio.to_thread(chaffinch, "refit")
    wrong = await asyncio.to_thread(chaffinch, "refit", "lenses", "--workflow", "ring")

    assert dry.returncode == 0, dry.stderr
    (tree,) = json.loads(dry.stdout)
    assert (tree["workflow"], tree["revision"], tree["dry_run"], tree["report"]["votes"]) == ("arc", 1, True, 60)
    assert "arc of lenses has calibration 1, after" in done.stdout
    assert "60 by 6 volunteers on 10 subjects" in done.stdout
    assert (wrong.returncode, wrong.stderr.strip()) == (1, "lenses has no workflow 'ring'; it has arc")


async def test_the_worker_refits_what_is_due_and_goes_on_where_weighing_anew_was_interrupted(
    arcs: Harvest, database_url: str
) -> None:
    await play(arcs)
    refits = HourlyRefits(database_url, 3600, random.Random(1))

    await refits.turn(arcs.connection)
    await arcs.vote(7, await arcs.entered("another"), "yes")
    await arcs.connection.execute("UPDATE calibration SET rescored_at = NULL")
    await refits.turn(arcs.connection)
    before = await arcs.connection.fetch("SELECT revision, rescored_at IS NULL FROM calibration")
    await arcs.connection.execute("UPDATE calibration SET fitted_at = now() - interval '61 min'")
    await HourlyRefits(database_url, 3600, random.Random(1)).turn(arcs.connection)

    assert [tuple(row) for row in before] == [(1, False)]
    assert await arcs.connection.fetchval("SELECT max(revision) FROM calibration") == 2


async def test_the_worker_does_not_wait_an_hour_where_votes_come_fast(arcs: Harvest, database_url: str) -> None:
    await play(arcs)
    refits = HourlyRefits(database_url, 3600, random.Random(1))
    await refits.turn(arcs.connection)
    await arcs.vote(7, await arcs.entered("another"), "yes")
    await arcs.connection.execute("UPDATE calibration SET fitted_at = now() - interval '2 min'")

    await refits.turn(arcs.connection)
    waited = await arcs.connection.fetchval("SELECT max(revision) FROM calibration")
    await arcs.connection.execute(
        "INSERT INTO workflow_total (workflow_id, votes) SELECT workflow_id, 2 * votes + 50 FROM calibration"
    )
    await refits.turn(arcs.connection)

    assert waited == 1
    assert await arcs.connection.fetchval("SELECT max(revision) FROM calibration") == 2


async def test_votes_go_on_while_a_workflow_is_refitted(arcs: Harvest, database_url: str, connect: Connect) -> None:
    await play(arcs)
    voter = Harvest(**{**arcs.__dict__, "connection": await connect(), "dice": random.Random(9)})
    subjects = [await arcs.entered(f"more{place}") for place in range(20)]

    async def go_on() -> None:
        for subject in subjects:
            await voter.vote(8, subject, "yes")

    voting = asyncio.create_task(go_on())
    outcomes = []
    while not voting.done():
        outcomes.append(await refit(arcs, database_url))
    await voting
    await refit(arcs, database_url)

    revisions = [outcome.calibration.revision for outcome in outcomes if outcome.calibration is not None]
    assert revisions == list(range(1, len(revisions) + 1))
    assert await arcs.connection.fetchval("SELECT votes FROM calibration ORDER BY revision DESC LIMIT 1") == 80
    assert (await verify(arcs.connection, PublishedCascades(), "lenses")).discrepancies == []
