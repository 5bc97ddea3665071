"""What a refit makes of subjects that have votes already: weighed anew, retired, flagged, and proven by a replay."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from api.errors import DatabaseUnavailableError
from api.services.published import PublishedCascades
from api.services.rescoring import Weighing, rescore, unfinished
from api.services.retractions import Retractions
from api.services.verifying import verify
from api.store.engine import Connection, Pool, open_pool
from api.store.refitting import NewCalibration, RefittingStore
from api.store.rescoring import RescoringStore
from cascade.calibration import UNCALIBRATED
from cascade.vocabulary import Reason, StageState
from mobile_schemas.classifications import RetractionIn, RetractionsIn
from tests.services.harvest import Connect, Harvest, a_uuid7, a_volunteer, publish, sow

Word = Literal["yes", "no", "unsure"]

ARC = """
project: lenses
workflows:
  - name: arc
    question: "Is there an arc?"
    policy: sequential
    votes: {min: 2, max: 9}
    audit: 0
    then: {yes: lens, no: retire}
  - {name: lens, question: "Is it a lens?", policy: {count: 2}, audit: 0}
"""
GOOD = (1200, 100, 0, 100, 1200, 0)
"""What other subjects say of somebody who is right twelve times in thirteen, in hundredths."""

WRONG = (100, 1200, 0, 1200, 100, 0)
BLIND = (600, 600, 0, 600, 600, 0)
BOUND = 2_000_000

CHANCE: tuple[Word, ...] = ("yes", "no", "unsure")
LEANING: tuple[Word, ...] = ("yes", "yes", "no")


@pytest.fixture
async def arcs(connection: Connection) -> Harvest:
    return await sow(connection, ARC)


async def calibrate(harvest: Harvest, skills: Mapping[int, tuple[int, ...]], **values: Any) -> None:
    """Put a calibration in force by which these persons have these skills."""
    connection, workflow = harvest.connection, harvest.workflows["arc"]
    now = await connection.fetchval("SELECT calibration FROM workflow WHERE id = $1", workflow)
    fit = replace(UNCALIBRATED, revision=now + 1, **{"accept": BOUND, "reject": BOUND, "hard": 1000} | values)
    persons, batch = np.array(list(skills), dtype=np.int64), np.array(list(skills.values()), dtype=np.int64)
    new = NewCalibration(workflow, harvest.version_id, fit, 0, {}, persons, batch.reshape(-1, 6))
    async with connection.transaction():
        await RefittingStore(connection).write(new)


async def weigh_anew(harvest: Harvest, pool: Pool) -> Weighing:
    return await rescore(pool, harvest.published, harvest.dice, harvest.workflows["arc"])


async def discrepancies(harvest: Harvest) -> list[str]:
    return list((await verify(harvest.connection, PublishedCascades(), harvest.slug)).discrepancies)


async def rows(harvest: Harvest) -> list[dict[str, Any]]:
    found = await harvest.connection.fetch("SELECT * FROM rescore ORDER BY subject_id, ordinal")
    return [dict(row) for row in found]


async def standing(harvest: Harvest, subject: int) -> dict[str, Any]:
    found = await harvest.stage(subject)
    assert found is not None
    return found


async def test_votes_are_weighed_by_what_was_learnt_since_and_may_retire_their_subject(
    arcs: Harvest, pool: Pool
) -> None:
    subject = await arcs.entered()
    for person in (1, 2):
        await arcs.vote(person, subject, "yes")
    before = await standing(arcs, subject)
    await calibrate(arcs, {1: GOOD, 2: GOOD})

    weighed = await weigh_anew(arcs, pool)

    after = await standing(arcs, subject)
    assert (before["state"], before["u_yes"], before["n_yes"]) == (StageState.OPEN, 2, 0)
    assert weighed == Weighing(looked_at=2, rescored=1, retired=1)
    assert (after["state"], after["answer"], after["reason"]) == (StageState.RETIRED, 1, Reason.CONSENSUS)
    assert (after["n_yes"], after["u_yes"], after["calibration"]) == (2, 0, 1)
    assert (after["ordinal"], after["decided_ordinal"]) == (3, 3)
    assert await arcs.piles(subject) == ["lens"]
    label = await arcs.connection.fetchrow("SELECT * FROM label")
    assert label is not None
    assert (label["answer"], label["calibration"], label["votes"], label["routed_to"]) == (1, 1, 2, "lens")
    assert await arcs.connection.fetchval("SELECT count(*) FROM outbox WHERE kind = 'subject.retired'") == 1
    (row,) = await rows(arcs)
    assert (row["ordinal"], row["log_odds"], row["flagged"]) == (3, label["log_odds"], False)
    assert await discrepancies(arcs) == []


async def test_a_vote_taken_back_after_that_takes_what_it_weighs_now(arcs: Harvest, pool: Pool) -> None:
    subject, kept = await arcs.entered(), await arcs.entered("another")
    client_id = a_uuid7(77)
    await arcs.vote(1, subject, "yes", client_id=client_id)
    await arcs.vote(1, kept, "yes")
    await calibrate(arcs, {1: GOOD}, prevalence=-300_000)
    await weigh_anew(arcs, pool)

    back = Retractions(pool, arcs.published, arcs.dice)
    await back.retract(a_volunteer(1), RetractionsIn(retractions=[RetractionIn(id=client_id)]))

    after = await standing(arcs, subject)
    sums = ("if_yes", "if_no", "unproven", "n_yes", "n_no", "u_yes", "u_no")
    assert {name: after[name] for name in sums} == dict.fromkeys(sums, 0)
    assert after["prior"] == -300_000
    assert await discrepancies(arcs) == []


async def test_who_is_unknown_to_a_calibration_keeps_the_weight_that_they_had(arcs: Harvest, pool: Pool) -> None:
    subject = await arcs.entered()
    for person in (1, 2):
        await arcs.vote(person, subject, "yes")
    before = await standing(arcs, subject)
    await calibrate(arcs, {1: GOOD}, accept=9_000_000)

    await weigh_anew(arcs, pool)

    after = await standing(arcs, subject)
    assert (after["n_yes"], after["u_yes"], after["unproven"]) == (1, 1, before["unproven"] // 2)
    assert await discrepancies(arcs) == []


async def test_a_subject_that_nobody_has_seen_begins_with_the_new_prior_and_without_an_entry(
    arcs: Harvest, pool: Pool
) -> None:
    subject = await arcs.entered()
    await calibrate(arcs, {}, prevalence=-1_500_000)

    await weigh_anew(arcs, pool)
    later = await arcs.entered("later")

    assert [(await standing(arcs, each))["prior"] for each in (subject, later)] == [-1_500_000] * 2
    assert await rows(arcs) == []
    await arcs.vote(1, subject)
    assert await discrepancies(arcs) == []


async def test_a_retired_subject_is_flagged_once_and_keeps_its_label(arcs: Harvest, pool: Pool) -> None:
    subject = await arcs.entered()
    for person in (1, 2):
        await arcs.vote(person, await arcs.entered(f"first of {person}"))
    await calibrate(arcs, dict.fromkeys((1, 2), GOOD))
    for person in (1, 2):
        await arcs.vote(person, subject, "yes")
    before = await standing(arcs, subject)
    await calibrate(arcs, dict.fromkeys((1, 2), WRONG))
    first = await weigh_anew(arcs, pool)
    await calibrate(arcs, dict.fromkeys((1, 2), BLIND))

    second = await weigh_anew(arcs, pool)

    after = await standing(arcs, subject)
    assert (before["state"], before["answer"]) == (StageState.RETIRED, 1)
    assert (first.flagged, second.flagged) == (1, 0)
    assert (after["answer"], after["audit_open"], after["if_yes"]) == (1, 1, before["if_yes"])
    assert await arcs.connection.fetchval("SELECT count(*) FROM label") == 1
    (flagged,) = await RescoringStore(arcs.connection, arcs.workflows["arc"]).flagged(10)
    assert (flagged.subject_id, flagged.calibration, flagged.answer) == (subject, 2, 1)
    assert flagged.log_odds < 0
    assert await discrepancies(arcs) == []


async def test_an_audit_that_comes_to_the_other_answer_is_disputed(connection: Connection) -> None:
    arcs = await sow(connection, ARC.replace("audit: 0\n    then", "audit: 1\n    then"))
    subject, other = await arcs.entered(), await arcs.entered("other")
    for person in range(1, 7):
        await arcs.vote(person, await arcs.entered(f"warm{person}"))
    await calibrate(arcs, dict.fromkeys(range(1, 7), GOOD))
    for person in (1, 2):
        await arcs.vote(person, subject, "yes")
        await arcs.vote(person, other, "yes")
    for person in (3, 4, 5):
        await arcs.vote(person, subject, "no")
        await arcs.vote(person, other, "yes")

    disputed = await RescoringStore(connection, arcs.workflows["arc"]).disputed(BOUND, BOUND, 10)

    assert [(each.subject_id, each.answer) for each in disputed] == [(subject, 1)]
    assert disputed[0].audit <= -BOUND
    assert (await standing(arcs, subject))["audit_open"] == 0


async def test_weighing_anew_goes_on_where_it_was_killed(
    arcs: Harvest, pool: Pool, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr("api.services.rescoring.PAGE", 3)
    subjects = [await arcs.entered(f"galaxy{number}") for number in range(8)]
    for subject in subjects:
        await arcs.vote(1, subject, "yes")
    await calibrate(arcs, {1: GOOD}, accept=9_000_000)
    others = await open_pool(database_url, 1)

    def kill(_looked_at: int) -> None:
        others.terminate()

    with pytest.raises(DatabaseUnavailableError):
        await rescore(others, arcs.published, arcs.dice, arcs.workflows["arc"], kill)
    left = await unfinished(arcs.connection)
    done = len(await rows(arcs))
    again = await weigh_anew(arcs, pool)

    assert (done, again.rescored) == (3, 5)
    assert left == [arcs.workflows["arc"]]
    assert await unfinished(arcs.connection) == []
    assert [row["ordinal"] for row in await rows(arcs)] == [2] * 8
    assert await weigh_anew(arcs, pool) == Weighing()
    assert await discrepancies(arcs) == []


async def test_votes_retractions_calibrations_and_versions_at_once_follow_from_the_ledger(
    arcs: Harvest, connect: Connect, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.services.rescoring.PAGE", 7)
    subjects = [await arcs.entered(f"galaxy{number}") for number in range(30)]
    published, pool = PublishedCascades(), await open_pool(database_url, 3)
    going = True

    async def take_part(person: int) -> None:
        mine = replace(arcs, connection=await connect(), published=published, dice=random.Random(person))
        retractions = Retractions(pool, published, mine.dice)
        for place, subject in enumerate(mine.dice.sample(subjects, len(subjects))):
            client_id = a_uuid7(mine.dice.getrandbits(48))
            answer = mine.dice.choice(CHANCE if person % 4 else LEANING)
            await mine.vote(person, subject, answer, client_id=client_id)
            if place % 5 == 0:
                back = RetractionsIn(retractions=[RetractionIn(id=client_id)])
                await retractions.retract(a_volunteer(person), back)

    async def refit() -> None:
        dice, turn = random.Random(9), 0
        while going or turn < 4:
            turn += 1
            skills = {person: dice.choice((GOOD, GOOD, BLIND, WRONG)) for person in range(1, 9)}
            await calibrate(arcs, skills, prevalence=100_000 * dice.randrange(-5, 5), accept=BOUND + turn)
            if turn == 2:
                await publish(arcs.connection, arcs.project_id, ARC.replace("max: 9", "max: 6"), arcs.workflows)
            await rescore(pool, published, dice, arcs.workflows["arc"])

    refits = asyncio.create_task(refit())
    await asyncio.gather(*(take_part(person) for person in range(1, 9)))
    going = False
    await refits
    await pool.close()

    found = await rows(arcs)
    entries = await arcs.connection.fetchrow(
        "SELECT count(*) FILTER (WHERE kind = 0) AS votes, count(*) FILTER (WHERE kind = 1) AS back,"
        " count(DISTINCT calibration) AS calibrations FROM classification"
    )
    assert entries is not None
    assert (entries["votes"], entries["back"]) == (240, 48)
    assert entries["calibrations"] > 2
    assert len(found) > 30
    assert await discrepancies(arcs) == []
