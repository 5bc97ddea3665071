"""CSV as Panoptes exports it: a header row, UTF-8 (with or without a mark), cells that hold JSON of any length."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from api.manifest import BadRow
from api.panoptes.errors import WrongExportError

LONGEST_CELL: Final = 16_000_000
_CELL_SHOWN: Final = 60

Cells = Mapping[str, str]


class RefusedError(Exception):
    """A cell that will not do; becomes a `BadRow`."""

    def __init__(self, column: str | None, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem
        self.remedy = remedy

    def on(self, line: int) -> BadRow:
        """Return the bad row."""
        return BadRow(line, self.column, self.problem, self.remedy)


def rows_of(path: Path, what: str, needed: Sequence[str]) -> Iterator[tuple[int, Cells | BadRow]]:
    """Yield the rows of an export with the lines on which they begin; only one row is held at a time.

    Parameters
    ----------
    what
        What kind of export this is, for the errors.
    needed
        Columns without which it is none.

    Raises
    ------
    WrongExportError
        The file cannot be read, or is no such export.
    """
    csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = next(reader, [])
            missing = [name for name in needed if name not in names]
            if missing:
                found = ", ".join(names)[:200] or "nothing"
                raise WrongExportError(
                    path, f"is no {what} of Panoptes: it has no column {', '.join(missing)}; it has {found}"
                )
            yield from _records(reader, names)
    except OSError as error:
        raise WrongExportError(path, error.strerror or str(error)) from error
    except csv.Error as error:
        raise WrongExportError(path, f"is no CSV ({error})") from error


def _records(reader: Any, names: Sequence[str]) -> Iterator[tuple[int, Cells | BadRow]]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, BadRow(line, None, f"is no CSV ({error})", 'close every quote, and double quotes within: ""')
            continue
        if not cells:
            continue
        if len(cells) == len(names):
            yield line, dict(zip(names, cells, strict=True))
        else:
            problem = f"has {len(cells)} cells where the header has {len(names)}"
            yield line, BadRow(line, None, problem, "export the file again; it may have been cut short or edited")


def json_of(cells: Cells, column: str, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
    """Return the JSON of a cell, an empty object or list for an empty cell.

    Raises
    ------
    RefusedError
        It is no JSON, or not of this kind.
    """
    cell = cells.get(column, "")
    if not cell.strip():
        return kind()
    try:
        value = from_json(cell.encode())
    except UnicodeEncodeError as error:
        raise RefusedError(column, "is not in UTF-8", "export the file again, or save it as UTF-8") from error
    except ValueError as error:
        raise RefusedError(column, f"is no JSON ({error})", "export the file again; do not edit it by hand") from error
    if value is None:
        return kind()
    if not isinstance(value, kind):
        wanted = "an object in {braces}" if kind is dict else "a list in [brackets]"
        raise RefusedError(column, f"is {shown(cell)}", f"it must be {wanted}")
    return value


def shown(cell: str) -> str:
    """Return a cell as a person would recognise it."""
    return repr(cell if len(cell) <= _CELL_SHOWN else f"{cell[:_CELL_SHOWN]}...")
