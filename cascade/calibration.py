"""What a refit has learnt about one workflow, as the engine uses it.

A `Calibration` is a value with a revision: what volunteers start with, how common *yes* is, how many subjects are hard,
where the bounds lie, and what machine scores are worth. Revision 0 is `UNCALIBRATED`: the declared starting values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cascade.score import ScoreFit
from cascade.skill import PRIOR

HARD: Final = 100_000
"""The share of hard subjects, in millionths, that is assumed until gold says otherwise (see `cascade.standing`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One revision.

    Attributes
    ----------
    prior
        Hundredths of an answer that every volunteer starts with, (2, 3) by truth and answer.
    prevalence
        Log-odds of *yes* before any vote or score, in micro-nats: added to a declared prior of even odds only.
    hard
        Share of hard subjects in millionths.
    accept, reject
        Bounds for yes and no in micro-nats, both positive; 0 stands for Wald's, by the declared targets.
    scores
        What each machine score is worth, by its name.
    proven
        How far gold has come to decide instead of agreement, in millionths (`cascade.agreement.proof_by_gold`).
    """

    revision: int = 0
    prior: NDArray[np.int64] = field(default_factory=PRIOR.copy)
    prevalence: int = 0
    hard: int = HARD
    accept: int = 0
    reject: int = 0
    scores: Mapping[str, ScoreFit] = field(default_factory=dict)
    proven: int = 0


UNCALIBRATED: Final = Calibration()
"""What holds before the first refit."""
