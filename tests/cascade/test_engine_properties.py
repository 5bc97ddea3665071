"""What holds for every ledger: the engine against itself, and against its rules in plain Python, a stage at a time."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.decision import ENTRY, STANDING, STRONG, Decisions, decide, log_odds, need, rules_of
from cascade.graph import EXPERT, Count, Lead, Policy, Sequential, VoteLimits, Workflow
from cascade.skill import CLIP_UNPROVEN
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, PolicyKind, Reason, StageState

Rows = NDArray[np.void]
Plain = dict[str, int]

STAGES = 3
OPEN, CONTESTED, RETIRED, WITHDRAWN = (int(state) for state in StageState)
VOTE, BACK = int(EntryKind.VOTE), int(EntryKind.RETRACTION)
PATIENT = Workflow("arc", "?", miss=1e-9, false_alarm=1e-9, votes=VoteLimits(2, 10_000, 0), audit=0)
QUICK = settings(max_examples=40, deadline=None)


@dataclass(frozen=True)
class Play:
    """Stages as they begin, the rules, and a ledger in which only what was given is taken back."""

    standings: Rows
    entries: Rows
    rules: Rows

    def run(self) -> Decisions:
        return decide(self.standings, self.entries, self.rules)


def workflows() -> st.SearchStrategy[Workflow]:
    policies: st.SearchStrategy[Policy] = st.one_of(
        st.just(Sequential()),
        st.just(Sequential()),
        st.builds(Count, st.integers(1, 4)),
        st.builds(Lead, st.integers(1, 3)),
    )
    limits = st.builds(
        lambda low, more, extra: VoteLimits(low, low + more, extra),
        st.integers(1, 3),
        st.integers(0, 4),
        st.integers(0, 3),
    )
    rare = st.none() | st.integers(1, 3)
    risk = st.sampled_from([0.01, 0.05, 0.2, 0.4])
    return st.builds(
        Workflow,
        name=st.just("arc"),
        question=st.just("?"),
        level=st.sampled_from([1, EXPERT]),
        policy=policies,
        miss=risk,
        false_alarm=risk,
        votes=limits,
        blank=rare,
        flag=rare,
        audit=st.sampled_from([0.0, 0.5, 1.0]),
    )


@st.composite
def standings(draw: st.DrawFn) -> Rows:
    begun = np.zeros(STAGES, STANDING)
    begun["answer"] = NO_ANSWER
    for stage in begun:
        stage["draw"] = draw(st.sampled_from([0, 2**30, 2**31 - 1]))
        stage["machine"] = draw(st.integers(0, 1))
        stage["prior"] = draw(st.sampled_from([0, 1_000_000, -1_000_000, 2_900_000, -4_000_000]))
    return begun


@st.composite
def votes(draw: st.DrawFn, rules: int = 1) -> Rows:
    """A vote that favours its answer, or hardly."""
    answer, proven = draw(st.sampled_from(Answer)), draw(st.booleans())
    most = STRONG if proven else 1_500_000
    ratio = draw(st.sampled_from([0, 1, 700_000, 1_400_000, most]))
    sign = {Answer.YES: 1, Answer.NO: -1, Answer.UNSURE: draw(st.sampled_from([1, -1]))}[answer]
    low = -draw(st.integers(0, 500_000))
    vote = np.zeros(1, ENTRY)
    vote["stage"], vote["rule"] = draw(st.integers(0, STAGES - 1)), draw(st.integers(0, rules - 1))
    vote["answer"], vote["proven"], vote["flag"] = answer, proven, draw(st.integers(0, 3)) == 0
    vote["if_yes"], vote["if_no"] = low + max(0, sign * ratio), low + max(0, -sign * ratio)
    return vote


@st.composite
def plays(draw: st.DrawFn, most: int = 30, patient: bool = False) -> Play:
    """Votes and retractions in an order that could have been; buckets of what is taken back come from the engine."""
    declared = [PATIENT] if patient else draw(st.lists(workflows(), min_size=1, max_size=3))
    rules, begun = rules_of(declared), draw(standings())
    rules["hard"] = 0  # so that evidence is a sum
    rules["calibrated"] = draw(st.lists(st.integers(0, 1), min_size=len(rules), max_size=len(rules)))
    ledger: list[Rows] = []
    standing: list[int] = []
    for _ in range(draw(st.integers(0, most))):
        if standing and draw(st.integers(0, 3)) == 0:
            ledger.append(taken_back(ledger, standing.pop(draw(st.integers(0, len(standing) - 1))), begun, rules))
        else:
            standing.append(len(ledger))
            ledger.append(draw(votes(len(declared))))
    return Play(begun, np.concatenate([np.empty(0, ENTRY), *ledger]), rules)


def taken_back(ledger: list[Rows], place: int, begun: Rows, rules: Rows) -> Rows:
    back = ledger[place].copy()
    back["kind"], back["bucket"] = BACK, decide(begun, np.concatenate(ledger), rules).bucket[place]
    return back


# The same rules for one stage at a time, as a reader of the specification would write them


def replayed(play: Play) -> tuple[list[Plain], list[int], list[tuple[int, ...]]]:
    stages = [named(row) for row in play.standings]
    buckets: list[int] = []
    moves: list[tuple[int, ...]] = []
    for number, entry in enumerate(map(named, play.entries)):
        stage, rule = stages[entry["stage"]], named(play.rules[entry["rule"]])
        before = stage["state"]
        buckets.append(take(stage, entry, rule))
        if stage["state"] != before:
            moves.append((number, entry["stage"], before, stage["state"], stage["answer"], stage["reason"]))
    return stages, buckets, moves


def named(row: np.void) -> Plain:
    return {name: int(row[name]) for name in row.dtype.names or ()}


def take(stage: Plain, entry: Plain, rule: Plain) -> int:
    stage["ordinal"] += 1
    live = stage["state"] in (OPEN, CONTESTED)
    audited = stage["state"] == RETIRED and stage["audit_open"] == 1
    if entry["kind"] == BACK:
        add(stage, capped(entry, entry["bucket"], rule), entry["bucket"], -1)
        hidden = stage["reason"] == Reason.FLAGGED and not entry["flag"]
        if stage["state"] == RETIRED and entry["bucket"] in (Bucket.PROVEN, Bucket.UNPROVEN) and not hidden:
            stage["audit_open"] = 1
        return entry["bucket"]
    bucket = (
        (Bucket.PROVEN if entry["proven"] else Bucket.UNPROVEN) if live else Bucket.AUDIT if audited else Bucket.LATE
    )
    add(stage, capped(entry, bucket, rule), bucket, 1)
    if live:
        judge(stage, rule)
    elif audited:
        crossed = stage["audit"] >= rule["accept"] or stage["audit"] <= -rule["reject"]
        if (crossed and stage["audit_count"] >= rule["votes_min"]) or stage["audit_count"] >= rule["votes_max"]:
            stage["audit_open"] = 0
    return int(bucket)


def capped(entry: Plain, bucket: int, rule: Plain) -> Plain:
    if bucket != Bucket.AUDIT or entry["proven"] or rule["policy"] != PolicyKind.SEQUENTIAL or rule["cold"]:
        return entry
    share = CLIP_UNPROVEN // rule["votes_max"]
    yes, no = max(entry["if_yes"], entry["if_no"] - share), max(entry["if_no"], entry["if_yes"] - share)
    return entry | {"if_yes": yes, "if_no": no}


def add(stage: Plain, entry: Plain, bucket: int, sign: int) -> None:
    ratio, answer = entry["if_yes"] - entry["if_no"], Answer(entry["answer"]).word
    if bucket == Bucket.PROVEN:
        stage["if_yes"] += sign * entry["if_yes"]
        stage["if_no"] += sign * entry["if_no"]
        stage[f"n_{answer}"] += sign
    elif bucket == Bucket.UNPROVEN:
        stage["unproven"] += sign * ratio
        stage[f"u_{answer}"] += sign
    elif bucket in (Bucket.LATE, Bucket.AUDIT):
        stage[Bucket(bucket).word] += sign * ratio
        stage[f"{Bucket(bucket).word}_count"] += sign
    if bucket in (Bucket.PROVEN, Bucket.UNPROVEN):
        stage["flags"] += sign * entry["flag"]


def judge(stage: Plain, rule: Plain) -> None:
    yes, no = stage["n_yes"] + stage["u_yes"], stage["n_no"] + stage["u_no"]
    counted = yes + no + stage["n_unsure"] + stage["u_unsure"]
    if rule["flag"] and stage["flags"] >= rule["flag"]:
        retire(stage, rule, NO_ANSWER, Reason.FLAGGED)
    elif rule["blank"] and counted >= rule["blank"] and no == counted:
        retire(stage, rule, Answer.NO, Reason.NOTHING_HERE)
    elif rule["policy"] == PolicyKind.COUNT:
        if counted >= rule["count"]:
            human = rule["human"] and yes != no
            answer = NO_ANSWER if yes == no else int(yes > no)
            retire(stage, rule, answer, Reason.HUMAN if human else Reason.CLASSIFICATION_COUNT)
    elif rule["policy"] == PolicyKind.LEAD:
        if abs(yes - no) >= rule["lead"]:
            retire(stage, rule, int(yes > no), Reason.CONSENSUS)
        elif counted >= rule["votes_max"]:
            retire(stage, rule, NO_ANSWER, Reason.CLASSIFICATION_COUNT)
    else:
        judge_evidence(stage, rule, counted)


def judge_evidence(stage: Plain, rule: Plain, counted: int) -> None:
    pooled = max(-CLIP_UNPROVEN, min(CLIP_UNPROVEN, stage["unproven"]))
    votes = stage["if_yes"] - stage["if_no"] + pooled
    z = stage["prior"] + votes
    proven = stage["n_yes"] + stage["n_no"] + stage["n_unsure"]
    for answer, sign, bound in ((Answer.YES, 1, rule["accept"]), (Answer.NO, -1, rule["reject"])):
        machine_agrees = stage["machine"] == 1 and sign * stage["prior"] > 0 and sign * votes > 0
        unaided = rule["calibrated"] == 1 and sign * z >= bound and sign * (z - pooled) >= bound
        enough = proven >= rule["votes_min"] or (unaided and counted >= rule["votes_min"])
        if sign * z >= bound and (enough or (machine_agrees and counted)):
            retire(stage, rule, answer, Reason.CONSENSUS)
            return
    if counted < rule["votes_max"]:
        return
    if (stage["state"] == CONTESTED or rule["contested"] == 0) and counted >= rule["votes_max"] + rule["contested"]:
        retire(stage, rule, NO_ANSWER, Reason.CLASSIFICATION_COUNT)
    else:
        stage["state"] = CONTESTED


def retire(stage: Plain, rule: Plain, answer: int, reason: Reason) -> None:
    stage["state"], stage["answer"], stage["reason"] = RETIRED, int(answer), int(reason)
    stage["decided_ordinal"] = stage["ordinal"]
    stage["audit_open"] = int(reason != Reason.FLAGGED and stage["draw"] * 1_000_000 < rule["audit_ppm"] * 2**31)


# Properties


@settings(max_examples=150, deadline=None)
@given(plays())
def test_whole_arrays_decide_like_one_stage_at_a_time(play: Play) -> None:
    decided = play.run()

    assert ([named(row) for row in decided.standings], decided.bucket.tolist(), decided.moves.tolist()) == replayed(
        play
    )


@QUICK
@given(plays(), st.data())
def test_a_batch_cut_anywhere_gives_the_same_bits(play: Play, data: st.DataObject) -> None:
    whole = play.run()
    cut = data.draw(st.integers(0, len(play.entries)))

    first = decide(play.standings, play.entries[:cut], play.rules)
    second = decide(first.standings, play.entries[cut:], play.rules)

    assert np.array_equal(second.standings, whole.standings)
    for name in ("bucket", "ordinal", "if_yes", "if_no"):
        assert np.array_equal(np.append(getattr(first, name), getattr(second, name)), getattr(whole, name))
    later = second.moves.copy()
    later["entry"] += cut
    assert np.array_equal(np.append(first.moves, later), whole.moves)


@QUICK
@given(plays(patient=True), st.integers(0, 99))
def test_votes_commute_when_nothing_stops_and_skills_stand_still(play: Play, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(play.entries)

    assert np.array_equal(decide(play.standings, shuffled, play.rules).standings, play.run().standings)


@QUICK
@given(plays(patient=True), votes())
def test_undo_restores_the_bits(play: Play, vote: Rows) -> None:
    before = play.run().standings
    voted = decide(before, vote, play.rules)
    back = vote.copy()
    back["kind"], back["bucket"] = BACK, voted.bucket

    restored = decide(voted.standings, back, play.rules).standings

    before["ordinal"][vote["stage"]] += 2
    assert np.array_equal(restored, before)


@QUICK
@given(plays())
def test_a_decided_answer_is_never_changed(play: Play) -> None:
    standing = play.standings
    for place in range(len(play.entries)):
        after = decide(standing, play.entries[place : place + 1], play.rules).standings
        retired = standing["state"] == RETIRED
        for name in ("state", "answer", "reason", "decided_ordinal"):
            assert np.array_equal(after[name][retired], standing[name][retired])
        standing = after


@QUICK
@given(plays())
def test_every_sum_is_the_sum_over_the_entries_of_its_bucket(play: Play) -> None:
    decided = play.run()

    def total(column: NDArray[np.int64], bucket: Bucket) -> list[int]:
        chosen = decided.bucket == bucket
        listed: list[int] = np.bincount(play.entries["stage"][chosen], column[chosen], STAGES).astype(int).tolist()
        return listed

    ratio = decided.if_yes - decided.if_no
    after = decided.standings
    assert after["if_yes"].tolist() == total(decided.if_yes, Bucket.PROVEN)
    assert after["if_no"].tolist() == total(decided.if_no, Bucket.PROVEN)
    assert after["unproven"].tolist() == total(ratio, Bucket.UNPROVEN)
    assert after["late"].tolist() == total(ratio, Bucket.LATE)
    assert after["audit"].tolist() == total(ratio, Bucket.AUDIT)
    assert after["ordinal"].tolist() == np.bincount(play.entries["stage"], minlength=STAGES).tolist()


@QUICK
@given(plays())
def test_consensus_of_weighed_evidence_takes_a_crossing_that_newcomers_did_not_make(play: Play) -> None:
    for move in play.run().moves:
        rule = play.rules[play.entries["rule"][move["entry"]]]
        if rule["policy"] == PolicyKind.SEQUENTIAL and move["reason"] == Reason.CONSENSUS:
            then = decide(play.standings, play.entries[: move["entry"] + 1], play.rules).standings[[move["stage"]]]
            z = log_odds(then, 0)[0]
            sign, bound = (1, rule["accept"]) if move["answer"] == Answer.YES else (-1, rule["reject"])
            without_newcomers = z - np.clip(then["unproven"][0], -CLIP_UNPROVEN, CLIP_UNPROVEN)
            assert sign * z >= bound
            trusted = then["n_yes"] + then["n_no"] + then["n_unsure"] + then["machine"] >= 1
            assert trusted or (rule["calibrated"] and sign * without_newcomers >= bound)


@QUICK
@given(plays())
def test_a_subject_is_contested_before_it_retires_undecided(play: Play) -> None:
    contested: set[int] = set()
    for move in play.run().moves:
        rule = play.rules[play.entries["rule"][move["entry"]]]
        if (
            rule["policy"] == PolicyKind.SEQUENTIAL
            and move["reason"] == Reason.CLASSIFICATION_COUNT
            and rule["contested"]
        ):
            assert move["stage"] in contested
        if move["after"] == CONTESTED:
            contested.add(move["stage"])


@QUICK
@given(plays(), st.lists(votes(), min_size=7, max_size=7))
def test_an_audit_closes_at_the_vote_limit_at_the_latest(play: Play, more: list[Rows]) -> None:
    after = play.run().standings
    assert play.rules["votes_max"].max() <= len(more)
    audit = np.repeat(np.concatenate(more), STAGES)
    audit["stage"] = np.arange(len(audit)) % STAGES

    ended = decide(after, audit, play.rules).standings

    assert not (ended["audit_open"][after["state"] == RETIRED]).any()


@QUICK
@given(plays())
def test_need_is_met_by_strong_votes_for_one_answer_and_not_by_fewer(play: Play) -> None:
    standing = play.run().standings
    flagged = (play.rules["flag"][0] > 0) & (standing["flags"] >= play.rules["flag"][0])  # under another rule
    for stage in np.flatnonzero((standing["state"] <= CONTESTED) & ~flagged):
        runs = []
        for answer in (Answer.YES, Answer.NO):
            run = np.zeros(12, ENTRY)
            run["stage"], run["answer"], run["proven"] = stage, answer, 1
            run["if_yes" if answer == Answer.YES else "if_no"] = STRONG
            runs.append(decide(standing, run, play.rules).moves["entry"][0] + 1)
        assert need(standing, play.rules, np.zeros(STAGES, np.int64))[stage] == min(runs)
