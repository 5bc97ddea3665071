"""One declared workflow: what each key may hold, and what must agree between them."""

from typing import Any

import pytest

from cascade.declared_workflow import read_workflow
from cascade.fields import Report, nowhere


def wrong(**keys: Any) -> list[tuple[str, str, str]]:
    """Return where, what and the remedy of everything that is wrong with a workflow of these keys."""
    report = Report(nowhere)
    read_workflow(report, (), {"name": "bird", "question": "Is it a bird?", **keys})
    return [(error.where, error.problem, error.remedy) for error in report.errors]


NAME = "write 1 to 60 lower-case letters, digits and hyphens that begin with a letter"
SHARE = "write a number from 0.000001 to 0.499999"
ONLY_SEQUENTIAL = ("means something to a sequential policy only", "remove it, or write policy: sequential")
POLICY = "write sequential, {count: 15} or {lead: 3}"
NOT_FOR_LEAD = ("means nothing to a lead policy", "remove it; max is the only limit of a lead")
ONE_LINE = "write it on one line, without control characters"
CALIBRATE = "write calibrate: false, or leave it out"


@pytest.mark.parametrize(
    ("keys", "errors"),
    [
        ({"nmae": "x"}, [("nmae", "is not a key that is known here", "did you mean name?")]),
        ({"name": "Bird"}, [("name", "is 'Bird'", NAME)]),
        ({"name": "2nd"}, [("name", "is '2nd'", NAME)]),
        (
            {"name": "retire"},
            [("name", "is 'retire', the word for leaving the cascade", "call the workflow something else")],
        ),
        ({"name": None}, [("name", "is empty", "write a text")]),
        ({"question": " "}, [("question", "is empty", "write 1 to 300 characters")]),
        ({"question": "?" * 301}, [("question", "has 301 characters", "write at most 300")]),
        ({"question": "Is\nit?"}, [("question", "contains a line break", ONE_LINE)]),
        ({"question": "\x00?"}, [("question", "contains the control character U+0000", ONE_LINE)]),
        ({"question": "Is\u2028it"}, [("question", "contains the control character U+2028", ONE_LINE)]),
        ({"question": "\ud800?"}, [("question", "contains the control character U+D800", ONE_LINE)]),
        ({"question": ["Is it?"]}, [("question", "is a list", "write a text")]),
        ({"guide": "g" * 2001}, [("guide", "has 2001 characters", "write at most 2000")]),
        ({"level": 0}, [("level", "is 0", "write a whole number from 1 to 9")]),
        ({"level": 10}, [("level", "is 10", "write a whole number from 1 to 9")]),
        ({"level": True}, [("level", "is true", "write a whole number from 1 to 9")]),
        ({"level": "master"}, [("level", "is 'master'", "write a number from 1 to 9, or expert")]),
        ({"miss": 0}, [("miss", "is 0", SHARE)]),
        ({"miss": 0.5}, [("miss", "is 0.5", SHARE)]),
        ({"miss": float("nan")}, [("miss", "is nan", SHARE)]),
        ({"miss": "5%"}, [("miss", "is '5%'", SHARE)]),
        ({"false_alarm": -0.1}, [("false_alarm", "is -0.1", SHARE)]),
        ({"false_alarm": True}, [("false_alarm", "is true", SHARE)]),
        ({"audit": 1.1}, [("audit", "is 1.1", "write a number from 0 to 1")]),
        ({"fastest_ms": -1}, [("fastest_ms", "is -1", "write a whole number from 0 to 60000")]),
        ({"policy": "count"}, [("policy", "is 'count'", POLICY)]),
        ({"policy": None}, [("policy", "is empty", POLICY)]),
        ({"policy": {}}, [("policy", "names no rule", POLICY)]),
        ({"policy": {"count": 3, "lead": 2}}, [("policy", "names two rules", POLICY)]),
        ({"policy": {"count": 0}}, [("policy.count", "is 0", "write a whole number from 1 to 1000")]),
        ({"policy": {"count": 10**6}}, [("policy.count", "is 1000000", "write a whole number from 1 to 1000")]),
        ({"policy": {"lead": 2.0}}, [("policy.lead", "is 2.0", "write a whole number from 1 to 1000")]),
        ({"policy": {"laed": 2}}, [("policy.laed", "is not a key that is known here", "did you mean lead?")]),
        ({"prior": 0}, [("prior", "is 0", "write a number from 0.000001 to 0.999999")]),
        ({"prior": 1.0}, [("prior", "is 1.0", "write a number from 0.000001 to 0.999999")]),
        ({"prior": "cnn"}, [("prior", "is 'cnn'", "write a number from 0.000001 to 0.999999, or {score: NAME}")]),
        ({"prior": {}}, [("prior.score", "is missing", "write the name of a machine score")]),
        ({"prior": {"score": "cnn", "calibrate": "no"}}, [("prior.calibrate", "is 'no'", CALIBRATE)]),
        ({"prior": {"score": "cnn", "people": 2}}, [("prior.people", "is 2", "write a number from 0 to 1")]),
    ],
)
def test_each_value_is_checked(keys: dict[str, Any], errors: list[tuple[str, str, str]]) -> None:
    assert wrong(**keys) == errors


