"""What a comparison comes to: rates, votes at equal error, and intervals, as plain JSON values.

Intervals hold 95 % of bootstrap samples of the subjects (all seeds of a subject go together): what would be found with
other subjects of the same kind, the volunteers being the same.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from api.replay.comparing import ORACLE, OURS, UNAIDED, Attack, Comparison
from api.replay.streams import Reals
from cascade.vocabulary import Answer

NOMINAL: Final = 0.05
SAMPLES: Final = 400
POINTS: Final = 0.01
"""How far above the error of all votes by Dawid and Skene's model the second comparison is made."""

_NONE: Final = 1e-9

Tree = dict[str, Any]


class Figures:
    """The figures of one comparison; `weights` are bootstrap samples of its subjects, (samples + 1, n), first all."""

    def __init__(self, comparison: Comparison, samples: int = SAMPLES) -> None:
        self.comparison = comparison
        size = len(comparison.truth)
        drawn = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), samples)
        self._weights = np.concatenate([np.ones((1, size)), drawn])
        # A sample of a few subjects may have none to judge: it has no errors then.
        self._judged = np.maximum(self._weights @ comparison.judged, _NONE)
        self._live = np.maximum(self._weights @ comparison.live, _NONE)
        self.majority = self._weights @ comparison.majority_wrong / self._judged
        self._curves: dict[str, tuple[Reals, Reals]] = {}
        self.dawid_skene = self._weights @ comparison.dawid_skene_wrong / self._judged

    def votes_at(self, name: str, errors: Reals) -> Reals:
        """Return the votes per subject at which a policy reaches an error, of each sample; infinite if it does not."""
        return np.array([_reached(*each) for each in zip(*self._swept(name), errors, strict=True)])

    def _swept(self, name: str) -> tuple[Reals, Reals]:
        """Return votes per subject and errors of each sample and setting, computed once."""
        if name not in self._curves:
            marks = self.comparison.marks[name]
            votes = self._weights @ marks.votes[1:].T / self._live[:, None]
            self._curves[name] = votes, self._weights @ marks.wrong[1:].T / self._judged[:, None]
        return self._curves[name]

    def votes_at_majority_error(self, name: str) -> Reals:
        """Return the same at the error of the majority of all votes."""
        return self.votes_at(name, self.majority)

    def votes_near_dawid_skene(self, name: str) -> Reals:
        """Return the same at one percentage point above the error of all votes by Dawid and Skene's model."""
        return self.votes_at(name, self.dawid_skene + POINTS)

    def default(self, name: str) -> tuple[Reals, Reals]:
        """Return votes per subject and error of a policy's default, of each sample."""
        marks = self.comparison.marks[name]
        return self._weights @ marks.votes[0] / self._live, self._weights @ marks.wrong[0] / self._judged

    def policy(self, name: str) -> Tree:
        """Return the figures of one policy."""
        marks, known = self.comparison.marks[name], self.comparison.judged
        yes, no = (float((known * (self.comparison.truth == answer)).sum()) for answer in (1, 0))
        wrong = marks.wrong[0]
        majority, near = self.votes_at_majority_error(name), self.votes_near_dawid_skene(name)
        live = float(self.comparison.live.sum())
        return {
            "votes_per_subject": _ratio(marks.votes[0].sum(), live),
            "error": _ratio(wrong.sum(), known.sum()),
            "miss": _ratio(wrong[self.comparison.truth == 1].sum(), yes),
            "false_alarm": _ratio(wrong[self.comparison.truth == 0].sum(), no),
            "retired_share": _ratio(marks.retired[0].sum(), live),
            "p95_votes": float(np.mean(marks.p95)),
            "votes_at_majority_error": _finite(majority[0]),
            "votes_at_dawid_skene_error_plus_1pp": _finite(near[0]),
            "error_among_retired": _ratio(marks.retired_wrong[0].sum(), (marks.retired[0] * (known > 0)).sum()),
            "votes_at_majority_error_interval": interval(majority),
            "votes_at_dawid_skene_error_plus_1pp_interval": interval(near),
            "curve": self.curve(name),
        }

    def curve(self, name: str) -> list[list[float]]:
        """Return votes per subject and error at each setting of a policy's sweep, from few votes to many."""
        marks = self.comparison.marks[name]
        votes = marks.votes[1:].sum(axis=1) / self.comparison.live.sum()
        errors = marks.wrong[1:].sum(axis=1) / self.comparison.judged.sum()
        return sorted(map(list, zip(votes.tolist(), errors.tolist(), strict=True)))

    def ratio(self, name: str, near: bool = False) -> Reals:
        """Return the votes of ours by those of another policy at the same error, of each sample.

        It is 0 where the other never reaches it, infinite where ours does not, and 1 where neither does.
        """
        votes = self.votes_near_dawid_skene if near else self.votes_at_majority_error
        ours, others = votes(OURS), votes(name)
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(ours) & np.isinf(others), 1.0, ours / others)

    def calibration(self) -> Tree | None:
        """Return how the error among what ours retired compares with what was promised."""
        if OURS not in self.comparison.marks:
            return None
        errors, stated = np.array(self.comparison.retired_errors), np.array(self.comparison.stated)
        told = np.isfinite(stated)
        error = float(errors.mean())
        return {
            "nominal": NOMINAL,
            "error_among_retired": error,
            "upper95": _ratio(stated[told].sum(), told.sum()),
            "covered": _ratio((errors[told] <= stated[told]).sum(), told.sum()),
            "retired_share": _ratio(self.comparison.marks[OURS].retired[0].sum(), self.comparison.live.sum()),
            "oracle_retired_share": self._oracle_retired_share(error),
            "oracle_retired_share_same_errors": self._oracle_retired_share_same_errors(),
        }

    def _oracle_retired_share(self, error: float) -> float | None:
        """Return the share that the oracle retires where it errs as often among what it retires."""
        marks = self.comparison.marks.get(ORACLE)
        if marks is None:
            return None
        known = self.comparison.judged > 0
        share = marks.retired[1:].sum(axis=1) / self.comparison.live.sum()
        retired = np.maximum(marks.retired[1:, known].sum(axis=1), 1)
        return _finite(-_reached(-share, marks.retired_wrong[1:].sum(axis=1) / retired, error))

    def _oracle_retired_share_same_errors(self) -> float | None:
        """Return the most that the oracle retires where it retires no more of either truth wrongly than ours does."""
        truth, wrong = self.comparison.truth, self.comparison.marks[OURS].retired_wrong[0]
        retired, missed, alarms = self.comparison.apart.T
        within = (missed <= wrong[truth == Answer.YES].sum()) & (alarms <= wrong[truth == Answer.NO].sum())
        return _ratio(retired[within].max(), self.comparison.live.sum()) if within.any() else None


