"""Answers of an export find the workflows that they belong to, or it is said why they do not."""

from pathlib import Path

import pytest

from api.declaration_file import load
from api.panoptes.classifications import read_classifications
from api.panoptes.errors import UnmatchedError
from api.panoptes.matching import Hints, match
from api.panoptes.survey import Survey, survey
from cascade.graph import Cascade
from cascade.vocabulary import Answer
from tests.panoptes.exports import Row, a_classification, write_csv

ASKED = """
project: lenses
workflows:
  - {name: arc, question: "Is there an arc?", policy: {count: 2}, then: {yes: ring}}
  - {name: ring, question: "is THIS a lens? ", policy: {count: 2}}
"""


def a_cascade(*names: str) -> Cascade:
    edges = [f", then: {{yes: {after}}}" for after in names[1:]] + [""]
    workflows = [
        f'  - {{name: {name}, question: "Is it one? {n}", policy: {{count: 2}}{edge}}}'
        for n, (name, edge) in enumerate(zip(names, edges, strict=True))
    ]
    return load("project: lenses\nworkflows:\n" + "\n".join(workflows))


@pytest.fixture
def found(tmp_path: Path) -> Survey:
    return surveyed(
        tmp_path, a_classification(1, "a", "Yes"), a_classification(2, "b", "No", more=[("T1", [{"x": 1}])])
    )


def surveyed(folder: Path, *rows: Row) -> Survey:
    return survey(read_classifications(write_csv(folder / "c.csv", rows)))


def test_one_question_belongs_to_the_one_workflow(found: Survey) -> None:
    matching = match(found, a_cascade("arc"), Hints())

    [(key, home)] = matching.matches.items()
    assert (key, home.workflow) == (("10", "T0"), "arc")
    assert [home.choice.of(said) for said in ("yes", " No. ", "Maybe", 0)] == [Answer.YES, Answer.NO, None, None]
    assert [line.partition(",")[0] for line in matching.behind] == ["T1 of 'Lens or not'"]


def test_names_questions_and_hints_tell_where_answers_belong(found: Survey) -> None:
    by_name = match(found, a_cascade("arc", "lens-or-not"), Hints())
    by_question = match(found, load(ASKED), Hints())
    by_hint = match(found, a_cascade("arc", "ring"), Hints(tasks={"T0": "ring"}))

    assert by_name.workflows == {"lens-or-not"}
    assert by_question.workflows == {"ring"}
    assert by_hint.workflows == {"ring"}


def test_what_belongs_nowhere_is_an_error_that_says_what_to_do(found: Survey) -> None:
    with pytest.raises(UnmatchedError, match="such as --task T0=NAME"):
        match(found, a_cascade("arc", "ring"), Hints())
    with pytest.raises(UnmatchedError, match="no workflow 'lens'; it has arc"):
        match(found, a_cascade("arc"), Hints(tasks={"T0": "lens"}))
    with pytest.raises(UnmatchedError, match="the export has 10 'Lens or not'"):
        match(found, a_cascade("arc"), Hints(workflow="11"))


def test_of_several_workflows_one_is_chosen(tmp_path: Path) -> None:
    other = a_classification(2, "b", "No") | {"workflow_id": "11", "workflow_name": "Another"}
    found = surveyed(tmp_path, a_classification(1, "a", "Yes"), other)

    with pytest.raises(UnmatchedError, match=r"choose one with --workflow: 10 'Lens or not' \(1\); 11 'Another' \(1\)"):
        match(found, a_cascade("arc"), Hints())
    assert list(match(found, a_cascade("arc"), Hints(workflow="Another")).matches) == [("11", "T0")]


def test_labels_that_panoptes_did_not_find_do_not_hide_the_others(tmp_path: Path) -> None:
    rows = [a_classification(n, "a", value) for n, value in enumerate(("Yes", "unknown answer label", "No"))]

    [home] = match(surveyed(tmp_path, *rows), a_cascade("arc"), Hints()).matches.values()

    assert [home.choice.of(said) for said in ("Yes", "unknown answer label")] == [Answer.YES, None]


def test_answers_of_unknown_words_are_told_apart_by_a_hint(tmp_path: Path) -> None:
    found = surveyed(tmp_path, a_classification(1, "a", "Galaxy"), a_classification(2, "b", "Star"))

    with pytest.raises(UnmatchedError, match="it is not known which is yes; name it with --yes LABEL"):
        match(found, a_cascade("arc"), Hints())
    matching = match(found, a_cascade("arc"), Hints(yes="galaxy"))

    assert [matching.matches["10", "T0"].choice.of(said) for said in ("Star", "Galaxy")] == [Answer.NO, Answer.YES]
