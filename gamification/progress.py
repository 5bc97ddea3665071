"""Evidence on the way to the next level: what training answers have shown of somebody.

For each truth, no and yes, there is a Beta posterior of the share of training subjects on which a volunteer is right.
Its 5 % quantile is what they reach at least, but for one case in twenty; its median is as likely too low as too high.
Not sure is not right. What is missing is counted in training answers of each truth: only more of them make it known.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from scipy.special import betaincinv

NEEDED: Final = 8
"""Training answers of each truth before anything is said of somebody: as many as the prior weighs."""

PRIOR_MEAN: Final = 0.80
PRIOR_STRENGTH: Final = 8
"""What a newcomer is taken for: right in .80, with the weight of 8 answers. Declared, not measured."""

LOW: Final = 0.05
MEDIAN: Final = 0.50


@dataclass(frozen=True, slots=True)
class Answered:
    """Training answers under one truth."""

    right: int = 0
    wrong: int = 0
    unsure: int = 0

    @property
    def seen(self) -> int:
        """All of them."""
        return self.right + self.wrong + self.unsure

    def __add__(self, other: "Answered") -> "Answered":
        return Answered(self.right + other.right, self.wrong + other.wrong, self.unsure + other.unsure)


@dataclass(frozen=True, slots=True)
class Shown:
    """What training answers under one truth show: quantiles of the share that is right, and how many are missing."""

    answered: Answered
    low: float
    median: float
    more: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What training answers show under both truths."""

    no: Shown
    yes: Shown
    needed: int = NEEDED

    @property
    def more_no(self) -> int:
        """How many training answers are missing whose truth is no."""
        return self.no.more

    @property
    def more_yes(self) -> int:
        """How many training answers are missing whose truth is yes."""
        return self.yes.more

    @property
    def enough(self) -> bool:
        """Whether there are as many answers as it takes to judge."""
        return not self.more_no and not self.more_yes


def progress(no: Answered, yes: Answered) -> Progress:
    """Return what the training answers of one workflow show, by truth."""
    return Progress(_shown(no), _shown(yes))


def _shown(answered: Answered) -> Shown:
    low, median = (right_share(answered, probability) for probability in (LOW, MEDIAN))
    return Shown(answered, low, median, max(NEEDED - answered.seen, 0))


@lru_cache(maxsize=4096)
def right_share(answered: Answered, probability: float, strength: float = PRIOR_STRENGTH) -> float:
    """Return the quantile of the posterior share of right answers under one truth.

    The prior is the declared one, with the weight of `strength` answers.
    """
    right = PRIOR_MEAN * strength + answered.right
    other = (1 - PRIOR_MEAN) * strength + answered.wrong + answered.unsure
    return float(betaincinv(right, other, probability))
