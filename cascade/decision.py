"""When the votes on a subject suffice, and for which answer.

An *entry* is one vote on a stage, or one vote taken back. Entries on one stage are taken in the order given; stages do
not touch each other, so a batch goes in rounds of whole arrays: the first entry of every stage, then the second, and so
on.

    state              a vote goes to           and may lead to
    open, contested    proven or unproven       contested, retired
    retired, audited   audit                    the end of the audit
    retired            late                     nothing
    withdrawn          late                     nothing

After a counted vote (proven or unproven) the first of these that holds decides: the flag rule, the blank rule, the
workflow's policy. A decided answer never changes here. A vote taken back is subtracted from the sum that it went to and
decides nothing; if it had counted and the stage is retired, an audit opens (of a flagged one: if it had flagged).

All arithmetic is on integers: the same entries give the same bits on every machine, and sums do not depend on order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.skill import CLIP_UNPROVEN
from cascade.standing import RULE, STANDING, Integers, Mask, Rows, Side, Tally, log_odds, p_yes, row_of, rules_of
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, PolicyKind, Reason, StageState

__all__ = ["ENTRY", "MOVE", "RULE", "STANDING", "Decisions", "decide", "log_odds", "need", "p_yes", "rules_of"]

ENTRY: Final = row_of("stage rule kind answer flag if_yes if_no proven bucket")
"""A vote, or one taken back; then everything, with its `bucket`, is as the vote had it.

`stage` and `rule` index the standings and the rules beside it; `if_yes`, `if_no` and `proven` come from `skill.weigh`.
Of a vote taken back they are what it added then; with `proven` they are not capped again.
"""

MOVE: Final = row_of("entry stage before after answer reason")
"""A change of a stage's state, by the entry with this index."""

STRONG: Final = 2_200_000
"""What one vote of a good volunteer weighs, in micro-nats: ln 9, right nine times in ten."""

# Plain integers: numpy compares an array with one four times as fast as with an `IntEnum`.
_NO, _YES = int(Answer.NO), int(Answer.YES)
_CONTESTED, _RETIRED = int(StageState.CONTESTED), int(StageState.RETIRED)
_PROVEN, _UNPROVEN, _LATE, _AUDIT = map(int, (Bucket.PROVEN, Bucket.UNPROVEN, Bucket.LATE, Bucket.AUDIT))
_VOTE = int(EntryKind.VOTE)
_SEQUENTIAL = int(PolicyKind.SEQUENTIAL)
_BY_COUNT, _NOTHING_HERE, _FLAGGED = map(int, (Reason.CLASSIFICATION_COUNT, Reason.NOTHING_HERE, Reason.FLAGGED))
_CONSENSUS, _HUMAN = int(Reason.CONSENSUS), int(Reason.HUMAN)
_COUNTS = tuple((int(answer), f"n_{answer.word}", f"u_{answer.word}") for answer in Answer)

_BLANK_VERDICT = np.array([[_RETIRED], [_NO], [_NOTHING_HERE]])
_FLAGGED_VERDICT = np.array([[_RETIRED], [NO_ANSWER], [_FLAGGED]])


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a batch of m entries does: the standings after it, and where each entry went.

    `if_yes` and `if_no` are what each entry added, negative for a vote taken back and 0 for one that was ignored, so a
    bucket's sums are the sums over its entries. `moves` holds the entries that changed a state, in their order.
    """

    standings: Rows
    bucket: Integers
    ordinal: Integers
    if_yes: Integers
    if_no: Integers
    moves: Rows


def decide(standings: Rows, entries: Rows, rules: Rows) -> Decisions:
    """Return what the entries, in their order, make of the standings; the arguments stay as they are.

    `standings` is `STANDING` of shape (n,), `entries` is `ENTRY` of shape (m,), `rules` is `RULE`.
    """
    standings = copy(np.ascontiguousarray(standings))
    bucket, ordinal, if_yes, if_no = np.empty((4, len(entries)), dtype=np.int64)
    moves = [np.empty(0, dtype=MOVE)]
    for turn in rounds(entries["stage"]):
        entry = entries.take(turn)
        rule = rules.take(entry["rule"])
        before = standings.take(entry["stage"])
        goes_to = _bucket(before, entry)
        entry = capped(entry, goes_to, rule)
        after = _settled(_added(before, entry, goes_to), entry, goes_to, rule)
        _matrix(standings)[entry["stage"]] = _matrix(after)
        bucket[turn], ordinal[turn] = goes_to, after["ordinal"]
        if_yes[turn], if_no[turn] = entry["if_yes"], entry["if_no"]
        moves.append(_moves(turn, entry, before, after))
    sign = np.where((bucket == Bucket.IGNORED) | (bucket == Bucket.GOLD), 0, _sign(entries))
    moved = np.concatenate(moves)
    moved = moved[moved["entry"].argsort()]
    return Decisions(standings, bucket, ordinal, sign * if_yes, sign * if_no, moved)


def need(standings: Rows, rules: Rows, rule_index: Integers) -> Integers:
    """Return the least number of further votes that could decide each stage or bring it to its next limit.

    At least 1 while votes are wanted; 0 where a stage is withdrawn, or retired without an open audit. A vote is taken
    to weigh `STRONG`.
    """
    rule = rules.take(rule_index)
    audited = _audited(standings)
    votes = np.where(audited, _audit_need(standings, rule), _open_need(standings, rule))
    return np.where(audited | (standings["state"] <= _CONTESTED), np.maximum(votes, 1), 0)


def _matrix(rows: Rows) -> Integers:
    """Return the same memory as a matrix of integers, which numpy moves as a block and not field by field."""
    return rows.view(np.int64).reshape(len(rows), -1)


def copy(rows: Rows) -> Rows:
    """Return the same rows in memory of their own, at a tenth of numpy's price for structured arrays."""
    return rows.view(np.int64).copy().view(rows.dtype)


