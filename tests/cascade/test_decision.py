from collections.abc import Iterable
from math import exp, log

import numpy as np
import pytest
from numpy.typing import NDArray

from cascade.calibration import HARD
from cascade.decision import ENTRY, RULE, STANDING, Decisions, decide, log_odds, need, p_yes, rules_of
from cascade.graph import EXPERT, Count, Lead, VoteLimits, Workflow
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, PolicyKind, Reason, StageState

Rows = NDArray[np.void]

YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE
OPEN, CONTESTED, RETIRED, WITHDRAWN = StageState
LN_19 = 2_944_439
NEVER_DRAWN = 2**31 - 1

SEQUENTIAL = Workflow("arc", "An arc?")
EASY = Workflow("arc", "An arc?", votes=VoteLimits(minimum=2, maximum=4, contested=2))


def row(dtype: np.dtype[np.void], **fields: int) -> Rows:
    made = np.zeros(1, dtype)
    for name, value in fields.items():
        made[name] = value
    return made


def a_stage(**fields: int) -> Rows:
    return row(STANDING, **{"answer": NO_ANSWER, "draw": NEVER_DRAWN, **fields})


def a_vote(answer: Answer, nats: float = 2.0, **fields: int) -> Rows:
    """A proven vote that weighs so many nats for its answer."""
    likely, unlikely = -100_000, -100_000 - round(nats * 1_000_000)
    if_yes, if_no = (unlikely, likely) if answer == NO else (likely, unlikely)
    return row(ENTRY, **{"answer": answer, "if_yes": if_yes, "if_no": if_no, "proven": 1, **fields})


def an_unproven(answer: Answer, nats: float = 1.0, **fields: int) -> Rows:
    return a_vote(answer, nats, proven=0, **fields)


def taken_back(vote: Rows, bucket: Bucket) -> Rows:
    back = vote.copy()
    back["kind"], back["bucket"] = EntryKind.RETRACTION, bucket
    return back


def plain_rules(*workflows: Workflow) -> Rows:
    """The rules where no subject is hard, so that evidence is a sum."""
    rules = rules_of(workflows)
    rules["hard"] = 0
    return rules


def decided(workflow: Workflow, *entries: Rows, stage: Rows | None = None) -> Decisions:
    standings = a_stage() if stage is None else stage
    return decide(standings, np.concatenate([np.empty(0, ENTRY), *entries]), plain_rules(workflow))


def outcome(decisions: Decisions) -> tuple[int, int, int]:
    stage = decisions.standings[0]
    return stage["state"], stage["answer"], stage["reason"]


def buckets(decisions: Decisions) -> list[int]:
    listed: list[int] = decisions.bucket.tolist()
    return listed


# The rules


def test_the_default_bounds_are_the_logarithm_of_nineteen() -> None:
    expected = row(
        RULE,
        policy=PolicyKind.SEQUENTIAL,
        accept=LN_19,
        reject=LN_19,
        votes_min=2,
        votes_max=20,
        contested=5,
        audit_ppm=20_000,
        hard=HARD,
    )

    assert np.array_equal(rules_of([SEQUENTIAL]), expected)


def test_false_alarm_bounds_yes_and_miss_bounds_no() -> None:
    rule = rules_of([Workflow("arc", "An arc?", miss=0.02, false_alarm=0.10)])[0]

    assert (rule["accept"], rule["reject"]) == (round(log(9) * 1e6), round(log(49) * 1e6))


def test_a_rule_carries_what_its_workflow_declares() -> None:
    workflow = Workflow("expert", "A lens?", level=EXPERT, policy=Count(1), blank=5, flag=3, audit=0.5)
    lead = Workflow("lens", "A lens?", policy=Lead(3), votes=VoteLimits(3, 9, 0))

    expert, other = rules_of([workflow, lead])

    assert [expert[name] for name in ("policy", "count", "lead", "blank", "flag", "audit_ppm", "human")] == [
        PolicyKind.COUNT, 1, 0, 5, 3, 500_000, 1,
    ]  # fmt: skip
    assert [other[name] for name in ("policy", "count", "lead", "votes_min", "votes_max", "contested", "human")] == [
        PolicyKind.LEAD, 0, 3, 3, 9, 0, 0,
    ]  # fmt: skip


