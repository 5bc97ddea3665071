"""Words of a Panoptes project: labels and questions without their markup, and which answer is yes, no or unsure.

The mobile app of the Zooniverse swipes right for the first answer of a question and left for the second; the project
builder recommends that yes be the first. So where the words do not tell, the first of two answers is taken for yes.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cascade.vocabulary import Answer

_IMAGE: Final = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKS: Final = re.compile(r"(\*{1,3}|_{2,3}|`+|~~)(?=\S)(.+?)(?<=\S)\1")
_HEADING: Final = re.compile(r"^\s{0,3}(#{1,6}|>)\s+", re.MULTILINE)
_TAG: Final = re.compile(r"</?[A-Za-z][^>]*>")

_UNSURE: Final = re.compile(
    r"unsure|uncertain|unclear|maybe|perhaps|possibly|skip|no idea|n/a|other\Z"
    r"|(i am |i'm |im )?not (sure|certain|clear)|(i )?(do not|don'?t) know"
    r"|(i )?(can ?not|can'?t|could not) (tell|say|see)"
)
_YES: Final = re.compile(r"(yes|yep|true|y)\b")
_NO: Final = re.compile(r"(no|nope|false|n)\b")


def without_markup(text: str) -> str:
    """Return Markdown as plain text: no pictures, links by their words, no emphasis; lines stay lines."""
    plain = _TAG.sub("", _HEADING.sub("", _LINK.sub(r"\1", _IMAGE.sub("", text))))
    while (fewer := _MARKS.sub(r"\2", plain)) != plain:
        plain = fewer
    return plain.replace("\r\n", "\n").replace("\r", "\n").strip()


def one_line(text: str) -> str:
    """Return Markdown as plain text on one line."""
    return " ".join(without_markup(text).split())


def key_of(label: str) -> str:
    """Return a label as labels are compared: without markup, case, typographic apostrophes and final punctuation."""
    plain = unicodedata.normalize("NFKC", one_line(label)).replace("\u2019", "'")
    return plain.casefold().rstrip(" .!?,;:") or one_line(label).casefold()


def slug_of(text: str, longest: int = 60) -> str:
    """Return a name for a workflow or project: lower-case letters, digits and hyphens, beginning with a letter."""
    ascii_only = unicodedata.normalize("NFKD", one_line(text)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.casefold()).strip("-")
    if not slug[:1].isalpha():
        slug = f"w-{slug}" if slug else "workflow"
    slug = slug[:longest].rstrip("-")
    return "retire-or-not" if slug == "retire" else slug


@dataclass(frozen=True, slots=True)
class Choice:
    """The answers of a question in their order, and what each means.

    `guessed` is whether only the order told which of them is yes. `ordered` is whether their order is that of the
    question, so that an answer may be named by its place. `older` are labels that the answers had in earlier versions.
    """

    labels: tuple[str, ...]
    answers: tuple[Answer, ...]
    guessed: bool = False
    ordered: bool = True
    older: Mapping[str, Answer] = field(default_factory=dict)

    def with_older(self, labels: Sequence[str]) -> "Choice":
        """Return the choice with the labels of an earlier version too, unless it had another number of answers."""
        if len(labels) != len(self.labels):
            return self
        known = {key_of(label): answer for label, answer in zip(labels, self.answers, strict=True)}
        return replace(self, older={**known, **self.older})

    def of(self, value: object) -> Answer | None:
        """Return what a value of an annotation means: a label, or the place of one; `None` if it is neither."""
        if isinstance(value, str):
            key = key_of(value)
            found = [a for label, a in zip(self.labels, self.answers, strict=True) if key_of(label) == key]
            return found[0] if found else self.older.get(key)
        if self.ordered and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.answers):
            return self.answers[value]
        return None

    @property
    def unsure(self) -> bool:
        """Whether one of the answers means that the volunteer does not know."""
        return Answer.UNSURE in self.answers


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why answers are no yes and no: the problem, and what would be right."""

    problem: str
    remedy: str


def choice_of(labels: Sequence[str], yes: str | None = None, *, ordered: bool = True) -> Choice | Undecided:
    """Return what each of the answers of a question means.

    Parameters
    ----------
    yes
        The label that means yes, where somebody has said so.
    ordered
        Whether the labels come in the order of the question, so that the first may be taken for yes.
    """
    keys = [key_of(label) for label in labels]
    wanted = None if yes is None else key_of(yes)
    if not ordered and (worded := [_worded(key, wanted) for key in keys]) and None not in worded:
        return Choice(tuple(labels), tuple(each for each in worded if each is not None), ordered=False)
    sides = [place for place, key in enumerate(keys) if not _UNSURE.match(key) or key == wanted]
    if len(sides) != 2:
        shown = ", ".join(repr(one_line(label)) for label in labels) or "none"
        return Undecided(
            f"has {len(sides)} answers that mean something other than unsure ({shown})",
            "ask a question of two answers, and one for unsure if you like; split what has more into several questions",
        )
    first, second = sides
    side, guessed = _yes_of((keys[first], keys[second]), wanted)
    if side is None and not ordered:
        return Undecided(
            f"has the answers {one_line(labels[first])!r} and {one_line(labels[second])!r}, and it is not known which"
            " is yes",
            "name it with --yes LABEL",
        )
    chosen = sides[side or 0]
    answers = [Answer.UNSURE] * len(labels)
    answers[first] = answers[second] = Answer.NO
    answers[chosen] = Answer.YES
    return Choice(tuple(labels), tuple(answers), guessed, ordered)


def _worded(key: str, yes: str | None) -> Answer | None:
    """Return what a label means by its own words, if they tell."""
    if key == yes:
        return Answer.YES
    if _UNSURE.match(key):
        return Answer.UNSURE
    if _YES.match(key):
        return Answer.YES if yes is None else None
    return Answer.NO if _NO.match(key) else None


def _yes_of(keys: tuple[str, str], yes: str | None) -> tuple[int | None, bool]:
    """Return which of two answers is yes, if anything tells, and whether it is only their order that does."""
    if yes in keys:
        return keys.index(yes), False
    for place, key in enumerate(keys):
        other = keys[1 - place]
        if _YES.match(key) and not _YES.match(other):
            return place, False
        if _NO.match(key) and not _NO.match(other):
            return 1 - place, False
    return None, True