def rounds(stage: Integers) -> Iterator[Integers]:
    """Yield the indices of the first entry of every stage, then of the second of those that have two, and so on."""
    by_stage = np.argsort(stage, kind="stable")
    starts = np.flatnonzero(np.diff(stage[by_stage], prepend=-1))
    turn = np.arange(len(stage)) - np.repeat(starts, np.diff(starts, append=len(stage)))
    by_turn = by_stage[np.argsort(turn, kind="stable")]
    ends = np.cumsum(np.bincount(turn))
    for start, end in zip((0, *ends), ends, strict=False):
        yield by_turn[start:end]


def _sign(entry: Rows) -> Integers:
    return np.where(entry["kind"] == _VOTE, 1, -1)


def _answer(yes: Mask, no: Mask) -> Integers:
    return np.where(yes, _YES, np.where(no, _NO, NO_ANSWER))


def _audited(standing: Rows) -> Mask:
    result: Mask = (standing["state"] == _RETIRED) & (standing["audit_open"] != 0)
    return result


def _bucket(standing: Rows, entry: Rows) -> Integers:
    """Return where each entry goes: a vote by the state that it finds, a vote taken back to where it went before."""
    counting = np.where(entry["proven"] != 0, _PROVEN, _UNPROVEN)
    after = np.where(_audited(standing), _AUDIT, _LATE)
    vote = np.where(standing["state"] <= _CONTESTED, counting, after)
    return np.where(entry["kind"] == _VOTE, vote, entry["bucket"])


def capped(entry: Rows, bucket: Integers, rule: Rows) -> Rows:
    """Return the entries with less weight where the unproven answer an audit: `CLIP_UNPROVEN` for all of them together.

    An audit takes as many votes as its limit says, so each has its share of that. Not where a policy asks for no proof.
    """
    doubtful = (bucket == _AUDIT) & (entry["proven"] == 0) & (rule["policy"] == _SEQUENTIAL) & (rule["cold"] == 0)
    if not doubtful.any():
        return entry
    after, share = copy(entry), CLIP_UNPROVEN // rule["votes_max"]
    after["if_yes"] = np.where(doubtful, np.maximum(entry["if_yes"], entry["if_no"] - share), entry["if_yes"])
    after["if_no"] = np.where(doubtful, np.maximum(entry["if_no"], entry["if_yes"] - share), entry["if_no"])
    return after


def _added(standing: Rows, entry: Rows, bucket: Integers) -> Rows:
    """Return the standings with each entry added to its sum; nothing is decided yet."""
    after = copy(standing)
    sign = _sign(entry)
    ratio = sign * (entry["if_yes"] - entry["if_no"])
    proven, unproven = sign * (bucket == _PROVEN), sign * (bucket == _UNPROVEN)
    after["if_yes"] += proven * entry["if_yes"]
    after["if_no"] += proven * entry["if_no"]
    after["unproven"] += ratio * (bucket == _UNPROVEN)
    after["flags"] += (proven + unproven) * entry["flag"]
    for answer, n, u in _COUNTS:
        given = entry["answer"] == answer
        after[n] += proven * given
        after[u] += unproven * given
    for name, later in (("late", _LATE), ("audit", _AUDIT)):
        there = bucket == later
        after[name] += ratio * there
        after[f"{name}_count"] += sign * there
    after["ordinal"] += 1
    return after