# Evidence


@pytest.mark.parametrize(
    ("calibrated", "votes", "state"),
    [
        pytest.param(1, (NO, NO), RETIRED, id="a bound of a refit, reached by the prior"),
        pytest.param(0, (NO, NO), OPEN, id="a declared bound waits for the proven"),
        pytest.param(1, (NO,), OPEN, id="too few votes"),
        pytest.param(1, (YES, YES), OPEN, id="newcomers may speak against it"),
    ],
)
def test_newcomers_make_up_the_number_where_others_reach_the_bound(
    calibrated: int, votes: tuple[Answer, ...], state: StageState
) -> None:
    rules = plain_rules(SEQUENTIAL)
    rules["calibrated"] = calibrated
    entries = np.concatenate([an_unproven(answer, 0.5) for answer in votes])

    after = decide(a_stage(prior=-LN_19 - 100_000), entries, rules).standings[0]

    assert after["state"] == state


def test_newcomers_do_not_push_over_a_bound() -> None:
    rules = plain_rules(SEQUENTIAL)
    rules["calibrated"] = 1
    entries = np.concatenate([an_unproven(NO, 0.5) for _ in range(6)])

    after = decide(a_stage(prior=-LN_19 + 100_000), entries, rules).standings[0]

    assert after["state"] == OPEN


def test_proven_votes_add_likelihoods_and_unproven_votes_a_pooled_ratio() -> None:
    after = decided(SEQUENTIAL, a_vote(YES, 0.5), an_unproven(NO, 0.25), an_unproven(UNSURE, 0.5)).standings

    assert after == a_stage(if_yes=-100_000, if_no=-600_000, n_yes=1, unproven=250_000, u_no=1, u_unsure=1, ordinal=3)
    assert log_odds(after, 0).tolist() == [750_000]


def test_unproven_evidence_counts_up_to_a_nat_in_all() -> None:
    crowd = [an_unproven(YES, 1.5) for _ in range(6)]

    after = decided(SEQUENTIAL, *crowd).standings

    assert after["unproven"].tolist() == [9_000_000]
    assert log_odds(after, 0).tolist() == [1_000_000]


def test_votes_that_agree_lose_little_to_hard_subjects_and_votes_that_differ_much() -> None:
    agreed = decided(SEQUENTIAL, a_vote(YES, 2.0), a_vote(YES, 2.0)).standings
    split = a_stage(n_yes=6, n_no=4, if_yes=-9_000_000, if_no=-13_000_000)

    # By hand: votes weigh -.1 and -2.1 nats, and ln .46 on the tenth of the subjects that is hard.
    by_hand = log(0.9 * exp(-0.2) + 0.1 * 0.46**2) - log(0.9 * exp(-4.2) + 0.1 * 0.46**2)
    assert log_odds(agreed, 100_000) == pytest.approx(by_hand * 1e6, abs=1)
    assert log_odds(split, 0).tolist() == [4_000_000]
    assert log_odds(split, 100_000)[0] == pytest.approx(1_240_000, abs=10_000)


def test_accounts_without_a_record_cannot_make_up_the_least_number_of_votes() -> None:
    throwaways = [an_unproven(YES) for _ in range(6)]

    assert outcome(decided(SEQUENTIAL, *throwaways, a_vote(YES, 2.5)))[0] == OPEN
    assert outcome(decided(SEQUENTIAL, *throwaways, a_vote(YES, 1.5), a_vote(YES, 1.5)))[0] == RETIRED


def test_log_odds_become_a_probability() -> None:
    assert p_yes(np.array([LN_19, 0, -LN_19])) == pytest.approx([0.95, 0.5, 0.05])


