"""The YAML of a declared cascade: text in, a `Cascade` out, with the line of everything that is wrong.

The text is read as YAML 1.2 reads it (`yes`, `no`, `on` are words) from the parser's events, so nothing is built before
it has been checked: size, depth and number of values are bounded, and anchors, aliases and tags, with which a small
text can unfold into a huge tree, are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from yaml.reader import ReaderError

from cascade.declaration import read
from cascade.errors import DeclarationError, DeclarationErrors
from cascade.fields import Path as TreePath
from cascade.fields import legible
from cascade.graph import Cascade

MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 10_000
DEEPEST: Final = 12
LONGEST_NUMBER: Final = 100

_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_REMEDIES: Final = (
    (
        "mapping values are not allowed",
        "put text that contains a colon and a space in quotes, or check the indentation",
    ),
    ("'\\t'", "indent with spaces, never with tabs"),
    ("cannot start any token", "put text that begins with a special character in quotes"),
    ("expected <block end>", "begin the keys of one mapping, and the dashes of one list, in the same column"),
    ("unexpected end of stream", "close the quotes"),
    ("could not find expected ':'", "write key: value, with a space after the colon"),
    ("expected ',' or", "separate with commas, and close the bracket"),
)


_BORDERS: Final = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)

Positions = dict[TreePath, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A cascade, and where its text says what."""

    cascade: Cascade
    positions: Positions

    def position(self, path: TreePath) -> tuple[int, int]:
        """Return the line and column of a path, or of its nearest parent, counted from 1."""
        return _nearest(self.positions, path)


def load(text: str | bytes) -> Cascade:
    """Return the cascade that a YAML text declares.

    Raises
    ------
    DeclarationErrors
        All that is wrong. Broken YAML hides what stands behind it; everything else is found in one go.
    """
    return parse(text).cascade


def load_file(path: Path) -> Declaration:
    """Return the declaration in a file, of which no more is read than a declaration may have.

    Raises
    ------
    DeclarationErrors
        All that is wrong in the text.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1))


def parse(text: str | bytes) -> Declaration:
    """Return the cascade that a YAML text declares, with the positions of its parts; errors are those of `load`."""
    tree = _Tree()
    try:
        value = tree.document(_events(_decoded(text)))
        cascade = read(value, tree.position)
    except DeclarationErrors as found:
        raise DeclarationErrors([*tree.errors, *(e for e in found.errors if e.path not in tree.unread)]) from None
    if tree.errors:
        raise DeclarationErrors(tree.errors)
    return Declaration(cascade, tree.positions)


def _decoded(text: str | bytes) -> str:
    size = len(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    if size > MOST_BYTES:
        raise _only(1, 1, f"is larger than {MOST_BYTES} bytes", "shorten it; 50 workflows need far less")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8-sig")
        raise _only(*_place(before), f"is not UTF-8 text: {error.reason}", "save the file as UTF-8") from None


def _place(before: str) -> tuple[int, int]:
    """Return the line and column at which a text goes on."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _only(line: int, column: int, problem: str, remedy: str) -> DeclarationErrors:
    return DeclarationErrors([DeclarationError((), line, column, problem, remedy)])


