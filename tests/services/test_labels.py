import pytest

from api.caller import Scope
from api.errors import NotAllowedError, UnknownProjectError
from api.services.labels import Labels
from api.store.engine import Connection, Pool
from cascade.vocabulary import Answer
from mobile_schemas.labels import LabelOut
from tests.services.harvest import ARC_LENS, Harvest, a_researcher, revise, sow

WITH_A_SCORE = """
project: lenses
workflows:
  - name: arc
    question: Is there an arc?
    policy: sequential
    prior: {score: cnn, calibrate: false, people: 0}
    audit: 0
    then: {yes: retire, no: retire}
"""


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
                "p_yes": pytest.approx(0.7311, abs=1e-4),  # 1 nat: as much as unproven votes can say
                "counted": 2,
                "excluded": 0,
                "late": 1,
                "machine_score": None,
                "first_vote_at": stage["first_vote_at"],
                "last_vote_at": stage["last_vote_at"],
                "retired_at": stage["retired_at"],
                "made_at": stage["retired_at"],
                "routed_to": "lens",
                "author": None,
                "why": None,
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
    assert [label["cursor"] for label in whole] == [1, 2, 4, 5, 7]  # two have moved on, which is announced between
    assert cursor == end == page[1] == 7


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
