"""Pairs of volunteers whose errors agree more often than those of two people who do not know of each other.

Honest volunteers err together on hard subjects, and so do those who lean to the same answer. What is expected of a
pair therefore takes the error rate of each under each truth, and how many of the *others* were wrong on each subject
that both answered. What is left of agreement between honest people (they read the same guide, and difficulty has more
than one side) is measured on the crowd itself: by how much all pairs agree more than expected, and how widely the pairs
differ in that. A pair is reported where it stands out from the crowd that it is in.

Two accounts of one person, a copier and their source, and accounts run by one program are such pairs; so are two honest
people who made the same mistake of understanding. A pair is a reason to look, and changes no label by itself.

Measured on the ten vote logs of the benchmark: no pair when the answers of each subject are dealt out anew among those
who gave them; among the real answers the 28 pairs of eight raters of real_golden_a who turn out to agree on 98 to 100 %
of their answers (others: 80 to 86 %), five pairs of mapswipe_malawi, one of zencrowd_us, and none elsewhere. A copy of
nine answers in ten is found by its errors: some 25 of them in one crowd of 40, more where difficulty explains them.
Those who always give the same answer cannot be told from copies, and are not reported.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammainc, logit

from cascade.vocabulary import Answer

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

TOGETHER: Final = 20
"""Subjects that both must have answered, with yes or no."""

COMMON_ERRORS: Final = 3
"""Errors that both must have made."""

FALSE_DISCOVERIES: Final = 0.01
"""Of the pairs that are reported, the share that honest chance may have made."""

CROWDED: Final = 300
"""Subjects with more answers than this are left out: pairs grow with their square, and tell least where all answer."""

_STRENGTH: Final = 2.0
"""How many answers the mean error rate counts for in the difficulty of a subject."""

_SPREAD: Final = 0.1
"""Least relative spread of honest pairs about their expectation, and what is assumed where too few can be compared."""

_COMPARABLE: Final = 3.0
"""Expected common errors from which on a pair tells something about the spread."""

_ENOUGH_PAIRS: Final = 20
_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Agreements:
    """The pairs that stand out, by p-value; columns of one length.

    Attributes
    ----------
    first, second
        Volunteers, by index, the lower one first.
    together, agreed_errors
        Subjects that both answered, and on how many of these both were wrong.
    expected
        On how many two people of this crowd with their error rates would have been.
    p_value
        The chance of so many or more.
    """

    first: Integers
    second: Integers
    together: Integers
    agreed_errors: Integers
    expected: Reals
    p_value: Reals


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers of yes or no to subjects of known truth, sorted by subject.

    `after` counts the answers to the same subject that follow; `difficulty` is the log-odds of being wrong by the
    number of `wrong` among all `answers` to that subject, less those whom `_difficulty` is told to leave out.
    """

    volunteer: Integers
    error: Integers
    after: Integers
    wrong: Integers
    answers: Integers
    mean: Reals
    lean: Reals

    def chance(self, places: Integers, difficulty: Reals) -> Reals:
        """Return how likely their volunteers were to be wrong in these answers, by the difficulty of the subjects."""
        result: Reals = expit(self.lean[places] + difficulty)
        return result