# Sequential decisions


def test_consensus_comes_with_the_vote_that_crosses_the_bound() -> None:
    decisions = decided(SEQUENTIAL, a_vote(YES, 1.4), a_vote(YES, 1.4), a_vote(YES, 1.4))

    assert outcome(decisions) == (RETIRED, YES, Reason.CONSENSUS)
    assert decisions.moves.tolist() == [(2, 0, OPEN, RETIRED, YES, Reason.CONSENSUS)]
    assert decisions.standings["decided_ordinal"].tolist() == [3]


@pytest.mark.parametrize(("answer", "sign"), [(YES, 1), (NO, -1)])
@pytest.mark.parametrize(("last", "state"), [(LN_19 - 2_000_000, RETIRED), (LN_19 - 2_000_001, OPEN)])
def test_the_bound_itself_suffices_and_a_micro_nat_less_does_not(
    answer: Answer, sign: int, last: int, state: StageState
) -> None:
    decisions = decided(SEQUENTIAL, a_vote(answer), a_vote(answer, last / 1e6))

    assert log_odds(decisions.standings, 0).tolist() == [sign * (2_000_000 + last)]
    assert outcome(decisions)[0] == state


def test_one_vote_is_not_enough_however_strong() -> None:
    assert outcome(decided(SEQUENTIAL, a_vote(YES, 3.0))) == (OPEN, NO_ANSWER, Reason.NONE)


def test_one_vote_is_enough_where_a_machine_score_agrees() -> None:
    machine = a_stage(prior=1_500_000, machine=1)

    assert outcome(decided(SEQUENTIAL, a_vote(YES), stage=machine)) == (RETIRED, YES, Reason.CONSENSUS)


def test_a_plain_prior_does_not_stand_in_for_a_vote() -> None:
    assert outcome(decided(SEQUENTIAL, a_vote(YES), stage=a_stage(prior=1_500_000)))[0] == OPEN


@pytest.mark.parametrize("vote", [a_vote(NO, 0.5), a_vote(UNSURE, 0.0)])
def test_a_machine_score_beyond_the_bound_needs_a_vote_that_agrees(vote: Rows) -> None:
    sure = a_stage(prior=4_000_000, machine=1)

    once = decided(SEQUENTIAL, vote, stage=sure)
    twice = decided(SEQUENTIAL, vote, stage=once.standings)

    assert outcome(once)[0] == OPEN
    assert outcome(twice) == (RETIRED, YES, Reason.CONSENSUS)


def test_a_machine_score_never_retires_by_itself() -> None:
    sure = a_stage(prior=9_000_000, machine=1)

    assert outcome(decided(SEQUENTIAL, stage=sure)) == (OPEN, NO_ANSWER, Reason.NONE)
    assert need(sure, rules_of([SEQUENTIAL]), np.array([0])).tolist() == [1]


def test_the_unproven_cannot_reach_consensus_among_themselves() -> None:
    likely = a_stage(prior=2_500_000)
    crowd = [an_unproven(YES) for _ in range(6)]

    assert outcome(decided(SEQUENTIAL, *crowd, stage=likely))[0] == OPEN
    assert outcome(decided(SEQUENTIAL, *crowd, a_vote(YES, 0.1), stage=likely))[0] == OPEN
    assert outcome(decided(SEQUENTIAL, *crowd, *[a_vote(YES, 0.1)] * 2, stage=likely)) == (
        RETIRED,
        YES,
        Reason.CONSENSUS,
    )


def test_the_unproven_can_only_say_what_a_machine_says() -> None:
    likely = a_stage(prior=2_500_000, machine=1)
    doubting = [an_unproven(NO) for _ in range(6)]

    assert outcome(decided(SEQUENTIAL, an_unproven(YES), stage=likely)) == (RETIRED, YES, Reason.CONSENSUS)
    assert outcome(decided(SEQUENTIAL, *doubting, stage=likely))[0] == OPEN


