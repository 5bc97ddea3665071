"""The YAML of a cascade: what it means, where it is wrong, and what it can never do to the reader."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.declaration_file import MOST_BYTES, load, load_file, parse
from cascade.declaration import canonical, check_gold
from cascade.errors import DeclarationErrors
from cascade.graph import EXPERT, Cascade, Condition, Count, Routes, ScorePrior, Workflow

LENS_SEARCH = """\
project: lens-search
workflows:
  - name: arc
    question: Is there an arc or a ring around the central galaxy?
    level: 1
    policy: sequential          # or {count: 15}, or {lead: 3}; sequential needs gold of both classes before it can be published
    miss: 0.02                  # share of true yes that may be retired as no
    false_alarm: 0.10
    votes: {min: 2, max: 20}
    prior: {score: lens-cnn, calibrate: true}     # or a number
    then: {yes: lens, no: retire, contested: expert}
  - name: lens
    question: Would you point a telescope at it?
    level: 2
    when: {score: lens-cnn, at_least: 0.05}
    else: retire                # where a subject goes that `when` does not let in
    then: {yes: retire, no: retire, contested: expert}
  - name: expert
    question: Is this a gravitational lens?
    level: expert
    policy: {count: 1}
    then: {yes: retire, no: retire}
"""  # noqa: E501 - the design's own lines


def wrong(text: str | bytes) -> list[str]:
    """Return the lines that tell what is wrong with a text."""
    with pytest.raises(DeclarationErrors) as caught:
        load(text)
    return [str(error) for error in caught.value.errors]


def a_text(*lines: str) -> str:
    """Return a right declaration whose workflow has these lines more."""
    return "\n".join(["project: garden", "workflows:", "- name: bird", "  question: Is it?", *lines, ""])


def test_the_declaration_of_the_design_is_read() -> None:
    assert load(LENS_SEARCH) == Cascade(
        project="lens-search",
        workflows=(
            Workflow(
                name="arc",
                question="Is there an arc or a ring around the central galaxy?",
                miss=0.02,
                false_alarm=0.10,
                prior=ScorePrior("lens-cnn"),
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


def test_json_is_a_declaration_too() -> None:
    cascade = load(LENS_SEARCH.replace("an arc", "an \N{BIRD} or an arc"))

    assert "\\ud83d" in json.dumps(canonical(cascade))
    assert load(json.dumps(canonical(cascade))) == cascade


def test_yes_and_no_are_words_and_numbers_are_those_of_yaml_1_2() -> None:
    door = "  when: {metadata: no, equals: yes}"

    cascade = load(a_text("  level: 0x2", "  miss: 1e-2", "  votes: {max: 0o17, min: 010}", "  audit: .5", door))

    assert cascade.workflows[0] == Workflow(
        name="bird",
        question="Is it?",
        level=2,
        miss=0.01,
        votes=cascade.workflows[0].votes,
        audit=0.5,
        when=Condition("metadata", "no", equals="yes"),
    )
    assert (cascade.workflows[0].votes.minimum, cascade.workflows[0].votes.maximum) == (10, 15)


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cascade.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + LENS_SEARCH.replace("\n", "\r\n").encode())

    assert load_file(file).cascade == load(LENS_SEARCH)


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "cascade.yaml"
    file.write_bytes(b"#" * (MOST_BYTES + 1))

    with pytest.raises(DeclarationErrors, match="1:1 the declaration is larger than 1000000 bytes"):
        load_file(file)


def test_missing_gold_is_told_with_the_line_of_the_policy_or_of_the_workflow() -> None:
    declaration = parse(LENS_SEARCH)

    errors = check_gold(declaration.cascade, {}, declaration.position)

    assert [(error.line, error.column) for error in errors] == [(6, 5), (12, 5)]


def test_every_error_of_form_and_meaning_is_told_with_its_place() -> None:
    text = """\
project: Garden
workflows:
  - name: bird
    question: 12
    mis: 0.1
    miss: 50%
    level: expret
    then:
      yes: brid
      no: &rest retire
    flag: *rest
    level: 2
    guide: !!str help
