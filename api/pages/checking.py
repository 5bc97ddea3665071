"""What is wrong with a page, line by line, and what it names: pictures, and answers that entries are examples of."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markdown_it.token import Token

from api.pages.errors import PageProblem
from api.pages.markdown import SAFE_LINK, Part, alt_of, line_of, links, parsed, parts, path_of, pictures, untitled
from api.pages.names import PageName

MOST_STEPS: Final = 12
MOST_ENTRIES: Final = 60

EXAMPLE: Final = re.compile(r"([a-z][a-z0-9-]{0,59})\s*=\s*(yes|no)")
"""What braces at the end of a heading of the guide may hold."""

_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_SHOWN: Final = 100


class Reference(NamedTuple):
    """Something that a line of a page names: the path of a picture, or a workflow."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What a page names, and all that is wrong with it."""

    pictures: Sequence[Reference]
    workflows: Sequence[Reference]
    problems: Sequence[PageProblem]


def check(name: PageName, text: str) -> Checked:
    """Look through a page."""
    tokens = parsed(text)
    images = [Reference(path_of(image), line) for image, line in pictures(tokens) if not _is_elsewhere(_source(image))]
    wrong = [*_pictures(tokens), *_links(tokens)]
    examples: list[Reference] = []
    if name.part is not None:
        found = parts(tokens, braces=name is PageName.GUIDE)
        wrong += _parts(name, found)
        held = ((EXAMPLE.fullmatch(part.braces), part.line) for part in found if part.braces is not None)
        examples = [Reference(example[1], line) for example, line in held if example is not None]
    elif not text.strip():
        wrong.append((0, "the file is empty", "write something, or leave the file out"))
    return Checked(images, examples, [PageProblem(name.file, *each) for each in wrong])


Wrong = tuple[int, str, str]
"""A line, what is wrong on it, and what would be right."""


def _pictures(tokens: Sequence[Token]) -> Iterator[Wrong]:
    for image, line in pictures(tokens):
        source = _source(image)
        shown = source[:_SHOWN]
        if not alt_of(image):
            right = f"say between the brackets what it shows, as in ![A blue arc]({shown})"
            yield line, f"the picture {shown} has no text for people who cannot see it", right
        if not source:
            yield line, "a picture names no file", "write ![A blue arc](images/arc.png)"
        elif _is_elsewhere(source):
            right = "copy the picture into the folder and name it by its path there, such as images/arc.png"
            yield line, f"the picture {shown} is elsewhere", right


def _source(image: Token) -> str:
    return str(image.attrs["src"])


def _is_elsewhere(source: str) -> bool:
    """Tell whether a picture names no path."""
    return not source or _SCHEME.match(source) is not None


def _links(tokens: Sequence[Token]) -> Iterator[Wrong]:
    for link, line in links(tokens):
        address = str(link.attrs["href"])
        if not SAFE_LINK.fullmatch(address):
            right = "a link begins with https://, http:// or mailto:"
            yield line, f"the link to {address[:_SHOWN] or 'nowhere'} is not one that is taken", right


def _parts(name: PageName, found: Sequence[Part]) -> Iterator[Wrong]:
    most = MOST_STEPS if name is PageName.TUTORIAL else MOST_ENTRIES
    yield from _before(name, found[0])
    if len(found) == 1:
        yield 0, f"it has no {name.part}", f"begin each {name.part} with a heading, such as ## What to look for"
    if len(found) - 1 > most:
        yield found[most + 1].line, f"there are {len(found) - 1} headings ##", f"at most {most} are taken"
    for part in found[1:]:
        yield from _heading(name, part)
        if name is PageName.TUTORIAL:
            yield from ((line, "a second picture in one step", "give it a step of its own") for line in _second(part))


def _before(name: PageName, first: Part) -> Iterator[Wrong]:
    """Yield what is wrong before the first heading: a title may stand there, which is not shown."""
    if tokens := untitled(first.tokens):
        right = f"begin each {name.part} with ## and a heading; only a title (#) may stand before the first"
        yield line_of(tokens[0]), f"this belongs to no {name.part}", right


def _heading(name: PageName, part: Part) -> Iterator[Wrong]:
    assert part.heading is not None
    if not part.title:
        yield part.line, "the heading has no text", "write ## and a few words"
    if any(pictures([part.heading])):
        yield part.line, "a picture in a heading", "put it on a line below"
    if not part.tokens:
        yield part.line, f"there is nothing under the heading of this {name.part}", "write what there is to say"
    if part.braces is not None and not EXAMPLE.fullmatch(part.braces):
        right = "write the name of a workflow and an answer, as in {arc=yes} or {arc=no}"
        yield part.line, f"{{{part.braces[:_SHOWN]}}} says of no answer that this is an example of it", right


def _second(part: Part) -> list[int]:
    """Return the lines of all pictures of a part but the first."""
    return [line for _, line in pictures(part.tokens)][1:]
