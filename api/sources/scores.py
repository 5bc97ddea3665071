"""Machine scores as a CSV file: the columns `external_id` (or `subject`) and `score`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest import BadColumn, BadRow, UnreadableManifestError
from api.manifest.cells import RefusedError, check_length, check_text, score, shown
from api.manifest.reading import open_text, records_of
from api.manifest.rows import LONGEST_EXTERNAL_ID
from api.sources.headers import header_of

_KEYS: Final = ("external_id", "subject")
_SCORE: Final = "score"
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score as its file gives it: of a subject by its external id, or by its number."""

    line: int
    subject: str | int
    value: float


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """A file of scores whose header is in order; other columns are passed over."""

    path: Path
    delimiter: str
    names: tuple[str, ...]

    def rows(self) -> Iterator[ScoreRow | BadRow]:
        """Yield the rows in the file's order, each read as it is drawn; only the subjects are remembered."""
        seen: dict[str, int] = {}
        try:
            with open_text(self.path) as file:
                records = records_of(file, self.delimiter)
                next(records)
                for line, record in records:
                    yield record if isinstance(record, BadRow) else self._value_of(line, record, seen)
        except OSError as error:
            raise UnreadableManifestError(self.path, error.strerror or str(error)) from error

    @property
    def key(self) -> str:
        """The column that names the subjects."""
        return next(name for name in self.names if name in _KEYS)

    def _value_of(self, line: int, cells: Sequence[str], seen: dict[str, int]) -> ScoreRow | BadRow:
        try:
            if len(cells) < len(self.names) or any(cell.strip() for cell in cells[len(self.names) :]):
                raise RefusedError(
                    None,
                    f"has {len(cells)} cells for {len(self.names)} columns",
                    "give each column its cell, and numbers a point",
                )
            given = dict(zip(self.names, cells, strict=False))
            subject = self._subject(line, given[self.key].strip(), seen)
            return ScoreRow(line, subject, score(_SCORE, given[_SCORE]))
        except RefusedError as refused:
            return BadRow(line, refused.column, refused.problem, refused.remedy)

    def _subject(self, line: int, cell: str, seen: dict[str, int]) -> str | int:
        check_text(self.key, cell)
        check_length(self.key, cell, LONGEST_EXTERNAL_ID)
        if (first := seen.setdefault(cell, line)) != line:
            raise RefusedError(self.key, f"is {shown(cell)}, as on line {first}", "give each subject one score")
        if self.key == _KEYS[0]:
            return cell
        digits = cell.removeprefix("S")
        if not (cell.startswith("S") and digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER):
            raise RefusedError(self.key, f"is {shown(cell)}", "write S and a number, such as S12")
        return int(digits)


def read_scores(path: Path) -> ScoreFile:
    """Return a file of scores with its header checked.

    Raises
    ------
    UnreadableManifestError, NotUtf8Error, BadHeaderError
    """
    return ScoreFile(path, *header_of(path, _wrong))


def _wrong(names: Sequence[str]) -> Iterator[BadColumn]:
    keys = [name for name in names if name in _KEYS]
    if len(keys) != 1:
        yield BadColumn(0, "", f"has {len(keys)} columns that name the subject", "give external_id, or subject")
    if names.count(_SCORE) != 1:
        yield BadColumn(0, "", f"has {names.count(_SCORE)} columns score", "give one, with numbers from 0 to 1")
