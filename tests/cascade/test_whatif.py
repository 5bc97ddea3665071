import math

import numpy as np
import pytest
from numpy.typing import NDArray

from cascade.budget import split_budget
from cascade.calibration import Calibration
from cascade.decision import ENTRY, STANDING
from cascade.expected_error import by_model, on_gold
from cascade.graph import Attributes, Cascade, Condition, Count, Lead, Routes, VoteLimits, Workflow
from cascade.interval import clopper_pearson, enough_for
from cascade.standing import rules_of
from cascade.vocabulary import Answer
from cascade.whatif import (
    DECLARED,
    Information,
    Kind,
    Played,
    begun,
    changes,
    information,
    outlook,
    play,
    retargeted,
    walk,
)

Rows = NDArray[np.void]

NATS_2 = 2_000_000
WORDS = {"y": Answer.YES, "n": Answer.NO, "u": Answer.UNSURE}


def a_workflow(name: str = "arc", **fields: object) -> Workflow:
    return Workflow(name, "?", audit=0, **fields)  # type: ignore[arg-type]  # as a declaration gives them


def votes_of(*answers: str) -> tuple[Rows, Rows]:
    """One stage for each word; each letter is a proven vote of two nats."""
    stages = np.zeros(len(answers), STANDING)
    votes = np.zeros(sum(map(len, answers)), ENTRY)
    votes["stage"] = [place for place, word in enumerate(answers) for _ in word]
    votes["answer"] = [WORDS[letter] for word in answers for letter in word]
    votes["if_no"] = np.where(votes["answer"] == Answer.YES, -NATS_2, 0)
    votes["if_yes"] = np.where(votes["answer"] == Answer.NO, -NATS_2, 0)
    votes["proven"] = 1
    return begun(stages), votes


def rule_of(workflow: Workflow) -> Rows:
    """The rule by plain sums: no subject is hard."""
    return rules_of([workflow], {workflow.name: Calibration(hard=0)})


def played(workflow: Workflow, *answers: str) -> Played:
    return play(*votes_of(*answers), rule_of(workflow))


def compared(now: Workflow, new: Workflow, *answers: str) -> list[str]:
    before, after = played(now, *answers), played(new, *answers)
    nowhere: list[str | None] = [None] * len(answers)
    kinds = changes(before, after, (nowhere, nowhere), np.zeros(len(answers), dtype=np.bool_))
    return [Kind(kind).word for kind in kinds.tolist()]


def test_a_longer_count_flips_reopens_and_keeps() -> None:
    one, three = a_workflow(policy=Count(1)), a_workflow(policy=Count(3))

    assert compared(one, three, "ynn", "yn", "yyn", "nnnn") == ["flipped", "reopened", "same", "same"]
    assert compared(three, one, "yn", "y") == ["retired", "retired"]


def test_votes_after_the_decision_are_spared_and_a_stricter_rule_uses_them() -> None:
    lax = played(a_workflow(votes=VoteLimits(2, 20, 0)), "yyyyy")
    strict = played(a_workflow(false_alarm=0.001, votes=VoteLimits(2, 20, 0)), "yyyyy")

    assert (lax.used.tolist(), strict.used.tolist()) == ([2], [4])


def test_what_is_missing_is_at_least_the_strong_votes_and_is_expected_by_what_votes_tell() -> None:
    workflow = a_workflow(false_alarm=0.001, miss=0.001, votes=VoteLimits(2, 20, 0))
    stages, votes = votes_of("y", *["yyyy"] * 10)
    outcome = play(stages, votes, rule_of(workflow))

    ahead = outlook(outcome, information(stages, votes))

    told = information(stages, votes)
    p = 1 / (1 + math.exp(-2))
    expected = p * (math.log(999) - 2) / told.yes + (1 - p) * (math.log(999) + 2) / told.no
    assert ahead.at_least.tolist() == [math.ceil((math.log(999) - 2) / 2.2)] + [0] * 10
    assert told.yes == pytest.approx((41 * 2 + 30 * DECLARED) / 71, rel=0.02)
    assert ahead.expected.tolist() == pytest.approx([expected] + [0] * 10)


def test_a_count_needs_exactly_what_is_missing_and_a_lead_the_way_to_it() -> None:
    told = information(*votes_of(*["yyyu"] * 20))

    assert outlook(played(a_workflow(policy=Count(5)), "yy"), told).expected.tolist() == [3]
    lead = outlook(played(a_workflow(policy=Lead(3), votes=VoteLimits(2, 20, 0)), "yy"), told)
    assert lead.at_least.tolist() == [1]
    assert 1 <= lead.expected[0] <= 18