def test_at_the_first_limit_a_subject_is_contested_and_at_the_second_it_retires_without_answer() -> None:
    split = [a_vote(YES), a_vote(NO), a_vote(YES), a_vote(NO), a_vote(UNSURE, 0), a_vote(UNSURE, 0)]

    decisions = decided(EASY, *split)

    assert decisions.moves.tolist() == [
        (3, 0, OPEN, CONTESTED, NO_ANSWER, Reason.NONE),
        (5, 0, CONTESTED, RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT),
    ]


def test_the_vote_at_a_limit_may_still_decide() -> None:
    to_the_limit = [a_vote(YES), a_vote(NO), a_vote(YES)]
    to_the_second = [a_vote(YES), a_vote(NO), a_vote(YES), a_vote(NO), a_vote(NO)]

    assert outcome(decided(EASY, *to_the_limit, a_vote(YES))) == (RETIRED, YES, Reason.CONSENSUS)
    assert outcome(decided(EASY, *to_the_second, a_vote(NO))) == (RETIRED, NO, Reason.CONSENSUS)


def test_without_a_contested_phase_the_first_limit_is_the_last() -> None:
    workflow = Workflow("arc", "An arc?", votes=VoteLimits(2, 2, 0))

    decisions = decided(workflow, a_vote(YES), a_vote(NO))

    assert decisions.moves.tolist() == [(1, 0, OPEN, RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT)]


def test_limits_that_shrink_still_lead_through_the_contested_phase() -> None:
    stage = a_stage(n_unsure=30, ordinal=30)

    decisions = decided(EASY, a_vote(UNSURE, 0), a_vote(UNSURE, 0), stage=stage)

    assert decisions.moves["after"].tolist() == [CONTESTED, RETIRED]


# Count and lead


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((YES, NO, YES), (RETIRED, YES, Reason.CLASSIFICATION_COUNT)),
        ((NO, NO, YES), (RETIRED, NO, Reason.CLASSIFICATION_COUNT)),
        ((UNSURE, UNSURE, YES), (RETIRED, YES, Reason.CLASSIFICATION_COUNT)),
        ((UNSURE, NO, YES), (RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT)),
        ((UNSURE, UNSURE, UNSURE), (RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT)),
        ((YES, YES), (OPEN, NO_ANSWER, Reason.NONE)),
    ],
)
def test_a_count_is_decided_by_the_majority_of_yes_and_no(
    answers: Iterable[Answer], expected: tuple[int, int, int]
) -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(3))

    assert outcome(decided(workflow, *(an_unproven(answer) for answer in answers))) == expected


def test_what_an_expert_decides_has_a_human_reason() -> None:
    workflow = Workflow("expert", "A lens?", level=EXPERT, policy=Count(1))

    assert outcome(decided(workflow, an_unproven(YES))) == (RETIRED, YES, Reason.HUMAN)
    assert outcome(decided(workflow, an_unproven(UNSURE))) == (RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((YES, YES), (RETIRED, YES, Reason.CONSENSUS)),
        ((YES, NO, NO, UNSURE, NO), (RETIRED, NO, Reason.CONSENSUS)),
        ((YES, NO, YES, NO), (OPEN, NO_ANSWER, Reason.NONE)),
        ((YES, NO, YES, NO, YES), (RETIRED, NO_ANSWER, Reason.CLASSIFICATION_COUNT)),
    ],
)
def test_a_lead_decides_and_the_vote_limit_ends_without_answer(
    answers: Iterable[Answer], expected: tuple[int, int, int]
) -> None:
    workflow = Workflow("arc", "An arc?", policy=Lead(2), votes=VoteLimits(2, 5, 5))

    assert outcome(decided(workflow, *(a_vote(answer) for answer in answers))) == expected


# Blank and flag rules


def test_nothing_but_no_is_nothing_here() -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(15), blank=3)

    assert outcome(decided(workflow, an_unproven(NO), a_vote(NO, 0.1), an_unproven(NO))) == (
        RETIRED, NO, Reason.NOTHING_HERE,
    )  # fmt: skip


