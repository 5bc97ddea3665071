"""What a what-if says of a campaign that was played, against what is stored of it."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from api.caller import Caller
from api.services.forecast import Forecast, Stored
from api.services.house import Services
from api.store.engine import Connection
from mobile_schemas.subjects import subject_id
from tests.services.campaigns import (
    SEQUENTIAL,
    Campaign,
    Word,
    a_campaign,
    a_swipe,
    people,
    retract,
    show_skill,
    submit,
    vote,
)

TWO_STAGES = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: {count: 2}
    audit: 0
    then: {yes: lens, no: retire}
  - name: lens
    question: Is it a lens?
    policy: {count: 1}
    audit: 0
"""
LONGER = TWO_STAGES.replace("{count: 2}", "{count: 3}")
TO_RING = TWO_STAGES.replace("yes: lens", "yes: ring") + (
    "  - {name: ring, question: A ring, policy: {count: 1}, then: {yes: lens}}\n"
)
BY_TWO = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 2}}
"""


async def foretold(services: Services, declaration: str, **options: int) -> Forecast:
    found = await services.what_if.forecast(declaration, **options)
    assert found is not None
    return found


async def a_played_campaign(services: Services, database: Connection) -> Campaign:
    """Subjects of two yes, two no, one of each; a fourth with a late no; the first is a lens."""
    campaign = await a_campaign(services, database, TWO_STAGES, subjects=5)
    answers: Sequence[Sequence[Word]] = (("yes", "yes"), ("no", "no"), ("yes", "no"), ("yes",))
    for subject, given in zip(campaign.subjects, answers, strict=False):
        await vote(services, campaign, campaign.arc, subject, *given)
    await vote(services, campaign, campaign.lens, campaign.subjects[0], "yes")
    return campaign


async def answer(
    services: Services, database: Connection, campaign: Campaign, caller: Caller, subject: int, word: Word
) -> UUID:
    """Let somebody answer who was dealt the subject, of gold or not, as anybody is; return the vote's id."""
    await database.execute(
        "INSERT INTO card (person_id, workflow_id, subject_id, volunteer_id, gold, reserved_until, accepted_until)"
        " VALUES ($1, $2, $3, $4, $5, now() + interval '1 h', now() + interval '1 h')",
        caller.person_id,
        campaign.arc,
        subject,
        caller.volunteer_id,
        subject in campaign.gold,
    )
    await database.execute(
        "INSERT INTO skill (person_id, workflow_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        caller.person_id,
        campaign.arc,
    )
    swipe = a_swipe(campaign.arc, subject, word)
    await submit(services, caller, swipe)
    return swipe.id


async def test_the_version_in_force_reproduces_what_is_stored(services: Services, database: Connection) -> None:
    await a_played_campaign(services, database)

    found = await foretold(services, TWO_STAGES)

    assert [(each.workflow, each.stored) for each in found.workflows] == [
        ("arc", Stored(5, 0, 0, 0, 0, 0)),
        ("lens", Stored(1, 0, 0, 0, 0, 0)),
    ]
    assert found.changes == []
    assert [(each.saved, each.more, each.votes_now == each.votes_new) for each in found.workflows] == [(0, 0, True)] * 2


async def test_sequential_votes_of_all_skills_reproduce_what_is_stored(
    services: Services, database: Connection
) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, subjects=12, gold=(3, 3))
    crowd = await people(campaign, 7)
    for sharp in crowd[:3]:
        await show_skill(campaign, sharp)
    for place, subject in enumerate(campaign.subjects):
        for number, caller in enumerate(crowd[: 2 + place % 6]):
            await answer(services, database, campaign, caller, subject, "yes" if (place + number) % 3 else "no")

    [arc] = (await foretold(services, SEQUENTIAL)).workflows

    assert arc.stored == Stored(12, 0, 0, 0, 0, 0)
    assert arc.votes_given == 12 * 2 + 2 * sum(range(6))
    assert 0 < arc.retired_now < 12


async def test_a_longer_count_reopens_and_says_what_is_missing(services: Services, database: Connection) -> None:
    campaign = await a_played_campaign(services, database)

    found = await foretold(services, LONGER)

    arc, lens = found.workflows
    assert {kind: count for kind, count in arc.changes.items() if count} == {"reopened": 3}
    assert (arc.retired_now, arc.retired_new, arc.votes_new.at_least, arc.votes_new.expected) == (3, 0, 8, 8.0)
    assert [(each.subject, each.now, each.new, each.stored) for each in found.changes] == [
        (subject_id(campaign.subjects[0]), "yes", "open", "yes"),
        (subject_id(campaign.subjects[1]), "no", "open", "no"),
        (subject_id(campaign.subjects[2]), "no answer", "open", "no answer"),
        (subject_id(campaign.subjects[0]), "yes", "not asked", "yes"),
    ]
    assert (lens.changes["left_out"], lens.saved) == (1, 1)


async def test_a_new_edge_reroutes_and_counts_who_arrives(services: Services, database: Connection) -> None:
    campaign = await a_played_campaign(services, database)

    found = await foretold(services, TO_RING)

    [rerouted, left_out] = found.changes
    assert (rerouted.subject, rerouted.kind) == (subject_id(campaign.subjects[0]), "rerouted")
    assert (rerouted.now_to, rerouted.new_to) == ("lens", "ring")
    assert (left_out.workflow, left_out.kind) == ("lens", "left_out")
    assert [(each.workflow, each.arriving) for each in found.not_played] == [("ring", 1)]


