"""How common *yes* is among the subjects of a workflow: by the votes, and by gold where gold looks like a sample.

Votes alone find it with an error of their own, since volunteers err together, and more so where one answer is rare. The
share among gold is better where gold was drawn like the rest, and worthless where somebody chose so many of each.
Nobody has to say which: the two are compared, and gold counts as far as it is likely to be a sample.

    d = log-odds by gold - log-odds by the votes,   s^2 = their variances together
    a sample:  d ~ N(0, s^2)          chosen:  d ~ N(0, s^2 + `CHOSEN_NATS`^2)
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cascade.vocabulary import Answer

COMMON: Final = 0.95
"""A *yes* is never taken to be rarer than 5 % or more common than this."""

VOTES_NATS: Final = 0.4
"""The standard deviation of what many votes make of it, beside what chance explains; chosen on eight vote logs."""

CHOSEN_NATS: Final = 2.0
"""The standard deviation of what somebody may choose."""

SAMPLE: Final = 0.5
"""How likely gold is to be a sample, before anything is known."""


def prevalence(p_yes: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the share of *yes*, between 5 and 95 %.

    Parameters
    ----------
    p_yes
        P(yes) by the votes of each subject that has some, (n,).
    truth
        Known answers, -1 where none is known, (m,).
    """
    size = len(p_yes)
    by_votes = float(np.clip((p_yes.sum() + 1) / (size + 2), 1 - COMMON, COMMON))
    spread = VOTES_NATS**2 + 1 / (size * by_votes * (1 - by_votes) + 1)
    yes, no = ((truth == answer).sum() + 0.5 for answer in (Answer.YES, Answer.NO))
    by_gold, gold_spread = np.log(yes / no), 1 / yes + 1 / no
    found, gap = logit(by_votes), by_gold - logit(by_votes)
    together = spread + gold_spread
    sampled = SAMPLE * _normal(gap, together)
    sampled /= sampled + (1 - SAMPLE) * _normal(gap, together + CHOSEN_NATS**2)
    result = found + sampled * gap * spread / together
    return float(np.clip(expit(result), 1 - COMMON, COMMON))


def _normal(gap: float, variance: float) -> float:
    """Return the density of a normal distribution around 0, but for a constant."""
    return float(np.exp(-gap * gap / (2 * variance)) / np.sqrt(variance))
