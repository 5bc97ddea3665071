"""What is known of subjects in workflows, as rows of integers, and what follows from a row by itself.

A *stage* is one subject in one workflow; its `STANDING` holds its evidence, counts and state. A `RULE` is a workflow as
the engine sees it. Evidence is in micro-nats. Arrays of rows are structured arrays in which every field is int64, so
that their memory is also a plain matrix of integers, and is stored as such.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cascade.agreement import AGREEMENT
from cascade.calibration import HARD, UNCALIBRATED, Calibration
from cascade.graph import EXPERT, Count, Lead, Workflow
from cascade.skill import CLIP_UNPROVEN, MICRO

Rows = NDArray[np.void]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Reals = NDArray[np.float64]


def row_of(names: str) -> np.dtype[np.void]:
    """Return the type of a row whose fields, all int64, have these names."""
    return np.dtype([(name, np.int64) for name in names.split()])


STANDING: Final = row_of(
    "state answer reason prior machine if_yes if_no n_yes n_no n_unsure unproven u_yes u_no u_unsure flags"
    " late late_count audit audit_count audit_open ordinal decided_ordinal draw"
)
"""What is known of a stage.

`prior` is a log-odds, that of a machine score if `machine` is 1. `if_yes` and `if_no` are log-likelihood sums over
proven votes; `unproven`, `late` and `audit` are sums of log-likelihood ratios. `n_*` and `u_*` count the proven and the
unproven votes by answer. `ordinal` is that of the last entry. `draw` is uniform below 2**31, fixed at entry.
"""

RULE: Final = row_of(
    "policy accept reject votes_min votes_max contested count lead blank flag audit_ppm human hard cold calibrated"
)
"""A workflow as the engine sees it.

