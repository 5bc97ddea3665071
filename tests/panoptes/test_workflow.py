"""A Panoptes workflow becomes a cascade that can be published, or an error that says all that is in the way."""

import csv
import io
import json
from typing import Any

import pytest

from api.declaration_file import load
from api.panoptes.definitions import Definition, chosen, definitions_of
from api.panoptes.errors import UntranslatableWorkflowError, WrongWorkflowFileError
from api.panoptes.workflow import translate
from cascade.graph import Count, Routes
from cascade.vocabulary import Answer
from tests.panoptes.exports import a_workflow


def defined(*trees: dict[str, Any]) -> Definition:
    return definitions_of(json.dumps({"workflows": list(trees)}).encode())[0]


def a_chain() -> dict[str, Any]:
    """A workflow of three questions: a yes to the first leads on, and then each answer does."""
    tree = a_workflow("Yes", "No", "Not sure")
    tree["tasks"]["T0"]["answers"][0]["next"] = "T1"
    ring = {"type": "single", "question": "A ring?", "next": "T5", "answers": [{"label": "No"}, {"label": "Yes"}]}
    star = {"type": "single", "question": "A star?", "answers": [{"label": "Star"}, {"label": "Galaxy"}]}
    for answer in ring["answers"]:
        answer["next"] = "T5"  # type: ignore[index]  # a JSON tree
    tree["tasks"] |= {"T1": ring, "T5": star}
    return tree


def test_a_question_of_two_answers_becomes_a_workflow_that_counts() -> None:
    translated = translate(defined(a_workflow(count=12)))

    text = translated.declaration("lenses")

    [workflow] = load(text).workflows
    assert (load(text).project, load(text).title, workflow.name) == ("lenses", "Lens or not", "lens-or-not")
    assert workflow.question == "Is this a lens?"
    assert workflow.guide == "Look at the blue arcs.\n\nSee the guide."
    assert (workflow.policy, workflow.audit) == (Count(12), 0)
    assert "# 'Yes' is yes, 'No' is no" in text


@pytest.mark.parametrize(
    ("labels", "yes", "meaning"),
    [
        (("Yes", "No"), None, ("yes", "no")),
        (("No", "Yes!"), None, ("no", "yes")),
        (("![a](https://x/a.png =60x) **Yes**", "No lens"), None, ("yes", "no")),
        (("Nothing here", "Yes, a lens", "I can\u2019t tell"), None, ("no", "yes", "unsure")),
        (("Not sure", "No", "Bat", "Maybe"), None, ("unsure", "no", "yes", "unsure")),
        (("Galaxy", "Star"), None, ("yes", "no")),
        (("Galaxy", "Star"), "star", ("no", "yes")),
    ],
)
def test_the_words_tell_which_answer_is_yes_and_else_the_order(
    labels: tuple[str, ...], yes: str | None, meaning: tuple[str, ...]
) -> None:
    translated = translate(defined(a_workflow(*labels)), yes=yes)

    choice = translated.asked[0].choice

    assert tuple(answer.word for answer in choice.answers) == meaning
    assert ("taken for yes" in translated.declaration()) == (labels[0] == "Galaxy" and yes is None)


def test_questions_that_follow_each_other_become_a_cascade() -> None:
    cascade = load(translate(defined(a_chain())).declaration("lenses"))

    assert [workflow.then for workflow in cascade.workflows] == [
        Routes(yes="lens-or-not-t1"),
        Routes(yes="lens-or-not-t5", no="lens-or-not-t5"),
        Routes(),
    ]


def test_a_page_of_several_questions_is_asked_one_after_another() -> None:
    tree = a_chain()
    del tree["tasks"]["T0"]["answers"][0]["next"]
    tree["steps"] = [
        ["S0", {"stepKey": "S0", "taskKeys": ["T0", "T1"], "next": "S1"}],
        ["S1", {"stepKey": "S1", "taskKeys": ["T5"]}],
    ]

    translated = translate(defined(tree))

    assert [asked.then for asked in translated.asked] == [
        {Answer.YES: "T1", Answer.NO: "T1", Answer.UNSURE: "T1"},
        {Answer.YES: "T5", Answer.NO: "T5"},
        {},
    ]


