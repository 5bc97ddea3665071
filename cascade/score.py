"""What a machine's score is worth as a prior: calibrated on gold, clipped, and watched for drift."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreFit:
    """A calibration of one model's score: log-odds of yes = slope x logit(score) + intercept.

    `model` is the hash of the model whose scores were fitted, `None` where none was given; scores of another model are
    not calibrated by this fit.
    """

    model: str | None
    slope: float
    intercept: float
