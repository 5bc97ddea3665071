"""A small run of `python -m benchmarks levels`: who reaches a level, and who loses it."""

from benchmarks.levels import losing, reaching

RUNS = 150


def test_hardly_anybody_of_sixty_percent_is_promoted_and_half_of_ninety_within_120_cards() -> None:
    poor = reaching((0.6, 0.6), RUNS, seed=3)
    good = reaching((0.9, 0.9), RUNS, seed=3)

    assert poor.by_rule <= 0.02
    assert good.median is not None
    assert good.median <= 120
    assert good.by_rule > 0.95


def test_a_raw_ratio_without_a_minimum_promotes_a_third_of_sixty_percent() -> None:
    assert reaching((0.6, 0.6), RUNS, seed=4).by_ratio > 0.3


def test_guessers_lose_a_level_soon_and_the_steady_keep_it() -> None:
    guesser = losing((0.9, 0.9), (0.5, 0.5), RUNS, seed=5)
    inverted = losing((0.9, 0.9), (0.1, 0.1), RUNS, seed=5)
    steady = losing((0.9, 0.9), (0.9, 0.9), RUNS, seed=5)

    assert guesser.median is not None
    assert guesser.median <= 25
    assert inverted.median is not None
    assert inverted.median <= 12
    assert steady.share <= 0.02
