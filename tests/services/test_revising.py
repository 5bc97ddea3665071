import asyncio

import pytest

from api.errors import NotInWorkflowError, UnknownSubjectError
from api.services.labels import Labels
from api.services.revising import ExpertWord, Revised, revise_label
from api.services.verifying import verify
from api.store.engine import Connection, Pool
from cascade.vocabulary import Answer
from tests.services.harvest import ARC_LENS, Connect, Harvest, a_researcher, publish, revise, sow

LATER_WITHOUT_ARC = """
project: lenses
workflows:
  - {name: lens, question: "Is it a lens?", policy: {count: 2}, audit: 0, then: {yes: retire, no: retire}}
"""
NO_LEADS_ON = ARC_LENS.replace("no: retire}}", "no: lens}}", 1)


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
    assert [row[0] for row in kinds] == ["subject.retired", "label.revised", "subject.moved_on"]


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


async def test_a_subject_that_is_withdrawn_while_the_expert_speaks_has_no_place(
    harvest: Harvest, connect: Connect
) -> None:
    subject = await harvest.entered()
    withdrawing = await connect()

    async with withdrawing.transaction():
        await withdrawing.execute("UPDATE stage SET state = 3, need = 0 WHERE subject_id = $1", subject)
        speaking = asyncio.create_task(revise(harvest, subject, Answer.YES))
        while not await withdrawing.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  # no event of ours
            await asyncio.sleep(0.01)

    with pytest.raises(NotInWorkflowError):
        await speaking
    assert await withdrawing.fetchval("SELECT count(*) FROM label") == 0
