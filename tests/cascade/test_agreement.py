"""What agreement decides where there is no gold, and what is to be expected of that."""

from math import log

import numpy as np
import pytest

from cascade.agreement import AGREEMENT, SAFETY, agreement_error, proof_by_gold
from cascade.calibration import Calibration
from cascade.decision import ENTRY, STANDING, Decisions, decide, need
from cascade.declaration import canonical, check_gold, read
from cascade.errors import DeclarationErrors
from cascade.graph import Workflow
from cascade.standing import Integers, Rows, rules_of
from cascade.vocabulary import Answer, EntryKind, Reason, StageState

COLD = Workflow("arc", "An arc?", cold=True)
LEAN = round(log(72 / 23) * 1e6)
"""What an unproven vote weighs at the start."""


def votes(*answers: Answer, weight: int = LEAN, proven: bool = False) -> Rows:
    entries = np.zeros(len(answers), dtype=ENTRY)
    entries["kind"], entries["proven"] = EntryKind.VOTE, proven
    entries["answer"] = answers
    entries["if_yes"] = [weight * (answer is Answer.YES) for answer in answers]
    entries["if_no"] = [weight * (answer is Answer.NO) for answer in answers]
    return entries


def decided(*answers: Answer, calibration: Calibration | None = None, workflow: Workflow = COLD) -> Decisions:
    rules = rules_of([workflow], {"arc": calibration} if calibration else None)
    return decide(np.zeros(1, dtype=STANDING), votes(*answers), rules)


def outcome(decisions: Decisions) -> tuple[int, int, int]:
    stage = decisions.standings[0]
    return stage["state"], stage["answer"], stage["reason"]


RETIRED_AS_YES = (StageState.RETIRED, Answer.YES, Reason.CONSENSUS)


def test_three_unproven_votes_that_agree_retire_a_subject_where_there_is_no_gold() -> None:
    # 3 x 1.141 = 3.42 nats, past ln 19 = 2.94; two votes reach 2.28.
    assert outcome(decided(Answer.YES, Answer.YES))[0] == StageState.OPEN
    assert outcome(decided(Answer.YES, Answer.YES, Answer.YES)) == RETIRED_AS_YES
    assert outcome(decided(Answer.NO, Answer.NO, Answer.NO))[1] == Answer.NO


def test_without_the_word_in_the_declaration_the_unproven_decide_nothing() -> None:
    plain = Workflow("arc", "An arc?")

    assert outcome(decided(*[Answer.YES] * 9, workflow=plain))[0] == StageState.OPEN


def test_a_dissenter_asks_for_two_more_and_the_unsure_lead_nowhere() -> None:
    split = (Answer.YES, Answer.NO, Answer.YES, Answer.UNSURE, Answer.YES)

    assert outcome(decided(*split))[0] == StageState.OPEN
    assert outcome(decided(*split, Answer.YES)) == RETIRED_AS_YES


def test_a_lead_of_votes_that_weigh_little_is_not_enough() -> None:
    rules = rules_of([COLD])
    weak = decide(np.zeros(1, dtype=STANDING), votes(*[Answer.YES] * AGREEMENT, weight=900_000), rules)

    assert outcome(weak)[0] == StageState.OPEN


def test_nor_is_evidence_past_the_bound_without_the_lead() -> None:
    # Two votes of 1.5 nats pass ln 19; so would two proven ones, whom a refit without gold may have credited.
    rules = rules_of([COLD])
    for proven in (False, True):
        strong = decide(
            np.zeros(1, dtype=STANDING), votes(Answer.YES, Answer.YES, weight=1_500_000, proven=proven), rules
        )
        assert outcome(strong)[0] == StageState.OPEN


@pytest.mark.parametrize(("proof", "state"), [(999_999, StageState.RETIRED), (1_000_000, StageState.OPEN)])
def test_agreement_ends_when_gold_suffices(proof: int, state: StageState) -> None:
    assert outcome(decided(*[Answer.YES] * 5, calibration=Calibration(proven=proof)))[0] == state


def test_as_many_cards_are_dealt_as_agreement_still_wants() -> None:
    rules = rules_of([COLD])
    wanted = [
        int(need(decide(np.zeros(1, dtype=STANDING), votes(*[Answer.YES] * given), rules).standings, rules, ZERO)[0])
        for given in (0, 1, 2)
    ]

    assert wanted == [3, 2, 1]


ZERO: Integers = np.zeros(1, dtype=np.int64)


def test_gold_suffices_when_it_bounds_the_targets_and_half_of_the_votes_are_by_the_proven() -> None:
    # Volunteer 0 has answered four gold subjects of each truth rightly, and gives two of five other votes: 4/5 of half.
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1, -1, -1])
    subject = np.array([*range(8), 8, 9, 8, 9, 8])
    volunteer = np.array([0] * 8 + [0, 0, 1, 1, 1])
    answer = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1])
    votes = (subject, volunteer, answer, truth, 2)

    assert proof_by_gold(*votes, miss=0.2, false_alarm=0.2) == 800_000
    # 1 / .05 - 1 = 19 gold subjects that are a yes are wanted, and there are 4.
    assert proof_by_gold(*votes, miss=0.05, false_alarm=0.2) == 4_000_000 // 19
    assert proof_by_gold(*votes, miss=0.05, false_alarm=0.2, before=700_000) == 700_000
    assert proof_by_gold(ZERO[:0], ZERO[:0], ZERO[:0], truth, 2, miss=0.2, false_alarm=0.2, before=3) == 3


def test_the_error_to_expect_is_the_models_with_a_margin_and_at_least_the_target() -> None:
    # ln 99: the model holds each label wrong once in a hundred; the second label contradicts the refit.
    certain = round(log(99) * 1e6)
    labels = np.array([Answer.YES, Answer.NO])

    assert agreement_error(np.array([certain, -certain]), labels, 0.02) == pytest.approx(SAFETY * 0.01)
    assert agreement_error(np.array([certain, -certain]), labels, 0.05) == 0.05
    assert agreement_error(np.array([certain, certain]), labels, 0.05) == 0.5
    assert agreement_error(ZERO[:0], ZERO[:0], 0.05) == 0.05


@pytest.mark.parametrize(
    ("workflow", "problem"),
    [
        ({"cold": "yes"}, "is 'yes'"),
        ({"cold": "agreement", "policy": {"lead": 3}}, "means something to a sequential policy only"),
        ({"cold": "agreement", "votes": {"max": 2}}, "is agreement, by a lead of 3 votes, and votes.max is 2"),
    ],
)
def test_a_cold_start_that_could_never_work_is_refused(workflow: dict[str, object], problem: str) -> None:
    with pytest.raises(DeclarationErrors) as refused:
        read(declared(**workflow))

    assert [(each.where, each.problem) for each in refused.value.errors] == [("workflows[0].cold", problem)]


def test_a_cold_start_is_kept_as_it_was_declared() -> None:
    cold = read(declared(cold="agreement"))

    assert read(canonical(cold)) == cold
    assert "cold" not in str(canonical(read(declared())))
    assert (check_gold(cold, {}), len(check_gold(read(declared()), {}))) == ([], 1)


def declared(**workflow: object) -> dict[str, object]:
    return {"project": "lenses", "workflows": [{"name": "arc", "question": "An arc?", **workflow}]}
