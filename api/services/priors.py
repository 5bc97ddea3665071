"""What is believed of a subject before any vote: what was declared, what a refit has learnt, or what a machine says."""

import math
from typing import Final

from cascade.calibration import Calibration
from cascade.graph import Attributes, ScorePrior, Workflow
from cascade.skill import MICRO

MACHINE_CLIP: Final = 5 * MICRO // 2
"""The most that a machine score may weigh as a prior, in micro-nats of log-odds."""

EVEN: Final = 0.5
"""A declared prior of even odds says nothing, and gives way to the prevalence that a refit has learnt."""


def prior_of(workflow: Workflow, attributes: Attributes, calibration: Calibration, _draw: int) -> tuple[int, bool]:
    """Return the prior log-odds of a subject in a workflow in micro-nats, and whether a machine gave it.

    A machine's score is clipped to 2.5 nats; a subject without one starts with the prevalence. A declared number stays
    as it is declared, but for even odds.
    """
    if not isinstance(workflow.prior, ScorePrior):
        return (calibration.prevalence if workflow.prior == EVEN else _logit(workflow.prior)), False
    score = attributes.scores.get(workflow.prior.score)
    if score is None:
        return calibration.prevalence, False
    return max(-MACHINE_CLIP, min(MACHINE_CLIP, _logit(min(max(score, 1e-9), 1 - 1e-9)))), True


def _logit(share: float) -> int:
    return round(math.log(share / (1 - share)) * MICRO)
