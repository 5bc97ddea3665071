"""Declared levels: what they mean, everything that can be wrong with them, how they are kept, and what changes."""

from typing import Any

import pytest

from cascade.declaration import canonical, digest, read
from cascade.difference import describe, difference
from cascade.errors import DeclarationErrors
from cascade.graph import Level

ARC = {"name": "arc", "question": "Is there an arc?", "then": {"yes": "lens", "contested": "expert"}}
LENS = {"name": "lens", "question": "Is it a lens?", "level": 2, "policy": {"lead": 3}, "then": {"yes": "expert"}}
EXPERT = {"name": "expert", "question": "Is it really?", "level": "expert", "policy": {"count": 1}}


def a_tree(*levels: object, workflows: tuple[dict[str, Any], ...] = (ARC, LENS, EXPERT)) -> dict[str, Any]:
    return {"project": "lenses", "workflows": list(workflows), "levels": list(levels)}


def wrong(tree: object) -> list[tuple[str, str, str]]:
    """Return where, what and the remedy of everything that is wrong with a tree."""
    with pytest.raises(DeclarationErrors) as caught:
        read(tree)
    return [(error.where, error.problem, error.remedy) for error in caught.value.errors]


def test_a_level_is_shown_in_all_sequential_workflows_below_it_and_granted_by_moderators() -> None:
    assert read(a_tree({"level": 2})).levels == (Level(2, ("arc",)),)


def test_a_level_means_what_it_says() -> None:
    level = {
        "level": 3,
        "name": "Lens hunter",
        "from": ["lens"],
        "skill": 0.8,
        "keep": 0.65,
        "gold": 12,
        "votes": 500,
        "days": 5,
        "talk": 2,
        "grant": "automatic",
        "lasts_days": 180,
        "probation_days": 14,
    }
    harder = EXPERT | {"level": 3}

    assert read(a_tree(level, workflows=(ARC, LENS, harder))).levels == (
        Level(3, ("lens",), "Lens hunter", 0.8, 0.65, 12, 500, 5, 2, automatic=True, lasts_days=180, probation_days=14),
    )


KEEP_LOWER = "write a lower number, so that a level just reached is not lost by one answer"


@pytest.mark.parametrize(
    ("level", "errors"),
    [
        ({}, [("levels[0].level", "is missing", "write a number from 2 to 9")]),
        ({"level": 1}, [("levels[0].level", "is 1", "write a whole number from 2 to 9")]),
        (
            {"level": "expert"},
            [("levels[0].level", "is expert, which is granted by hand", "write a number from 2 to 9, or remove it")],
        ),
        (
            {"level": 3},
            [("levels[0].level", "is 3, and no workflow asks for it, so it would open nothing", "write 2")],
        ),
        (
            {"level": 2, "from": ["arcs"]},
            [("levels[0].from", "names 'arcs', which is no workflow", "did you mean arc?")],
        ),
        (
            {"level": 2, "from": ["arc", "lens", "arc"]},
            [
                (
                    "levels[0].from",
                    "names 'lens', which nobody is asked who does not hold the level yet",
                    "name workflows below level 2",
                ),
                ("levels[0].from", "names 'arc', which stands there already", "name each workflow once"),
            ],
        ),
        (
            {"level": 2, "from": "arc"},
            [("levels[0].from", "is 'arc'", "write a list of the workflows in whose training skill is shown")],
        ),
        (
            {"level": 2, "from": []},
            [("levels[0].from", "is a list", "write a list of the workflows in whose training skill is shown")],
        ),
        ({"level": 2, "skill": 0.7, "keep": 0.7}, [("levels[0].keep", "is 0.7, not below skill, 0.7", KEEP_LOWER)]),
        (
            {"level": 2, "skill": 0.55},
            [("levels[0].keep", "is 0.6 when it is not written, not below skill, 0.55", KEEP_LOWER)],
        ),
        ({"level": 2, "skill": 1}, [("levels[0].skill", "is 1", "write a number from 0.5 to 0.99")]),
        ({"level": 2, "gold": 7}, [("levels[0].gold", "is 7", "write a whole number from 8 to 1000000")]),
        ({"level": 2, "votes": -1}, [("levels[0].votes", "is -1", "write a whole number from 0 to 1000000")]),
        ({"level": 2, "grant": "me"}, [("levels[0].grant", "is 'me'", "write moderator or automatic")]),
        ({"level": 2, "lasts_days": 0}, [("levels[0].lasts_days", "is 0", "write a whole number from 1 to 3650")]),
        (
            {"level": 2, "lasts_days": 7, "probation_days": 14},
            [
                (
                    "levels[0].probation_days",
                    "is 14, longer than the level lasts",
                    "write at most 7, or a longer lasts_days",
                )
            ],
        ),
        ({"level": 2, "skil": 0.8}, [("levels[0].skil", "is not a key that is known here", "did you mean skill?")]),
    ],
)
def test_a_level_is_checked(level: object, errors: list[tuple[str, str, str]]) -> None:
    assert wrong(a_tree(level)) == errors