titel: Garden
"""

    assert wrong(text) == [
        "1:1 project is 'Garden'; write 2 to 60 lower-case letters, digits and hyphens, without a hyphen at either end",
        "4:5 workflows[0].question is 12; put it in quotes to make it text",
        "5:5 workflows[0].mis is not a key that is known here; did you mean miss?",
        "6:5 workflows[0].miss is '50%'; write a number from 0.000001 to 0.499999",
        "7:5 workflows[0].level is 'expret'; write a number from 1 to 9, or expert",
        "9:7 workflows[0].then.yes is 'brid', which is no workflow; did you mean bird?",
        "10:11 workflows[0].then.no has the anchor &rest; remove it, or put the text in quotes",
        "11:11 workflows[0].flag is the alias *rest; write the value itself, or put it in quotes",
        "12:5 workflows[0].level is written twice, first on line 7; keep one of them",
        "13:12 workflows[0].guide has a tag, which begins with !; remove it, or put the text in quotes",
        "14:1 titel is not a key that is known here; did you mean title?",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "1:1 the declaration is empty; write a mapping with the keys project, title, workflows, levels"),
        (
            "# nothing\n",
            "1:1 the declaration is empty; write a mapping with the keys project, title, workflows, levels",
        ),
        ("- a", "1:1 the declaration is a list; write a mapping with the keys project, title, workflows, levels"),
        (
            a_text("  guide: Note: wings"),
            "5:14 the declaration is not YAML: mapping values are not allowed here; put text that contains a colon and"
            " a space in quotes, or check the indentation",
        ),
        (
            a_text("\tlevel: 1"),
            "5:1 the declaration is not YAML: found character '\\t' that cannot start any token; indent with spaces,"
            " never with tabs",
        ),
        (
            a_text("  guide: @wings"),
            "5:10 the declaration is not YAML: found character '@' that cannot start any token; put text that begins"
            " with a special character in quotes",
        ),
        (
            a_text(" level: 1"),
            "5:2 the declaration is not YAML: expected <block end>, but found '<block mapping start>'; begin the keys"
            " of one mapping, and the dashes of one list, in the same column",
        ),
        (
            a_text('  guide: "wings'),
            "6:1 the declaration is not YAML: found unexpected end of stream; close the quotes",
        ),
        (
            a_text("  votes: {min: 2"),
            "6:1 the declaration is not YAML: expected ',' or '}', but got '<stream end>'; separate with commas, and"
            " close the bracket",
        ),
        (
            a_text("  level:1"),
            "6:1 the declaration is not YAML: could not find expected ':'; write key: value, with a space after the"
            " colon",
        ),
        (a_text('  guide: "\\UFFFFFFFF"'), "5:13 the declaration is not YAML: a number is out of range; remove it"),
        ("%YAML " + "1" * 5000 + ".1\n--- {}", "1:7 the declaration is not YAML: a number is out of range; remove it"),
        (
            a_text("  guide: wings\x07"),
            "5:15 the declaration contains the character U+0007, which YAML does not allow; remove it",
        ),
        (
            a_text("  guide: gr\u00fcn").encode("latin-1"),
            "5:12 the declaration is not UTF-8 text: invalid start byte; save the file as UTF-8",
        ),
        (
            a_text() + "---\nproject: other\n",
            "6:1 the declaration goes on with a second document; keep one document, without a second ---",
        ),
        (a_text("  ? [a]", "  : b"), "5:5 workflows[0] has a key that is not a word; write key: value"),
        (a_text('  "": b'), "5:3 workflows[0] has a key that is not a word; write key: value"),
        (a_text("  *a : b"), "5:3 workflows[0].? is the alias *a; write the value itself, or put it in quotes"),
        (
            a_text('  guide: "wings\\0"'),
            "5:3 workflows[0].guide contains the control character U+0000; remove it",
        ),
    ],
)
def test_broken_text_is_told_with_its_place_and_a_remedy(text: str | bytes, error: str) -> None:
    assert wrong(text) == [error]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 500_000, "1:14 the declaration is nested more than 12 deep"),
        ("- a\n" * 100_000, "10000:3 the declaration has more than 10000 values"),
        ("#" * (MOST_BYTES + 1), "1:1 the declaration is larger than 1000000 bytes"),
        ("\u20ac" * 400_000, "1:1 the declaration is larger than 1000000 bytes"),
        (a_text("  audit: " + "9" * 500_000), "5:3 workflows[0].audit is '" + "9" * 60 + "...'"),
    ],
)
def test_a_huge_text_is_refused_before_it_costs_much(text: str, problem: str) -> None:
    assert [error.split(";")[0] for error in wrong(text)] == [problem]


def test_aliases_unfold_into_nothing() -> None:
    laughs = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))

    errors = wrong(f"a0: &a0 lol\n{laughs}\n")

    assert sum("is the alias" in error for error in errors) == 81


garbage = st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("{}[]:,-&*!|>'\"%@`#?\n\t \\"))


@given(garbage | st.binary())
@example("\ud800")
@example('"\\ud800": 1')
@example('"\\U00110000"')
@example("%TAG ! x\n%TAG ! y\n---\n!a")
def test_garbage_raises_nothing_but_declaration_errors(text: str | bytes) -> None:
    errors = wrong(text)

    assert errors
    assert all(error.encode() for error in errors)


@given(st.integers(0, len(LENS_SEARCH)), st.integers(0, 30), garbage)
def test_a_spoilt_declaration_is_read_or_refused(start: int, length: int, patch: str) -> None:
    text = LENS_SEARCH[:start] + patch + LENS_SEARCH[start + length :]

    try:
        outcome = json.dumps(canonical(load(text)))
    except DeclarationErrors as found:
        outcome = str(found)

    assert outcome.encode()
