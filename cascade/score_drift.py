"""Whether a machine's scores still are what they were when they were calibrated.

Two questions, each with a test that a chance deviation passes less than once in a thousand times. Do the scores that
have come since lie as those did of the fit? And do the answers that people gave *without* the score bear out what it
promises? A share of the subjects begins without it for the sake of the second (`people_alone`).

A refit every hour would follow any drift without a word. So what recent scores are compared with stays what it was,
as long as the same gold calibrates the same model (`anchored`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincc

from cascade.score import LEAST_GOLD, ScoreFit, counts_within, fit_score, log_odds_among, prior
from cascade.skill import MICRO
from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

MOVED: Final = 0.2
"""The population stability index from which scores lie elsewhere by more than a customary margin."""

RARE: Final = 0.001
SURPRISED: Final = 3.09
"""The standard deviations beyond which a normal value lies `RARE`-ly."""

LEAST_LABELS: Final = 30
"""Answers of people alone below which nothing is said of the calibration."""

LEAST_OF_EACH: Final = 10
"""Answers of each kind among them from which a score is calibrated anew on them, when gold no longer fits."""

LABELS_WRONG: Final = 0.05
"""The share of people's answers that may be wrong: a score is not blamed for these."""

DRAWS: Final = 2**31
MULTIPLIER: Final = 1_103_515_245
INCREMENT: Final = 12_345
"""What scrambles draws: multiplied, incremented and taken modulo `DRAWS`, each becomes another one."""


@dataclass(frozen=True, slots=True)
class ScoreDrift:
    """What was found of one score.

    Attributes
    ----------
    recent, index
        How many scores have come since, and the population stability index between them and those of the fit.
    moved
        Whether they lie elsewhere than those did.
    labels, surprise
        How many answers of people alone there were, and by how many standard deviations they are worse predicted than
        the calibration promises (Spiegelhalter's Z, with `LABELS_WRONG` of the answers allowed to be wrong).
    broken
        Whether the calibration does not hold any more.
    """

    recent: int
    index: float
    moved: bool
    labels: int
    surprise: float
    broken: bool

    @property
    def alarm(self) -> bool:
        """Whether a researcher should look at it."""
        return self.moved or self.broken


def people_alone(draw: int, share: float) -> bool:
    """Say whether a stage begins without the score, by its draw (uniform below 2**31).

    The draw is scrambled first, since its lowest values decide on audits.
    """
    return (draw * MULTIPLIER + INCREMENT) % DRAWS < share * DRAWS


def anchored(fit: ScoreFit, before: ScoreFit | None) -> ScoreFit:
    """Return a fit that is compared with the scores of an earlier one, where that is of the same model and gold."""
    if before is None or before.model != fit.model:
        return fit
    if not before.by_people and (before.gold_yes, before.gold_no) != (fit.gold_yes, fit.gold_no):
        return fit
    return replace(fit, edges=before.edges, shares=before.shares, scored=before.scored)


def drift(fit: ScoreFit, scores: Reals, people_scores: Reals, people_answers: Integers) -> ScoreDrift:
    """Compare the scores of today, and answers that people gave without them, with a fit.

    Parameters
    ----------
    scores
        All scores by the same model, (m,), those at the time of the fit among them.
    people_scores, people_answers
        Scores and labels (`Answer`, yes or no) of subjects that began without the score, (n,).
    """
    since = _since(fit, scores)
    index, moved = _index(fit, since)
    surprise = _surprise(fit, people_scores, people_answers)
    broken = len(people_answers) >= LEAST_LABELS and surprise > SURPRISED
    return ScoreDrift(int(since.sum()), index, moved, len(people_answers), surprise, broken)


