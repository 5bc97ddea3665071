"""What a new version changes, and how it is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade.declaration import digest
from cascade.difference import Change, describe, difference
from cascade.graph import (
    Cascade,
    Condition,
    Count,
    Lead,
    Level,
    Policy,
    Routes,
    ScorePrior,
    Sequential,
    VoteLimits,
    Workflow,
)

ARC = Workflow("arc", "Is there an arc?", then=Routes(yes="lens"))
LENS = Workflow("lens", "Is it a lens?", when=Condition("score", "cnn", at_least=0.05))


def a_cascade(*workflows: Workflow, title: str | None = None) -> Cascade:
    return Cascade("lens-search", workflows, title)


def told(old: Cascade | None, new: Cascade) -> list[str]:
    return [describe(change) for change in difference(old, new)]


def test_the_same_cascade_differs_in_nothing() -> None:
    assert difference(a_cascade(ARC, LENS), a_cascade(ARC, LENS)) == []


def test_in_a_first_version_everything_is_added() -> None:
    assert difference(None, a_cascade(ARC, LENS)) == [
        Change("added", "arc", None, None, "Is there an arc?"),
        Change("added", "lens", None, None, "Is it a lens?"),
    ]


def test_each_field_that_changes_is_told_with_both_values() -> None:
    arc = replace(ARC, level=2, votes=VoteLimits(maximum=30), prior=ScorePrior("cnn"), blank=5, then=Routes(no="lens"))

    assert told(a_cascade(ARC, LENS), a_cascade(arc, LENS)) == [
        "arc: level was 1 and is now 2.",
        "arc: votes.max was 20 and is now 30.",
        "arc: prior was 0.5 and is now {score: cnn, calibrate: true, people: 0.05}.",
        "arc: blank is now 5; it was not given before.",
        "arc: then.yes was lens and is now retire.",
        "arc: then.no was retire and is now lens.",
    ]


def test_what_a_new_policy_ignores_is_no_longer_given() -> None:
    assert told(a_cascade(ARC, LENS), a_cascade(replace(ARC, policy=Count(15)), LENS)) == [
        "arc: policy was sequential and is now {count: 15}.",
        "arc: miss is no longer given; it was 0.05.",
        "arc: false_alarm is no longer given; it was 0.05.",
        "arc: votes.min is no longer given; it was 2.",
        "arc: votes.max is no longer given; it was 20.",
        "arc: votes.contested is no longer given; it was 5.",
        "arc: prior is no longer given; it was 0.5.",
    ]


def test_a_changed_question_is_told_to_be_a_new_evidence_key() -> None:
    asked_anew = replace(ARC, question="Is there an arc or a ring?")

    assert told(a_cascade(ARC, LENS), a_cascade(asked_anew, LENS)) == [
        'arc: question was "Is there an arc?" and is now "Is there an arc or a ring?". A changed question is a new'
        " evidence key: the votes so far stay with the old question and do not count for the new one. The gold standard"
        " is kept: check that its answers are right for the new question too."
    ]


def test_a_door_is_told_as_a_whole() -> None:
    open_door = replace(LENS, when=None)

    assert difference(a_cascade(ARC, LENS), a_cascade(ARC, open_door)) == [
        Change("changed", "lens", "when", {"score": "cnn", "at_least": 0.05}, None),
        Change("changed", "lens", "else", "retire", None),
    ]


def test_a_renamed_workflow_is_a_new_one_and_the_old_one_gone() -> None:
    ring = replace(LENS, name="ring")

    assert told(a_cascade(ARC, LENS), a_cascade(replace(ARC, then=Routes(yes="ring")), ring)) == [
        "arc: then.yes was lens and is now ring.",
        'ring is added: "Is it a lens?"',
        'lens is removed; it asked "Is it a lens?"',
    ]


def test_title_entry_and_order_belong_to_the_whole_cascade() -> None:
    assert told(a_cascade(ARC, LENS, title="Lenses"), a_cascade(LENS, ARC)) == [
        "The cascade's title is no longer given; it was Lenses.",
        "The cascade's entry was arc and is now lens.",
        "The cascade's order was arc, lens and is now lens, arc.",
    ]


@pytest.mark.parametrize(("old", "new"), [(Sequential(), Lead(3)), (Lead(3), Lead(4)), (Count(3), Sequential())])
def test_changes_of_policy_are_symmetric(old: Policy, new: Policy) -> None:
    before, after = a_cascade(replace(LENS, policy=old)), a_cascade(replace(LENS, policy=new))

    there = {(change.field, str(change.old), str(change.new)) for change in difference(before, after)}
    back = {(change.field, str(change.new), str(change.old)) for change in difference(after, before)}

    assert there == back


policies: st.SearchStrategy[Policy] = st.sampled_from([Sequential(), Count(1)])


@st.composite
def small_cascades(draw: st.DrawFn) -> Cascade:
    """Cascades so much alike that two of them are often the same."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True))
    workflows = [
        Workflow(
            name,
            draw(st.sampled_from(["Is it?", "Was it?"])),
            policy=draw(policies),
            flag=draw(st.sampled_from([None, 1])),
            then=Routes(contested=after) if draw(st.booleans()) else Routes(yes=after),
        )
        for name, after in zip(names, [*names[1:], None], strict=True)
    ]
    levels = draw(
        st.lists(st.builds(Level, st.just(2), skill=st.sampled_from([0.7, 0.8]), workflows=st.just(("a",))), max_size=1)
    )
    return replace(a_cascade(*workflows, title=draw(st.sampled_from([None, "Lenses"]))), levels=tuple(levels))


@given(small_cascades(), small_cascades())
def test_nothing_differs_exactly_when_the_digests_are_equal(old: Cascade, new: Cascade) -> None:
    changes = difference(old, new)

    assert (changes == []) == (digest(old) == digest(new))
    assert all(describe(change) for change in changes)
