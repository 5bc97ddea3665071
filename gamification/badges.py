"""Badges: what somebody has done, in steps that a person can be glad about.

A badge is a predicate over totals: one of them has come to a number. All are declared in `BADGES`. None is for agreeing
with others, for being right or for being fast: the totals know nothing of it, so no badge can. Totals only grow, so
what was earned stays.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["votes", "days", "streak", "projects", "training", "favourites"]


@dataclass(frozen=True, slots=True)
class Totals:
    """What somebody has done in all projects.

    `votes` are answers that stand, `days` those with one, `streak` the longest run of such days, `training` the
    training answers, right or wrong, and `favourites` the subjects marked so.
    """

    votes: int = 0
    days: int = 0
    streak: int = 0
    projects: int = 0
    training: int = 0
    favourites: int = 0

    def of(self, kind: Kind) -> int:
        """Return one of the totals."""
        total: int = getattr(self, kind)
        return total


@dataclass(frozen=True, slots=True)
class Badge:
    """Earned when the total of its kind has come to `need`."""

    id: str
    kind: Kind
    need: int

    def earned(self, totals: Totals) -> bool:
        """Say whether it is earned."""
        return totals.of(self.kind) >= self.need


BADGES: Final = (
    Badge("first-vote", "votes", 1),
    Badge("votes-100", "votes", 100),
    Badge("votes-1000", "votes", 1000),
    Badge("votes-10000", "votes", 10_000),
    Badge("days-3", "days", 3),
    Badge("days-10", "days", 10),
    Badge("days-50", "days", 50),
    Badge("days-200", "days", 200),
    Badge("streak-3", "streak", 3),
    Badge("streak-7", "streak", 7),
    Badge("streak-30", "streak", 30),
    Badge("projects-2", "projects", 2),
    Badge("projects-5", "projects", 5),
    Badge("training-20", "training", 20),
    Badge("training-100", "training", 100),
    Badge("training-500", "training", 500),
    Badge("favourites-1", "favourites", 1),
    Badge("favourites-20", "favourites", 20),
)
"""All badges, of each kind the smallest first. An id is kept for ever: phones have a picture and words for it."""


def earned(totals: Totals) -> tuple[Badge, ...]:
    """Return the badges that are earned, in the order of the table."""
    return tuple(badge for badge in BADGES if badge.earned(totals))


def next_of(totals: Totals) -> tuple[Badge, ...]:
    """Return the next badge of each kind, the one that is nearest to be earned first."""
    ahead: dict[Kind, Badge] = {}
    for badge in BADGES:
        if not badge.earned(totals):
            ahead.setdefault(badge.kind, badge)
    return tuple(sorted(ahead.values(), key=lambda badge: -totals.of(badge.kind) / badge.need))
