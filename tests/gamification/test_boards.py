"""Weekly boards: a week is told as a line for each person, and read as places."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.boards import BOARDS, By, Effort, board, own_place, week_of

WEEK = (
    Effort(1, "Caroline", votes=300, days=2),
    Effort(2, "William", votes=120, days=7),
    Effort(3, None, votes=900, days=7),
    Effort(4, "Shy", votes=800, days=6, willing=False),
    Effort(5, "annie", votes=120, days=2),
    Effort(6, "Henrietta", votes=40, days=5),
    Effort(7, "Gone", votes=0, days=0),
)


def told(by: By, places: int = 10) -> list[str]:
    return [f"{place.rank} {place.effort.name}" for place in board(WEEK, by, places)]


def test_the_most_answers_stand_first_and_equal_ones_share_a_rank() -> None:
    assert told("votes") == ["1 Caroline", "2 annie", "2 William", "4 Henrietta"]


def test_days_are_a_board_of_their_own() -> None:
    assert told("days") == ["1 William", "2 Henrietta", "3 annie", "3 Caroline"]


def test_a_board_has_as_many_places_as_are_asked_for() -> None:
    assert told("votes", 2) == ["1 Caroline", "2 annie"]
    assert told("votes", 0) == []


@pytest.mark.parametrize(
    ("person", "votes", "days"), [(1, 1, 3), (2, 2, 1), (3, 1, 1), (4, 1, 2), (5, 2, 3), (6, 4, 2), (7, None, None)]
)
def test_everybody_is_told_the_place_that_they_have_or_would_have(
    person: int, votes: int | None, days: int | None
) -> None:
    mine = next(each for each in WEEK if each.person == person)

    places = [own_place(WEEK, mine, by) for by in BOARDS]

    assert [place and place.rank for place in places] == [votes, days]


@pytest.mark.parametrize(
    ("day", "first", "last", "name"),
    [
        (date(2026, 11, 30), date(2026, 11, 30), date(2026, 12, 6), "2026-W49"),
        (date(2026, 11, 29), date(2026, 11, 23), date(2026, 11, 29), "2026-W48"),
        (date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 3), "2026-W53"),
        (date(2024, 12, 31), date(2024, 12, 30), date(2025, 1, 5), "2025-W01"),
    ],
)
def test_a_week_is_from_monday_to_sunday(day: date, first: date, last: date, name: str) -> None:
    week = week_of(day)

    assert (week.first, week.last, str(week)) == (first, last, name)


efforts = st.lists(
    st.builds(
        Effort,
        st.integers(1, 10**6),
        st.sampled_from([None, "Ada", "Bea", "Cyd"]),
        st.integers(0, 5),
        st.integers(0, 3),
        st.booleans(),
    ),
    unique_by=lambda each: each.person,
    max_size=12,
)


@given(efforts, st.sampled_from(BOARDS))
def test_who_is_not_shown_changes_no_rank_of_others(week: list[Effort], by: By) -> None:
    shown = [each for each in week if each.shown]

    assert board(week, by, 100) == board(shown, by, 100)
    assert {place.effort for place in board(week, by, 100)} == set(shown)


@given(efforts, st.sampled_from(BOARDS))
def test_the_place_on_the_board_is_the_one_that_somebody_is_told(week: list[Effort], by: By) -> None:
    for place in board(week, by, 100):
        assert own_place(week, place.effort, by) == place
