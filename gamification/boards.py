"""Boards: who took part most in a week, for those who want to be seen.

A week is one of ISO 8601, from Monday to Sunday. There are two boards: by answers that were looked at, those that were
not given too fast, and by days with one, so that ten minutes a day are worth as much there as ten hours on Sunday.

Whoever does not want to stand on boards, or has no name, is on none, and takes no rank: the ranks of the others tell
nothing of them. Everybody is told their own place all the same; whoever is not shown, the one that they would have.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import nlargest
from typing import Final, Literal

By = Literal["votes", "days"]
BOARDS: Final[tuple[By, By]] = ("votes", "days")


@dataclass(frozen=True, slots=True)
class Week:
    """A week of ISO 8601, by its first and its last day."""

    first: date
    last: date

    def __str__(self) -> str:
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02d}"


@dataclass(frozen=True, slots=True)
class Effort:
    """What a person did in a week; without a name, or unless they are `willing`, they are not shown."""

    person: int
    name: str | None
    votes: int
    days: int
    willing: bool = True

    @property
    def shown(self) -> bool:
        """Whether the person may stand on a board."""
        return self.willing and self.name is not None and self.votes > 0


@dataclass(frozen=True, slots=True)
class Place:
    """A rank on a board; those who did as much share one, and the next is as far down as if they did not."""

    rank: int
    effort: Effort


def week_of(day: date) -> Week:
    """Return the week that a day is in."""
    first = day - timedelta(days=day.weekday())
    return Week(first, first + timedelta(days=6))


def board(efforts: Iterable[Effort], by: By, places: int) -> list[Place]:
    """Return the first so many places; those who share a rank stand by their names."""
    shown = [each for each in efforts if each.shown]
    least = min(nlargest(places, (_score(each, by) for each in shown)), default=0)
    first = [each for each in shown if _score(each, by) >= least]  # few of many, so that not all need be put in order
    first.sort(key=lambda each: (-_score(each, by), _order(each)))
    ranked: list[Place] = []
    for number, effort in enumerate(first[:places], 1):
        tied = bool(ranked) and _score(ranked[-1].effort, by) == _score(effort, by)
        ranked.append(Place(ranked[-1].rank if tied else number, effort))
    return ranked


def own_place(efforts: Iterable[Effort], mine: Effort, by: By) -> Place | None:
    """Return the rank that somebody has, or would have if they were shown; `None` for whoever did nothing."""
    if not mine.votes:
        return None
    ahead = (each for each in efforts if each.shown and each.person != mine.person)
    return Place(1 + sum(_score(each, by) > _score(mine, by) for each in ahead), mine)


def _score(effort: Effort, by: By) -> int:
    return effort.votes if by == "votes" else effort.days


def _order(effort: Effort) -> tuple[str, int]:
    return (effort.name or "").casefold(), effort.person
