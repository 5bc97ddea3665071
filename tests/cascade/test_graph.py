"""The graph of a cascade: its doors, its edges, and an order that every edge follows."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade.errors import CyclicCascadeError, UnknownWorkflowError
from cascade.graph import Attributes, Cascade, Condition, Count, Lead, Routes, Sequential, Workflow
from cascade.vocabulary import Answer, Bucket, EntryKind, PolicyKind, Reason, StageState, Tier

NOTHING_KNOWN = Attributes()


def a_workflow(
    name: str,
    *,
    yes: str | None = None,
    no: str | None = None,
    contested: str | None = None,
    when: Condition | None = None,
    otherwise: str | None = None,
) -> Workflow:
    routes = Routes(yes=yes, no=no, contested=contested)
    return Workflow(name=name, question=f"Is it {name}?", then=routes, when=when, otherwise=otherwise)


def a_cascade(*workflows: Workflow) -> Cascade:
    return Cascade("garden", workflows)


LIKELY = Condition("score", "cnn", at_least=0.05)
BRIGHT = Condition("metadata", "magnitude", at_most=20)
GALAXY = a_cascade(
    a_workflow("arc", yes="lens", no=None, contested="expert"),
    a_workflow("lens", yes="ring", when=LIKELY, otherwise="ring", contested="expert"),
    a_workflow("ring", when=BRIGHT, contested="expert"),
    a_workflow("expert"),
)


@pytest.mark.parametrize(
    ("attributes", "taken"),
    [
        (Attributes(scores={"cnn": 0.05}), "lens"),
        (Attributes(scores={"cnn": 0.04}, metadata={"magnitude": "19.5"}), "ring"),
        (Attributes(scores={"cnn": 0.04}, metadata={"magnitude": "20.5"}), None),
        (Attributes(scores={"other": 0.9}), None),
    ],
)
def test_a_door_lets_in_or_sends_along_else_until_a_workflow_takes_the_subject(
    attributes: Attributes, taken: str | None
) -> None:
    assert GALAXY.enter("lens", attributes) == taken


@pytest.mark.parametrize(
    ("answer", "reason", "target"),
    [
        (Answer.YES, Reason.CONSENSUS, "lens"),
        (Answer.NO, Reason.NOTHING_HERE, None),
        (None, Reason.CLASSIFICATION_COUNT, "expert"),
        (None, Reason.FLAGGED, None),
        (Answer.YES, Reason.NONE, "lens"),
    ],
)
def test_a_decision_follows_its_edge_and_a_flagged_subject_leaves(
    answer: Answer | None, reason: Reason, target: str | None
) -> None:
    assert GALAXY.route("arc", answer, Attributes(scores={"cnn": 1.0}), reason) == target


def test_possible_routes_are_those_of_all_attributes_together() -> None:
    assert GALAXY.possible_routes("arc", Answer.YES) == {"lens", "ring", None}
    assert GALAXY.possible_routes("arc", None) == {"expert"}
    assert GALAXY.possible_routes("arc", Answer.NO) == {None}
    assert GALAXY.possible_routes("arc", Answer.YES, Reason.FLAGGED) == {None}


def test_an_edge_ends_at_the_door_of_its_target() -> None:
    unlikely = Attributes(scores={"cnn": 0.01}, metadata={"magnitude": "18"})

    assert GALAXY.route("arc", Answer.YES, unlikely) == "ring"


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("20", True),
        (" 20.0 ", True),
        ("1e1", True),
        ("20.001", False),
        ("bright", False),
        ("", False),
        ("nan", False),
        ("1_0", False),
    ],
)
def test_a_bound_on_metadata_takes_numbers_up_to_the_bound_and_no_words(text: str, met: bool) -> None:
    assert BRIGHT.met(Attributes(metadata={"magnitude": text})) is met


def test_a_bound_on_a_score_includes_both_ends_and_no_nan() -> None:
    between = Condition("score", "cnn", at_least=0.2, at_most=0.8)

    met = [between.met(Attributes(scores={"cnn": score})) for score in (0.1, 0.2, 0.8, 0.9, float("nan"))]

    assert met == [False, True, True, False, False]


def test_equality_with_metadata_is_of_the_very_text() -> None:
    survey = Condition("metadata", "#survey", equals="1.0")

    met = [survey.met(Attributes(metadata={"#survey": text})) for text in ("1.0", "1", " 1.0")]

    assert met == [True, False, False]
    assert not survey.met(NOTHING_KNOWN)


def test_ranks_follow_the_edges_and_keep_the_declared_order_otherwise() -> None:
    cascade = a_cascade(
        a_workflow("entry", yes="late", no="b", contested="a"),
        a_workflow("late"),
        a_workflow("b", yes="late"),
        a_workflow("a", otherwise="late"),
    )

    assert {name: cascade.rank(name) for name in ("entry", "b", "a", "late")} == {"entry": 0, "b": 1, "a": 2, "late": 3}


def test_an_edge_to_nowhere_cannot_be_built() -> None:
    with pytest.raises(
        UnknownWorkflowError, match="No workflow is called 'lense'; this cascade has arc, lens"
    ) as caught:
        a_cascade(a_workflow("arc", yes="lense"), a_workflow("lens"))

    assert caught.value.name == "lense"
    assert caught.value.known == ("arc", "lens")


@pytest.mark.parametrize(
    ("workflows", "circle"),
    [
        ([a_workflow("a", yes="a")], {"a"}),
        ([a_workflow("a", yes="b"), a_workflow("b", when=LIKELY, otherwise="a")], {"a", "b"}),
        ([a_workflow("a", yes="b"), a_workflow("b", no="c"), a_workflow("c", contested="b")], {"b", "c"}),
    ],
)
def test_a_circle_cannot_be_built(workflows: Sequence[Workflow], circle: set[str]) -> None:
    with pytest.raises(CyclicCascadeError, match="runs in a circle") as caught:
        a_cascade(*workflows)

    assert set(caught.value.cycle) == circle
    assert caught.value.cycle[0] == caught.value.cycle[-1]


def test_policies_know_their_kind_and_differ_by_their_numbers() -> None:
    assert [policy.kind for policy in (Sequential(), Count(3), Lead(3))] == list(PolicyKind)
    assert Count(3) == Count(3) != Count(4)
    assert Sequential() == Sequential()


def test_stored_numbers_and_wire_words_never_change() -> None:
    words = {kind: {member.word: member.value for member in kind} for kind in (Answer, StageState, Reason, Bucket)}

    assert words == {
        Answer: {"no": 0, "yes": 1, "unsure": 2},
        StageState: {"open": 0, "contested": 1, "retired": 2, "withdrawn": 3},
        Reason: {
            "none": 0,
            "classification_count": 1,
            "flagged": 2,
            "nothing_here": 3,
            "consensus": 4,
            "other": 5,
            "human": 6,
        },
        Bucket: {"ignored": 0, "proven": 1, "unproven": 2, "gold": 3, "late": 4, "audit": 5},
    }
    assert [tier.word for tier in Tier] == ["ordinary", "likely", "contested", "audit"]
    assert [kind.word for kind in EntryKind] == ["vote", "retraction"]
    assert [kind.word for kind in PolicyKind] == ["sequential", "count", "lead"]


@st.composite
def forward_cascades(draw: st.DrawFn) -> Cascade:
    """Any cascade whose edges lead forward in a hidden order, declared in another."""
    names = [f"w{number}" for number in range(draw(st.integers(1, 8)))]
    workflows = []
    for place, name in enumerate(names):
        later = st.sampled_from([None, *names[place + 1 :]])
        yes, no, contested, otherwise = (draw(later) for _ in range(4))
        door = Condition("metadata", name, equals="in")
        workflows.append(a_workflow(name, yes=yes, no=no, contested=contested, when=door, otherwise=otherwise))
    return a_cascade(*draw(st.permutations(workflows)))


@given(forward_cascades())
def test_every_edge_leads_to_a_higher_rank_and_no_two_workflows_share_one(cascade: Cascade) -> None:
    ranks = {workflow.name: cascade.rank(workflow.name) for workflow in cascade.workflows}

    assert sorted(ranks.values()) == list(range(len(cascade.workflows)))
    assert all(ranks[w.name] < ranks[target] for w in cascade.workflows for target in w.targets)


@given(forward_cascades(), st.lists(st.sampled_from([Answer.YES, Answer.NO, None]), min_size=8, max_size=8), st.data())
def test_every_subject_leaves_the_cascade_in_the_end(
    cascade: Cascade, answers: list[Answer | None], data: st.DataObject
) -> None:
    open_doors = data.draw(st.sets(st.sampled_from([workflow.name for workflow in cascade.workflows])))
    subject = Attributes(metadata=dict.fromkeys(open_doors, "in"))

    place = cascade.enter(cascade.entry.name, subject)
    for answer in answers:
        place = place and cascade.route(place, answer, subject)

    assert place is None
