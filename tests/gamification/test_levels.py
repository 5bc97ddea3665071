"""Levels, told as stories: what somebody shows (`>>`), and where that puts them (`<<`)."""

from typing import Self

import pytest

from gamification.levels import (
    LAST,
    PATIENCE,
    Judgement,
    Missing,
    Record,
    Rule,
    Side,
    Training,
    is_candidate,
    judge,
)
from gamification.progress import Answered

RULE = Rule(level=2, workflows=("arc",))

Event = tuple[Side, int, int] | dict[str, int]


def no(right: int = 0, wrong: int = 0) -> Event:
    """Training answers where the truth is no."""
    return ("no", right, wrong)


def yes(right: int = 0, wrong: int = 0) -> Event:
    """Training answers where the truth is yes."""
    return ("yes", right, wrong)


def counts(**fields: int) -> Event:
    """Counts over the project, as they are now."""
    return fields


class Story:
    """What somebody shows to a rule, in one workflow."""

    def __init__(self, rule: Rule = RULE, *, on_probation: bool = False) -> None:
        self.rule = rule
        self.on_probation = on_probation
        self.last: list[tuple[Side, bool]] = []
        self.counts: dict[str, int] = {}
        self.wrong: list[tuple[str, str, Judgement]] = []

    def __rshift__(self, event: Event) -> Self:
        if isinstance(event, dict):
            self.counts |= event
        else:
            side, right, wrong = event
            self.last += [(side, True)] * right + [(side, False)] * wrong
        return self

    def __lshift__(self, expected: str) -> Self:
        if self.told != expected:
            self.wrong.append((expected, self.told, self.judgement))
        return self

    def __bool__(self) -> bool:
        return not self.wrong

    def __repr__(self) -> str:
        return f"a story that does not go as told: {self.wrong}"

    def answered(self, side: Side) -> Answered:
        right = [fine for truth, fine in self.last if truth == side]
        return Answered(sum(right), len(right) - sum(right))

    @property
    def judgement(self) -> Judgement:
        training = Training(self.answered("no"), self.answered("yes"), self.last)
        return judge(self.rule, Record({"arc": training}, **self.counts), on_probation=self.on_probation)

    @property
    def told(self) -> str:
        judgement = self.judgement
        words = {"reached": judgement.reached, "lost": judgement.lost, "nearly": judgement.nearly}
        return " and ".join(word for word, holds in words.items() if holds) or "on the way"


def test_eight_right_of_each_truth_reach_a_level_and_seven_do_not() -> None:
    assert Story() << "nearly" >> no(8) >> yes(7) << "nearly" >> yes(1) << "reached"


def test_one_side_does_not_make_up_for_the_other() -> None:
    assert Story() >> no(50) >> yes(8, wrong=4) << "nearly"


def test_what_is_missing_is_named_with_its_side() -> None:
    story = Story(Rule(2, ("arc",), votes=100, days=3, talk=1)) >> no(8) >> yes(3) >> counts(votes=40, days=3)

    assert story.judgement.missing == (
        Missing("gold", 3, 8, "arc", "yes"),
        Missing("votes", 40, 100),
        Missing("talk", 0, 1),
    )
    assert not story.judgement.nearly


def test_counts_alone_keep_a_level_away() -> None:
    story = Story(Rule(2, ("arc",), votes=100)) >> no(9) >> yes(9) << "on the way"

    assert story >> counts(votes=100) << "reached"


def test_a_level_just_reached_is_not_lost_by_the_next_answers() -> None:
    assert Story() >> no(8) >> yes(8) << "reached" >> yes(0, wrong=2) << "nearly" >> no(0, wrong=2) << "nearly"


def test_whoever_flips_coins_loses_it_within_the_last_answers() -> None:
    expert = Story() >> no(40) >> yes(40) << "reached"

    assert expert >> no(5, wrong=5) >> yes(5, wrong=5) << "lost and nearly"


def test_whoever_always_says_yes_loses_it() -> None:
    assert Story() >> no(40) >> yes(40) >> yes(6) >> no(0, wrong=8) << "lost and nearly"


def test_whoever_guesses_on_one_side_only_loses_it() -> None:
    assert Story() >> no(40) >> yes(40) >> no(10) >> yes(3, wrong=7) << "lost and nearly"


def test_only_the_last_answers_take_a_level() -> None:
    sloppy_once = Story() >> no(0, wrong=10) >> yes(0, wrong=10) << "lost and nearly"

    assert sloppy_once >> no(LAST // 2) >> yes(LAST // 2) << "nearly"


def test_a_long_good_record_does_not_bring_a_level_back_until_the_last_answers_are_good() -> None:
    fallen = Story() >> no(200) >> yes(200) >> no(4, wrong=6) >> yes(4, wrong=6) << "lost and nearly"

    assert fallen >> yes(6) >> no(6) << "nearly" >> no(6) >> yes(6) << "reached"


def test_on_probation_a_level_is_lost_under_what_it_takes_to_reach_it() -> None:
    shaky = (no(6, wrong=4), yes(6, wrong=4))

    assert Story() >> shaky[0] >> shaky[1] << "nearly"
    assert Story(on_probation=True) >> shaky[0] >> shaky[1] << "lost and nearly"


def test_a_record_without_the_last_answers_loses_nothing() -> None:
    judgement = judge(RULE, Record({"arc": Training(Answered(0, 50), Answered(0, 50))}))

    assert not judgement.lost


def test_every_workflow_of_a_rule_is_asked_for() -> None:
    good = Training(Answered(9), Answered(9))

    judgement = judge(Rule(3, ("arc", "lens")), Record({"arc": good}))

    assert {each.workflow for each in judgement.missing} == {"lens"}
    assert judge(Rule(3, ("arc", "lens")), Record({"arc": good, "lens": good})).reached


@pytest.mark.parametrize(
    ("answered", "candidate"),
    [
        ((Answered(), Answered()), False),
        ((Answered(3), Answered(3)), True),
        ((Answered(6, 1), Answered(5, 1)), True),
        ((Answered(3, 4), Answered(8)), False),
        ((Answered(8), Answered(8)), False),
        ((Answered(40, 10), Answered(38, PATIENCE - 88)), False),
    ],
)
def test_candidates_are_those_of_whom_more_training_soon_tells(
    answered: tuple[Answered, Answered], candidate: bool
) -> None:
    assert is_candidate(RULE, "arc", *answered) == candidate


def test_nobody_is_a_candidate_in_a_workflow_that_the_rule_does_not_look_at() -> None:
    assert not is_candidate(RULE, "lens", Answered(3), Answered(3))
