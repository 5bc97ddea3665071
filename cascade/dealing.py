"""What a deck is made of: how many gold cards, of which truth, and from which piles the others come.

Counts only: which subjects these are is the store's affair. Every choice that could betray a gold card by number, truth
or place is made with the generator given.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from cascade.skill import rightness
from cascade.vocabulary import Tier

Card = TypeVar("Card")

GOLD_SHARES: Final = (0.7, 0.3, 0.2, 0.2, 0.1)
"""The share of gold among a volunteer's first cards in a workflow, the second ones and so on, and all later ones.

A little more gold in the first 20 cards than .4 of each would be, and less after; but earlier, so that votes are worth
something from the start: on five vote logs 11 % fewer votes reach the error of a majority.
"""

CARDS_PER_SHARE: Final = 10
"""How many cards each share but the last is for."""

CANDIDATE_SHARE: Final = 0.3
"""The least share of gold for a candidate: somebody of whom more gold soon tells whether a level is theirs."""

CONTESTED_SHARE: Final = 0.5
"""The share of contested cards among those that are not gold, for a volunteer who may have them."""

AUDIT_SHARE: Final = 0.1
"""The share of retired subjects to check, among the cards that are not gold."""

LIKELY_SHARE: Final = 0.5
"""The share of cards that a machine score holds for a yes, among all the others."""

FALLBACK: Final = (Tier.ORDINARY, Tier.LIKELY, Tier.CONTESTED, Tier.AUDIT)
"""The tiers that stand in, in this order, for one that has too few cards."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many cards of each kind a deck should have, and which tiers may stand in for one that has too few."""

    gold_no: int
    gold_yes: int
    contested: int
    audit: int
    likely: int
    ordinary: int
    fallback: tuple[Tier, ...]

    @property
    def tiers(self) -> dict[Tier, int]:
        """The cards that are not gold, by tier."""
        return {
            Tier.ORDINARY: self.ordinary,
            Tier.LIKELY: self.likely,
            Tier.CONTESTED: self.contested,
            Tier.AUDIT: self.audit,
        }


def gold_share(seen: int, *, candidate: bool = False) -> float:
    """Return the share of gold for a volunteer who has seen so many cards of the workflow."""
    share = GOLD_SHARES[min(seen // CARDS_PER_SHARE, len(GOLD_SHARES) - 1)]
    return max(share, CANDIDATE_SHARE) if candidate else share


def plan(
    size: int,
    seen: int,
    counts: NDArray[np.int64],
    gold_left: tuple[int, int],
    contested_allowed: bool,
    rng: np.random.Generator,
    *,
    contested_last: bool = False,
    candidate: bool = False,
) -> Plan:
    """Return the make-up of a deck of `size` cards for a volunteer who has seen `seen` cards of the workflow.

    `counts` is the volunteer's gold, of shape (2, 3); `gold_left` is how much unseen gold there is of each truth (no,
    yes). With `contested_last` contested cards stand in for others though none are planned. Each card has the gold
    share of its own place, a candidate's at least `CANDIDATE_SHARE`. Fractions are rounded up or down at random, so
    that they hold on average.
    """
    gold = _rounded(sum(gold_share(place, candidate=candidate) for place in range(seen, seen + size)), rng)
    gold_no, gold_yes = _truths(gold, counts, gold_left, rng)
    rest = size - gold_no - gold_yes
    contested = _rounded(CONTESTED_SHARE * rest, rng) if contested_allowed else 0
    audit = min(_rounded(AUDIT_SHARE * rest, rng), rest - contested)
    likely = _rounded(LIKELY_SHARE * (rest - contested - audit), rng)
    stands_in = contested_allowed or contested_last
    fallback = tuple(tier for tier in FALLBACK if stands_in or tier != Tier.CONTESTED)
    return Plan(gold_no, gold_yes, contested, audit, likely, rest - contested - audit - likely, fallback)


def arrange(piles: Iterable[Sequence[Card]], rng: np.random.Generator) -> list[Card]:
    """Return the cards of all piles in an order in which every permutation is equally likely."""
    cards = [card for pile in piles for card in pile]
    return [cards[place] for place in rng.permutation(len(cards))]


def _rounded(number: float, rng: np.random.Generator) -> int:
    """Round up as often as the fraction says, else down."""
    return math.floor(number + rng.random())


def _truths(
    gold: int, counts: NDArray[np.int64], gold_left: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Return how many gold cards should be a no and how many a yes.

    Each card goes to the truth on which the volunteer's skill is less certain, given the cards planned before it; to
    one of the two at random if both are equally so; and to the other if there is no more of it.
    """
    means, strengths = (posterior[0].tolist() for posterior in rightness(counts[np.newaxis]))
    planned = [0, 0]
    for _ in range(min(gold, sum(gold_left))):
        no, yes = (
            mean * (1 - mean) / (strength + count + 1) if count < left else -1.0
            for mean, strength, count, left in zip(means, strengths, planned, gold_left, strict=True)
        )
        planned[int(rng.integers(2)) if no == yes else int(yes > no)] += 1
    return planned[0], planned[1]
