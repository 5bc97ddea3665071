"""What a machine's score is worth as a prior: calibrated on gold, clipped, and watched for drift.

A score is a number from 0 to 1 that a model gave a subject; nothing else is believed of it. `fit_score` asks gold what
it says of the truth, and `prior` is what a score then adds to the log-odds of a subject, beside the prevalence. A score
that tells nothing on gold adds nothing.

Source of the fit: J. Platt, Probabilistic outputs for support vector machines (1999), with a penalty on the slope.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cascade.skill import MICRO
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

CLIP_SCORE: Final = 5 * MICRO // 2
"""The most that a machine score may weigh, in micro-nats of log-odds."""

AGREES: Final = MICRO
"""What a score weighs at least, in micro-nats, before its machine counts as one that agrees (one vote may decide)."""

FOLDS: Final = 5
FLOOR: Final = 1e-4
"""Scores are taken to lie at least this far from 0 and 1."""

PENALTY: Final = 0.5
"""The precision of the normal prior of the slope around 0, in units of the spread of the scores."""

ERRORS: Final = 1.0
"""How many standard errors the gain on held-out gold must exceed before a score is used."""

_STEPS: Final = 30
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class ScoreFit:
    """A calibration of one model's score: it adds slope x logit(score) + intercept to the log-odds of yes.

    Attributes
    ----------
    model
        The hash of the model whose scores were fitted, `None` where none was given; scores of another model are not
        calibrated by this fit.
    slope, intercept
        The weight of evidence in nats, without the prevalence among gold. Both are 0 where the score is not used.
    gold_yes, gold_no
        How many gold subjects with a score there were.
    loss, loss_without
        Mean log loss on gold in nats, each subject judged by a fit without it: with the score, and by prevalence alone.
    gain_error
        The standard error of their difference.
    edges, shares
        How all scores lay at the time of the fit: the inner edges of bins, and the share of the scores in each.
    """

    model: str | None
    slope: float = 0.0
    intercept: float = 0.0
    gold_yes: int = 0
    gold_no: int = 0
    loss: float = 0.0
    loss_without: float = 0.0
    gain_error: float = 0.0
    edges: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def used(self) -> bool:
        """Whether the score adds anything."""
        return self.slope != 0.0


def fit_score(scores: Reals, truth: Integers, *, model: str | None = None) -> ScoreFit:
    """Return what gold says of a score.

    Parameters
    ----------
    scores
        Of all subjects that have one by this model, 0 to 1, (n,).
    truth
        Their gold answers, (n,): an `Answer`, or -1 where none is known.
    model
        The hash of the model.
    """
    known = np.flatnonzero(truth >= 0)
    feature, yes = _feature(scores[known]), (truth[known] == Answer.YES).astype(np.float64)
    edges, shares = _distribution(scores)
    described = ScoreFit(model, gold_yes=int(yes.sum()), gold_no=int((1 - yes).sum()), edges=edges, shares=shares)
    if not 0 < yes.sum() < len(yes) or np.ptp(feature) == 0:
        return described
    with_score, without = _held_out(feature, yes)
    gains = without - with_score
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    slope, intercept = _platt(feature, yes) if gains.mean() > ERRORS * error else (0.0, 0.0)
    return ScoreFit(
        **{
            **asdict(described),
            "slope": slope,
            "intercept": intercept,
            "loss": float(with_score.mean()),
            "loss_without": float(without.mean()),
            "gain_error": error,
        }
    )


def prior(fit: ScoreFit, scores: Reals) -> Integers:
    """Return what scores add to the log-odds of *yes*, beside the prevalence, in micro-nats, (n,).

    At most `CLIP_SCORE`; 0 where the fit does not use the score, and where a score is not-a-number (there is none).
    """
    if not fit.used:
        return np.zeros(len(scores), dtype=np.int64)
    nats = np.nan_to_num(fit.slope * _feature(scores) + fit.intercept, nan=0.0)
    return np.clip(np.rint(nats * MICRO), -CLIP_SCORE, CLIP_SCORE).astype(np.int64)


def cross_fitted(scores: Reals, truth: Integers) -> Integers:
    """Return what `prior` gives each subject by a fit that did not see its own gold answer, in micro-nats, (n,)."""
    result = prior(fit_score(scores, truth), scores)
    fold = _folds(truth)
    for each in range(FOLDS):
        apart = fold == each
        result[apart] = prior(fit_score(scores, np.where(apart, -1, truth)), scores[apart])
    return result


def to_json(fits: Mapping[str, ScoreFit]) -> dict[str, dict[str, Any]]:
    """Return fits by name as plain JSON values."""
    return {name: asdict(fit) for name, fit in fits.items()}


def from_json(tree: Mapping[str, Mapping[str, Any]]) -> dict[str, ScoreFit]:
    """Return what `to_json` was given."""
    return {
        name: ScoreFit(**{**fit, "edges": tuple(fit["edges"]), "shares": tuple(fit["shares"])})
        for name, fit in tree.items()
    }


def _feature(scores: Reals) -> Reals:
    result: Reals = logit(np.clip(scores, FLOOR, 1 - FLOOR))
    return result


def _folds(truth: Integers) -> Integers:
    """Return the fold of each gold subject, -1 for others; the subjects of each answer go round the folds in turn."""
    fold = np.full(len(truth), -1)
    for answer in (Answer.NO, Answer.YES):
        places = np.flatnonzero(truth == answer)
        fold[places] = np.arange(len(places)) % FOLDS
    return fold


def _held_out(feature: Reals, yes: Reals) -> tuple[Reals, Reals]:
    """Return each subject's log loss by fits without it: with its score, and by prevalence alone."""
    fold = _folds(yes.astype(np.int64))
    z, base = np.zeros(len(yes)), np.zeros(len(yes))
    for each in range(FOLDS):
        rest, apart = fold != each, fold == each
        base[apart] = _log_odds(yes[rest])
        slope, intercept = _platt(feature[rest], yes[rest])
        z[apart] = base[apart] + np.clip(slope * feature[apart] + intercept, -CLIP_SCORE / MICRO, CLIP_SCORE / MICRO)
    return _loss(z, yes), _loss(base, yes)


def _loss(z: Reals, yes: Reals) -> Reals:
    result: Reals = np.logaddexp(0, np.where(yes == 1, -z, z))
    return result


def _log_odds(yes: Reals) -> float:
    """Return the log-odds of yes with one imagined subject of each answer."""
    return float(np.log((yes.sum() + 1) / (len(yes) - yes.sum() + 1)))


def _platt(feature: Reals, yes: Reals) -> tuple[float, float]:
    """Return slope and intercept of the weight of evidence: a logistic fit less the prevalence."""
    centre, spread = feature.mean(), feature.std()
    if spread == 0:
        return 0.0, 0.0
    x = np.stack([(feature - centre) / spread, np.ones(len(feature))], axis=1)
    penalty = np.array([PENALTY, 0.0])
    base = _log_odds(yes)
    beta = np.array([0.0, base])
    for _ in range(_STEPS):
        p = expit(x @ beta)
        gradient = x.T @ (yes - p) - penalty * beta
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9)
        beta = beta + np.clip(np.linalg.solve(curvature, gradient), -1, 1)
    return float(beta[0] / spread), float(beta[1] - base - beta[0] * centre / spread)


def _distribution(scores: Reals) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return inner edges of bins that hold about the same number of scores each, and their shares."""
    if not len(scores):
        return (), ()
    edges = np.unique(np.quantile(scores, np.arange(1, _BINS) / _BINS, method="inverted_cdf"))
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1)
    return tuple(edges.tolist()), tuple((counts / counts.sum()).tolist())