@pytest.mark.parametrize(
    ("keys", "errors"),
    [
        ({"policy": {"count": 5}, "miss": 0.1}, [("miss", *ONLY_SEQUENTIAL)]),
        (
            {"policy": {"lead": 5}, "miss": 0.1, "false_alarm": 9, "prior": 0.3},
            [("miss", *ONLY_SEQUENTIAL), ("false_alarm", *ONLY_SEQUENTIAL), ("prior", *ONLY_SEQUENTIAL)],
        ),
        (
            {"policy": {"count": 5}, "votes": {"max": 9}},
            [
                (
                    "votes",
                    "means nothing to a count policy, which takes 5 votes, no fewer and no more",
                    "remove it, and write the number of votes as the count",
                )
            ],
        ),
        (
            {"policy": {"lead": 3}, "votes": {"min": 2, "contested": 3}},
            [("votes.min", *NOT_FOR_LEAD), ("votes.contested", *NOT_FOR_LEAD)],
        ),
        (
            {"policy": {"lead": 25}},
            [("votes.max", "is 20 when it is not written, so a lead of 25 is never reached", "write at least 25")],
        ),
        (
            {"policy": {"lead": 5}, "votes": {"max": 4}},
            [("votes.max", "is 4, so a lead of 5 is never reached", "write at least 5")],
        ),
        ({"votes": {"min": 5, "max": 4}}, [("votes.max", "is 4, below min, 5", "let min be at most max")]),
        (
            {"votes": {"max": 1}},
            [("votes.max", "is 1, below min, 2 (its value when it is not written)", "let min be at most max")],
        ),
        (
            {"votes": {"min": 21}},
            [("votes.max", "is 20 when it is not written, below min, 21", "let min be at most max")],
        ),
        (
            {"votes": {"min": "two", "max": 1, "contested": -1}},
            [
                ("votes.min", "is 'two'", "write a whole number from 1 to 1000"),
                ("votes.contested", "is -1", "write a whole number from 0 to 1000"),
            ],
        ),
        ({"votes": 12}, [("votes", "is 12", "write a mapping with the keys min, max, contested")]),
        ({"blank": 21}, [("blank", "is 21", "write a whole number from 2 to 20")]),
        ({"blank": 1}, [("blank", "is 1", "write a whole number from 2 to 20")]),
        ({"policy": {"count": 4}, "blank": 5}, [("blank", "is 5", "write a whole number from 1 to 4")]),
        ({"policy": {"count": 1}, "blank": 2}, [("blank", "is 2", "only 1 is possible here")]),
        ({"policy": {"lead": 3}, "blank": 4}, [("blank", "is 4", "write a whole number from 1 to 3")]),
        ({"policy": {"lead": 3}, "flag": 21}, [("flag", "is 21", "write a whole number from 1 to 20")]),
        ({"flag": 0}, [("flag", "is 0", "write a whole number from 1 to 20")]),
    ],
)
def test_what_a_policy_ignores_or_cannot_reach_is_refused(
    keys: dict[str, Any], errors: list[tuple[str, str, str]]
) -> None:
    assert wrong(**keys) == errors


@pytest.mark.parametrize(
    ("when", "errors"),
    [
        ({}, [("when", "does not say what is looked at", "write either score: NAME or metadata: KEY")]),
        (
            {"score": "cnn", "metadata": "ra", "at_least": 1},
            [("when", "names a score and a metadata key", "write either score: NAME or metadata: KEY")],
        ),
        (
            {"score": "cnn"},
            [
                (
                    "when",
                    "does not say which values come in",
                    "add at_least:, at_most: or (for metadata) equals:",
                )
            ],
        ),
        (
            {"score": "cnn", "equals": "1"},
            [("when.equals", "compares a score with a text", "write at_least: or at_most: with a number")],
        ),
        (
            {"metadata": "ra", "equals": "1", "at_most": 1},
            [("when.equals", "stands beside at_least or at_most", "keep either the text or the bounds")],
        ),
        ({"metadata": "ra", "equals": 3.1}, [("when.equals", "is 3.1", "put it in quotes to make it text")]),
        (
            {"metadata": "ra", "at_least": 2, "at_most": 1},
            [("when.at_least", "is 2, above at_most", "write a number up to 1")],
        ),
        (
            {"score": "cnn", "at_least": float("inf")},
            [("when.at_least", "is a huge number", "write a number from -1000000000000000 to 1000000000000000")],
        ),
        ("cnn", [("when", "is 'cnn'", "write a mapping with the keys score, metadata, at_least, at_most, equals")]),
    ],
)
def test_a_condition_must_ask_for_something_that_can_be(when: object, errors: list[tuple[str, str, str]]) -> None:
    assert wrong(when=when) == errors


def test_an_else_without_a_when_is_refused() -> None:
    remedy = "add when: to say what comes in, or remove else"

    assert wrong(**{"else": "retire"}) == [("else", "is never followed without a when", remedy)]
