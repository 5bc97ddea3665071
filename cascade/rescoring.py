"""Evidence weighed anew: what becomes of stages when a refit has learnt more about those who voted.

A stage that is undecided gets the new prior and the sums of all its counted votes as they weigh now, and is judged at
once by the rule in force. A stage that has retired keeps everything: an answer is never flipped. Where its evidence now
speaks against its answer it is *flagged*, and an audit opens. One that just misses the bound which it had reached is
not: about half of all would, since every vote that decides overshoots by chance.

Weighing anew gives the same sums whatever happened before: they depend on the votes that count, not on their order nor
on what they weighed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.decision import copy, decided_by, verdict_of
from cascade.skill import weigh
from cascade.standing import Integers, Mask, Rows, Tally, log_odds_by, row_of
from cascade.vocabulary import NO_ANSWER, Answer, PolicyKind, Reason, StageState

VOICE: Final = row_of("stage answer if_yes if_no proven")
"""A vote that counts, as it weighs now; `stage` indexes the standings beside it."""

NOTICED: Final = 20_000
"""Micro-nats by which the log-odds of an undecided stage must move to be worth an entry in the ledger.

Two per cent of the odds. Every refit moves every skill by a little; without this each would write down every subject
that is under way.
"""

_SUMS: Final = ("if_yes", "if_no", "unproven", "n_yes", "n_no", "n_unsure", "u_yes", "u_no", "u_unsure")


@dataclass(frozen=True, slots=True)
class Rescored:
    """What weighing n stages anew makes of them.

    Attributes
    ----------
    standings
        After it.
    weighed
        With the new prior and the new sums, also where the stage keeps its own.
    log_odds, votes
        By these sums, and how many votes made them.
    flagged
        Whether a retired stage's evidence now speaks against its answer.
    worthwhile
        Whether it matters: to an undecided stage whose evidence has moved, or which is decided now, or that is flagged.
    """

    standings: Rows
    weighed: Rows
    log_odds: Integers
    votes: Integers
    flagged: Mask
    worthwhile: Mask


def weigh_anew(voices: Rows, known: Mask, counts: Integers, batch: Integers, prior: Integers) -> Rows:
    """Return votes with the weight that their volunteers have by a calibration.

    Volunteers whom the calibration does not know (`known` is false) keep the weight that they had. `counts` and `batch`
    are (m, 2, 3), `prior` is (2, 3) or (m, 2, 3), see `cascade.skill.weigh`.
    """
    anew = copy(voices)
    if_yes, if_no, proven = weigh(counts, voices["answer"], batch, prior)
    anew["if_yes"] = np.where(known, if_yes, voices["if_yes"])
    anew["if_no"] = np.where(known, if_no, voices["if_no"])
    anew["proven"] = np.where(known, proven, voices["proven"])
    return anew


def reweigh(standings: Rows, rules: Rows, prior: Integers, machine: Integers, voices: Rows) -> Rescored:
    """Return what becomes of stages whose prior and votes weigh this now.

    `standings` is `STANDING` and `rules` is `RULE`, both of shape (n,), `voices` has all votes that count on them. The
    arguments stay as they are.
    """
    weighed = _weighed(standings, prior, machine, voices)
    undecided = standings["state"] <= StageState.CONTESTED
    verdict, z = verdict_of(weighed, rules), log_odds_by(weighed, rules)
    flagged = _speaks_against(weighed, rules, verdict, z)
    after = np.where(undecided, weighed, standings)
    moved = np.flatnonzero(undecided & (verdict[0] != standings["state"]))
    # A stage that nothing has happened to yet only begins otherwise: there is no entry that came before.
    after["ordinal"] += (undecided & (standings["ordinal"] > 0)) | flagged
    after[moved] = decided_by(after[moved], verdict[:, moved], rules[moved])
    after["audit_open"][flagged] = 1
    worthwhile = undecided & _matters(standings, weighed, z - log_odds_by(standings, rules))
    worthwhile[moved] = True
    return Rescored(after, weighed, z, Tally.of(weighed).counted, flagged, worthwhile | flagged)


def agrees(standings: Rows, voices: Rows) -> Mask:
    """Say which stages have the sums of these votes, as they weigh now."""
    summed = _weighed(standings, standings["prior"], standings["machine"], voices)
    result: Mask = np.logical_and.reduce([summed[name] == standings[name] for name in _SUMS])
    return result


def _weighed(standings: Rows, prior: Integers, machine: Integers, voices: Rows) -> Rows:
    """Return the standings with the sums of their votes."""
    weighed = copy(standings)
    weighed["prior"], weighed["machine"] = prior, machine
    for name in _SUMS:
        weighed[name] = 0
    stage, proven = voices["stage"], voices["proven"] != 0
    for name, value in (
        ("if_yes", voices["if_yes"] * proven),
        ("if_no", voices["if_no"] * proven),
        ("unproven", (voices["if_yes"] - voices["if_no"]) * ~proven),
    ):
        np.add.at(weighed[name], stage, value)
    for answer in Answer:
        given = voices["answer"] == answer
        np.add.at(weighed[f"n_{answer.word}"], stage, given & proven)
        np.add.at(weighed[f"u_{answer.word}"], stage, given & ~proven)
    return weighed


def _speaks_against(weighed: Rows, rules: Rows, verdict: Integers, z: Integers) -> Mask:
    """Say which retired stages were decided by evidence that now favours the other answer, or gives one at last."""
    retired = (weighed["state"] == StageState.RETIRED) & (rules["policy"] == PolicyKind.SEQUENTIAL)
    answer, reason = weighed["answer"], weighed["reason"]
    turned = ((answer == Answer.YES) & (z < 0)) | ((answer == Answer.NO) & (z > 0))
    at_last = (answer == NO_ANSWER) & (verdict[2] == Reason.CONSENSUS)
    result: Mask = retired & (
        ((reason == Reason.CONSENSUS) & turned) | ((reason == Reason.CLASSIFICATION_COUNT) & at_last)
    )
    return result


def _matters(before: Rows, weighed: Rows, moved_by: Integers) -> Mask:
    """Say where log-odds moved, or votes went from one bucket to the other, or a machine came or went."""
    moved: Mask = np.abs(moved_by) >= NOTICED
    for name in ("machine", "n_yes", "n_no", "n_unsure"):
        moved |= weighed[name] != before[name]
    return moved
