"""One row of a manifest: its cells checked, one by one, and turned into values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest.cells import (
    RefusedError,
    answer,
    check_length,
    check_text,
    cutout_side,
    declination,
    right_ascension,
    score,
    shown,
)
from api.manifest.columns import Columns
from api.manifest.locations import Base, Location, located
from cascade.vocabulary import Answer

LONGEST_EXTERNAL_ID: Final = 200
LONGEST_METADATA: Final = 10_000
LONGEST_EXPLANATION: Final = 2000


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


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns rows into values; remembers the external ids that it has seen, and nothing else.

    `folder` is the manifest's own, `root` a wider one in which its locations may lie; both are resolved. `address` is
    what they are relative to instead, where the manifest was fetched.
    """

    columns: Columns
    folder: Path
    root: Path
    seen: dict[str, int]
    address: str | None = None

    def value_of(self, line: int, cells: Sequence[str]) -> ManifestRow | BadRow:
        """Return a row's values, or the first thing that is wrong with it."""
        try:
            return self._row(line, _of_right_count(cells, len(self.columns.names)))
        except RefusedError as refused:
            return BadRow(line, refused.column, refused.problem, refused.remedy)

    def _row(self, line: int, cells: Sequence[str]) -> ManifestRow:
        columns = self.columns
        external_id = self._external_id(line, cells)
        for name, cell in zip(columns.names, cells, strict=True):
            check_text(name, cell)
        gold = {key: answer(columns.names[index], cells[index]) for key, index in _filled(columns.gold, cells)}
        return ManifestRow(
            line,
            external_id,
            self._locations(cells),
            {key: self._text(index, cells, LONGEST_METADATA) for key, index in _filled(columns.metadata, cells)},
            gold,
            self._explanations(cells, gold),
            {key: score(columns.names[index], cells[index]) for key, index in _filled(columns.scores, cells)},
            self._position(cells),
            self._cutout(cells),
        )

    @property
    def _base(self) -> Base:
        return Base(self.folder, self.root, self.address)

    def _external_id(self, line: int, cells: Sequence[str]) -> str:
        name = self.columns.names[self.columns.external_id]
        external_id = cells[self.columns.external_id].strip()
        check_text(name, external_id)
        if not external_id:
            raise RefusedError(name, "is empty", "give each subject a name of your own")
        if not external_id.isprintable():
            raise RefusedError(name, "has characters that do not print", "use letters, digits and signs on one line")
        check_length(name, external_id, LONGEST_EXTERNAL_ID)
        if (first := self.seen.setdefault(external_id, line)) != line:
            raise RefusedError(
                name, f"is {shown(external_id)}, as on line {first}", "give each subject one row and a name of its own"
            )
        return external_id

    def _text(self, index: int, cells: Sequence[str], longest: int) -> str:
        check_length(self.columns.names[index], cells[index], longest)
        return cells[index]

    def _explanations(self, cells: Sequence[str], gold: Mapping[str, Answer]) -> dict[str, str]:
        explanations = {}
        for key, index in _filled(self.columns.explanations, cells):
            if key not in gold:
                name = self.columns.names[index]
                raise RefusedError(name, f"explains gold:{key}, which is empty", "fill in both, or empty both")
            explanations[key] = self._text(index, cells, LONGEST_EXPLANATION)
        return explanations

    def _locations(self, cells: Sequence[str]) -> tuple[Location, ...]:
        named = [(self.columns.names[index], cells[index].strip()) for index in self.columns.locations]
        locations = tuple(located(name, cell, self._base) for name, cell in named if cell)
        if not locations:
            raise RefusedError(named[0][0], "is empty", "give the path of at least one image")
        return locations

    def _position(self, cells: Sequence[str]) -> tuple[float, float] | None:
        sky = self.columns.sky
        if "ra" not in sky:
            return None
        ra, dec = cells[sky["ra"]].strip(), cells[sky["dec"]].strip()
        if bool(ra) != bool(dec):
            empty, other = ("dec", "ra") if ra else ("ra", "dec")
            raise RefusedError(empty, f"is empty, but {other} is not", "fill in both, or empty both")
        return (right_ascension("ra", ra), declination("dec", dec)) if ra else None

    def _cutout(self, cells: Sequence[str]) -> float | None:
        sky = self.columns.sky
        if "cutout" not in sky or not cells[sky["cutout"]].strip():
            return None
        if not cells[sky["ra"]].strip():
            raise RefusedError("cutout", "has no centre", "fill in ra and dec too, or empty it")
        return cutout_side("cutout", cells[sky["cutout"]])


def _of_right_count(cells: Sequence[str], count: int) -> Sequence[str]:
    if len(cells) < count or any(cell.strip() for cell in cells[count:]):
        raise RefusedError(
            None,
            f"has {len(cells)} cells where the header has {count}",
            'write empty cells too, and put cells that hold the delimiter in "quotes"',
        )
    return cells[:count]


def _filled(columns: Mapping[str, int], cells: Sequence[str]) -> list[tuple[str, int]]:
    return [(key, index) for key, index in columns.items() if cells[index].strip()]
