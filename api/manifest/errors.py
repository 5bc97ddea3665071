"""What keeps a whole manifest from being read; what is wrong with a row is a `BadRow` instead, and the rest goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class ManifestError(Exception):
    """A manifest of which no row can be read."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(f"{path.name}: {sentence}")
        self.path = path


class UnreadableManifestError(ManifestError):
    """The file is not there, or cannot be opened."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, f"The manifest cannot be read ({reason}).")
        self.reason = reason


class NotUtf8Error(ManifestError):
    """The file is not text in UTF-8; `found` says what it looks like."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(path, f"The manifest is {found}; save it as CSV in UTF-8.")
        self.found = found


@dataclass(frozen=True, slots=True)
class BadColumn:
    """One thing that is wrong in a header; columns count from 1, and 0 stands for the header as a whole."""

    number: int
    name: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"column {self.number}" if self.number else "the header"
        name = f" ({self.name})" if self.name else ""
        return f"{place}{name} {self.problem}; {self.remedy}."


class BadHeaderError(ManifestError):
    """The first row does not name the columns of a manifest; `columns` holds all that is wrong."""

    def __init__(self, path: Path, line: int, columns: Sequence[BadColumn]) -> None:
        super().__init__(path, "\n".join(f"line {line}, {column}" for column in columns))
        self.line = line
        self.columns = tuple(columns)
