"""Whom to ask about what, and what more gold would buy."""

import numpy as np
import pytest

from cascade.asking import gold_advice, most_teaching, needed, promised, shares


def test_the_answer_that_teaches_most_is_of_those_who_vote_much_and_are_little_known() -> None:
    # Worth: subject 0: ln(11)/1 = 2.40; 1: 2 ln(11)/10 = 0.48; 2: ln(2) + ln(2) = 1.39.
    subject, known, dealt = np.array([0, 1, 1, 2, 2]), np.array([0, 9, 9, 0, 0]), np.array([10, 10, 10, 1, 1])

    chosen = most_teaching(subject, known, dealt, np.array([5, 5, 5]), (0, 0), 3)

    assert chosen.tolist() == [0, 2, 1]


def test_the_answers_of_which_there_is_less_gold_come_first() -> None:
    lean = np.array([-1, -1, -1, -1, 1, 1])
    subject, one = np.arange(6), np.ones(6, dtype=np.int64)

    balanced = most_teaching(subject, one, one, lean, (0, 0), 4)
    catching_up = most_teaching(subject, one, one, lean, (2, 0), 4)

    assert (lean[balanced] > 0).tolist() == [True, False, True, False]
    assert (lean[catching_up] > 0).tolist() == [True, True, False, False]


def test_with_nothing_to_ask_nothing_is_asked() -> None:
    none = np.zeros(0, dtype=np.int64)

    assert most_teaching(none, none, none, none, (0, 0), 5).tolist() == []


@pytest.mark.parametrize(
    ("disputed", "teaching", "expected"),
    [(50, 50, (10, 10)), (3, 50, (3, 17)), (50, 3, (17, 3)), (0, 0, (0, 0)), (5, 5, (5, 5))],
)
def test_half_of_the_questions_settle_and_half_teach(disputed: int, teaching: int, expected: tuple[int, int]) -> None:
    assert shares(20, disputed, teaching) == expected


def test_what_gold_without_an_error_promises_is_clopper_and_pearsons_bound() -> None:
    # 1 - .05^(1/n): the rule of three, exactly.
    assert promised(12) == pytest.approx(0.2209, abs=1e-4)
    assert promised(59) < 0.05 < promised(58)
    assert (needed(0.05), needed(0.01), needed(0.005)) == (59, 299, 598)


def test_the_advice_names_what_is_promised_and_what_is_missing() -> None:
    advice = gold_advice(100, 12, miss=0.05, false_alarm=0.05)

    assert advice == [
        "With 12 gold subjects of answer yes the engine can at best promise a miss rate below 22 % (with 95 %"
        " confidence); 47 more would let it promise the 5 % asked for.",
        "From 19 gold subjects of answer yes on it can learn from gold where to stop for no; until then it waits for"
        " more votes than it may have to.",
        "100 gold subjects of answer no suffice to promise the false-alarm rate of 5 % asked for, if hardly any of them"
        " is decided wrongly.",
    ]


def test_a_cold_start_is_told_what_agreement_cannot_promise() -> None:
    advice = gold_advice(0, 0, miss=0.05, false_alarm=0.1, cold=True)

    assert advice[0].startswith("There is gold for 0 yes and 0 no.")
    assert "nothing bounds it" in advice[1]
    assert "29 more would let it promise the 10 % asked for" in advice[4]
    assert not any("agreement" in line for line in gold_advice(3, 3, miss=0.05, false_alarm=0.1, cold=True))
