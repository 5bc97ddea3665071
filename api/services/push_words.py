"""What push messages say: the facts of a message, in the language of a subscription.

What comes from a project (its title, a question) stands between marks of isolation, so that it keeps its own direction
of writing within a sentence of another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cascade.graph import EXPERT
from mobile_schemas.push import PushMessageOut

MORE: Final = "more"
LEVEL: Final = "level"

_TITLE_MOST: Final = 100
_QUESTION_MOST: Final = 240
"""Letters: with four bytes each a message has less than 3 kB, of which push services take 4 encrypted."""

_ISOLATE, _END = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language."""

    one: str
    several: str
    level: str
    expert: str


ENGLISH: Final = Words(
    one="There is more to look at: {question}",
    several="There is more to look at, for several questions.",
    level="You have reached level {level}. Harder questions are open to you now.",
    expert="You are one of the experts of this project now.",
)

LANGUAGES: Final[Mapping[str, Words]] = {
    "en": ENGLISH,
    "es": Words(
        one="Hay más por mirar: {question}",
        several="Hay más por mirar, en varias preguntas.",
        level="Has llegado al nivel {level}. Ahora puedes responder preguntas más difíciles.",
        expert="Ahora formas parte del grupo de especialistas de este proyecto.",
    ),
    "ar": Words(
        one="هناك المزيد لتنظر إليه: {question}",
        several="هناك المزيد لتنظر إليه، في عدة أسئلة.",
        level="لقد وصلت إلى المستوى {level}. أصبحت الأسئلة الأصعب متاحة لك الآن.",
        expert="أصبحت الآن من خبراء هذا المشروع.",
    ),
}
"""By the first part of a language tag."""


def words_of(language: str | None) -> Words:
    """Return the sentences for a language tag: English where there are none."""
    return LANGUAGES.get((language or "").partition("-")[0].lower(), ENGLISH)


def message_of(kind: str, facts: Mapping[str, Any], language: str | None) -> PushMessageOut:
    """Return what a phone is sent of the facts of a message."""
    words = words_of(language)
    return _level(facts, words) if kind == LEVEL else _more(facts["workflows"], words)


def _more(workflows: Sequence[Mapping[str, Any]], words: Words) -> PushMessageOut:
    """Say where there is more; what is about several questions leads to the page of the first one's project."""
    first = workflows[0]
    one = len(workflows) == 1
    question = f"{_ISOLATE}{_cut(first['question'], _QUESTION_MOST)}{_END}"
    titles = dict.fromkeys(_title(workflow) for workflow in workflows)
    return PushMessageOut(
        kind="more",
        title=_cut(", ".join(titles), _TITLE_MOST),
        body=words.one.format(question=question) if one else words.several,
        url=f"/p/{first['slug']}/{first['id']}" if one else f"/p/{first['slug']}",
        tag=MORE,
    )


def _level(facts: Mapping[str, Any], words: Words) -> PushMessageOut:
    level = facts["level"]
    return PushMessageOut(
        kind="level",
        title=_cut(_title(facts), _TITLE_MOST),
        body=words.expert if level >= EXPERT else words.level.format(level=level),
        url=f"/p/{facts['slug']}",
        tag=f"{LEVEL}-{facts['slug']}",
    )


def _title(facts: Mapping[str, Any]) -> str:
    title: str = facts["title"] or facts["slug"]
    return title


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
