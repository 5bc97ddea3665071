import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cascade.dealing import Plan, arrange, gold_share, plan
from cascade.vocabulary import Tier

Counts = NDArray[np.int64]

MUCH = (1000, 1000)


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gold(no: int = 0, yes: int = 0) -> Counts:
    """Gold answered, all of it right."""
    return np.array([[no, 0, 0], [0, yes, 0]], dtype=np.int64)


def a_plan(**fields: int) -> Plan:
    numbers = {"gold_no": 0, "gold_yes": 0, "contested": 0, "audit": 0, "likely": 0, "ordinary": 0} | fields
    return Plan(**numbers, fallback=(Tier.ORDINARY, Tier.LIKELY, Tier.CONTESTED, Tier.AUDIT))


def total(made: Plan) -> int:
    return made.gold_no + made.gold_yes + sum(made.tiers.values())


@pytest.mark.parametrize(
    ("seen", "share"), [(0, 0.7), (9, 0.7), (10, 0.3), (19, 0.3), (20, 0.2), (39, 0.2), (40, 0.1), (10_000, 0.1)]
)
def test_gold_thins_out_as_a_volunteer_sees_more(seen: int, share: float) -> None:
    assert gold_share(seen) == share


def test_a_deck_across_a_border_has_the_share_of_each_place() -> None:
    made = [plan(10, 15, gold(), MUCH, False, dice(seed)) for seed in range(2000)]

    numbers = [p.gold_no + p.gold_yes for p in made]
    assert set(numbers) == {2, 3}
    assert np.mean(numbers) == pytest.approx(5 * 0.3 + 5 * 0.2, abs=0.05)


def test_one_card_is_gold_as_often_as_the_share_says() -> None:
    made = [plan(1, 100, gold(), MUCH, False, dice(seed)) for seed in range(2000)]

    assert np.mean([p.gold_no + p.gold_yes for p in made]) == pytest.approx(0.1, abs=0.02)


def test_the_less_certain_truth_comes_first_and_then_they_alternate() -> None:
    catching_up = plan(20, 0, gold(no=4, yes=3), MUCH, False, dice())
    even = plan(20, 0, gold(no=4, yes=4), MUCH, False, dice())

    # Variances m (1 - m) / (strength + 1) are .1518 / (13 + k) and .1622 / (12 + k): yes yes no yes no yes yes no, and
    # then no yes.
    assert (catching_up.gold_no, catching_up.gold_yes) == (4, 6)
    assert (even.gold_no, even.gold_yes) == (5, 5)


def test_whoever_errs_on_yes_gets_more_of_it_than_equal_numbers_would_give() -> None:
    wavering = np.array([[10, 0, 0], [5, 5, 0]], dtype=np.int64)

    made = plan(20, 0, wavering, MUCH, False, dice())

    assert made.gold_yes > made.gold_no


def test_the_first_gold_card_is_of_either_truth() -> None:
    first = [plan(1, 0, gold(), MUCH, False, dice(seed)) for seed in range(200)]

    assert {(p.gold_no, p.gold_yes) for p in first} == {(0, 0), (1, 0), (0, 1)}


@pytest.mark.parametrize(
    ("left", "expected"), [((0, 100), (0, 10)), ((3, 100), (3, 7)), ((2, 1), (2, 1)), ((0, 0), (0, 0))]
)
def test_gold_that_is_used_up_is_replaced_by_the_other_truth_or_by_ordinary_cards(
    left: tuple[int, int], expected: tuple[int, int]
) -> None:
    made = plan(20, 0, gold(), left, False, dice())

    assert (made.gold_no, made.gold_yes) == expected
    assert total(made) == 20


def test_the_rest_is_half_contested_a_tenth_audit_and_the_remainder_half_likely() -> None:
    assert plan(50, 100, gold(9, 9), (0, 0), True, dice()) == a_plan(contested=25, audit=5, likely=10, ordinary=10)


def test_contested_cards_are_for_those_who_may_have_them() -> None:
    made = plan(50, 100, gold(9, 9), (0, 0), False, dice(1))

    assert made.contested == 0
    assert Tier.CONTESTED not in made.fallback


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 50),
    st.integers(0, 100),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.booleans(),
    st.integers(0, 1000),
)
def test_every_plan_has_as_many_cards_as_were_asked_for(
    size: int, seen: int, left: tuple[int, int], contested: bool, seed: int
) -> None:
    made = plan(size, seen, gold(3, 1), left, contested, dice(seed))

    assert total(made) == size
    assert min(made.tiers.values()) >= 0
    assert (0, 0) <= (made.gold_no, made.gold_yes) <= left
    assert made.gold_yes <= left[1]


def test_ordinary_cards_stand_in_before_all_others() -> None:
    assert plan(10, 100, gold(), MUCH, True, dice()).fallback == (
        Tier.ORDINARY, Tier.LIKELY, Tier.CONTESTED, Tier.AUDIT,
    )  # fmt: skip


def test_contested_cards_may_stand_in_where_none_are_planned() -> None:
    made = plan(10, 100, gold(), MUCH, False, dice(), contested_last=True)

    assert (made.contested, Tier.CONTESTED in made.fallback) == (0, True)


def test_gold_is_found_at_every_place_equally_often() -> None:
    rng = dice()
    places = [arrange([["gold"], ["card"] * 4], rng).index("gold") for _ in range(5000)]

    assert np.bincount(places) / 5000 == pytest.approx(0.2, abs=0.02)


def test_arranging_keeps_every_card_once() -> None:
    assert sorted(arrange([[1, 2], [], [3, 4, 5]], dice())) == [1, 2, 3, 4, 5]