def mended(fit: ScoreFit, people_scores: Reals, people_answers: Integers) -> ScoreFit:
    """Return what takes the place of a fit that is broken: one on what people alone said, or one that is not used."""
    unused = replace(fit, slope=0.0, side=0.0, intercept=0.0, used=False, inverted=False)
    yes = int((people_answers == Answer.YES).sum())
    if min(yes, len(people_answers) - yes) < LEAST_OF_EACH:
        return unused
    anew = fit_score(people_scores, people_answers, model=fit.model)
    return replace(anew, by_people=True, edges=fit.edges, shares=fit.shares, scored=fit.scored) if anew.used else unused


def worth(name: str, fit: ScoreFit) -> str:
    """Say in plain words what a score is worth."""
    gold = f"{fit.gold_yes} yes and {fit.gold_no} no" + (" of people without it" if fit.by_people else "")
    if min(fit.gold_yes, fit.gold_no) < LEAST_GOLD:
        return f"{name} is not used: gold that has it is {gold}, and it takes at least {LEAST_GOLD} of each."
    if not fit.used:
        return f"{name} is not used: on {gold} it tells no more than how common yes is."
    less = 1 - fit.loss / fit.loss_without
    contrary = ", by its contrary (a high score speaks for no)" if fit.inverted else ""
    return f"{name} is used{contrary}: on {gold} that it did not see it takes {less:.0%} of the uncertainty away."


def alarms(name: str, found: ScoreDrift) -> Iterator[str]:
    """Yield in plain words what has changed about a score, and what is done about it."""
    if found.moved:
        yield (
            f"The {found.recent} scores of {name} that have come since lie elsewhere than those it was calibrated with"
            f" (stability index {found.index:.2f}): see whether the subjects are of another kind, and give some of the"
            " new ones a known answer."
        )
    if found.broken:
        yield (
            f"{name} does not keep what gold promises of it: {found.labels} answers that people gave without it"
            f" contradict it more than they should, by {found.surprise:.1f} standard deviations. It is calibrated by"
            " these answers instead, or not used, until gold and people agree about it again."
        )


def _since(fit: ScoreFit, scores: Reals) -> Integers:
    """Return how many scores have come since the fit, by its bins."""
    then: Integers = np.rint(np.array(fit.shares) * fit.scored).astype(np.int64)
    if not len(then):
        return then
    since: Integers = np.maximum(counts_within(fit.edges, scores) - then, 0)
    return since


def _index(fit: ScoreFit, since: Integers) -> tuple[float, bool]:
    """Return the population stability index, and whether it is both large and no chance.

    If nothing has changed, the index divided by (1/m + 1/n) follows about a chi-squared with a degree of freedom less
    than there are bins.
    """
    recent, bins = int(since.sum()), len(since)
    if recent == 0 or bins == 1:
        return 0.0, False
    now = (since + 0.5) / (recent + 0.5 * bins)
    then = (np.array(fit.shares) * fit.scored + 0.5) / (fit.scored + 0.5 * bins)
    index = float(((now - then) * np.log(now / then)).sum())
    chance = float(gammaincc((bins - 1) / 2, index / (1 / recent + 1 / fit.scored) / 2))
    return index, index > MOVED and chance < RARE


def _surprise(fit: ScoreFit, scores: Reals, answers: Integers) -> float:
    """Return Spiegelhalter's Z of the answers by the prior that the score gives, above 0 where it promises too much."""
    if not fit.used or not len(answers):
        return 0.0
    yes = (answers == Answer.YES).astype(np.float64)
    p = _recentred(prior(fit, scores) / MICRO, yes)
    p = p * (1 - LABELS_WRONG) + (1 - p) * LABELS_WRONG
    spread = np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    return float(((yes - p) * (1 - 2 * p)).sum() / spread) if spread > 0 else 0.0


def _recentred(evidence: Reals, yes: Reals) -> Reals:
    """Return the probability of *yes* by evidence, with the prevalence at which as many are expected as there are."""
    shift = log_odds_among(yes)
    for _ in range(20):
        p = expit(evidence + shift)
        shift += float(np.clip((yes.sum() - p.sum()) / max((p * (1 - p)).sum(), 1e-9), -1, 1))
    result: Reals = expit(evidence + shift)
    return result
