"""Streaks, by playbook: a line is the days up to today, `#` with an answer and `.` without."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.streaks import Streak, streak

TODAY = date(2026, 3, 1)
"""After a month of 28 days, so that streaks go over its end."""


def played(line: str, after: str = "") -> Streak:
    """Return the streak of a line that ends today; `after` are days after it."""
    first = TODAY - timedelta(days=len(line) - 1)
    days = [first + timedelta(days=place) for place, mark in enumerate(line + after) if mark == "#"]
    return streak(days, TODAY)


@pytest.mark.parametrize(
    ("line", "current", "best", "today"),
    [
        ("....", 0, 0, False),
        ("...#", 1, 1, True),
        ("..##", 2, 2, True),
        ("..#.", 1, 1, False),
        ("###.", 3, 3, False),
        ("##..", 0, 2, False),
        ("####..#", 1, 4, True),
        ("##.###", 3, 3, True),
        ("##.##.", 2, 2, False),
        ("#.#.#.#", 1, 1, True),
        ("#" * 40, 40, 40, True),
    ],
)
def test_a_streak_ends_with_today_or_with_yesterday(line: str, current: int, best: int, today: bool) -> None:
    assert played(line) == Streak(current, best, total=line.count("#"), today=today)


def test_a_day_lived_farther_east_breaks_no_streak() -> None:
    assert played("..##", after="#") == Streak(3, 3, 3, today=True)


days = st.lists(st.integers(0, 60).map(lambda back: TODAY - timedelta(days=back)))


@given(days)
def test_neither_order_nor_repetition_of_days_matters(active: list[date]) -> None:
    again = [*reversed(active), *active]

    assert streak(again, TODAY) == streak(active, TODAY)


@given(days)
def test_one_more_day_never_makes_a_streak_shorter(active: list[date]) -> None:
    before, after = streak(active, TODAY), streak([*active, TODAY], TODAY)

    assert after.current == before.current + (not before.today)
    assert after.best >= max(before.best, after.current)
    assert after.total == len({*active, TODAY})
