"""HTML of pages, in two nets: the parser knows no HTML, and what is rendered passes an allow-list after that.

A page that was checked loses nothing here. One that was not (it came into the database in another way) loses what may
not be: addresses that are no links, and pictures that are not ours, in whose place their text stands.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import nh3
from markdown_it.token import Token

from api.pages.checking import EXAMPLE
from api.pages.markdown import (
    MARKDOWN,
    SAFE_LINK,
    Part,
    alt_of,
    parsed,
    parts,
    path_of,
    pictures,
    plain,
    take_picture,
    untitled,
)

LONGEST_SUMMARY: Final = 280

_CELLS: Final = ("td", "th")
_ALIGNED: Final = re.compile(r"text-align:(left|center|right)")
_OURS: Final = re.compile(r"/media/[0-9a-f]{64}/[0-9]{1,5}")
_TAGS: Final = frozenset(
    {"a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre"}
    | {"s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
)


class Shown(Protocol):
    """A picture in the size that it is shown in."""

    @property
    def url(self) -> str:
        """Where it lies."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A step or an entry. `picture` is the path of the picture that was taken out of it, `alt` the text of that.

    `example` is a workflow and an answer of which it is an example.
    """

    id: str
    title: str
    html: str
    picture: str | None
    alt: str | None
    example: tuple[str, str] | None


def whole(text: str, shown: Mapping[str, Shown]) -> str:
    """Return a page as HTML, without the title that it may begin with; `shown` has its pictures by path."""
    return _html(untitled(parsed(text)), shown)


def steps(text: str, shown: Mapping[str, Shown]) -> list[Rendered]:
    """Return the steps of a tutorial."""
    return list(_rendered(parts(parsed(text), braces=False), shown))


def entries(text: str, shown: Mapping[str, Shown]) -> list[Rendered]:
    """Return the entries of a guide."""
    return list(_rendered(parts(parsed(text), braces=True), shown))


def summary(text: str) -> str | None:
    """Return the first paragraph of a page as plain text, cut at a word where it is long."""
    tokens = parsed(text)
    for opening, inner in pairwise(tokens):
        if opening.type == "paragraph_open" and opening.level == 0:
            words = plain(inner.children or ()).split()
            if words:
                return _cut(" ".join(words))
    return None


def first_picture(text: str) -> str | None:
    """Return the path of the first picture of a page."""
    return next((path_of(image) for image, _ in pictures(parsed(text))), None)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_SUMMARY:
        return text
    kept = text[:LONGEST_SUMMARY]
    at_a_word = kept[: kept.rfind(" ")] if " " in kept else kept[:-1]
    return f"{at_a_word.rstrip(' ,;:.')}…"


def _rendered(found: Sequence[Part], shown: Mapping[str, Shown]) -> Iterator[Rendered]:
    taken: set[str] = set()
    for part in found[1:]:
        image = take_picture(part.tokens)
        path = None if image is None else path_of(image)
        has_picture = path in shown
        example = None if part.braces is None else EXAMPLE.fullmatch(part.braces)
        yield Rendered(
            id=_identifier(part.title, taken),
            title=part.title,
            html=_html(part.tokens, shown),
            picture=path if has_picture else None,
            alt=alt_of(image) if image is not None and has_picture else None,
            example=None if example is None else (example[1], example[2]),
        )


def _identifier(title: str, taken: set[str]) -> str:
    """Return what a heading is known by: its letters and digits, and a number where another heading has the same."""
    stem = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", title).casefold()).strip("-") or "entry"
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found)
    return found


def _html(tokens: Sequence[Token], shown: Mapping[str, Shown]) -> str:
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                _place(child, shown.get(path_of(child)))
        if token.tag in _CELLS and (aligned := _ALIGNED.fullmatch(str(token.attrs.pop("style", "")))):
            token.attrs["align"] = aligned[1]
    return _CLEANER.clean(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})).strip()


def _place(image: Token, shown: Shown | None) -> None:
    """Make a picture's token what is sent: the picture in its size, or its text."""
    if shown is None:
        image.type, image.tag, image.content = "text", "", alt_of(image)
        return
    title = image.attrs.get("title")
    image.attrs = {"src": shown.url, "width": shown.width, "height": shown.height, "alt": "", "loading": "lazy"}
    if title:
        image.attrs["title"] = title


def _let_through(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) == ("a", "href"):
        return value if SAFE_LINK.fullmatch(value) else None
    if (tag, attribute) == ("img", "src"):
        return value if _OURS.fullmatch(value) else None
    return value


_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    attributes={
        "a": {"href", "title"},
        "img": {"src", "width", "height", "alt", "loading", "title"},
        "ol": {"start"},
        "td": {"align"},
        "th": {"align"},
    },
    attribute_filter=_let_through,
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto"},
)
