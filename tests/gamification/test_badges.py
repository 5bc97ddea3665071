"""Badges, by playbook: totals grow (`>>`), and badges are earned (`<<`)."""

import dataclasses
from typing import Self, get_args

from hypothesis import given
from hypothesis import strategies as st

from gamification.badges import BADGES, Kind, Totals, earned, next_of


class Story:
    """Somebody whose totals grow; each look (`<<`) names the badges earned since the last one."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.known: set[str] = set()
        self.wrong: list[tuple[str, str]] = []

    def __rshift__(self, grown: dict[str, int]) -> Self:
        self.totals = dataclasses.replace(self.totals, **grown)
        return self

    def __lshift__(self, expected: str) -> Self:
        new = [badge.id for badge in earned(self.totals) if badge.id not in self.known]
        self.known |= set(new)
        if " ".join(new) != expected:
            self.wrong.append((expected, " ".join(new)))
        return self

    def __bool__(self) -> bool:
        return not self.wrong

    def __repr__(self) -> str:
        return f"a story that does not go as told: {self.wrong}"


def test_badges_are_earned_at_their_numbers_and_once() -> None:
    assert (
        Story() << ""
        >> {"votes": 1, "days": 1, "streak": 1, "projects": 1} << "first-vote"
        >> {"votes": 99} << ""
        >> {"votes": 100, "training": 20} << "votes-100 training-20"
        >> {"days": 3, "streak": 2} << "days-3"
        >> {"days": 4, "streak": 3, "votes": 1000} << "votes-1000 streak-3"
        >> {"projects": 2, "favourites": 1} << "projects-2 favourites-1"
    )  # fmt: skip


def test_the_next_badge_of_each_kind_comes_with_the_nearest_first() -> None:
    totals = Totals(votes=90, days=9, streak=3, projects=1, training=5)

    assert [badge.id for badge in next_of(totals)] == [
        "votes-100", "days-10", "projects-2", "streak-7", "training-20", "favourites-1",
    ]  # fmt: skip


def test_whoever_has_earned_all_has_none_ahead() -> None:
    most = Totals(*[10**6] * 6)

    assert (earned(most), next_of(most)) == (BADGES, ())


def test_ids_are_unique_and_each_kind_grows() -> None:
    assert len({badge.id for badge in BADGES}) == len(BADGES)
    for kind in get_args(Kind):
        needs = [badge.need for badge in BADGES if badge.kind == kind]
        assert needs == sorted(set(needs))
        assert needs


def test_no_total_tells_of_agreement_or_speed() -> None:
    assert {field.name for field in dataclasses.fields(Totals)} == set(get_args(Kind))
    assert set(get_args(Kind)) == {"votes", "days", "streak", "projects", "training", "favourites"}


some = st.builds(Totals, *[st.integers(0, 20_000)] * 6)


@given(some, some)
def test_whoever_does_more_keeps_what_they_have_earned(one: Totals, more: Totals) -> None:
    summed = Totals(*[a + b for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(more), strict=True)])

    assert set(earned(one)) <= set(earned(summed))
    assert set(earned(one)).isdisjoint(next_of(one))
