"""What may retire while no gold says whom to believe: agreement, and the error that is to be expected of it.

A workflow that is declared ``cold: agreement`` begins without gold, or with little. Until there is enough of it
(`proof_by_gold`), evidence is the sum over all votes, as refits weigh them, held against Wald's bounds, and it decides
only where one answer also leads by `AGREEMENT` votes. Nothing bounds the error of that: a crowd that errs as a crowd
looks like one that is right, and somebody with several accounts can decide what they like. `agreement_error` is an
estimate.

Measured on eight vote logs without any gold: docs/cold_start.md has the error among the retired, and the command.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cascade.skill import MICRO, proven
from cascade.vocabulary import Answer

AGREEMENT: Final = 3
"""The lead in votes without which nothing retires by agreement.

With two the mean error of six logs was .053 instead of .045.
"""

ENOUGH_PROVEN: Final = 0.5
"""The share of votes by volunteers proven by gold without which agreement does not give way."""

SAFETY: Final = 5
"""By how much the error among retired may exceed what a refit of the votes makes of it.

Without gold it was 1.7 to 2.5 times as large on seven logs (with an earlier estimator up to 4.2), or within the
declared target, which is the least that is ever stated. On bluebirds, where the crowd errs as one, it was six times.
"""

Integers = NDArray[np.int64]


def proof_by_gold(
    subject: Integers,
    volunteer: Integers,
    answer: Integers,
    truth: Integers,
    volunteers: int,
    *,
    miss: float,
    false_alarm: float,
    before: int = 0,
) -> int:
    """Return how far gold has come on its way to decide instead of agreement, in millionths; all of them are the end.

    There it has proven volunteers who give `ENOUGH_PROVEN` of the votes, and there are 1 / target - 1 gold subjects of
    each answer, below which no bound keeps to the target (see `cascade.bounds`). What is further behind counts. Never
    less than `before`, what an earlier refit found: newcomers in great number do not bring agreement back.

    Parameters
    ----------
    subject, volunteer, answer, truth, volunteers
        As in `cascade.refit.Votes`.
    """
    known = truth[subject] >= 0
    cell = (volunteer[known] * 2 + truth[subject[known]]) * len(Answer) + answer[known]
    counts = np.bincount(cell, minlength=volunteers * 2 * len(Answer)).reshape(volunteers, 2, len(Answer))
    share = proven(counts.astype(np.int64))[volunteer[~known]].mean() if not known.all() else 0.0
    no, yes = np.bincount(truth[np.unique(subject[known])], minlength=2)
    way = min(share / ENOUGH_PROVEN, no / (1 / false_alarm - 1), yes / (1 / miss - 1), 1.0)
    return max(before, int(way * MICRO))


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


def agreement_report(proof: int, labels: int, error: float) -> dict[str, float]:
    """Return what a refit tells of a workflow in which agreement decides; see `agreement_words`."""
    return {"proof_by_gold": round(proof / MICRO, 4), "labels": labels, "expected_error": round(error, 4)}


def agreement_words(report: Mapping[str, float]) -> list[str]:
    """Return in sentences what `agreement_report` holds."""
    words = [
        f"Agreement decides. Gold has come {100 * report['proof_by_gold']:.0f} % of the way to where it decides"
        " instead: to enough of each answer for bounds that keep to the targets, and to half of the votes by volunteers"
        " that it has proven."
    ]
    if report["labels"]:
        words.append(
            f"Of the {report['labels']:,.0f} labels so far about {100 * report['expected_error']:.0f} % may be wrong:"
            f" {SAFETY} times what the votes say of themselves, or the target where that is more. It is an estimate and"
            " no bound."
        )
    return words