`accept` and `reject` are the bounds for yes and no, both positive; `contested` is how many more votes a contested
stage takes; 0 in `count`, `lead`, `blank` and `flag` stands for no such rule; `audit_ppm` is the share to audit in
millionths, `hard` that of hard subjects; `cold` is the lead without which nothing retires while agreement decides;
`calibrated` is 1 where a refit has set the bounds.
"""


def rules_of(workflows: Sequence[Workflow], calibrations: Mapping[str, Calibration] | None = None) -> Rows:
    """Return one `RULE` for each workflow, by the calibration under its name, if there is one.

    Without one the bounds are Wald's, logit(1 - false_alarm) and logit(1 - miss).
    """
    known = calibrations or {}
    return np.array([_rule(each, known.get(each.name, UNCALIBRATED)) for each in workflows], dtype=RULE)


HARD_WORDS: Final = np.log([0.46, 0.46, 0.08])
"""ln P(answer) of anybody on a hard subject: no, yes, unsure."""


def if_hard(answers: Integers) -> Reals:
    """Return ln P(answer) on a hard subject, in nats."""
    result: Reals = HARD_WORDS[answers]
    return result


def with_hard(if_yes: Reals, if_no: Reals, hard_too: Reals, share: Reals | float = HARD / MICRO) -> Reals:
    """Return the log-odds of *yes* by sums of log-likelihoods in nats, if a share of subjects is hard.

    On a hard subject everybody guesses, so volunteers err there together. Votes that agree lose little by it; votes
    that contradict each other point to a hard subject, and weigh less the more there are. A subject that is hard is as
    likely a yes as any other. Without it a nominal error of 1 % was one of 3 to 9 % on real logs.
    """
    with np.errstate(divide="ignore"):
        easy, hard = np.log1p(-np.asarray(share)), np.log(share)
    result: Reals = np.logaddexp(easy + if_yes, hard + hard_too) - np.logaddexp(easy + if_no, hard + hard_too)
    return result


def log_odds(standings: Rows, hard: Integers | int = HARD) -> Integers:
    """Return the log-odds of *yes* in micro-nats, (n,): the prior, the proven evidence, and the unproven.

    Proven evidence allows for a share of hard subjects, in millionths (see `with_hard`); the unproven count for 1 nat
    at most, all together. The sums are exact; what is made of them here is rounded to whole micro-nats.
    """
    said = np.stack([standings["n_no"], standings["n_yes"], standings["n_unsure"]], axis=-1)
    sums = (standings["if_yes"] / MICRO, standings["if_no"] / MICRO, said @ HARD_WORDS)
    evidence = np.rint(with_hard(*sums, hard / MICRO) * MICRO).astype(np.int64)
    result: Integers = standings["prior"] + evidence + _pooled(standings)
    return result


def log_odds_by(standings: Rows, rules: Rows) -> Integers:
    """Return the log-odds of *yes* as each stage's rule sees them, in micro-nats, (n,).

    With the rule's share of hard subjects, and with all that the unproven say where agreement decides.
    """
    beyond = standings["unproven"] - _pooled(standings)
    result: Integers = log_odds(standings, rules["hard"]) + np.where(rules["cold"] > 0, beyond, 0)
    return result


def _pooled(standings: Rows) -> Integers:
    """Return what all the unproven together say of each stage, 1 nat at most."""
    result: Integers = np.minimum(np.maximum(standings["unproven"], -CLIP_UNPROVEN), CLIP_UNPROVEN)
    return result


def p_yes(z: Integers) -> NDArray[np.float64]:
    """Return the probability of *yes* at log-odds in micro-nats."""
    result: NDArray[np.float64] = expit(z / MICRO)
    return result


@dataclass(frozen=True, slots=True)
class Tally:
    """The counted votes of each stage, and how many of them are by proven volunteers."""

    yes: Integers
    no: Integers
    counted: Integers
    proven: Integers

    @classmethod
    def of(cls, standings: Rows) -> Self:
        """Count the votes of the proven and the unproven alike."""
        yes = standings["n_yes"] + standings["u_yes"]
        no = standings["n_no"] + standings["u_no"]
        proven = standings["n_yes"] + standings["n_no"] + standings["n_unsure"]
        return cls(yes, no, yes + no + standings["n_unsure"] + standings["u_unsure"], proven)


@dataclass(frozen=True, slots=True)
class Side:
    """The case for one answer: log-odds, prior and bound so signed that more is more for it.

    `unaided` are the log-odds without what the unproven say for it; what they say against it stays.
    """

    z: Integers
    unaided: Integers
    prior: Integers
    bound: Integers
    machine: Mask
    """Where a machine score, before any vote, leans to this answer."""

    @classmethod
    def both(cls, standings: Rows, rule: Rows) -> tuple[Self, Self]:
        """Return the case for yes and the case for no."""
        z, prior, machine = log_odds_by(standings, rule), standings["prior"], standings["machine"] != 0
        said = _pooled(standings)
        yes = cls(z, np.minimum(z, z - said), prior, rule["accept"], machine & (prior > 0))
        return yes, cls(-z, np.minimum(-z, said - z), -prior, rule["reject"], machine & (prior < 0))


def _rule(workflow: Workflow, calibration: Calibration) -> tuple[int, ...]:
    policy, votes = workflow.policy, workflow.votes
    cold = workflow.cold and calibration.proven < MICRO
    return (
        policy.kind,
        # While agreement decides there is too little gold for bounds of its own, and those for scarce gold are for the
        # proven alone: unproven votes would hardly reach them.
        (not cold and calibration.accept) or wald(workflow.false_alarm),
        (not cold and calibration.reject) or wald(workflow.miss),
        votes.minimum,
        votes.maximum,
        votes.contested,
        policy.count if isinstance(policy, Count) else 0,
        policy.lead if isinstance(policy, Lead) else 0,
        workflow.blank or 0,
        workflow.flag or 0,
        round(workflow.audit * 1_000_000),
        workflow.level == EXPERT,
        calibration.hard,
        AGREEMENT if cold else 0,
        not cold and calibration.accept > 0,
    )


def wald(risk: float) -> int:
    """Return Wald's bound for a risk of error, logit(1 - risk), in micro-nats."""
    return round(math.log((1 - risk) / risk) * MICRO)
