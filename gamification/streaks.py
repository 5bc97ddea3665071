"""Streaks: how many days in a row somebody took part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Streak:
    """How somebody took part, in days of their own calendar.

    Attributes
    ----------
    current
        Days in a row up to now. A day that is not over breaks nothing: without it, they end with yesterday.
    best
        The longest such run so far.
    total
        All days.
    today
        Whether today is in yet.
    """

    current: int
    best: int
    total: int
    today: bool


def streak(days: Iterable[date], today: date) -> Streak:
    """Return the streak of the days on which somebody took part.

    A day after today was lived in a zone farther east, by somebody who has travelled west since: it is their last day,
    and in, so that no journey breaks a streak that was kept.
    """
    active = sorted(set(days))
    runs = list(_runs(active))
    if not runs:
        return Streak(0, 0, 0, today=False)
    _, length = runs[-1]
    last = active[-1]
    return Streak(
        current=length if last >= today - _DAY else 0,
        best=max(length for _, length in runs),
        total=len(active),
        today=last >= today,
    )


def _runs(active: Iterable[date]) -> Iterator[tuple[date, int]]:
    """Yield the last day and the length of each run of days, which are in order."""
    last, length = None, 0
    for day in active:
        if last is not None and day != last + _DAY:
            yield last, length
            length = 0
        last, length = day, length + 1
    if last is not None:
        yield last, length
