"""What is believed of a subject before any vote: what was declared, what a refit has learnt, or what a machine says."""

import json
import math
from typing import Final

import numpy as np

from cascade.calibration import Calibration
from cascade.graph import Attributes, ScorePrior, Workflow
from cascade.score import AGREES, CLIP_SCORE, prior
from cascade.score_drift import people_alone
from cascade.skill import MICRO

EVEN: Final = 0.5
"""A declared prior of even odds says nothing, and gives way to the prevalence that a refit has learnt."""

_FINEST: Final = 1e-9


def attributes_of(metadata: str | None, scores: str | None) -> Attributes:
    """Return what is known of a subject from two JSON texts: metadata, and {name: [score, model]}."""
    found = json.loads(scores or "{}")
    return Attributes(
        json.loads(metadata or "{}"),
        {name: float(value) for name, (value, _) in found.items()},
        {name: model for name, (_, model) in found.items()},
    )


def prior_of(workflow: Workflow, attributes: Attributes, calibration: Calibration, draw: int) -> tuple[int, bool]:
    """Return the prior log-odds of a subject in a workflow in micro-nats, and whether a machine agrees by itself.

    A declared number stays as it is declared, but for even odds, which give way to the prevalence. So does a machine
    score where it says nothing: before it is calibrated, of another model than the calibration's, or where the stage's
    draw leaves the subject to people alone.
    """
    if not isinstance(workflow.prior, ScorePrior):
        return (calibration.prevalence if workflow.prior == EVEN else _logit(workflow.prior)), False
    score = attributes.scores.get(workflow.prior.score)
    if score is None or people_alone(draw, workflow.prior.people):
        return calibration.prevalence, False
    if not workflow.prior.calibrate:
        as_it_is = max(-CLIP_SCORE, min(CLIP_SCORE, _logit(min(max(score, _FINEST), 1 - _FINEST))))
        return as_it_is, abs(as_it_is) >= AGREES
    evidence = _evidence(workflow.prior.score, score, attributes, calibration)
    log_odds = calibration.prevalence + evidence
    return log_odds, abs(evidence) >= AGREES and (log_odds > 0) == (evidence > 0)


def _evidence(name: str, score: float, attributes: Attributes, calibration: Calibration) -> int:
    """Return what a score adds to the prevalence; nothing if it was not calibrated, or if that was another model's."""
    fit = calibration.scores.get(name)
    if fit is None or fit.model != attributes.models.get(name):
        return 0
    return int(prior(fit, np.array([score]))[0])


def _logit(share: float) -> int:
    return round(math.log(share / (1 - share)) * MICRO)