@pytest.mark.parametrize("other", [YES, UNSURE])
def test_one_other_answer_and_it_is_not_blank(other: Answer) -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(15), blank=3)

    assert outcome(decided(workflow, an_unproven(other), *(an_unproven(NO) for _ in range(5))))[0] == OPEN


def test_a_vote_taken_back_leaves_the_blank_rule_to_the_others() -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(15), blank=3)
    slip = an_unproven(YES)

    decisions = decided(
        workflow, an_unproven(NO), slip, an_unproven(NO), taken_back(slip, Bucket.UNPROVEN), an_unproven(NO)
    )

    assert decisions.moves.tolist() == [(4, 0, OPEN, RETIRED, NO, Reason.NOTHING_HERE)]


def test_flags_retire_without_answer_and_before_every_other_rule() -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(2), blank=2, flag=2, audit=0.999)

    decisions = decided(workflow, an_unproven(NO, flag=1), an_unproven(NO, flag=1), stage=a_stage(draw=0))

    assert outcome(decisions) == (RETIRED, NO_ANSWER, Reason.FLAGGED)
    assert decisions.standings["audit_open"].tolist() == [0]


def test_the_flag_of_a_late_vote_does_not_count() -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(1), flag=2)

    decisions = decided(workflow, a_vote(YES, flag=1), a_vote(YES, flag=1), a_vote(YES, flag=1))

    assert outcome(decisions) == (RETIRED, YES, Reason.CLASSIFICATION_COUNT)
    assert decisions.standings["flags"].tolist() == [1]


def test_a_flag_goes_with_the_vote_that_is_taken_back() -> None:
    workflow = Workflow("arc", "An arc?", flag=2)
    flagged = a_vote(YES, 0.5, flag=1)

    decisions = decided(workflow, flagged, taken_back(flagged, Bucket.PROVEN), flagged)

    assert outcome(decisions)[0] == OPEN
    assert decisions.standings["flags"].tolist() == [1]


# After retirement


def test_a_retired_subject_takes_no_more_votes() -> None:
    retired = decided(SEQUENTIAL, a_vote(YES), a_vote(YES)).standings

    decisions = decided(SEQUENTIAL, a_vote(NO, 3.0, flag=1), an_unproven(NO, 1.5), stage=retired)

    expected = retired.copy()
    expected["late"], expected["late_count"], expected["ordinal"] = -4_500_000, 2, 4
    assert buckets(decisions) == [Bucket.LATE, Bucket.LATE]
    assert decisions.standings == expected
    assert len(decisions.moves) == 0


def test_a_withdrawn_subject_keeps_votes_as_late() -> None:
    decisions = decided(SEQUENTIAL, a_vote(YES), a_vote(YES), stage=a_stage(state=WITHDRAWN))

    assert decisions.standings == a_stage(state=WITHDRAWN, late=4_000_000, late_count=2, ordinal=2)


@pytest.mark.parametrize(("draw", "audit_open"), [(0, 1), (42_949_672, 1), (42_949_673, 0), (NEVER_DRAWN, 0)])
def test_two_in_a_hundred_draws_stay_open_for_an_audit(draw: int, audit_open: int) -> None:
    after = decided(
        SEQUENTIAL, a_vote(YES), a_vote(YES), stage=a_stage(draw=draw)
    ).standings  # 2**31 / 50 = 42949672.96

    assert after["audit_open"].tolist() == [audit_open]


def test_audit_votes_go_to_a_sum_of_their_own_until_they_cross_a_bound() -> None:
    audited = decided(SEQUENTIAL, a_vote(YES), a_vote(YES), stage=a_stage(draw=0)).standings

    decisions = decided(SEQUENTIAL, a_vote(NO), a_vote(NO), a_vote(NO), stage=audited)

    expected = audited.copy()
    expected["audit"], expected["audit_count"], expected["audit_open"] = -4_000_000, 2, 0
    expected["late"], expected["late_count"], expected["ordinal"] = -2_000_000, 1, 5
    assert buckets(decisions) == [Bucket.AUDIT, Bucket.AUDIT, Bucket.LATE]
    assert decisions.standings == expected


