"""Markdown taken apart: tokens with the lines that they come from, and the parts that headings begin.

The dialect is CommonMark with tables and strikethrough. HTML in the text stays text. What links and pictures name is
kept as it is written, whatever it is, so that `checking` can complain of it; `rendering` lets through what may be.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

SAFE_LINK: Final = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
"""What a link may lead to."""

_BRACES: Final = re.compile(r"\s*\{([^{}]*)\}\s*$")
_BREAKS: Final = ("softbreak", "hardbreak")


class _Markdown(MarkdownIt):
    """A parser that lets every address be a token."""

    def validateLink(self, _url: str) -> bool:  # noqa: N802 - its name there
        """Take any address: what may stay is decided where there is a line to name."""
        return True


MARKDOWN: Final = _Markdown("commonmark", {"html": False}).enable(["table", "strikethrough"])


@dataclass(slots=True)
class Part:
    """What stands under one heading. `braces` is what a pair of them at the end of the heading holds, if there is one.

    The first part of a page is what stands before any heading: its `heading` is None.
    """

    heading: Token | None
    line: int
    title: str
    braces: str | None
    tokens: list[Token]


class Named(NamedTuple):
    """A picture or a link in a text, with its line."""

    token: Token
    line: int


def parsed(text: str) -> list[Token]:
    """Return the tokens of a text."""
    return MARKDOWN.parse(text)


def parts(tokens: Sequence[Token], *, braces: bool) -> list[Part]:
    """Take a page apart at its `##` headings; with `braces` those at the end of a heading are no part of its title."""
    found = [Part(None, 1, "", None, [])]
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0:
            found.append(_part(tokens[place + 1], braces=braces))
            place += 3
        else:
            found[-1].tokens.append(token)
            place += 1
    return found


def untitled(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return a page without the title that it may begin with: clients show that of the project, or of what it is."""
    return tokens[3:] if tokens and tokens[0].tag == "h1" else tokens


def _part(heading: Token, *, braces: bool) -> Part:
    children = heading.children or []
    title = plain(children)
    held = _BRACES.search(title) if braces and children and children[-1].type == "text" else None
    if held is not None:
        title = title[: held.start()]
    return Part(heading, line_of(heading), title.strip(), None if held is None else held[1].strip(), [])


def line_of(token: Token) -> int:
    """Return the line on which a block begins."""
    return 1 if token.map is None else token.map[0] + 1


def plain(tokens: Sequence[Token]) -> str:
    """Return the text of inline tokens, without pictures."""
    return "".join(_plain(token) for token in tokens)


def _plain(token: Token) -> str:
    if token.type in _BREAKS:
        return " "
    return "" if token.type == "image" else token.content


def alt_of(image: Token) -> str:
    """Return what is said in place of a picture, on one line."""
    return " ".join(plain(image.children or ()).split())


def path_of(image: Token) -> str:
    """Return the path that a picture names, in the one way of writing it by which pictures are known."""
    return posixpath.normpath(unquote(str(image.attrs["src"]))) if image.attrs["src"] else ""


def pictures(tokens: Sequence[Token]) -> Iterator[Named]:
    """Yield the pictures of a text."""
    return _named(tokens, "image")


def links(tokens: Sequence[Token]) -> Iterator[Named]:
    """Yield the beginnings of the links of a text."""
    return _named(tokens, "link_open")


def _named(tokens: Sequence[Token], kind: str) -> Iterator[Named]:
    row: Token | None = None
    for token in tokens:
        if token.type in ("tr_open", "tr_close"):
            row = token if token.nesting == 1 else None
        if token.type == "inline":
            yield from _within(token.children or (), kind, line_of(row or token))


def _within(children: Sequence[Token], kind: str, line: int) -> Iterator[Named]:
    """Yield what is sought among inline tokens that begin on a line; a break begins the next one."""
    for child in children:
        if child.type == kind:
            yield Named(child, line)
        line += child.type in _BREAKS
        line += sum(each.type in _BREAKS for each in child.children or ())


def without(tokens: list[Token], place: int) -> None:
    """Remove a token, and what it leaves empty around itself."""
    del tokens[place]
    while 0 < place < len(tokens) and _is_empty(tokens[place - 1], tokens[place]):
        del tokens[place - 1 : place + 1]
        place -= 1


def _is_empty(opening: Token, closing: Token) -> bool:
    return opening.nesting == 1 and closing.nesting == -1 and opening.tag not in ("td", "th")


def take_picture(tokens: list[Token]) -> Token | None:
    """Take the first picture out of a text, with the paragraph that it leaves empty, and return it."""
    for place, block in enumerate(tokens):
        for inner, child in enumerate(block.children or ()):
            if child.type == "image":
                _take(tokens, place, inner)
                return child
    return None


def _take(tokens: list[Token], place: int, inner: int) -> None:
    children = tokens[place].children or []
    without(children, inner)
    while children and children[0].type in _BREAKS:
        del children[0]
    if all(child.type in _BREAKS or (child.type == "text" and not child.content.strip()) for child in children):
        without(tokens, place)
