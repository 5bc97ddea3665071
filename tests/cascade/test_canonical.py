"""The form in which a cascade is kept: every default written out, read back as the same, and known by its digest."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cascade.declaration import canonical, digest, read

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


def test_the_canonical_form_writes_defaults_out_and_leaves_out_what_a_policy_ignores() -> None:
    tree = canonical(read(LENS_SEARCH))

    assert tree["workflows"] == [
        {
            "name": "arc",
            "question": "Is there an arc or a ring around the central galaxy?",
            "level": 1,
            "policy": "sequential",
            "miss": 0.02,
            "false_alarm": 0.1,
            "votes": {"min": 2, "max": 20, "contested": 5},
            "prior": {"score": "lens-cnn", "calibrate": False, "people": 0.05},
            "audit": 0.02,
            "fastest_ms": 200,
            "then": {"yes": "lens", "no": "retire", "contested": "expert"},
        },
        {
            "name": "lens",
            "question": "Would you point a telescope at it?",
            "level": 2,
            "policy": "sequential",
            "miss": 0.05,
            "false_alarm": 0.05,
            "votes": {"min": 2, "max": 20, "contested": 5},
            "prior": 0.5,
            "audit": 0.02,
            "fastest_ms": 200,
            "then": {"yes": "retire", "no": "retire", "contested": "expert"},
            "when": {"score": "lens-cnn", "at_least": 0.05},
            "else": "retire",
        },
        {
            "name": "expert",
            "question": "Is this a gravitational lens?",
            "level": "expert",
            "policy": {"count": 1},
            "audit": 0.02,
            "fastest_ms": 200,
            "then": {"yes": "retire", "no": "retire", "contested": "retire"},
        },
    ]


def test_the_digest_is_of_the_meaning_and_stays_what_it_was() -> None:
    spelt_out = copy.deepcopy(LENS_SEARCH)
    spelt_out["workflows"][1] |= {"policy": "sequential", "audit": 0.020, "votes": {}}
    changed = copy.deepcopy(LENS_SEARCH)
    changed["workflows"][0]["miss"] = 0.03

    assert digest(read(spelt_out)) == digest(read(LENS_SEARCH))
    assert digest(read(changed)) != digest(read(LENS_SEARCH))
    assert digest(read(LENS_SEARCH)) == "7acaf77aa541c55ca05c1a0430cad54bdbdc570027e01734eeed083bf79a0a3c"


def test_equal_numbers_have_equal_digests_however_they_are_written() -> None:
    def with_bound(bound: float) -> str:
        workflow = {"name": "bird", "question": "Is it a bird?", "when": {"score": "s", "at_least": bound}}
        return digest(read({"project": "garden", "workflows": [workflow]}))

    assert with_bound(0) == with_bound(0.0) == with_bound(-0.0)


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(
    lambda text: text.strip()
)
shares = st.floats(0.000001, 0.499999)
votes = st.integers(1, 1000)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["sequential", "count", "lead"]))
    if kind == "count":
        return {"policy": {"count": draw(votes)}}
    low, high = sorted((draw(votes), draw(votes)))
    if kind == "lead":
        return {"policy": {"lead": low}, "votes": {"max": high}, "blank": low, "flag": high}
    prior = draw(st.floats(0.000001, 0.999999) | st.builds(lambda text: {"score": text}, texts))
    limits = {"min": low, "max": high, "contested": draw(st.integers(0, 1000))}
    return {"miss": draw(shares), "false_alarm": draw(shares), "votes": limits, "prior": prior, "blank": high}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"metadata": draw(texts), "equals": draw(texts)}
    low, high = sorted(draw(st.lists(st.floats(-1e15, 1e15), min_size=2, max_size=2)))
    bounds: dict[str, Any] = {"at_least": low, "at_most": high}
    return {draw(st.sampled_from(["score", "metadata"])): draw(texts)} | bounds


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Any declaration that is right, with a chain of workflows and edges that skip along it."""
    names = [f"w{number}" for number in range(draw(st.integers(1, 6)))]
    workflows = []
    for place, name in enumerate(names):
        onward = st.sampled_from([*names[place + 1 :], "retire"])
        then = {key: draw(onward) for key in draw(st.sets(st.sampled_from(["yes", "no"])))}
        then["contested"] = [*names, "retire"][place + 1]
        keys: dict[str, Any] = {"question": draw(texts), "then": then, "audit": draw(st.floats(0, 1))} | draw(rules())
        if draw(st.booleans()):
            keys |= {"when": draw(conditions()), "else": draw(onward)}
        workflows.append({"name": name, "level": draw(st.sampled_from([1, 9, "expert"])), **keys})
    return {"project": "any", "title": draw(texts), "workflows": workflows}


@given(trees())
def test_the_canonical_form_is_read_back_as_the_same_cascade(tree: dict[str, Any]) -> None:
    cascade = read(tree)

    stored = json.loads(json.dumps(canonical(cascade)))

    assert read(stored) == cascade
    assert digest(read(stored)) == digest(cascade)