def _settled(standing: Rows, entry: Rows, bucket: Integers, rule: Rows) -> Rows:
    """Return the standings, to which the entries are added, with what follows from them."""
    after = copy(standing)
    vote = entry["kind"] == _VOTE
    counted = (bucket == _PROVEN) | (bucket == _UNPROVEN)
    verdict = verdict_of(standing, rule)
    moved = np.flatnonzero(vote & counted & (verdict[0] != standing["state"]))
    if len(moved):
        after[moved] = decided_by(standing[moved], verdict[:, moved], rule[moved])
    shown_again = (standing["reason"] != _FLAGGED) | (entry["flag"] != 0)
    after["audit_open"][~vote & counted & (standing["state"] == _RETIRED) & shown_again] = 1
    after["audit_open"][vote & (bucket == _AUDIT) & _audit_complete(standing, rule)] = 0
    return after


def decided_by(standing: Rows, verdict: Integers, rule: Rows) -> Rows:
    """Return the standings with the states of their verdicts; a share of the retired stays open for an audit."""
    after = copy(standing)
    after["state"], after["answer"], after["reason"] = verdict
    retired = after["state"] == _RETIRED
    drawn = after["draw"] * 1_000_000 < rule["audit_ppm"] * 2**31
    after["audit_open"] = retired & drawn & (after["reason"] != _FLAGGED)
    after["decided_ordinal"] = np.where(retired, after["ordinal"], after["decided_ordinal"])
    return after


def _moves(turn: Integers, entry: Rows, before: Rows, after: Rows) -> Rows:
    """Return a `MOVE` for each entry that changed the state of its stage."""
    moved = np.flatnonzero(before["state"] != after["state"])
    moves = np.empty(len(moved), dtype=MOVE)
    if len(moved):
        moves["entry"], moves["stage"] = turn[moved], entry["stage"][moved]
        moves["before"], moves["after"] = before["state"][moved], after["state"][moved]
        moves["answer"], moves["reason"] = after["answer"][moved], after["reason"][moved]
    return moves


def verdict_of(standing: Rows, rule: Rows) -> Integers:
    """Return the state, answer and reason, of shape (3, n), that a counted vote gives each stage."""
    tally = Tally.of(standing)
    verdict = np.array([standing["state"], standing["answer"], standing["reason"]])
    for policy, judge in _POLICIES.items():
        chosen = rule["policy"] == policy
        if chosen.any():
            verdict = np.where(chosen, judge(standing, rule, tally), verdict)
    if rule["blank"].any():
        blank = (rule["blank"] > 0) & (tally.counted >= rule["blank"]) & (tally.no == tally.counted)
        verdict = np.where(blank, _BLANK_VERDICT, verdict)
    if rule["flag"].any():
        flagged = (rule["flag"] > 0) & (standing["flags"] >= rule["flag"])
        verdict = np.where(flagged, _FLAGGED_VERDICT, verdict)
    return verdict


def _by_evidence(standing: Rows, rule: Rows, tally: Tally) -> Integers:
    """Judge by weighed evidence: consensus at a bound, contested at the first vote limit, no answer at the second."""
    cold, lead = rule["cold"] > 0, tally.yes - tally.no
    yes, no = (_crosses(side, rule, tally) for side in Side.both(standing, rule))
    yes &= ~cold | (lead >= rule["cold"])
    no &= ~cold | (-lead >= rule["cold"])
    clear = yes | no
    contested = (standing["state"] == _CONTESTED) | (rule["contested"] == 0)
    spent = contested & (tally.counted >= rule["votes_max"] + rule["contested"])
    undecided = np.where(tally.counted >= rule["votes_max"], _CONTESTED, standing["state"])
    state = np.where(clear | spent, _RETIRED, undecided)
    reason = np.where(clear, _CONSENSUS, np.where(spent, _BY_COUNT, Reason.NONE))
    return np.array([state, _answer(yes, no), reason])


def _crosses(side: Side, rule: Rows, tally: Tally) -> Mask:
    """Say where the bound is reached by enough votes.

    Votes by the proven make up the number, so that accounts without a record cannot. Anybody's do where they are not
    what reaches the bound, because it is reached without them, by a prior for the most part: a refit has set the bound
    so that gold keeps to the targets by this very rule. (At loose bounds that saves a quarter of the votes on dproduct,
    where a yes is rare and volunteers are proven late.) One vote is enough if it and a machine score point the same
    way: gold has proven the machine. Where agreement decides there are no proven volunteers to ask for.
    """
    together = side.machine & (side.z > side.prior) & (tally.counted > 0)
    certain = (rule["calibrated"] != 0) & (side.unaided >= side.bound) & (tally.counted >= rule["votes_min"])
    result: Mask = (side.z >= side.bound) & (together | certain | (_heard(tally, rule) >= rule["votes_min"]))
    return result