def test_an_audit_takes_the_least_number_of_votes_and_ends_at_the_limit() -> None:
    audited = decided(EASY, a_vote(YES), a_vote(YES), stage=a_stage(draw=0)).standings

    strong = decided(EASY, a_vote(YES, 3.0), stage=audited).standings
    split = decided(EASY, a_vote(YES), a_vote(NO), a_vote(YES), stage=audited).standings
    ended = decided(EASY, a_vote(NO), stage=split).standings

    assert [int(stage["audit_open"][0]) for stage in (strong, split, ended)] == [1, 1, 0]


# Votes taken back


@pytest.mark.parametrize("vote", [a_vote(YES, flag=1), an_unproven(UNSURE), an_unproven(NO, flag=1)])
def test_a_vote_taken_back_leaves_only_its_two_ordinals(vote: Rows) -> None:
    first = decided(SEQUENTIAL, vote)

    after = decided(SEQUENTIAL, taken_back(vote, Bucket(buckets(first)[0])), stage=first.standings)

    assert after.standings == a_stage(ordinal=2)
    assert (after.if_yes + first.if_yes).tolist() == (after.if_no + first.if_no).tolist() == [0]


def test_taking_back_the_deciding_vote_keeps_the_answer_and_opens_an_audit() -> None:
    deciding = a_vote(YES)
    retired = decided(SEQUENTIAL, a_vote(YES), deciding).standings

    decisions = decided(SEQUENTIAL, taken_back(deciding, Bucket.PROVEN), stage=retired)

    assert outcome(decisions) == (RETIRED, YES, Reason.CONSENSUS)
    assert decisions.standings["audit_open"].tolist() == [1]
    assert log_odds(decisions.standings, 0).tolist() == [2_000_000]
    assert len(decisions.moves) == 0


@pytest.mark.parametrize("flag", [0, 1])
def test_a_flagged_subject_is_shown_again_only_if_a_flag_is_taken_back(flag: int) -> None:
    workflow = Workflow("arc", "An arc?", policy=Count(9), flag=1)
    first = an_unproven(NO, flag=flag)

    decisions = decided(workflow, first, an_unproven(NO, flag=1), taken_back(first, Bucket.UNPROVEN))

    assert outcome(decisions) == (RETIRED, NO_ANSWER, Reason.FLAGGED)
    assert decisions.standings["audit_open"].tolist() == [flag]


@pytest.mark.parametrize("bucket", [Bucket.LATE, Bucket.AUDIT])
def test_taking_back_a_late_or_audit_vote_opens_no_audit(bucket: Bucket) -> None:
    vote = a_vote(NO, flag=1)
    before = decided(
        SEQUENTIAL, a_vote(YES), a_vote(YES), stage=a_stage(draw=0 if bucket == Bucket.AUDIT else NEVER_DRAWN)
    )

    voted = decided(SEQUENTIAL, vote, stage=before.standings)
    after = decided(SEQUENTIAL, taken_back(vote, bucket), stage=voted.standings)

    expected = before.standings.copy()
    expected["ordinal"] = 4
    assert buckets(voted) == [bucket]
    assert after.standings == expected


def test_a_subtraction_never_retires() -> None:
    against = a_vote(NO)
    before = decided(SEQUENTIAL, a_vote(YES), a_vote(YES, 0.9), against, a_vote(YES)).standings
    assert outcome(decided(SEQUENTIAL, stage=before))[0] == OPEN

    decisions = decided(SEQUENTIAL, taken_back(against, Bucket.PROVEN), stage=before)

    assert log_odds(decisions.standings, 0)[0] > LN_19
    assert outcome(decisions)[0] == OPEN


