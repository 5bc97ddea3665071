"""How sure is sure enough: the bounds of a workflow, from gold that is decided as if it were not.

Each gold subject is replayed through the rule with its own votes left out of the skills of those who gave them. For
given bounds that says how many of the true *yes* that retire are called *no*, and the other way round. A bound is the
lowest, from Wald's on, at which one more error would still be within the target: (errors + 1) / (retired + 1) <= target
(split conformal prediction; Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). With fewer than
1 / target - 1 retired gold subjects of a class no bound can promise that; then none of them may go wrong, and `SCARCE`
nats are added, the fewer the more gold there is.

The target is held among those that retire, not among all: a label that is given must be right, and errors among all
subjects of a class are fewer still.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

SCARCE: Final = 5.0
"""Nats that are added to Wald's bound where there is no gold of a class at all."""

STEP: Final = 0.25
STEPS: Final = 48
"""Bounds are sought in steps of `STEP` nats, so many at most."""

CERTAINTY: Final = 0.95


@dataclass(frozen=True, slots=True)
class Trajectories:
    """The log-odds of gold subjects after each vote, (g, t) in nats, not-a-number where nothing may be decided.

    `truth` is (g,) of 0 and 1; `weight` is (g,): a subject that was replayed in k parts counts 1 / k in each.
    """

    log_odds: Reals
    truth: Integers
    weight: Reals


@dataclass(frozen=True, slots=True)
class Record:
    """How gold of one class fares: how much there is, how much of it retires, and how much of that is wrong."""

    gold: float
    retired: float
    wrong: float

    @property
    def upper(self) -> float:
        """What the error among the retired stays below at 95 %, Clopper and Pearson, with one error added."""
        right = self.retired - self.wrong
        return float(betaincinv(self.wrong + 2, right, CERTAINTY)) if right > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds in nats, and what gold says of them: `yes` of subjects that are a yes, `no` of those that are not."""

    accept: float
    reject: float
    yes: Record
    no: Record


def calibrate(gold: Trajectories, *, miss: float, false_alarm: float, accept: float, reject: float) -> Bounds:
    """Return the lowest bounds, not below `accept` and `reject` (Wald's), that keep to the targets on gold."""
    plain = (accept, reject)
    for _ in range(3):
        reject = _lowest(gold, 1, miss, plain[1], accept)
        accept = _lowest(gold, 0, false_alarm, plain[0], reject)
    yes, no = (record(gold, truth, accept, reject) for truth in (1, 0))
    return Bounds(accept + _margin(no, false_alarm), reject + _margin(yes, miss), yes, no)


def record(gold: Trajectories, truth: int, accept: float, reject: float) -> Record:
    """Return how the gold subjects of one truth fare under given bounds."""
    mine = gold.truth == truth
    answer = outcomes(gold.log_odds[mine], accept, reject)
    weight = gold.weight[mine]
    retired = answer >= 0
    return Record(float(weight.sum()), float(weight[retired].sum()), float(weight[retired & (answer != truth)].sum()))


def outcomes(log_odds: Reals, accept: float, reject: float) -> Integers:
    """Return the answer at the first bound that each row reaches, -1 where none is reached."""
    if not log_odds.size:
        return np.full(len(log_odds), -1)
    hit = (log_odds >= accept) | (log_odds <= -reject)
    first = hit.argmax(axis=1)
    at_first = log_odds[np.arange(len(log_odds)), first]
    return np.where(hit.any(axis=1), (at_first > 0).astype(np.int64), -1)


def _lowest(gold: Trajectories, truth: int, target: float, least: float, other: float) -> float:
    """Return the lowest bound against errors on subjects of one truth; `other` is the bound for the right answer."""
    mine = gold.truth == truth
    facing = (1 if truth else -1) * gold.log_odds[mine]
    weight = gold.weight[mine]
    for step in range(STEPS):
        bound = least + step * STEP
        right = outcomes(facing, other, bound)
        wrong, retired = weight[right == 0].sum(), weight[right >= 0].sum()
        if wrong <= max(target * (retired + 1) - 1, 0):
            return bound
    return least + STEPS * STEP


def _margin(of: Record, target: float) -> float:
    """Return what is added while there is too little gold for a promise."""
    enough = 1 / target - 1
    return SCARCE * max(0.0, 1 - of.retired / enough)