def _by_count(standing: Rows, rule: Rows, tally: Tally) -> Integers:
    """Judge by the majority of a fixed number of votes; a tie has no answer."""
    state = np.where(tally.counted >= rule["count"], _RETIRED, standing["state"])
    answer = _answer(tally.yes > tally.no, tally.no > tally.yes)
    reason = np.where((rule["human"] != 0) & (answer != NO_ANSWER), _HUMAN, _BY_COUNT)
    return np.array([state, answer, reason])


def _by_lead(standing: Rows, rule: Rows, tally: Tally) -> Integers:
    """Judge by the lead of one answer over the other; without one there is no answer at the vote limit."""
    lead = tally.yes - tally.no
    yes, no = lead >= rule["lead"], -lead >= rule["lead"]
    state = np.where(yes | no | (tally.counted >= rule["votes_max"]), _RETIRED, standing["state"])
    return np.array([state, _answer(yes, no), np.where(yes | no, _CONSENSUS, _BY_COUNT)])


def _audit_complete(standing: Rows, rule: Rows) -> Mask:
    """Say where the audit votes alone, without a prior, reach a bound or the vote limit."""
    evidence, count = standing["audit"], standing["audit_count"]
    crossed = (evidence >= rule["accept"]) | (-evidence >= rule["reject"])
    result: Mask = (crossed & (count >= rule["votes_min"])) | (count >= rule["votes_max"])
    return result


def _open_need(standing: Rows, rule: Rows) -> Integers:
    """Return how many votes the policies and the blank rule still ask for."""
    tally = Tally.of(standing)
    policies = [rule["policy"] == PolicyKind.COUNT, rule["policy"] == PolicyKind.LEAD]
    count = rule["count"] - tally.counted
    lead = np.minimum(rule["lead"] - np.abs(tally.yes - tally.no), rule["votes_max"] - tally.counted)
    votes = np.select(policies, [count, lead], _evidence_need(standing, rule, tally))
    blank = (rule["blank"] > 0) & (tally.no == tally.counted)
    result: Integers = np.where(blank, np.minimum(votes, rule["blank"] - tally.counted), votes)
    return result


def _evidence_need(standing: Rows, rule: Rows, tally: Tally) -> Integers:
    """Return how many votes are missing to the nearer bound, or to the limit if that is nearer."""
    yes, no = (_least(side, rule, tally) for side in Side.both(standing, rule))
    agreeing = np.where(rule["cold"] > 0, rule["cold"] - np.abs(tally.yes - tally.no), 0)
    limit = rule["votes_max"] + np.where(standing["state"] == _CONTESTED, rule["contested"], 0)
    result: Integers = np.minimum(np.maximum(np.minimum(yes, no), agreeing), limit - tally.counted)
    return result


def _heard(tally: Tally, rule: Rows) -> Integers:
    return np.where(rule["cold"] > 0, tally.counted, tally.proven)


def _least(side: Side, rule: Rows, tally: Tally) -> Integers:
    """Return how many strong votes make one side cross its bound (see `_crosses`)."""
    enough = rule["votes_min"] - _heard(tally, rule)
    together = _steps(np.maximum(side.bound, side.prior + 1) - side.z)
    enough = np.where(side.machine, np.minimum(together, enough), enough)
    certain = np.maximum(_steps(side.bound - side.unaided), rule["votes_min"] - tally.counted)
    enough = np.where(rule["calibrated"] != 0, np.minimum(certain, enough), enough)
    result: Integers = np.maximum(_steps(side.bound - side.z), enough)
    return result


def _audit_need(standing: Rows, rule: Rows) -> Integers:
    """Return how many votes an open audit still asks for."""
    evidence, count = standing["audit"], standing["audit_count"]
    steps = _steps(np.minimum(rule["accept"] - evidence, rule["reject"] + evidence))
    result: Integers = np.minimum(np.maximum(steps, rule["votes_min"] - count), rule["votes_max"] - count)
    return result


def _steps(distance: Integers) -> Integers:
    """Return how many strong votes cover a distance."""
    return -(-distance // STRONG)


_POLICIES: Final[Mapping[int, Callable[[Rows, Rows, Tally], Integers]]] = {
    int(PolicyKind.SEQUENTIAL): _by_evidence,
    int(PolicyKind.COUNT): _by_count,
    int(PolicyKind.LEAD): _by_lead,
}
