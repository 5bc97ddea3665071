from collections import Counter
from importlib import resources

import pytest

from api.declaration_file import load
from api.demo.by_eye import QUESTIONS, cascade_declaration, gold_standard, truth_by_eye
from api.demo.cutouts import SUBJECTS, external_id
from api.demo.extra import hubble_deep_field
from api.demo.sources import views
from cascade.declaration import check_gold
from cascade.graph import EXPERT, Attributes
from cascade.vocabulary import Answer


def test_every_cutout_was_looked_at() -> None:
    pytest.importorskip("skimage", reason="the demo extra is not installed")
    pytest.importorskip("sep", reason="the demo extra is not installed")

    cutouts = {external_id(view) for view in views(hubble_deep_field(), SUBJECTS)}

    assert set(truth_by_eye()) == cutouts
    assert set(gold_standard()) < cutouts


def test_the_gold_standard_has_both_classes_for_every_question() -> None:
    classes = Counter((gold.question, gold.answer) for gold in gold_standard().values())

    assert classes == {(question, answer): 11 for question in QUESTIONS for answer in (Answer.NO, Answer.YES)}


def test_the_gold_standard_agrees_with_what_was_seen() -> None:
    truth = truth_by_eye()

    for subject, gold in gold_standard().items():
        assert truth[subject][gold.question] == gold.answer


def test_every_gold_subject_has_its_own_explanation() -> None:
    explanations = [gold.explanation for gold in gold_standard().values()]

    assert len(set(explanations)) == len(explanations)
    assert all(20 < len(explanation) < 160 for explanation in explanations)


def test_gold_for_a_later_question_would_have_come_that_far() -> None:
    truth = truth_by_eye()

    for subject, gold in gold_standard().items():
        earlier = QUESTIONS[: QUESTIONS.index(gold.question)]
        assert all(truth[subject][question] == Answer.YES for question in earlier)


def test_what_is_no_galaxy_has_no_features_and_what_is_smooth_does_not_merge() -> None:
    for seen in truth_by_eye().values():
        assert seen["galaxy"] >= seen["features"] >= seen["merging"]


@pytest.mark.parametrize("name", ["hubble_gold.csv", "hubble_truth.csv"])
def test_the_files_say_that_they_were_labelled_by_eye(name: str) -> None:
    text = resources.files("api.demo").joinpath(name).read_text(encoding="utf-8")

    comment = [line for line in text.splitlines() if line.startswith("#")]

    assert "by eye" in " ".join(comment)


def test_the_cascade_leads_from_galaxies_to_features_to_mergers() -> None:
    cascade = load(cascade_declaration())
    nothing = Attributes()

    assert [workflow.name for workflow in cascade.workflows] == [*QUESTIONS, "expert"]
    assert [workflow.level for workflow in cascade.workflows] == [1, 1, 2, EXPERT]
    assert [cascade.route(question, Answer.YES, nothing) for question in QUESTIONS] == ["features", "merging", None]
    assert [cascade.route(question, Answer.NO, nothing) for question in QUESTIONS] == [None, None, None]
    assert [cascade.route(question, None, nothing) for question in QUESTIONS] == ["expert"] * 3


def test_the_gold_standard_lets_the_cascade_be_published() -> None:
    gold = Counter((gold.question, gold.answer) for gold in gold_standard().values())
    counts = {question: (gold[question, Answer.NO], gold[question, Answer.YES]) for question in QUESTIONS}

    assert check_gold(load(cascade_declaration()), counts) == []
