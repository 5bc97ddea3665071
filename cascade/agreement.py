"""What may retire while no gold says whom to believe: agreement, and the error that is to be expected of it.

A workflow that is declared ``cold: agreement`` begins without gold. Until volunteers that gold has proven give half of
its votes, evidence is the sum over all votes, as a refit without gold weighs them, and it decides only where one answer
also leads by `AGREEMENT` votes. Nothing bounds the error of that: a crowd that errs as a crowd looks like one that is
right, and somebody with several accounts can decide what they like. `agreement_error` is an estimate.

Measured on eight vote logs without any gold, three seeds, at targets of 5 %, as the error among retired, the share
retired, and votes per subject:

    log             a lead of 3 alone     evidence alone        both
    bluebirds       .238  1.00   6.9      .269  1.00   4.8      .200   .97   8.5
    possent         .099   .98   6.4      .055  1.00   5.3      .043   .95   8.0
    rte             .086   .88   5.2      .066   .96   4.9      .040   .80   6.2
    sp              .064   .81   4.0      .058   .88   3.5      .052   .78   4.1
    zencrowd_us     .078   .71   3.9      .074   .75   3.5      .053   .62   4.1
    dproduct        .030   .59   3.0      .054   .90   2.2      .024   .55   3.0
    real_golden_a   .091  1.00   4.5        -     -      -      .079   .99   5.5
    sp_amt          .056  1.00   3.8      .059  1.00   3.2      .056  1.00   3.8
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cascade.skill import MICRO, proven
from cascade.vocabulary import Answer

AGREEMENT: Final = 3
"""The lead in votes without which nothing retires by agreement. Two err .062 on average where three err .049."""

ENOUGH_PROVEN: Final = 500_000
"""The share of votes by volunteers proven by gold, in millionths, from which agreement gives way to the bounds."""

SAFETY: Final = 4
"""By how much the error among retired may exceed what the votes' own model makes of it.

Without gold it was 1.0 to 5.1 times as large on the eight logs; with the declared target as the least that is ever
stated, four times covers all of them. It is no bound.
"""

Integers = NDArray[np.int64]


def proven_share(
    subject: Integers, volunteer: Integers, answer: Integers, truth: Integers, volunteers: int, before: int = 0
) -> int:
    """Return the share of votes on subjects that are not gold by volunteers whom gold has proven, in millionths.

    Never less than `before`, what an earlier refit found: newcomers in great number do not bring agreement back.

    Parameters
    ----------
    subject, volunteer, answer, truth, volunteers
        As in `cascade.refit.Votes`.
    """
    known = truth[subject] >= 0
    if known.all():
        return before
    cell = (volunteer[known] * 2 + truth[subject[known]]) * len(Answer) + answer[known]
    counts = np.bincount(cell, minlength=volunteers * 2 * len(Answer)).reshape(volunteers, 2, len(Answer))
    share = proven(counts.astype(np.int64))[volunteer[~known]].mean()
    return max(before, int(share * MICRO))


def agreement_error(log_odds: Integers, labels: Integers, target: float) -> float:
    """Return the error to expect of labels that agreement gave, up to one half: an estimate, never a bound.

    It is `SAFETY` times what a refit of all votes makes of it, and never less than the declared target.

    Parameters
    ----------
    log_odds
        Of yes by the refit in micro-nats, of each labelled subject, (n,).
    labels
        The `Answer` that each was given, (n,).
    """
    if not len(labels):
        return target
    against = np.where(labels == Answer.YES, -log_odds, log_odds) / MICRO
    return min(0.5, max(target, SAFETY * float(expit(against).mean())))


def agreement_report(proven: int, labels: int, error: float) -> dict[str, float]:
    """Return what a refit tells of a workflow in which agreement decides; see `agreement_words`."""
    return {"proven_share": proven / MICRO, "labels": labels, "expected_error": round(error, 4)}


def agreement_words(report: Mapping[str, float]) -> list[str]:
    """Return in sentences what `agreement_report` holds."""
    words = [
        f"Agreement decides: volunteers proven by gold have given {100 * report['proven_share']:.0f} % of the votes so"
        f" far. From {100 * ENOUGH_PROVEN / MICRO:.0f} % on the evidence of the proven decides alone."
    ]
    if report["labels"]:
        words.append(
            f"Of the {report['labels']:,.0f} labels so far about {100 * report['expected_error']:.0f} % may be wrong:"
            f" {SAFETY} times what the votes say of themselves, or the target where that is more. It is an estimate and"
            " no bound."
        )
    return words
