"""Sentences, as a colleague would tell them, and the sums behind them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from cascade.explain import Case, Correction, Decision, Step, differences, odds, sentences, trace
from cascade.graph import Count, Lead, Policy, Workflow
from cascade.standing import STANDING, Rows, rules_of
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, Reason, StageState

YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE
LN_19 = 2_944_439
WHEN = "on 21 November 2026 at 14:03 UTC"


def a_stage(**fields: int) -> Rows:
    made = np.zeros(1, dtype=STANDING)
    for name, value in {"answer": NO_ANSWER, **fields}.items():
        made[name] = value
    return made


def a_rule(workflow: Workflow) -> Rows:
    """Return a rule without hard subjects, so that log-odds are plain sums."""
    rule = rules_of([workflow])
    rule["hard"] = 0
    return rule


def a_case(policy: Policy | None = None, decision: Decision | None = None, **fields: int) -> Case:
    workflow = Workflow("arc", "An arc?") if policy is None else Workflow("arc", "An arc?", policy=policy)
    return Case("S12", "arc", a_stage(**fields), a_rule(workflow), begun=0, decision=decision)


def retired(answer: int, reason: Reason, votes: int, log_odds: int = 0) -> Decision:
    return Decision(answer, reason, WHEN, log_odds, votes)


def a_vote(ordinal: int, answer: Answer, if_yes: int, if_no: int, bucket: Bucket = Bucket.PROVEN) -> Step:
    return Step(ordinal, 0, 1, answer=answer, bucket=bucket, if_yes=if_yes, if_no=if_no)


PLAYBOOK: Sequence[tuple[Case, str]] = (
    (
        replace(a_case(decision=retired(YES, Reason.CONSENSUS, 3, 3_713_572), n_yes=3), begun=-LN_19),
        f"S12 was retired as yes in workflow arc by consensus {WHEN}: 3 votes brought the odds of yes from 1:19 to"
        " 41:1, past 19:1.",
    ),
    (
        a_case(decision=replace(retired(NO, Reason.CONSENSUS, 2, -LN_19), by_calibration=4)),
        f"S12 was retired as no in workflow arc by consensus {WHEN}: calibration 4 weighed 2 votes anew, which brought"
        " the odds of yes from 1:1 to 1:19, past 1:19.",
    ),
    (
        a_case(decision=retired(NO_ANSWER, Reason.CLASSIFICATION_COUNT, 25, 405_465)),
        f"S12 was retired in workflow arc {WHEN}: 25 votes, the most that are asked for, left the odds of yes at 1.5:1,"
        " between the bounds of 1:19 and 19:1.",
    ),
    (
        a_case(Count(3), retired(YES, Reason.CLASSIFICATION_COUNT, 3), u_yes=2, n_no=1),
        f"S12 was retired as yes in workflow arc {WHEN}: 2 yes and 1 no among 3 votes, as many as are asked for.",
    ),
    (
        a_case(Count(1), retired(NO, Reason.HUMAN, 1), u_no=1),
        f"S12 was retired as no in workflow arc by experts {WHEN}: 0 yes and 1 no among 1 vote, as many as are asked"
        " for.",
    ),
    (
        a_case(Lead(2), retired(NO, Reason.CONSENSUS, 5), u_yes=1, u_no=3, u_unsure=1),
        f"S12 was retired as no in workflow arc by consensus {WHEN}: 1 yes and 3 no among 5 votes are a lead of 2, and"
        " 2 decides.",
    ),
    (
        a_case(Lead(3), retired(NO_ANSWER, Reason.CLASSIFICATION_COUNT, 20), u_yes=10, u_no=10),
        f"S12 was retired in workflow arc {WHEN}: 10 yes and 10 no among 20 votes, the most that are asked for, without"
        " a lead of 3.",
    ),
    (
        a_case(decision=retired(NO, Reason.NOTHING_HERE, 4), u_no=4),
        f"S12 was retired as no in workflow arc {WHEN} as having nothing in it: all 4 votes said no.",
    ),
    (
        a_case(decision=retired(NO_ANSWER, Reason.FLAGGED, 4), flags=2),
        f"S12 was retired in workflow arc {WHEN}, without an answer: 2 votes flagged it.",
    ),
    (
        a_case(decision=replace(retired(YES, Reason.HUMAN, 0), author="Caroline", why="seen with the telescope")),
        f"S12 was retired as yes in workflow arc by Caroline {WHEN}: seen with the telescope",
    ),
    (
        a_case(state=StageState.CONTESTED, n_yes=10, n_no=10),
        "S12 is contested in workflow arc: 20 votes have brought the odds of yes from 1:1 to 1:1; 19:1 retires it as"
        " yes and 1:19 as no, which takes 2 votes or more, asked of the most skilled.",
    ),
    (
        a_case(n_yes=1, if_yes=-105_361, if_no=-2_302_585),
        "S12 is open in workflow arc: 1 vote has brought the odds of yes from 1:1 to 9:1; 19:1 retires it as yes and"
        " 1:19 as no, which takes 1 vote or more.",
    ),
    (a_case(Count(3), u_yes=1), "S12 is open in workflow arc: it has 1 of 3 votes."),
    (
        a_case(Lead(3), u_yes=1),
        "S12 is open in workflow arc: 1 yes and 0 no among 1 vote; a lead of 3 decides, which takes 2 votes or more.",
    ),
    (
        a_case(state=StageState.WITHDRAWN),
        "S12 was withdrawn from workflow arc: the cascade asks about it no more.",
    ),
)


@pytest.mark.parametrize(("case", "said"), PLAYBOOK, ids=[said[:60] for _, said in PLAYBOOK])
def test_the_outcome_is_told_in_a_sentence(case: Case, said: str) -> None:
    assert sentences(case) == [said]


def test_a_consensus_by_agreement_says_that_it_is_one() -> None:
    decision = retired(YES, Reason.CONSENSUS, 3, 3_500_000)
    case = replace(
        a_case(decision=decision, u_yes=3, unproven=3_500_000),
        rule=a_rule(Workflow("arc", "An arc?", cold=True)),
    )

    assert sentences(case) == [
        f"S12 was retired as yes in workflow arc by consensus {WHEN}: 3 votes brought the odds of yes from 1:1 to 33:1,"
        " past 19:1, with a lead of 3, while gold is too scarce to say whom to believe."
    ]


def test_what_came_after_a_decision_is_told_after_it() -> None:
    decision = replace(retired(YES, Reason.CONSENSUS, 3, LN_19), routed_to="lens")
    case = replace(
        a_case(decision=decision),
        corrections=[Correction(NO, "Caroline", "a satellite", WHEN)],
        flagged_by=5,
        flagged_odds=405_465,
        audit=-2_302_585,
        audit_votes=2,
    )

    assert sentences(case)[1:] == [
        "It went on to workflow lens.",
        f"Caroline made it no {WHEN}: a satellite",
        "Calibration 5 would not decide it so: by its weights the odds of yes are 1.5:1. The label stands, and an audit"
        " was opened.",
        "An audit of it has ended, with 2 votes, which alone put the odds of yes at 1:10: that speaks against the"
        " label, which stands until an expert revises it.",
    ]


@pytest.mark.parametrize(
    ("z", "said"), [(0, "1:1"), (LN_19, "19:1"), (-LN_19, "1:19"), (405_465, "1.5:1"), (90_000_000, "over a million:1")]
)
def test_log_odds_are_said_as_odds(z: int, said: str) -> None:
    assert odds(z) == said


def test_steps_add_up_to_what_is_stored_and_a_difference_is_named() -> None:
    steps = [
        a_vote(1, YES, -105_361, -2_302_585),
        a_vote(2, NO, -1_609_438, -223_144, Bucket.UNPROVEN),
        Step(3, 0, -1, answer=NO, bucket=Bucket.UNPROVEN, if_yes=1_609_438, if_no=223_144),
        Step(4, 0, 0, sums=(0, -200_000, -2_000_000, 0), counts=(1, 0, 0, 0, 0, 0)),
    ]
    stage = a_stage(ordinal=4, if_yes=-200_000, if_no=-2_000_000, n_yes=1)

    traced = trace(stage, 0, steps, a_rule(Workflow("arc", "An arc?")))

    assert traced.standings["unproven"].tolist() == [0, -1_386_294, 0, 0]
    assert traced.standings["n_yes"].tolist() == [1, 1, 1, 1]
    assert traced.need.tolist() == [1, 1, 1, 1]
    assert differences(stage, traced, steps) == []
    tampered = a_stage(ordinal=4, if_yes=-200_001, if_no=-2_000_000, n_yes=1)
    assert differences(tampered, traced, steps) == ["if_yes is stored as -200001, and the steps add up to -200000"]
    assert differences(stage, traced, steps[:1] + steps[2:]) == ["1 of 4 steps are not there, the first of them 2"]
