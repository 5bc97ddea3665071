"""Typed reading of a plain tree of mappings, lists and scalars, which collects what is wrong instead of stopping at it.

A `Fields` stands for one mapping of the tree. Each of its methods takes one key, and returns the default after it has
reported a value that does not do, so that one pass finds every error; the caller raises at the end.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from cascade.errors import DeclarationError

Path = tuple[str | int, ...]
Position = Callable[[Path], tuple[int, int]]
"""Gives the line and the column of a path, and those of its nearest parent for a path that is not there."""

LONGEST_SHOWN: Final = 60


def nowhere(_path: Path) -> tuple[int, int]:
    """Return the position of everything in a tree that was not read from a text."""
    return (0, 0)


def legible(path: Path) -> Path:
    """Return a path whose keys are short and can be printed and sent, whatever somebody has written as a key."""
    return tuple(part if isinstance(part, int) else _legible(part[:LONGEST_SHOWN]) for part in path)


def _legible(key: str) -> str:
    return key if key.isprintable() else ascii(key)[1:-1]


def shown(value: object) -> str:
    """Return a value as a person would recognise it, on one short line."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "...")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "a huge number" if abs(value) > 10**18 else repr(value)
    return "empty" if value is None else f"a {'list' if isinstance(value, list) else 'mapping'}"


class Report:
    """The errors found so far, each with its place in the text."""

    def __init__(self, position: Position) -> None:
        self.position = position
        self.errors: list[DeclarationError] = []

    def add(self, path: Path, problem: str, remedy: str) -> None:
        """Note what is wrong at a path, and what would be right."""
        self.errors.append(DeclarationError(legible(path), *self.position(path), problem, remedy))

    def sound(self, path: Path) -> bool:
        """Say whether nothing is wrong at a path or below it."""
        return not any(error.path[: len(path)] == path for error in self.errors)


class Fields:
    """The keys of one mapping; unknown ones are reported at once, with the nearest known one."""

    def __init__(self, report: Report, path: Path, tree: object, known: Sequence[str]) -> None:
        self.report = report
        self.path = path
        self._values: dict[str, object] = {}
        self._mapping = isinstance(tree, Mapping)
        if not isinstance(tree, Mapping):
            report.add(path, f"is {shown(tree)}", f"write a mapping with the keys {', '.join(known)}")
            return
        for key, value in tree.items():
            if key in known:
                self._values[key] = value
            else:
                self._unknown(str(key), known)

    def _unknown(self, key: str, known: Sequence[str]) -> None:
        nearest = get_close_matches(key[:LONGEST_SHOWN], known, n=1)
        remedy = f"did you mean {nearest[0]}?" if nearest else f"the keys are {', '.join(known)}"
        self.report.add((*self.path, key), "is not a key that is known here", remedy)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong in this mapping so far."""
        return self.report.sound(self.path)

    def at(self, key: str) -> Path:
        """Return the path of a key."""
        return (*self.path, key)

    def value(self, key: str) -> object:
        """Return what is written, or `None` for nothing."""
        return self._values.get(key)

    def refuse(self, key: str, problem: str, remedy: str) -> None:
        """Note what is wrong with a key."""
        self.report.add(self.at(key), problem, remedy)

    def drop(self, key: str, problem: str, remedy: str) -> None:
        """Refuse a key that has no meaning here, and read no value from it."""
        if self._values.pop(key, self) is not self:
            self.refuse(key, problem, remedy)

    def require(self, key: str, remedy: str) -> bool:
        """Say whether a key is there, and report it if not (unless all of them are missing)."""
        if key not in self and self._mapping:
            self.refuse(key, "is missing", remedy)
        return key in self

    def whole(self, key: str, low: int, high: int, default: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        if key not in self:
            return default
        value = self.value(key)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        remedy = f"write a whole number from {low} to {high}" if low < high else f"only {low} is possible here"
        self.refuse(key, f"is {shown(value)}", remedy)
        return default

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """Return a number from `low` to `high`, both included."""
        if key not in self:
            return default
        value = self.value(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value) + 0.0  # the sum turns -0.0 into 0.0, so that equal values have equal digests
        self.refuse(key, f"is {shown(value)}", f"write a number from {plain(low)} to {plain(high)}")
        return default

    def text(self, key: str, longest: int, *, lines: bool = False) -> str | None:
        """Return a text of 1 to `longest` characters without its outer blanks; `lines` allows line breaks in it."""
        if key not in self:
            return None
        value = self.value(key)
        if not isinstance(value, str):
            scalar = isinstance(value, int | float)
            self.refuse(key, f"is {shown(value)}", "put it in quotes to make it text" if scalar else "write a text")
            return None
        value = value.strip()
        problem = _unfit(value, longest, lines)
        if problem:
            self.refuse(key, *problem)
        return None if problem else value

    def fields(self, key: str, known: Sequence[str]) -> "Fields":
        """Return the mapping at a key, empty if the key is not there."""
        return Fields(self.report, self.at(key), self._values.get(key, {}), known)


def plain(number: float) -> str:
    """Write a number without an exponent, to the millionth."""
    return f"{number:f}".rstrip("0").rstrip(".")


def _unfit(text: str, longest: int, lines: bool) -> tuple[str, str] | None:
    """Say what is wrong with a text, and what would be right."""
    if not text:
        return "is empty", f"write 1 to {longest} characters"
    if len(text) > longest:
        return f"has {len(text)} characters", f"write at most {longest}"
    allowed = "\n" if lines else ""
    for character in text:
        if character not in allowed and unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            what = "a line break" if character == "\n" else f"the control character U+{ord(character):04X}"
            return f"contains {what}", "write it on one line, without control characters" if not lines else "remove it"
    return None
