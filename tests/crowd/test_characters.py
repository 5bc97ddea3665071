"""The members of a simulated crowd answer with the two chances that they were drawn with."""

from collections import Counter

import numpy as np

from api.crowd import Character, characters
from cascade.vocabulary import Answer


def said(character: Character, truth: Answer | None, times: int = 4000) -> Counter[Answer]:
    rng = np.random.default_rng(3)
    return Counter(character.answer(truth, rng) for _ in range(times))


def test_a_member_is_right_with_a_chance_of_its_own_for_each_truth() -> None:
    member = Character(right_if_yes=0.9, right_if_no=0.6, unsure=0.1)

    if_yes, if_no = said(member, Answer.YES), said(member, Answer.NO)

    assert abs(if_yes[Answer.YES] / 4000 - 0.9 * 0.9) < 0.03
    assert abs(if_no[Answer.NO] / 4000 - 0.9 * 0.6) < 0.03
    assert abs(if_yes[Answer.UNSURE] / 4000 - 0.1) < 0.02


def test_nobody_knows_what_has_no_known_truth() -> None:
    assert said(Character(1.0, 1.0, 0.0), None) == {Answer.UNSURE: 4000}


def test_a_crowd_has_varied_skill_and_a_few_who_do_not_look() -> None:
    crowd = characters(160, np.random.default_rng(1))
    skills = np.array([member.right_if_yes + member.right_if_no - 1 for member in crowd])

    assert np.sum(skills == 0) == 10
    assert 0.5 < np.median(skills) < 0.75
    assert np.std(skills[skills != 0]) > 0.08


def test_the_seed_decides_who_comes() -> None:
    assert characters(20, np.random.default_rng(4)) == characters(20, np.random.default_rng(4))