async def test_errors_are_counted_on_gold_by_truth(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    await vote(services, campaign, campaign.arc, campaign.subjects[0], "yes")
    for caller in await people(campaign, 3):
        for subject, truth in campaign.gold.items():
            await answer(services, database, campaign, caller, subject, "yes" if truth else "no")

    [arc] = (await foretold(services, BY_TWO)).workflows

    now, new = arc.errors_now, arc.errors_new
    assert (now.miss.subjects, now.miss.wrong, now.miss.target, now.miss.enough) == (3, 0, 0.05, 72)
    assert (new.miss.of, new.miss.wrong, new.false_alarm.of, new.false_alarm.wrong) == (3, 0, 3, 0)
    assert new.miss.high == pytest.approx(1 - 0.025 ** (1 / 3))
    assert new.miss.target is None


async def test_what_experts_and_retractions_have_changed_is_told_apart(
    services: Services, database: Connection
) -> None:
    campaign = await a_played_campaign(services, database)
    first, second = await people(campaign, 2)
    await answer(services, database, campaign, first, campaign.subjects[4], "yes")
    vote_id = await answer(services, database, campaign, second, campaign.subjects[4], "yes")
    await retract(services, second, vote_id)
    await database.execute(
        "UPDATE label SET author = 'Caroline' WHERE subject_id = ANY($1)", [campaign.subjects[1], campaign.subjects[2]]
    )

    found = await foretold(services, LONGER)

    assert found.workflows[0].stored == Stored(4, 0, 1, 0, 0, 0)
    assert {each.subject for each in found.changes} == {subject_id(campaign.subjects[0])}


async def test_stages_decided_by_an_older_version_are_told_apart(services: Services, database: Connection) -> None:
    await a_played_campaign(services, database)
    await services.publishing.publish(LONGER)

    found = await foretold(services, LONGER)

    assert found.workflows[0].stored == Stored(2, 0, 0, 3, 0, 0)
    assert not any(found.workflows[0].changes.values())


async def test_bounds_of_a_calibration_hold_and_move_with_the_targets(services: Services, database: Connection) -> None:
    campaign = await a_campaign(services, database, SEQUENTIAL, gold=(3, 3))
    sharp = await people(campaign, 3)
    for caller in sharp:
        await show_skill(campaign, caller)
        await answer(services, database, campaign, caller, campaign.subjects[0], "yes")
    await database.execute(
        "INSERT INTO calibration (workflow_id, revision, version_id, prior, prevalence, hard, accept, reject, votes,"
        " scores, report) SELECT $1, 1, version_id, '{576,184,40,184,576,40}', 0, 0, 9500000, 9500000, 0, '{}', '{}'"
        " FROM project",
        campaign.arc,
    )
    await database.execute("UPDATE workflow SET calibration = 1")

    [arc] = (await foretold(services, SEQUENTIAL.replace("    audit", "    false_alarm: 0.4\n    audit"))).workflows

    assert (arc.retired_now, arc.retired_new) == (0, 1)
    assert arc.stored == Stored(2, 0, 0, 0, 1, 0)
    assert [note.partition(";")[0] for note in arc.notes] == [
        "The bounds for the new targets are an estimate until the next refit"
    ]


async def test_a_sample_takes_whole_subjects_and_says_so(services: Services, database: Connection) -> None:
    await a_played_campaign(services, database)

    found = await foretold(services, LONGER, votes_limit=4)

    assert found.share == 0.5
    assert found.votes_in_all == 8
    assert found == await foretold(services, LONGER, votes_limit=4)


async def test_a_project_without_votes_has_nothing_to_play(services: Services, database: Connection) -> None:
    assert await services.what_if.forecast(TWO_STAGES) is None

    await a_campaign(services, database, TWO_STAGES)

    assert await services.what_if.forecast(LONGER) is None


async def test_a_changed_question_has_no_votes_to_play(services: Services, database: Connection) -> None:
    await a_played_campaign(services, database)

    found = await foretold(services, TWO_STAGES.replace("an arc", "a ring"))

    assert [each.workflow for each in found.workflows] == ["lens"]
    assert [(each.workflow, each.arriving, each.withdrawn) for each in found.not_played] == [
        ("arc", 5, None),
        ("arc", None, 2),
    ]


async def test_a_total_of_misses_is_divided_along_the_yes_edges(services: Services, database: Connection) -> None:
    second = "  - {name: lens, question: A lens, cold: agreement, miss: 0.02}\n"
    declaration = SEQUENTIAL.replace("    audit: 0\n", "    then: {yes: lens}\n") + second
    campaign = await a_campaign(services, database, declaration, subjects=4, gold=(3, 3))
    for subject in campaign.subjects:
        await vote(services, campaign, campaign.arc, subject, "yes", "no")
    await database.execute("UPDATE stage SET state = 2, answer = 1 WHERE subject_id = $1", campaign.subjects[0])
    await database.execute(
        "INSERT INTO stage (workflow_id, subject_id, draw, version_id) SELECT $1, $2, 1, version_id FROM project",
        campaign.lens,
        campaign.subjects[0],
    )
    await vote(services, campaign, campaign.lens, campaign.subjects[0], "yes")

    found = await services.what_if.forecast(declaration, total_miss=0.02)

    assert found is not None
    assert found.budget is not None
    assert (found.budget.stages, found.budget.declared) == (["arc", "lens"], [0.05, 0.02])
    assert found.budget.declared_total == pytest.approx(1 - 0.95 * 0.98)
    assert sum(found.budget.advised) == pytest.approx(0.02)
    assert found.budget.advised[0] > 3 * found.budget.advised[1]
