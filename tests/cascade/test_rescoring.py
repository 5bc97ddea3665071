"""Weighing anew: what holds for any stages and any votes, and what becomes of those that have retired."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.decision import ENTRY, STANDING, decide, rules_of
from cascade.graph import Count, VoteLimits, Workflow
from cascade.rescoring import NOTICED, VOICE, Rescored, agrees, reweigh, weigh_anew
from cascade.skill import PRIOR
from cascade.vocabulary import NO_ANSWER, Answer, EntryKind, Reason, StageState

Rows = NDArray[np.void]
Integers = NDArray[np.int64]

STAGES = 4
NATS = 1_000_000
PATIENT = Workflow("arc", "?", miss=1e-6, false_alarm=1e-6, votes=VoteLimits(2, 99, 0), audit=0)
RULES = rules_of([PATIENT, Workflow("arc", "?", policy=Count(50))])
SUMS = ["if_yes", "if_no", "unproven", "n_yes", "n_no", "n_unsure", "u_yes", "u_no", "u_unsure"]


def a_voice(stage: int, answer: Answer, ratio: int, *, proven: bool = True) -> tuple[int, ...]:
    """A vote that weighs so many micro-nats for yes."""
    return stage, int(answer), max(ratio, 0), max(-ratio, 0), int(proven)


def voices() -> st.SearchStrategy[Rows]:
    one = st.builds(
        lambda stage, answer, ratio, proven: a_voice(stage, answer, ratio, proven=proven),
        st.integers(0, STAGES - 1),
        st.sampled_from(Answer),
        st.integers(-NATS, NATS),
        st.booleans(),
    )
    return st.lists(one, max_size=20).map(lambda rows: np.array(rows, dtype=VOICE))


def begun() -> Rows:
    standings = np.zeros(STAGES, STANDING)
    standings["answer"] = NO_ANSWER
    return standings


def entries_of(rows: Rows, kind: EntryKind = EntryKind.VOTE) -> Rows:
    entries = np.zeros(len(rows), ENTRY)
    for name in ("stage", "answer", "if_yes", "if_no", "proven"):
        entries[name] = rows[name]
    entries["kind"], entries["bucket"] = kind, np.where(rows["proven"] != 0, 1, 2)
    return entries


def weighed(standings: Rows, rows: Rows, prior: int = 0, rule: int = 0) -> Rescored:
    rules = RULES[np.full(len(standings), rule)]
    return reweigh(standings, rules, np.full(len(standings), prior), np.zeros(len(standings), np.int64), rows)


@settings(max_examples=60, deadline=None)
@given(voices(), voices(), st.integers(0, NATS))
def test_weighing_anew_gives_what_the_votes_give_from_the_start(before: Rows, now: Rows, prior: int) -> None:
    voted = decide(begun(), entries_of(before), RULES).standings

    done = weighed(voted, now, prior)

    fresh = begun()
    fresh["prior"] = prior
    from_the_start = decide(fresh, entries_of(now), RULES).standings
    assert done.standings[SUMS].tolist() == from_the_start[SUMS].tolist()
    assert done.standings["ordinal"].tolist() == [each + (each > 0) for each in voted["ordinal"].tolist()]
    assert agrees(done.standings, now).all()
    assert not weighed(done.standings, now, prior).worthwhile.any()


@settings(max_examples=40, deadline=None)
@given(voices(), st.integers(-NATS, NATS))
def test_taking_back_what_votes_weigh_now_leaves_nothing(rows: Rows, shift: int) -> None:
    voted = decide(begun(), entries_of(rows), RULES).standings
    anew = rows.copy()
    anew["if_yes"] += abs(shift)
    anew["proven"] = 1 - anew["proven"]

    done = weighed(voted, anew).standings

    left = decide(done, entries_of(anew, EntryKind.RETRACTION), RULES).standings
    assert left[SUMS].tolist() == begun()[SUMS].tolist()


def retired(answer: int, reason: Reason) -> Rows:
    standing = begun()[:1]
    standing["state"], standing["answer"], standing["reason"] = StageState.RETIRED, answer, reason
    standing["ordinal"] = standing["decided_ordinal"] = 5
    return standing


FOR_YES = np.array([a_voice(0, Answer.YES, 9 * NATS), a_voice(0, Answer.YES, 9 * NATS)], dtype=VOICE)
HARDLY_YES = np.array([a_voice(0, Answer.YES, NATS), a_voice(0, Answer.NO, -NATS // 2)], dtype=VOICE)


@pytest.mark.parametrize(
    ("answer", "reason", "rows", "flagged"),
    [
        (Answer.NO, Reason.CONSENSUS, FOR_YES, True),
        (Answer.NO, Reason.CONSENSUS, HARDLY_YES, True),
        (Answer.YES, Reason.CONSENSUS, HARDLY_YES, False),
        (NO_ANSWER, Reason.CLASSIFICATION_COUNT, FOR_YES, True),
        (NO_ANSWER, Reason.CLASSIFICATION_COUNT, HARDLY_YES, False),
        (Answer.NO, Reason.NOTHING_HERE, FOR_YES, False),
        (NO_ANSWER, Reason.FLAGGED, FOR_YES, False),
        (Answer.NO, Reason.HUMAN, FOR_YES, False),
    ],
    ids=["turned", "leans", "misses its bound", "one at last", "none yet", "blank", "flagged", "by hand"],
)
def test_a_retired_stage_is_flagged_where_its_evidence_speaks_against_it(
    answer: int, reason: Reason, rows: Rows, flagged: bool
) -> None:
    before = retired(answer, reason)

    done = weighed(before, rows)

    expected = before.copy()
    expected["audit_open"], expected["ordinal"] = flagged, 5 + flagged
    assert done.flagged.tolist() == done.worthwhile.tolist() == [flagged]
    assert done.standings.tolist() == expected.tolist()
    assert done.weighed["if_yes"][0] == rows["if_yes"].sum()


def test_what_a_count_decided_is_never_flagged() -> None:
    assert not weighed(retired(Answer.NO, Reason.CONSENSUS), FOR_YES, rule=1).flagged.any()


def test_a_withdrawn_stage_stays_as_it_is() -> None:
    withdrawn = begun()[:1]
    withdrawn["state"] = StageState.WITHDRAWN

    done = weighed(withdrawn, FOR_YES)

    assert not done.worthwhile.any()
    assert done.standings.tolist() == withdrawn.tolist()


@pytest.mark.parametrize(("moved", "worthwhile"), [(NOTICED + 100, True), (NOTICED - 100, False)])
def test_a_move_that_nobody_would_notice_is_not_worth_an_entry(moved: int, worthwhile: bool) -> None:
    before = begun()[:1]

    assert weighed(before, np.zeros(0, VOICE), prior=moved).worthwhile.tolist() == [worthwhile]


def test_volunteers_whom_a_calibration_does_not_know_keep_their_weight() -> None:
    rows = np.array([a_voice(0, Answer.YES, 700), a_voice(0, Answer.YES, 700)], dtype=VOICE)
    good = np.array([[[9, 1, 0], [1, 9, 0]]] * 2)

    anew = weigh_anew(rows, np.array([True, False]), good, 0 * good, PRIOR)

    assert anew[1] == rows[1]
    assert (anew["if_yes"] - anew["if_no"])[0] > NATS