def test_levels_are_a_list_from_the_lowest_up_each_once() -> None:
    remedy = "list the levels from the lowest up, each once"

    assert wrong(a_tree({"level": 2}, {"level": 2})) == [("levels[1].level", "is 2, after 2", remedy)]
    assert wrong(a_tree() | {"levels": {"level": 2}}) == [
        ("levels", "is a mapping", "write a list of levels, each beginning with `- level:`")
    ]


def test_where_no_sequential_workflow_is_open_before_the_level_it_has_to_say_from_where() -> None:
    counted = ARC | {"policy": {"count": 5}}

    assert wrong(a_tree({"level": 2}, workflows=(counted, LENS, EXPERT))) == [
        (
            "levels[0].from",
            "is missing, and no sequential workflow is open below level 2",
            "write from: with the workflows in whose training skill is shown",
        )
    ]
    assert read(a_tree({"level": 2, "from": ["arc"]}, workflows=(counted, LENS, EXPERT))).levels[0].workflows == (
        "arc",
    )


def test_levels_that_nobody_declares_are_no_error() -> None:
    assert read(a_tree()).levels == ()


def test_a_broken_workflow_is_told_alone_and_not_by_the_levels_that_lean_on_it() -> None:
    assert [where for where, _, _ in wrong(a_tree({"level": 2}, workflows=(ARC | {"level": 0}, LENS, EXPERT)))] == [
        "workflows[0].level"
    ]


def test_the_canonical_form_writes_defaults_out_and_is_read_back_as_the_same() -> None:
    cascade = read(a_tree({"level": 2, "name": "Hunter"}))

    assert canonical(cascade)["levels"] == [
        {
            "level": 2,
            "name": "Hunter",
            "from": ["arc"],
            "skill": 0.7,
            "keep": 0.6,
            "gold": 8,
            "votes": 0,
            "days": 0,
            "talk": 0,
            "grant": "moderator",
        }
    ]
    assert read(canonical(cascade)) == cascade


def test_without_levels_the_canonical_form_and_the_digest_are_what_they_were_before_there_were_any() -> None:
    without = {key: value for key, value in a_tree().items() if key != "levels"}

    assert "levels" not in canonical(read(without))
    assert digest(read(a_tree())) == digest(read(without))
    assert digest(read(a_tree({"level": 2}))) != digest(read(without))
    assert digest(read(a_tree({"level": 2}))) == digest(read(a_tree({"level": 2, "skill": 0.70, "from": ["arc"]})))


def test_what_changes_in_levels_is_told() -> None:
    plain, hunter = read(a_tree()), read(a_tree({"level": 2, "name": "Hunter"}))
    harder = read(a_tree({"level": 2, "skill": 0.8, "lasts_days": 90}))

    assert [describe(change) for change in difference(plain, hunter)] == [
        "The cascade's level 2 is added: {level: 2, name: Hunter, from: [arc], skill: 0.7, keep: 0.6, gold: 8,"
        " votes: 0, days: 0, talk: 0, grant: moderator}"
    ]
    assert [describe(change) for change in difference(hunter, harder)] == [
        "The cascade's level 2.skill was 0.7 and is now 0.8.",
        "The cascade's level 2.lasts_days is now 90; it was not given before.",
        "The cascade's level 2.name is no longer given; it was Hunter.",
    ]
    assert describe(difference(hunter, plain)[0]).startswith(
        "The cascade's level 2 is removed; it asked for {level: 2,"
    )
    assert difference(hunter, hunter) == []