def figures(log: str, comparison: Comparison, votes: int, gold_share: float) -> Tree:
    """Return the document that ``chaffinch replay --json`` prints, but for what its options add."""
    worked = Figures(comparison)
    ours = OURS in comparison.marks
    others = [name for name in comparison.marks if name != OURS] if ours else []
    return {
        "log": log,
        "subjects": len(comparison.truth),
        "votes_available": votes,
        "seeds": comparison.seeds,
        "gold_share": gold_share,
        "gold_votes_per_subject": _ratio(comparison.gold_votes, comparison.live.sum()),
        "majority_all": {"error": _finite(worked.majority[0])},
        "dawid_skene_all": {"error": _finite(worked.dawid_skene[0])},
        "policies": {name: worked.policy(name) for name in comparison.marks},
        "ratios": {name: _ratios(worked, name) for name in others if name != UNAIDED},
        "calibration": worked.calibration(),
        "sybil": _sybil(comparison.attacks),
    }


def interval(samples: Reals) -> list[float | None] | None:
    """Return the ends between which 95 % of the samples lie, the first of which is the value itself; `None`: no end."""
    if not np.isfinite(samples[0]):
        return None
    ends = np.quantile(samples[1:], (0.025, 0.975), method="inverted_cdf")
    return [_finite(end) for end in ends.tolist()]


def _ratios(worked: Figures, name: str) -> Tree:
    tree: Tree = {}
    for key, near in (("at_majority_error", False), ("at_dawid_skene_error_plus_1pp", True)):
        samples = worked.ratio(name, near)
        tree[key] = {"ratio": _finite(samples[0]), "interval": interval(samples)}
    return tree


def _sybil(attacks: Mapping[str, Attack]) -> Tree | None:
    if not attacks:
        return None
    each = {
        name: {
            "flipped_share": _ratio(attack.flipped, attack.targets),
            "votes_ratio": _ratio(attack.votes, attack.votes_without),
            "votes_ratio_of_others": _ratio(attack.votes_of_others, attack.votes_without),
        }
        for name, attack in attacks.items()
    }
    ours: Tree = each.get(OURS) or next(iter(each.values()))
    return {**ours, "policies": each}


def _reached(votes: Reals, errors: Reals, target: float) -> float:
    """Return the votes at which the error comes down to a target, between the settings of a sweep; infinite if never.

    A setting that takes more votes for more errors than another counts for nothing.
    """
    order = np.argsort(votes, kind="stable")
    votes, errors = votes[order], np.minimum.accumulate(errors[order])
    if not len(errors) or not errors[-1] <= target:
        return float("inf")
    place = int(np.argmax(errors <= target))
    if place == 0:
        return float(votes[0])
    part = (errors[place - 1] - target) / (errors[place - 1] - errors[place])
    return float(votes[place - 1] + part * (votes[place] - votes[place - 1]))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
