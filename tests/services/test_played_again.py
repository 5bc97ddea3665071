import numpy as np

from api.services.played_again import case_of, gold_of
from api.store.what_if import Columns, Gathered
from cascade.calibration import UNCALIBRATED
from cascade.skill import weigh
from cascade.vocabulary import Bucket

ARC = 7
CELLS = ("no_no", "no_yes", "no_unsure", "yes_no", "yes_yes", "yes_unsure")


def columns(**given: list[int]) -> Columns:
    """Columns of the workflow."""
    rows = len(next(iter(given.values())))
    return {name: np.array(values, dtype=np.int64) for name, values in ({"workflow_id": [ARC] * rows} | given).items()}


def skills(*of: tuple[int, list[int]]) -> Columns:
    """What persons have shown on gold, with nothing from a refit."""
    cells = {cell: [counts[place] for _, counts in of] for place, cell in enumerate(CELLS)}
    nothing = {f"b_{cell}": [0] * len(of) for cell in CELLS}
    return columns(person_id=[person for person, _ in of], **cells, **nothing, drops=[0] * len(of))


def gathered(**given: Columns) -> Gathered:
    nothing = columns(
        subject_id=[], person_id=[], answer=[], flag=[], bucket=[], if_yes=[], if_no=[], told=[], truth=[]
    )
    stages = columns(subject_id=[3, 5], version_id=[1, 1], state=[0, 0], answer=[-1, -1], reason=[0, 0])
    empty = {name: np.zeros(2, dtype=np.int64) for name in ("prior", "machine", "draw")}
    parts = {"stages": {**stages, **empty}, "votes": nothing, "gold": nothing, "skills": skills()} | given
    return Gathered(2, 4, 1.0, **parts, by_hand=frozenset(), taken_back=frozenset())  # type: ignore[arg-type]  # columns


def test_an_answer_to_gold_is_weighed_as_if_it_had_not_been_given() -> None:
    gold = columns(subject_id=[3, 3], person_id=[11, 12], answer=[1, 0], flag=[0, 0], told=[1, 1], truth=[1, 1])
    shown = skills((11, [0, 0, 0, 0, 1, 0]), (12, [4, 0, 0, 1, 3, 0]))

    judged = gold_of(gathered(gold=gold, skills=shown), ARC, UNCALIBRATED)

    without = np.array([[[0, 0, 0], [0, 0, 0]], [[4, 0, 0], [0, 3, 0]]])
    if_yes, if_no, proven = weigh(without, np.array([1, 0]))
    assert judged.truth.tolist() == [1]
    assert judged.votes["if_yes"].tolist() == if_yes.tolist()
    assert judged.votes["if_no"].tolist() == if_no.tolist()
    assert judged.votes["proven"].tolist() == proven.tolist()


def test_votes_keep_the_weight_of_their_cards_and_late_ones_are_proven_by_the_skill_of_today() -> None:
    late = int(Bucket.LATE)
    votes = columns(
        subject_id=[5, 5, 5, 99],
        person_id=[11, 12, 13, 11],
        answer=[1, 1, 0, 1],
        flag=[0, 1, 0, 0],
        bucket=[int(Bucket.UNPROVEN), late, late, late],
        if_yes=[-1, -2, -3, -4],
        if_no=[-5, -6, -7, -8],
    )
    shown = skills((11, [30, 1, 0, 1, 30, 0]), (12, [30, 1, 0, 1, 30, 0]))

    case = case_of(gathered(votes=votes, skills=shown), ARC)

    assert case.subjects.tolist() == [3, 5]
    assert case.votes["stage"].tolist() == [1, 1, 1]
    assert case.votes["if_yes"].tolist() == [-1, -2, -3]
    assert case.votes["proven"].tolist() == [0, 1, 0]
    assert case.votes["flag"].tolist() == [0, 1, 0]