def test_without_votes_a_vote_tells_what_is_declared() -> None:
    told = information(*votes_of())

    assert told == Information()
    assert told.yes == pytest.approx(0.49 * math.log(0.72 / 0.23), abs=1e-9)


def test_bounds_of_a_calibration_move_with_the_targets_as_walds_do() -> None:
    calibration = Calibration(revision=3, accept=4_000_000, reject=3_500_000)
    now = a_workflow()

    moved = retargeted(calibration, now, a_workflow(miss=0.01))

    assert moved.accept == 4_000_000
    assert moved.reject == 3_500_000 + round((math.log(99) - math.log(19)) * 1e6)
    assert retargeted(Calibration(), now, a_workflow(miss=0.01)).reject == 0


def test_subjects_follow_the_new_edges_and_doors() -> None:
    arc = a_workflow("arc", policy=Count(1), then=Routes(yes="lens"))
    lens = a_workflow("lens", policy=Count(1))
    ring = a_workflow("ring", policy=Count(1))
    bright = Condition("metadata", "magnitude", at_most=20)
    now = Cascade("lenses", (arc, lens))
    new = Cascade(
        "lenses",
        (
            a_workflow("arc", policy=Count(1), then=Routes(yes="lens", no="ring"), when=bright),
            lens,
            ring,
        ),
    )
    subjects = {"arc": np.array([1, 2, 3]), "lens": np.array([1, 3])}
    stages = {"arc": played(arc, "y", "n", "y"), "lens": played(lens, "y", "n")}

    def attributes(number: int) -> Attributes:
        return Attributes({"magnitude": "25" if number == 3 else "18"})

    before, after = (walk(cascade, (1, 2, 3), subjects, stages, attributes) for cascade in (now, new))

    assert before.routes == {"arc": ["lens", None, "lens"], "lens": [None, None]}
    assert before.reached["lens"].tolist() == [True, True]
    assert after.reached["arc"].tolist() == [True, True, False]
    assert after.reached["lens"].tolist() == [True, False]
    assert after.routes["arc"] == ["lens", "ring", "lens"]
    assert after.strangers["ring"] == {2}


def test_the_same_answer_on_another_way_is_rerouted_and_who_does_not_come_is_left_out() -> None:
    arc = a_workflow(policy=Count(1))
    both = played(arc, "y", "y", "y")

    kinds = changes(both, both, (["lens", None, None], ["ring", None, None]), np.array([False, True, False]))

    assert kinds.tolist() == [Kind.REROUTED, Kind.LEFT_OUT, Kind.SAME]


def test_errors_on_gold_are_counted_by_truth_with_their_intervals() -> None:
    outcome = played(a_workflow(policy=Count(1)), "y", "y", "n", "n", "u")

    no, yes = on_gold(outcome, np.array([0, 1, 1, 0, 1]))

    assert (no.subjects, no.retired, no.wrong, no.unanswered) == (2, 2, 1, 0)
    assert (yes.subjects, yes.retired, yes.wrong, yes.unanswered) == (3, 3, 1, 1)
    assert (yes.low, yes.high) == clopper_pearson(1, 3)


def test_the_model_expects_the_error_that_the_odds_leave() -> None:
    outcome = played(a_workflow(votes=VoteLimits(2, 20, 0)), "yy", "nn", "y")

    assert by_model(outcome) == pytest.approx(1 / (1 + math.exp(4)))
    assert by_model(played(a_workflow(), "y")) is None


@pytest.mark.parametrize(
    ("wrong", "of", "low", "high"),
    # R's binom.test
    [(0, 10, 0, 0.3084971), (1, 20, 0.001265089, 0.2487328), (10, 10, 0.6915029, 1), (0, 0, 0, 1)],
)
def test_the_interval_is_clopper_and_pearsons(wrong: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(wrong, of) == pytest.approx((low, high), abs=1e-6)


def test_seventy_two_clean_subjects_show_five_per_cent() -> None:
    assert enough_for(0.05) == 72
    assert clopper_pearson(0, 72)[1] <= 0.05 < clopper_pearson(0, 71)[1]


def test_a_budget_goes_where_votes_cost_most_and_no_other_split_is_cheaper() -> None:
    shares, nats = (1.0, 0.3, 0.1), (0.5, 1.0, 0.25)

    budget = split_budget(0.02, shares, nats)

    assert sum(budget) == pytest.approx(0.02)
    assert budget == pytest.approx([0.02 * cost / 2.7 for cost in (2, 0.3, 0.4)])

    def votes(split: tuple[float, ...]) -> float:
        return sum(c / d * math.log(1 / b) for c, d, b in zip(shares, nats, split, strict=True))

    assert votes(budget) < votes((0.02 / 3,) * 3)
    assert votes(budget) < votes((budget[0] * 1.05, budget[1] - budget[0] * 0.05, budget[2]))