def test_a_contested_subject_stays_contested_when_a_vote_is_taken_back() -> None:
    last = a_vote(NO)
    contested = decided(EASY, a_vote(YES), a_vote(NO), a_vote(YES), last).standings

    after = decided(EASY, taken_back(last, Bucket.PROVEN), a_vote(NO), stage=contested)

    assert outcome(after)[0] == CONTESTED
    assert outcome(decided(EASY, a_vote(YES), a_vote(NO), stage=after.standings))[0] == RETIRED


@pytest.mark.parametrize("bucket", [Bucket.IGNORED, Bucket.GOLD])
def test_taking_back_what_was_never_added_changes_nothing_but_the_ordinal(bucket: Bucket) -> None:
    decisions = decided(SEQUENTIAL, taken_back(a_vote(YES, flag=1), bucket))

    assert decisions.standings == a_stage(ordinal=1)
    assert decisions.if_yes.tolist() == decisions.if_no.tolist() == [0]


# Batches


def test_a_batch_keeps_stages_rules_and_order_apart() -> None:
    workflows = [SEQUENTIAL, Workflow("star", "A star?", policy=Count(2)), Workflow("disk", "A disk?", policy=Lead(1))]
    stages = np.concatenate([a_stage() for _ in range(3)])
    entries = np.concatenate(
        [
            a_vote(YES, stage=2, rule=0),
            a_vote(NO, stage=0, rule=1),
            a_vote(NO, stage=2, rule=0),
            a_vote(NO, stage=0, rule=1),
            a_vote(YES, stage=1, rule=2),
            a_vote(NO, stage=1, rule=2),
        ]
    )

    decisions = decide(stages, entries, rules_of(workflows))

    assert decisions.ordinal.tolist() == [1, 1, 2, 2, 1, 2]
    assert decisions.bucket.tolist() == [Bucket.PROVEN] * 5 + [Bucket.LATE]
    assert decisions.moves.tolist() == [
        (3, 0, OPEN, RETIRED, NO, Reason.CLASSIFICATION_COUNT),
        (4, 1, OPEN, RETIRED, YES, Reason.CONSENSUS),
    ]
    assert np.array_equal(stages, np.concatenate([a_stage() for _ in range(3)]))


def test_an_empty_batch_changes_nothing() -> None:
    decisions = decided(SEQUENTIAL)

    assert decisions.standings == a_stage()
    assert (len(decisions.bucket), len(decisions.moves)) == (0, 0)


# Need


@pytest.mark.parametrize(
    ("workflow", "stage", "votes"),
    [
        (SEQUENTIAL, a_stage(), 2),
        (SEQUENTIAL, a_stage(if_yes=2_000_000, n_yes=1), 1),
        (SEQUENTIAL, a_stage(if_yes=5_000_000, if_no=5_000_000, n_yes=3, n_no=3), 2),
        (SEQUENTIAL, a_stage(prior=-1_000_000, machine=1), 1),
        (SEQUENTIAL, a_stage(prior=-6_000_000, n_no=1), 1),
        (SEQUENTIAL, a_stage(prior=-100_000, n_unsure=19), 1),
        (SEQUENTIAL, a_stage(state=CONTESTED, n_unsure=20), 2),
        (SEQUENTIAL, a_stage(state=CONTESTED, n_unsure=24), 1),
        (Workflow("arc", "?", miss=0.001, false_alarm=0.001), a_stage(), 4),
        (Workflow("arc", "?", votes=VoteLimits(5, 20, 5)), a_stage(if_yes=4_000_000, n_yes=2), 3),
        (
            Workflow("arc", "?", votes=VoteLimits(3, 20, 5)),
            a_stage(prior=4_000_000, machine=1, if_no=2_500_000, n_no=1),
            2,
        ),
        (Workflow("arc", "?", policy=Count(15)), a_stage(u_no=4, n_unsure=1), 10),
        (Workflow("arc", "?", policy=Count(3)), a_stage(u_no=4), 1),
        (Workflow("arc", "?", policy=Count(15), blank=6), a_stage(u_no=4), 2),
        (Workflow("arc", "?", policy=Count(15), blank=6), a_stage(u_no=4, u_yes=1), 10),
        (Workflow("arc", "?", policy=Lead(5)), a_stage(u_no=4, u_yes=1), 2),
        (Workflow("arc", "?", policy=Lead(5)), a_stage(u_no=10, u_yes=9), 1),
        (SEQUENTIAL, a_stage(state=RETIRED, audit_open=1, if_yes=4_000_000, n_yes=2), 2),
        (SEQUENTIAL, a_stage(state=RETIRED, audit_open=1, audit=-1_000_000, audit_count=1), 1),
        (SEQUENTIAL, a_stage(state=RETIRED, if_yes=4_000_000, n_yes=2), 0),
        (SEQUENTIAL, a_stage(state=WITHDRAWN, audit_open=1), 0),
    ],
)
def test_need_is_the_least_number_of_votes_that_could_decide(workflow: Workflow, stage: Rows, votes: int) -> None:
    assert need(stage, rules_of([SEQUENTIAL, workflow]), np.array([1])).tolist() == [votes]


