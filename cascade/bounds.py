"""How sure is sure enough: the bounds of a workflow, from gold that is decided as if it were not.

Each gold subject is replayed through the rule with its own votes left out of the skills of those who gave them. For
given bounds that says how many of the true *yes* are retired as *no*, and the other way round. A bound is the lowest,
from Wald's on, at which one more error would still be within the target: (errors + 1) / (gold of the class + 1) <=
target, which is split conformal prediction. Then both are raised until the same holds for the error among all that
retire: a label that is given must be right, however many are not given.

With fewer than 1 / target - 1 gold subjects no bound can promise that; then none of them may go wrong, and up to
`SCARCE` nats are added, the fewer the more gold there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

SCARCE: Final = 7.0
"""Nats that are added to Wald's bound where there is no gold of a class at all."""

LOOKS: Final = 0.95
"""What gold is held to of the target for all that retire: it is looked at once, other subjects at every refit."""

STEP: Final = 0.25
STEPS: Final = 48
"""Bounds are sought in steps of `STEP` nats, so many at most."""

CERTAINTY: Final = 0.975
"""Of the limit for each class, so that both hold together at 95 %."""


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
        """What the share of the class that retires with the wrong answer stays below (Clopper and Pearson).

        At `CERTAINTY`. Two errors are added: one for the bounds having been chosen on the same gold, and one for
        subjects being looked at again at every refit, while gold is replayed once.
        """
        return float(betaincinv(self.wrong + 3, max(self.gold - self.wrong, 0.5), CERTAINTY))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds in nats, and what gold says of them: `yes` of subjects that are a yes, `no` of those that are not."""

    accept: float
    reject: float
    yes: Record
    no: Record


def calibrate(
    gold: Trajectories, *, miss: float, false_alarm: float, accept: float, reject: float, prevalence: float = 0.5
) -> Bounds:
    """Return the lowest bounds, not below `accept` and `reject` (Wald's), that keep to the targets on gold.

    `prevalence` is the share of *yes* among all subjects, which gold need not have.
    """
    plain = (accept, reject)
    for _ in range(2):
        reject = _lowest(gold, 1, miss, plain[1], accept)
        accept = _lowest(gold, 0, false_alarm, plain[0], reject)
    raised = _raised(gold, accept, reject, (false_alarm, miss), prevalence)
    yes, no = (record(gold, truth, accept + raised, reject + raised) for truth in (1, 0))
    scarce = _margin(yes.retired + no.retired, max(miss, false_alarm))
    return Bounds(
        accept + raised + max(scarce, _margin(no.gold, false_alarm)),
        reject + raised + max(scarce, _margin(yes.gold, miss)),
        yes,
        no,
    )


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
    """Return the lowest bound against errors on subjects of one truth; `other` is the bound for the right answer.

    Between two numbers of errors, of which one is too strict and one too lax, the bound lies between theirs.
    """
    mine = gold.truth == truth
    allowed = target * (gold.weight[mine].sum() + 1) - 1
    fewer = max(np.floor(allowed), 0)
    strict, lax = (_holding(gold, truth, least, other, errors) for errors in (fewer, fewer + 1))
    share = min(max(allowed - fewer, 0), 1)
    return float((1 - share) * strict + share * lax)


def _holding(gold: Trajectories, truth: int, least: float, other: float, allowed: float) -> float:
    """Return the lowest bound at which no more than so many subjects of one truth go wrong."""
    mine = gold.truth == truth
    facing = (1 if truth else -1) * gold.log_odds[mine]
    weight = gold.weight[mine]
    for step in range(STEPS):
        bound = least + step * STEP
        if weight[outcomes(facing, other, bound) == 0].sum() <= allowed:
            return bound
    return least + STEPS * STEP


def _raised(gold: Trajectories, accept: float, reject: float, targets: tuple[float, float], prevalence: float) -> float:
    """Return by how much both bounds are raised so that the error among all that retire keeps to the targets.

    `targets` are those of no and yes. Where nothing keeps to them, what comes nearest.
    """
    excess = []
    for step in range(STEPS):
        raised = step * STEP
        records = [record(gold, truth, accept + raised, reject + raised) for truth in (0, 1)]
        shares = _shares([each.gold for each in records], prevalence)
        retired = sum(share * each.retired for share, each in zip(shares, records, strict=True))
        wrong = sum(share * each.wrong for share, each in zip(shares, records, strict=True))
        allowed = sum(
            target * share * each.retired for target, share, each in zip(targets, shares, records, strict=True)
        )
        if wrong == 0 or (wrong + 0.5) / (retired + 1) <= LOOKS * allowed / max(retired, 1):
            return raised
        excess.append((wrong + 0.5) / (retired + 1))
    return STEP * int(np.argmin(excess))


def _shares(gold: Sequence[float], prevalence: float) -> tuple[float, float]:
    """Return what a gold subject of no and of yes counts for, so that the classes are as common as in the project."""
    no, yes = gold
    if not no or not yes:
        return 1.0, 1.0
    return (1 - prevalence) * (no + yes) / no, prevalence * (no + yes) / yes


def _margin(gold: float, target: float) -> float:
    """Return what is added while there is too little gold for a promise."""
    return float(SCARCE * max(0.0, 1 - gold / (1 / target - 1)))