def agreements(
    subject: Integers, volunteer: Integers, answer: Integers, truth: Integers, volunteers: int
) -> Agreements:
    """Return the pairs of volunteers whose errors agree too often.

    `subject`, `volunteer` and `answer` are (m,), one entry for each vote and at most one for each volunteer on a
    subject; `truth` is (n,), -1 where it is not known. Truths may be those of gold and of subjects on which the crowd
    is sure. Errors are corrected for the number of pairs by Benjamini and Hochberg (J. R. Stat. Soc. B 57 (1995) 289).
    """
    answers = _answers(subject, volunteer, answer, truth, volunteers)
    candidates = _often_wrong_together(answers, volunteers)
    together, agreed, expected, variance = _compare(answers, candidates, volunteers)
    p_value = _chance(agreed, expected, variance)
    able = np.bincount(answers.volunteer, minlength=volunteers) >= TOGETHER
    chosen = np.flatnonzero(together >= TOGETHER)
    chosen = chosen[np.argsort(p_value[chosen], kind="stable")]
    chosen = chosen[: _discoveries(p_value[chosen], int(able.sum() * (able.sum() - 1) // 2))]
    first, second = np.divmod(candidates[chosen], max(volunteers, 1))
    return Agreements(first, second, together[chosen], agreed[chosen], expected[chosen], p_value[chosen])


def _answers(subject: Integers, volunteer: Integers, answer: Integers, truth: Integers, volunteers: int) -> _Answers:
    """Keep what can be compared, and fit how prone each volunteer is to err under each truth."""
    size = np.bincount(subject[answer != Answer.UNSURE], minlength=len(truth))
    kept = np.flatnonzero((answer != Answer.UNSURE) & (truth[subject] >= 0) & (size[subject] <= CROWDED))
    kept = kept[np.argsort(subject[kept], kind="stable")]
    subject, volunteer, truths = subject[kept], volunteer[kept], truth[subject[kept]]
    error = (answer[kept] != truths).astype(np.int64)
    place = np.arange(len(kept)) - np.searchsorted(subject, subject)
    rates = np.array([(error[truths == t].sum() + 1) / ((truths == t).sum() + 2) for t in (0, 1)])
    wrong = np.bincount(subject, error, len(truth)).astype(np.int64)[subject]
    unfitted = _Answers(
        volunteer, error, size[subject] - place - 1, wrong, size[subject], rates[truths], np.zeros(len(kept))
    )
    return replace(unfitted, lean=_lean(unfitted, volunteer * 2 + truths, 2 * volunteers))


def _lean(answers: _Answers, cell: Integers, cells: int) -> Reals:
    """Return by how much each answer's volunteer is more prone to err than the difficulty of subjects says, in nats.

    `cell` is the volunteer and the truth of each answer. So that as many errors are expected as were seen; by Newton's
    steps, with a normal prior of width 2. A slope on the difficulty beside it was tried, for those who err without
    looking: it is drawn up by a copy among the few others by whom the difficulty is known, which then stays unfound.
    """
    difficulty = _difficulty(answers, np.arange(len(cell)), answers.error, 1)
    seen = np.bincount(cell, answers.error, cells)
    lean = np.zeros(cells, dtype=np.float64)
    for _ in range(_ROUNDS):
        chance = expit(difficulty + lean[cell])
        curve = np.bincount(cell, chance * (1 - chance), cells) + 1 / 4
        lean = lean + np.clip((seen - np.bincount(cell, chance, cells) - lean / 4) / curve, -2, 2)
    result: Reals = lean[cell]
    return result


def _difficulty(answers: _Answers, places: Integers, errors: Integers, left_out: int) -> Reals:
    """Return the log-odds of an error on the subjects of some answers, by the answers of others alone."""
    wrong = answers.wrong[places] - errors + _STRENGTH * answers.mean[places]
    result: Reals = logit(wrong / (answers.answers[places] - left_out + _STRENGTH))
    return result


def _together(after: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield the places of all pairs of answers to the same subject, each pair once."""
    places = np.arange(len(after))
    for distance in range(1, int(after.max(initial=0)) + 1):
        places = places[after[places] >= distance]
        yield places, places + distance


def _key(volunteer: Integers, one: Integers, other: Integers, volunteers: int) -> Integers:
    """Return the number of each pair of volunteers, whichever of the two comes first."""
    first, second = volunteer[one], volunteer[other]
    return np.minimum(first, second) * volunteers + np.maximum(first, second)


def _often_wrong_together(answers: _Answers, volunteers: int) -> Integers:
    """Return the sorted numbers of the pairs with enough common errors to be looked at."""
    wrong = np.flatnonzero(answers.error)
    before = np.cumsum(answers.error)
    ends = np.arange(len(answers.error)) + answers.after
    volunteer, after = answers.volunteer[wrong], before[ends[wrong]] - before[wrong]
    keys = [_key(volunteer, one, other, volunteers) for one, other in _together(after)]
    numbers, times = np.unique(np.concatenate([np.empty(0, np.int64), *keys]), return_counts=True)
    result: Integers = numbers[times >= COMMON_ERRORS]
    return result


def _compare(answers: _Answers, candidates: Integers, volunteers: int) -> tuple[Integers, Integers, Reals, Reals]:
    """Return of each candidate the subjects answered together, common errors, and their expectation and variance.

    What is expected of all pairs is scaled up to what is seen of all.
    """
    sums = np.zeros((4, len(candidates)))
    seen = expected = 0.0
    for one, other in _together(answers.after):
        agreed = answers.error[one] * answers.error[other]
        difficulty = _difficulty(answers, one, answers.error[one] + answers.error[other], 2)
        chance = answers.chance(one, difficulty) * answers.chance(other, difficulty)
        seen, expected = seen + agreed.sum(), expected + chance.sum()
        key = _key(answers.volunteer, one, other, volunteers)
        place = np.searchsorted(candidates, key)
        known = np.flatnonzero(np.append(candidates, -1)[place] == key)
        for row, value in enumerate((np.ones(len(key)), agreed, chance, chance * (1 - chance))):
            sums[row] += np.bincount(place[known], value[known], len(candidates))
    scale = max(seen / expected, 1.0) if expected else 1.0
    return sums[0].astype(np.int64), sums[1].astype(np.int64), scale * sums[2], scale * sums[3]


def _chance(agreed: Integers, expected: Reals, variance: Reals) -> Reals:
    """Return the probability of so many common errors or more, between honest people who differ in what they share.

    Of a Poisson variable so scaled that its mean and variance are those asked for.
    """
    wide = variance + _spread(agreed, expected, variance) * expected**2
    scale = wide / np.maximum(expected, np.finfo(np.float64).tiny)
    result: Reals = np.where(expected > 0, gammainc(np.maximum(agreed, 1) / scale, expected / scale), 1.0)
    return result


def _spread(agreed: Integers, expected: Reals, variance: Reals) -> float:
    """Return the relative variance of honest pairs about their expectation beyond that of chance.

    By the median of the squares, .455 of the variance of normal values, which a few dishonest pairs do not move.
    """
    comparable = expected >= _COMPARABLE
    if comparable.sum() < _ENOUGH_PAIRS:
        return _SPREAD**2
    ratio = agreed[comparable] / expected[comparable]
    squares = (ratio - np.median(ratio)) ** 2
    chance = np.median(variance[comparable] / expected[comparable] ** 2)
    return max(float(np.median(squares) / 0.4549 - chance), _SPREAD**2)


def _discoveries(p_value: Reals, tests: int) -> int:
    """Return how many of the sorted p-values stand by Benjamini and Hochberg among so many tests."""
    standing = np.flatnonzero(p_value <= FALSE_DISCOVERIES * np.arange(1, len(p_value) + 1) / max(tests, 1))
    return int(standing[-1]) + 1 if len(standing) else 0