# The literature: volunteers of equal accuracy


def until_retired(workflow: Workflow, truth: Answer, accuracy: float, streams: int, seed: int) -> Rows:
    """Let volunteers, right with the same probability, vote on many subjects until all of them are retired."""
    rng = np.random.default_rng(seed)
    standings, rules = np.concatenate([a_stage()] * streams), rules_of([workflow])
    nats = log(accuracy / (1 - accuracy))
    votes = {answer: a_vote(answer, nats) for answer in (NO, YES)}
    while len(live := np.flatnonzero(standings["state"] != RETIRED)):
        right = rng.random(len(live)) < accuracy
        entries = np.where(right, votes[truth], votes[NO if truth == YES else YES])
        entries["stage"] = live
        standings = decide(standings, entries, rules).standings
    return standings


def test_lead_errs_and_costs_as_the_gambler_s_ruin_says() -> None:
    accuracy, m = 0.7, 3
    odds = ((1 - accuracy) / accuracy) ** m
    workflow = Workflow("arc", "?", policy=Lead(m), votes=VoteLimits(2, 1000, 5))

    after = until_retired(workflow, YES, accuracy, streams=6000, seed=3)

    # error r^m / (1 + r^m) = .073, E[N] = m / (2p - 1) * (1 - r^m) / (1 + r^m) = 6.4
    assert np.mean(after["answer"] == NO) == pytest.approx(odds / (1 + odds), abs=0.01)
    assert after["ordinal"].mean() == pytest.approx(m / (2 * accuracy - 1) * (1 - odds) / (1 + odds), abs=0.2)


def test_weighed_evidence_of_equals_is_lead_exactly() -> None:
    between = 1 / (1 + exp(2.5 * log(0.7 / 0.3)))
    limits = VoteLimits(2, 1000, 5)
    sequential = Workflow("arc", "?", miss=between, false_alarm=between, votes=limits)

    by_evidence = until_retired(sequential, NO, 0.7, streams=500, seed=4)
    by_lead = until_retired(Workflow("arc", "?", policy=Lead(3), votes=limits), NO, 0.7, streams=500, seed=4)

    assert np.array_equal(by_evidence, by_lead)


@pytest.mark.parametrize(("truth", "risk"), [(YES, 0.02), (NO, 0.10)])
def test_errors_stay_below_miss_and_false_alarm_when_skills_are_known(truth: Answer, risk: float) -> None:
    workflow = Workflow("arc", "?", miss=0.02, false_alarm=0.10, votes=VoteLimits(2, 1000, 5))

    after = until_retired(workflow, truth, 0.65, streams=4000, seed=5)

    # Wald: P(wrong) <= risk / (1 - other risk); an overshoot only makes it smaller.
    assert 0 < np.mean(after["answer"] != truth) < risk / (1 - (0.12 - risk))
