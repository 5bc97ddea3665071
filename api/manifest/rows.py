"""One row of a manifest: its cells checked, one by one, and turned into values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest.columns import Columns
from api.manifest.locations import Location
from cascade.vocabulary import Answer

LONGEST_EXTERNAL_ID: Final = 200
LONGEST_LOCATION: Final = 1000
LONGEST_METADATA: Final = 10_000
LONGEST_EXPLANATION: Final = 2000

_ANSWERS: Final = {"yes": Answer.YES, "no": Answer.NO}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_CELLS_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A subject as its manifest gives it; `line` counts from 1 and is where the row begins.

    The paths of `locations` are absolute and inside the folder of the manifest or the root; the files may not exist.
    `position` is right ascension and declination, ICRS degrees; `cutout_arcsec` the side of the square around it that
    is to be shown of each frame. Empty cells are left out of the mappings. Metadata keys that begin with `#`, `//` or
    `!` are kept as they are.
    """

    line: int
    external_id: str
    locations: tuple[Location, ...]
    metadata: Mapping[str, str]
    gold: Mapping[str, Answer]
    explanations: Mapping[str, str]
    scores: Mapping[str, float]
    position: tuple[float, float] | None = None
    cutout_arcsec: float | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is skipped, and the first thing that is wrong with it.

    `problem` is said of the column, or of the row where `column` is None; `remedy` is what would be right.
    """

    line: int
    column: str | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.column}:" if self.column else "the row"
        return f"line {self.line}, {place} {self.problem}; {self.remedy}."


class _RefusedError(Exception):
    """A cell that will not do."""

    def __init__(self, column: str | None, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns rows into values; remembers the external ids that it has seen, and nothing else.

    `folder` is the manifest's own, `root` a wider one in which its locations may lie; both are resolved.
    """

    columns: Columns
    folder: Path
    root: Path
    seen: dict[str, int]

    def value_of(self, line: int, cells: Sequence[str]) -> ManifestRow | BadRow:
        """Return a row's values, or the first thing that is wrong with it."""
        try:
            return self._row(line, _of_right_count(cells, len(self.columns.names)))
        except _RefusedError as refused:
            return BadRow(line, refused.column, refused.problem, refused.remedy)

    def _row(self, line: int, cells: Sequence[str]) -> ManifestRow:
        columns = self.columns
        external_id = self._external_id(line, cells)
        for name, cell in zip(columns.names, cells, strict=True):
            _check_text(name, cell)
        gold = {key: _answer(columns.names[index], cells[index]) for key, index in _filled(columns.gold, cells)}
        return ManifestRow(
            line,
            external_id,
            self._locations(cells),
            {key: self._text(index, cells, LONGEST_METADATA) for key, index in _filled(columns.metadata, cells)},
            gold,
            self._explanations(cells, gold),
            {key: _score(columns.names[index], cells[index]) for key, index in _filled(columns.scores, cells)},
        )

    def _external_id(self, line: int, cells: Sequence[str]) -> str:
        name = self.columns.names[self.columns.external_id]
        external_id = cells[self.columns.external_id].strip()
        _check_text(name, external_id)
        if not external_id:
            raise _RefusedError(name, "is empty", "give each subject a name of your own")
        if not external_id.isprintable():
            raise _RefusedError(name, "has characters that do not print", "use letters, digits and signs on one line")
        _check_length(name, external_id, LONGEST_EXTERNAL_ID)
        if (first := self.seen.setdefault(external_id, line)) != line:
            raise _RefusedError(
                name, f"is {_shown(external_id)}, as on line {first}", "give each subject one row and a name of its own"
            )
        return external_id

    def _text(self, index: int, cells: Sequence[str], longest: int) -> str:
        _check_length(self.columns.names[index], cells[index], longest)
        return cells[index]

    def _explanations(self, cells: Sequence[str], gold: Mapping[str, Answer]) -> dict[str, str]:
        explanations = {}
        for key, index in _filled(self.columns.explanations, cells):
            if key not in gold:
                name = self.columns.names[index]
                raise _RefusedError(name, f"explains gold:{key}, which is empty", "fill in both, or empty both")
            explanations[key] = self._text(index, cells, LONGEST_EXPLANATION)
        return explanations

    def _locations(self, cells: Sequence[str]) -> tuple[Location, ...]:
        named = [(self.columns.names[index], cells[index].strip()) for index in self.columns.locations]
        locations = tuple(
            Location((self._located(name, location),), text=location) for name, location in named if location
        )
        if not locations:
            raise _RefusedError(named[0][0], "is empty", "give the path of at least one image")
        return locations

    def _located(self, name: str, location: str) -> Path:
        _check_length(name, location, LONGEST_LOCATION)
        if _URL.match(location):
            raise _RefusedError(
                name, "is a URL, which is not fetched", "download the image and give its path beside the manifest"
            )
        try:
            path = (self.folder / location).resolve()
        except (OSError, RuntimeError) as error:
            raise _RefusedError(name, f"is no usable path ({error})", "give the path of an image") from error
        if not (path.is_relative_to(self.folder) or path.is_relative_to(self.root)):
            raise _RefusedError(
                name,
                f"is {_shown(location)}, outside the manifest's folder",
                "move the image beside the manifest, or name a folder that holds both with --root",
            )
        return path


def _of_right_count(cells: Sequence[str], count: int) -> Sequence[str]:
    if len(cells) < count or any(cell.strip() for cell in cells[count:]):
        raise _RefusedError(
            None,
            f"has {len(cells)} cells where the header has {count}",
            'write empty cells too, and put cells that hold the delimiter in "quotes"',
        )
    return cells[:count]


def _filled(columns: Mapping[str, int], cells: Sequence[str]) -> list[tuple[str, int]]:
    return [(key, index) for key, index in columns.items() if cells[index].strip()]


def _check_text(name: str, cell: str) -> None:
    if "\0" in cell:
        raise _RefusedError(name, "has a NUL character", "remove it, or save the file as CSV in UTF-8 again")
    if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
        raise _RefusedError(name, "is not UTF-8", "save the file as CSV in UTF-8")


def _check_length(name: str, cell: str, longest: int) -> None:
    if len(cell) > longest:
        raise _RefusedError(name, f"has {len(cell):,} characters", f"at most {longest:,} are accepted")


def _answer(name: str, cell: str) -> Answer:
    answer = _ANSWERS.get(cell.strip().lower())
    if answer is None:
        raise _RefusedError(name, f"is {_shown(cell)}", "write yes, no, or nothing")
    return answer


def _score(name: str, cell: str) -> float:
    """Return a score; `-0` is 0, and whatever Python reads beyond plain decimal numbers is refused."""
    number = cell.strip()
    if not _NUMBER.fullmatch(number):
        remedy = "write it with a point" if "," in number else "write a number from 0 to 1, or nothing"
        raise _RefusedError(name, f"is {_shown(cell)}, which is not a number", remedy)
    score = float(number) + 0.0
    if not 0 <= score <= 1:
        raise _RefusedError(name, f"is {_shown(cell)}", "write a number from 0 to 1, or nothing")
    return score


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= _CELLS_SHOWN else f"{cell[:_CELLS_SHOWN]}...")