def _nearest(positions: Positions, path: TreePath) -> tuple[int, int]:
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, (1, 1))


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield what the YAML parser sees; what it raises becomes an error that says where, and what would be right."""
    try:
        loader = yaml.SafeLoader(text)
    except ReaderError as error:
        problem = f"contains the character U+{ord(text[error.position]):04X}, which YAML does not allow"
        raise _only(*_place(text[: error.position]), problem, "remove it") from None
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]  # the stubs leave this one method untyped
    except yaml.MarkedYAMLError as error:
        raise _broken(error) from None
    except (ValueError, OverflowError):
        # PyYAML lets these out for an escape such as "\UFFFFFFFF", and for a %YAML version of thousands of digits.
        mark = loader.get_mark()
        raise _only(mark.line + 1, mark.column + 1, "is not YAML: a number is out of range", "remove it") from None


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _broken(error: yaml.MarkedYAMLError) -> DeclarationErrors:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "the text breaks off"
    remedy = next((remedy for sign, remedy in _REMEDIES if sign in problem), "check quotes, brackets and indentation")
    return _only(line, column, f"is not YAML: {problem}", remedy)


class _Tree:
    """Builds plain mappings, lists and scalars from events, and keeps the position of every path.

    A mapping's entry stands where its key stands, a list's item where it begins. `errors` holds what is wrong with the
    form alone, and `unread` the paths whose value is not known for that reason.
    """

    def __init__(self) -> None:
        self.errors: list[DeclarationError] = []
        self.positions: Positions = {}
        self.unread: set[TreePath] = set()
        self._values = 0
        self._events: Iterator[yaml.Event] = iter(())

    def position(self, path: TreePath) -> tuple[int, int]:
        return _nearest(self.positions, path)

    def document(self, events: Iterator[yaml.Event]) -> object:
        """Return the value of the only document of a stream; an empty stream is an empty value."""
        self._events = (event for event in events if not isinstance(event, _BORDERS))
        value: object = None
        for number, event in enumerate(self._events):
            if number == 0:
                value = self._node(event, ())
            else:
                self._add((), event, "goes on with a second document", "keep one document, without a second ---")
                break
        return value

    def _add(self, path: TreePath, event: yaml.Event, problem: str, remedy: str) -> None:
        self.errors.append(DeclarationError(legible(path), *_start(event), problem, remedy))

    def _node(self, event: yaml.Event, path: TreePath) -> object:
        line, column = _start(event)
        self.positions.setdefault(path, (line, column))
        self._values += 1
        if self._values > MOST_VALUES:
            raise _only(line, column, f"has more than {MOST_VALUES} values", "shorten it")
        if len(path) > DEEPEST:
            raise _only(line, column, f"is nested more than {DEEPEST} deep", "a declaration is nested at most 5 deep")
        self._refuse_references(event, path)
        match event:
            case yaml.ScalarEvent():
                return _joined(event.value) if event.style else _scalar(event.value)
            case yaml.SequenceStartEvent():
                return self._list(path)
            case yaml.MappingStartEvent():
                return self._mapping(path)
            case _:
                self.unread.add(path)
                return None

    def _refuse_references(self, event: yaml.Event, path: TreePath) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._add(
                path, event, f"is the alias *{str(event.anchor)[:60]}", "write the value itself, or put it in quotes"
            )
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._add(path, event, f"has the anchor &{str(event.anchor)[:60]}", "remove it, or put the text in quotes")
        if getattr(event, "tag", None) is not None:
            self._add(path, event, "has a tag, which begins with !", "remove it, or put the text in quotes")

    def _list(self, path: TreePath) -> list[object]:
        values: list[object] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._node(event, (*path, len(values))))
        return values

    def _mapping(self, path: TreePath) -> dict[str, object]:
        values: dict[str, object] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            entry = (*path, key)
            if key in values:
                first, _ = self.positions[entry]
                self._add(entry, event, f"is written twice, first on line {first}", "keep one of them")
            self.positions.setdefault(entry, _start(event))
            values.setdefault(key, self._node(next(self._events), entry))
        return values

    def _key(self, event: yaml.Event, path: TreePath) -> str:
        """Return the text of a key as it is written, so that `yes` and `no` stay words."""
        if isinstance(event, yaml.ScalarEvent) and event.value:
            self._refuse_references(event, (*path, event.value))
            return str(event.value)
        if not isinstance(event, yaml.AliasEvent):
            self._add(path, event, "has a key that is not a word", "write key: value")
        self.unread.add((*path, "?"))
        self._node(event, (*path, "?"))
        return "?"


def _joined(text: str) -> str:
    r"""Return a quoted text in which two escapes that make one character, as JSON writes \ud83d\udc26, are that one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _scalar(text: str) -> object:
    """Return what a plain scalar means in YAML 1.2; `.inf` and `.nan`, which no key takes, stay words."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > LONGEST_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