def test_all_that_cannot_be_asked_is_named_and_can_be_left_out() -> None:
    tree = a_chain()
    tree["tasks"]["T1"]["answers"][0]["next"] = "T6"
    tree["tasks"]["T5"]["answers"] = [{"label": "a"}, {"label": "b"}, {"label": "c"}]
    tree["tasks"]["T6"] = {"type": "drawing", "tools": []}

    with pytest.raises(UntranslatableWorkflowError) as caught:
        translate(defined(tree))
    left = translate(defined(tree), leave_out=["T5", "T6"])

    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["T6", "T5"]
    assert "marks on the picture; leave it out with --leave-out T6" in str(caught.value)
    assert "has 3 answers that mean something other than unsure ('a', 'b', 'c')" in str(caught.value)
    assert [asked.task for asked in left.asked] == ["T0", "T1"]
    assert "# Left out as asked: T5, T6." in left.declaration()


@pytest.mark.parametrize(
    ("retirement", "count", "remark"),
    [
        ({"criteria": "never_retire", "options": {}}, 1000, "'never_retire'"),
        ({}, 15, "Panoptes' own default"),
        ({"criteria": "classification_count", "options": {"count": "5"}}, 5, None),
    ],
)
def test_the_retirement_is_carried_over_or_told(retirement: dict[str, Any], count: int, remark: str | None) -> None:
    translated = translate(defined(a_workflow() | {"retirement": retirement}))

    assert translated.count == count
    assert [remark in each for each in translated.remarks] == [True] if remark else not translated.remarks


def test_of_a_workflow_export_the_newest_version_counts_and_older_labels_are_known() -> None:
    tree = a_workflow(count=3)
    old = {"T0.answers.0.label": "Sure thing", "T0.answers.1.label": "Nope!"}
    rows = [
        ["workflow_id", "display_name", "version", "first_task", "tasks", "retirement", "strings", "minor_version"],
        ["10", "Old", "9", "T0", json.dumps(tree["tasks"]), json.dumps(tree["retirement"]), json.dumps(old), "99"],
        ["10", "New", "10", "", json.dumps(tree["tasks"]), "", json.dumps(tree["strings"]), "1"],
        ["11", "Other", "1", "T0", json.dumps(tree["tasks"]), "", json.dumps(tree["strings"]), "1"],
        ["12", "Empty", "1", "T0", "{}", "", "{}", "1"],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(rows)

    definitions = definitions_of(text.getvalue().encode("utf-8-sig"))

    assert [(each.id, each.title, each.version) for each in definitions] == [
        ("10", "New", (10, 1)),
        ("11", "Other", (1, 1)),
    ]
    [asked] = translate(chosen(definitions, "New", "w.csv")).asked
    assert asked.question == "Is this a lens?"
    assert [asked.choice.of(label) for label in ("Yes", "sure thing", "nope", 1, 2)] == [
        *(Answer.YES, Answer.YES, Answer.NO, Answer.NO, None)
    ]
    with pytest.raises(WrongWorkflowFileError, match="choose one with --workflow: 10 'New'; 11 'Other'"):
        chosen(definitions, None, "w.csv")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"tasks": ', b"\xff", b'a,"b\n', b'{"tasks": {"T0": 5}}'])
def test_what_is_no_workflow_is_refused(content: bytes) -> None:
    with pytest.raises((WrongWorkflowFileError, UntranslatableWorkflowError)):
        translate(definitions_of(content)[0])


def test_odd_words_give_a_declaration_all_the_same() -> None:
    tree = a_workflow("Yes\nplease", "No: never")
    tree["display_name"] = "42: \u00c4pfel\n# project: x \u2028"
    tree["strings"] |= {"T0.question": "x" * 400 + "\x07?", "T0.help": "  - a: b\n\ttab\n# no comment"}

    cascade = load(translate(defined(tree)).declaration())

    assert cascade.project == "w-42-apfel-project-x"
    assert cascade.workflows[0].question == "x" * 297 + "..."
    assert cascade.workflows[0].guide is not None
