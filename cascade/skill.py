"""What one volunteer's answers are worth in one workflow, learned from gold alone.

A volunteer has two skills: how they answer when the truth is *no*, and how they answer when it is *yes*. Each is a
Dirichlet posterior over the answers (no, yes, unsure): the gold counts plus `PRIOR`. Learning is addition.

Counts are int64 of shape (n, 2, 3): volunteer, truth (no, yes), answer (no, yes, unsure). Logarithms are taken and
rounded here, once, to whole micro-nats; from there on evidence is a sum of integers. Numpy's logarithm may differ in
its last bit between processors, so a value that lies too close to a half is rounded from an exact decimal logarithm:
the integers are the same on every machine.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from cascade.vocabulary import Answer

MICRO: Final = 1_000_000
"""Micro-nats in a nat."""

PRIOR: Final = np.array([[576, 184, 40], [184, 576, 40]], dtype=np.int64)
"""Hundredths of a gold answer that every volunteer starts with, by truth and answer.

A Dirichlet of strength 8 whose mean is right .72, wrong .23, unsure .05. Declared, not measured, until a refit from the
gold of all volunteers takes its place.
"""

CLIP: Final = 3 * MICRO
"""The most that one proven vote may weigh, as a log-likelihood ratio."""

CLIP_UNPROVEN: Final = MICRO
"""The most that one unproven vote may weigh, and the most that all unproven votes on a subject may weigh together."""

GOLD_TO_PROVE: Final = 3
"""Gold subjects of each truth that a sequential workflow needs before it can be published."""

RIGHT_TO_PROVE: Final = 1
"""Right answers under each truth before a volunteer can be proven."""

TAIL: Final = 0.25
"""The posterior probability that a proven volunteer tells nothing is below this."""

BATCH_WEIGHT: Final = 0.3
"""What an answer to a subject without gold may count for beside a gold answer (see `cascade.refit.TRUSTS`)."""

_HUNDRED: Final = 100
_NEAR_HALF: Final = 1e-6
_FORTY_DIGITS: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)


def log_likelihoods(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ln P(answer | truth) at the posterior mean, in micro-nats rounded half to even, shaped like `counts`."""
    hundredths = _HUNDRED * counts + PRIOR
    return logarithms(hundredths, np.broadcast_to(hundredths.sum(axis=-1, keepdims=True), counts.shape))


def informedness_quantile(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the 25 % quantile of s1 + s0 - 1 of each volunteer, in millionths, of shape (n,).

    s1 = P(says yes | yes) and s0 = P(says no | no). Their sum less one is 0 for whoever answers without looking and 1
    for the perfect. Both have independent Beta posteriors from a flat prior, not from `PRIOR`: the credit of the crowd
    proves nobody. The distribution is taken as the Beta on [-1, 1] of the same mean and variance.
    """
    first, second = _informedness(counts)
    quantile = 2 * betaincinv(first, second, TAIL) - 1
    return np.rint(quantile * MICRO).astype(np.int64)


def proven(counts: NDArray[np.int64], batch: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Say of each volunteer whether it is shown that their answers tell something, of shape (n,).

    By gold, and by what a refit adds (`batch`, hundredths), which goes back to proven volunteers and to gold; see
    `looks`.
    """
    return looks(counts, None if batch is None else batch / _HUNDRED)


def looks(
    counts: NDArray[np.int64] | NDArray[np.float64], learnt: NDArray[np.float64] | None = None
) -> NDArray[np.bool_]:
    """Say of each volunteer whether they look before they answer, as far as counts (n, 2, 3) tell, of shape (n,).

    `learnt` are the answers that subjects without gold add to a skill. They count by 1 / `BATCH_WEIGHT` here, so what a
    skill takes for three tenths is taken in full: it need only be told from chance.

    It takes `RIGHT_TO_PROVE` right answers under each truth, and an informedness that lies below 0 with a probability
    of less than `TAIL` (see `informedness_quantile`).

    The prior is flat: from `PRIOR`, six accounts that always say yes were proven by three gold answers of each truth.
    Whoever always gives the same answer never is. A low hurdle does little harm, since the weight of a vote depends on
    the skill shown, and accounts without a record have not passed it; three answers of each truth and a tail of 5 %
    cost up to a third more votes (measured on eight logs: rte 4.5 instead of 3.5, bluebirds 4.7 instead of 3.5).
    """
    seen = counts.astype(np.float64) if learnt is None else counts + learnt / BATCH_WEIGHT
    enough = (seen[..., (0, 1), (Answer.NO, Answer.YES)] >= RIGHT_TO_PROVE).all(axis=-1)
    first, second = _informedness(seen)
    result: NDArray[np.bool_] = enough & (betainc(first, second, 0.5) < TAIL)
    return result


def weigh(
    counts: NDArray[np.int64],
    answers: NDArray[np.int64],
    batch: NDArray[np.int64] | None = None,
    prior: NDArray[np.int64] = PRIOR,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the increments `if_yes` and `if_no` of each vote in micro-nats, and whether its volunteer is proven.

    `counts` (gold), `answers` and `batch` (hundredths, from a refit) go together by row; `prior` (hundredths) is one
    for all or one for each. No vote weighs more than `CLIP` (`CLIP_UNPROVEN` from the unproven):
    the smaller likelihood is raised until `if_yes - if_no` lies within.
    """
    sure = proven(counts, batch)
    hundredths = _HUNDRED * counts + prior
    if batch is not None:
        hundredths = hundredths + batch
    given = hundredths[np.arange(len(answers)), :, answers]
    if_no, if_yes = logarithms(given, hundredths.sum(axis=-1)).T
    clip = np.where(sure, CLIP, CLIP_UNPROVEN)
    return np.maximum(if_yes, if_no - clip), np.maximum(if_no, if_yes - clip), sure


def rightness(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and strength of the Beta posteriors of s0 and s1, the shares right given no and yes, each (n, 2)."""
    hundredths = _HUNDRED * counts + PRIOR
    total = hundredths.sum(axis=-1)
    right = hundredths[..., (0, 1), (Answer.NO, Answer.YES)]
    return right / total, total / _HUNDRED


def _informedness(counts: NDArray[np.int64] | NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two parameters, each (n,), of the Beta on [0, 1] that matches (s1 + s0) / 2 in mean and variance."""
    strengths = counts.sum(axis=-1) + 2
    means = (counts[..., (0, 1), (Answer.NO, Answer.YES)] + 1) / strengths
    mean = means.mean(axis=-1)
    variance = (means * (1 - means) / (strengths + 1)).sum(axis=-1) / 4
    strength = mean * (1 - mean) / variance - 1
    return mean * strength, (1 - mean) * strength


def logarithms(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ln(part / whole) of each pair in micro-nats, rounded half to even."""
    inexact = np.log(parts / wholes) * MICRO
    rounded = np.rint(inexact)
    doubtful = np.abs(np.abs(inexact - rounded) - 0.5) < _NEAR_HALF
    result: NDArray[np.int64] = rounded.astype(np.int64)
    if doubtful.any():
        result[doubtful] = [_exact(*pair) for pair in zip(parts[doubtful], wholes[doubtful], strict=True)]
    return result


def _exact(part: np.int64, whole: np.int64) -> int:
    """Return ln(part / whole) in micro-nats, rounded half to even from forty digits."""
    logarithm = _FORTY_DIGITS.ln(_FORTY_DIGITS.divide(Decimal(int(part)), Decimal(int(whole))))
    return int((logarithm * MICRO).to_integral_value(ROUND_HALF_EVEN))
