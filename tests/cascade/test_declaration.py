"""A declared cascade: what it means, everything that can be wrong with it, and the form in which it is kept."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade.declaration import check_gold, digest, read
from cascade.errors import DeclarationErrors
from cascade.fields import Path
from cascade.graph import (
    EXPERT,
    Cascade,
    Condition,
    Count,
    Lead,
    Routes,
    ScorePrior,
    Sequential,
    VoteLimits,
    Workflow,
)

LENS_SEARCH: dict[str, Any] = {
    "project": "lens-search",
    "workflows": [
        {
            "name": "arc",
            "question": "Is there an arc or a ring around the central galaxy?",
            "level": 1,
            "policy": "sequential",
            "miss": 0.02,
            "false_alarm": 0.10,
            "votes": {"min": 2, "max": 20},
            "prior": {"score": "lens-cnn", "calibrate": False},
            "then": {"yes": "lens", "no": "retire", "contested": "expert"},
        },
        {
            "name": "lens",
            "question": "Would you point a telescope at it?",
            "level": 2,
            "when": {"score": "lens-cnn", "at_least": 0.05},
            "else": "retire",
            "then": {"yes": "retire", "no": "retire", "contested": "expert"},
        },
        {
            "name": "expert",
            "question": "Is this a gravitational lens?",
            "level": "expert",
            "policy": {"count": 1},
            "then": {"yes": "retire", "no": "retire"},
        },
    ],
}


def a_tree(*workflows: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"project": "garden", "workflows": list(workflows), **top}


def a_workflow(name: str = "bird", **keys: Any) -> dict[str, Any]:
    return {"name": name, "question": "Is it a bird?", **keys}


def wrong(tree: object) -> list[tuple[str, str, str]]:
    """Return where, what and the remedy of everything that is wrong with a tree."""
    with pytest.raises(DeclarationErrors) as caught:
        read(tree)
    return [(error.where, error.problem, error.remedy) for error in caught.value.errors]


def test_the_cascade_of_the_design_means_what_it_says() -> None:
    assert read(LENS_SEARCH) == Cascade(
        project="lens-search",
        workflows=(
            Workflow(
                name="arc",
                question="Is there an arc or a ring around the central galaxy?",
                miss=0.02,
                false_alarm=0.10,
                prior=ScorePrior("lens-cnn", calibrate=False),
                then=Routes(yes="lens", contested="expert"),
            ),
            Workflow(
                name="lens",
                question="Would you point a telescope at it?",
                level=2,
                then=Routes(contested="expert"),
                when=Condition("score", "lens-cnn", at_least=0.05),
            ),
            Workflow(name="expert", question="Is this a gravitational lens?", level=EXPERT, policy=Count(1)),
        ),
    )


def test_what_is_not_written_has_a_default() -> None:
    assert read(a_tree(a_workflow())).workflows == (
        Workflow(
            name="bird",
            question="Is it a bird?",
            level=1,
            policy=Sequential(),
            miss=0.05,
            false_alarm=0.05,
            votes=VoteLimits(minimum=2, maximum=20, contested=5),
            prior=0.5,
            audit=0.02,
            then=Routes(yes=None, no=None, contested=None),
        ),
    )


def test_every_key_is_read() -> None:
    bird = a_workflow(
        title="no key of a workflow", guide="Look\nfor wings. ", level=9, policy={"lead": 3}, votes={"max": 9}, blank=3
    )
    del bird["title"]
    bird |= {
        "flag": 2,
        "audit": 0,
        "then": {"no": "rest"},
        "when": {"metadata": "#night", "equals": "7"},
        "else": "rest",
    }

    cascade = read(a_tree(bird, a_workflow("rest", policy={"count": 15}, blank=15), title=" The garden "))

    assert cascade.title == "The garden"
    assert cascade.workflows[0] == Workflow(
        name="bird",
        question="Is it a bird?",
        guide="Look\nfor wings.",
        level=9,
        policy=Lead(3),
        votes=VoteLimits(maximum=9),
        blank=3,
        flag=2,
        audit=0.0,
        then=Routes(no="rest"),
        when=Condition("metadata", "#night", equals="7"),
        otherwise="rest",
    )
    assert cascade.workflow("rest").blank == 15


SLUG = "write 2 to 60 lower-case letters, digits and hyphens, without a hyphen at either end"
LIST = "write a list of 1 to 50 workflows, each beginning with `- name:`"


@pytest.mark.parametrize(
    ("tree", "errors"),
    [
        (None, [("the declaration", "is empty", "write a mapping with the keys project, title, workflows, levels")]),
        ([], [("the declaration", "is a list", "write a mapping with the keys project, title, workflows, levels")]),
        ({}, [("project", "is missing", SLUG), ("workflows", "is missing", LIST)]),
        (a_tree(a_workflow(), project="Lens"), [("project", "is 'Lens'", SLUG)]),
        (a_tree(a_workflow(), project="x"), [("project", "is 'x'", SLUG)]),
        (a_tree(a_workflow(), project="-lens"), [("project", "is '-lens'", SLUG)]),
        (a_tree(a_workflow(), project="lens-"), [("project", "is 'lens-'", SLUG)]),
        (a_tree(a_workflow(), project="l" * 61), [("project", f"is '{'l' * 60}...'", SLUG)]),
        (a_tree(a_workflow(), project=12), [("project", "is 12", "put it in quotes to make it text")]),
        (a_tree(), [("workflows", "has 0 workflows", LIST)]),
        (a_tree(workflows={"arc": {}}), [("workflows", "is a mapping", LIST)]),
        (a_tree(*[a_workflow()] * 51), [("workflows", "has 51 workflows", LIST)]),
        (
            a_tree(a_workflow(), titel="Lens"),
            [("titel", "is not a key that is known here", "did you mean title?")],
        ),
        (
            a_tree(a_workflow(), colour="red"),
            [("colour", "is not a key that is known here", "the keys are project, title, workflows, levels")],
        ),
    ],
)
def test_the_top_of_a_declaration_is_checked(tree: object, errors: list[tuple[str, str, str]]) -> None:
    assert wrong(tree) == errors


def test_an_edge_to_an_unknown_workflow_names_the_nearest() -> None:
    tree = a_tree(
        a_workflow(then={"yes": "nset", "no": "elephant"}), a_workflow("nest", when={"score": "s", "at_most": 1})
    )
    tree["workflows"][1]["else"] = "retier"

    assert wrong(tree) == [
        ("workflows[0].then.yes", "is 'nset', which is no workflow", "did you mean nest?"),
        ("workflows[0].then.no", "is 'elephant', which is no workflow", "write one of bird, nest, retire"),
        ("workflows[1].else", "is 'retier', which is no workflow", "did you mean retire?"),
    ]


def test_every_edge_that_closes_a_circle_is_named() -> None:
    door = {"metadata": "ra", "at_least": 0}
    tree = a_tree(
        a_workflow("a", then={"yes": "b", "no": "a"}),
        a_workflow("b", then={"contested": "c"}),
        a_workflow("c", when=door, **{"else": "a"}, then={"yes": "b"}),
    )

    remedy = "lead the edge to a later workflow, or to retire"
    assert wrong(tree) == [
        ("workflows[2].then.yes", "closes a circle: b -> c -> b", remedy),
        ("workflows[2].else", "closes a circle: a -> b -> c -> a", remedy),
        ("workflows[0].then.no", "closes a circle: a -> a", remedy),
    ]


def test_a_workflow_that_no_subject_can_reach_is_refused() -> None:
    tree = a_tree(a_workflow("a"), a_workflow("b", then={"yes": "c"}), a_workflow("c"))

    problem = "is never reached: no way leads from a, the first workflow, to b"
    assert wrong(tree) == [("workflows[1]", problem, "lead an edge to it, or remove it")]


def test_two_workflows_of_one_name_are_refused() -> None:
    assert wrong(a_tree(a_workflow("a"), a_workflow("a"))) == [
        ("workflows[1].name", "is 'a', the name of workflows[0] too", "give every workflow a name of its own")
    ]


def test_all_errors_come_at_once_in_the_order_of_the_text() -> None:
    lines: dict[Path, tuple[int, int]] = {
        ("workflows", 0, "audit"): (3, 1),
        ("workflows", 0, "miss"): (2, 5),
        ("project",): (9, 1),
    }
    tree = a_tree(a_workflow(audit=7, miss=7), project="?")

    with pytest.raises(DeclarationErrors) as caught:
        read(tree, lambda path: lines[path])

    assert str(caught.value).splitlines() == [
        "2:5 workflows[0].miss is 7; write a number from 0.000001 to 0.499999",
        "3:1 workflows[0].audit is 7; write a number from 0 to 1",
        f"9:1 project is '?'; {SLUG}",
    ]


def test_what_somebody_writes_as_a_key_is_cut_and_escaped_before_it_is_shown() -> None:
    errors = wrong(a_tree(a_workflow(), **{"\x1b[31m\ud800": 1, "k" * 500: 2}))

    assert [where for where, _, _ in errors] == ["\\x1b[31m\\ud800", "k" * 60]


@pytest.mark.parametrize(
    ("gold", "refused"),
    [
        ({}, ["arc has gold for 0 yes and 0 no", "lens has gold for 0 yes and 0 no"]),
        ({"arc": (3, 3), "lens": (40, 2)}, ["lens has gold for 2 yes and 40 no"]),
        ({"arc": (3, 3), "lens": (0, 9), "expert": (0, 0)}, ["lens has gold for 9 yes and 0 no"]),
        ({"arc": (3, 3), "lens": (3, 3)}, []),
    ],
)
def test_sequential_needs_gold_of_both_classes_and_lead_is_offered(
    gold: dict[str, tuple[int, int]], refused: list[str]
) -> None:
    errors = check_gold(read(LENS_SEARCH), gold)

    assert [error.problem.removeprefix("is sequential, and ") for error in errors] == refused
    assert all(error.path[2] == "policy" and "{lead: 3}" in error.remedy for error in errors)


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@st.composite
def spoilt_trees(draw: st.DrawFn) -> object:
    """A declaration in which one value, somewhere, has become anything."""
    tree = copy.deepcopy(LENS_SEARCH)
    place: Any = tree
    while draw(st.booleans()):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        inner = place[draw(st.sampled_from(keys))]
        if not isinstance(inner, dict | list):
            break
        place = inner
    key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
    place[key] = draw(json_trees)
    return tree


@given(json_trees | spoilt_trees())
def test_no_tree_raises_anything_but_declaration_errors(tree: object) -> None:
    try:
        outcome = digest(read(tree))
    except DeclarationErrors as found:
        outcome = str(found)

    assert outcome.encode()
