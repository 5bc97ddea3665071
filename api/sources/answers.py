"""Answers of experts as a CSV file: the columns `external_id`, `gold:WORKFLOW` and `explanation:WORKFLOW`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest import BadColumn, BadRow, ManifestRow, UnreadableManifestError
from api.manifest.cells import RefusedError, answer, check_length, check_text, shown
from api.manifest.reading import open_text, records_of
from api.manifest.rows import LONGEST_EXPLANATION, LONGEST_EXTERNAL_ID
from api.sources.headers import header_of

_KEY: Final = "external_id"
_GOLD: Final = "gold:"
_EXPLANATION: Final = "explanation:"


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file of answers whose header is in order; other columns are passed over."""

    path: Path
    delimiter: str
    names: tuple[str, ...]

    @property
    def workflows(self) -> list[str]:
        """The workflows of which there are answers."""
        return [name.removeprefix(_GOLD) for name in self.names if name.startswith(_GOLD)]

    def rows(self) -> Iterator[ManifestRow | BadRow]:
        """Yield the rows with an answer in the file's order, as manifests have them, without pictures."""
        seen: dict[str, int] = {}
        try:
            with open_text(self.path) as file:
                records = records_of(file, self.delimiter)
                next(records)
                for line, record in records:
                    row = record if isinstance(record, BadRow) else self._value_of(line, record, seen)
                    if isinstance(row, BadRow) or row.gold:
                        yield row
        except OSError as error:
            raise UnreadableManifestError(self.path, error.strerror or str(error)) from error

    def _value_of(self, line: int, cells: Sequence[str], seen: dict[str, int]) -> ManifestRow | BadRow:
        try:
            if len(cells) != len(self.names):
                problem = f"has {len(cells)} cells for {len(self.names)} columns"
                raise RefusedError(None, problem, "give each column its cell, and put commas between quotes")
            given = dict(zip(self.names, cells, strict=True))
            subject = self._subject(line, given[_KEY].strip(), seen)
            gold = {name: answer(_GOLD + name, given[_GOLD + name]) for name in self._answered(given)}
            return ManifestRow(line, subject, (), {}, gold, _explanations(given, gold), {})
        except RefusedError as refused:
            return BadRow(line, refused.column, refused.problem, refused.remedy)

    def _answered(self, given: Mapping[str, str]) -> list[str]:
        return [name for name in self.workflows if given[_GOLD + name].strip()]

    def _subject(self, line: int, cell: str, seen: dict[str, int]) -> str:
        check_text(_KEY, cell)
        check_length(_KEY, cell, LONGEST_EXTERNAL_ID)
        if (first := seen.setdefault(cell, line)) != line:
            raise RefusedError(_KEY, f"is {shown(cell)}, as on line {first}", "answer for each subject once")
        return cell


def read_answers(path: Path) -> AnswerFile:
    """Return a file of answers with its header checked.

    Raises
    ------
    UnreadableManifestError, NotUtf8Error, BadHeaderError
    """
    return AnswerFile(path, *header_of(path, _wrong))


def _wrong(names: Sequence[str]) -> Iterator[BadColumn]:
    if names.count(_KEY) != 1:
        yield BadColumn(0, "", f"has {names.count(_KEY)} columns external_id", "give one, with your own names")
    if not any(name.startswith(_GOLD) for name in names):
        yield BadColumn(0, "", "has no column gold:WORKFLOW", "add one for each workflow that is answered")
    for place, name in enumerate(names):
        if name.startswith((_GOLD, _EXPLANATION)) and name in names[:place]:
            yield BadColumn(place + 1, name, "is there twice", "keep one of them")


def _explanations(given: Mapping[str, str], gold: Mapping[str, object]) -> dict[str, str]:
    """Return what is to be told after a vote, where there is an answer."""
    texts = {name: given.get(_EXPLANATION + name, "") for name in gold}
    for name, text in texts.items():
        check_text(_EXPLANATION + name, text)
        check_length(_EXPLANATION + name, text, LONGEST_EXPLANATION)
    return {name: text for name, text in texts.items() if text.strip()}
