"""From a file to rows: the encoding, the delimiter, and the lines on which rows begin."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from api.manifest.columns import Columns, WrongColumnsError, columns_of
from api.manifest.errors import BadColumn, BadHeaderError, NotUtf8Error, UnreadableManifestError
from api.manifest.lab import lab_columns
from api.manifest.rows import BadRow, ManifestRow, RowReader

_DELIMITERS: Final = (",", ";", "\t")
_BEGINNINGS: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"PK\x03\x04", "a spreadsheet or a ZIP archive"),
    (b"\x1f\x8b", "packed with gzip"),
)
_SAMPLE_BYTES: Final = 4096
_LONGEST_LINE: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose header is in order.

    `delimiter` is what separates its cells: a comma, or a semicolon or tab where a spreadsheet wrote it so. `columns`
    says which workflows have gold and which scores there are. `address` is where it was fetched from, if it was.
    """

    path: Path
    delimiter: str
    columns: Columns
    root: Path
    address: str | None = None

    def rows(self) -> Iterator[ManifestRow | BadRow]:
        """Yield the rows in the file's order, each read as it is drawn; empty rows are passed over.

        The file may have any length: only the external ids are remembered. Each call begins anew.
        """
        reader = RowReader(self.columns, self.path.parent.resolve(), self.root, seen={}, address=self.address)
        with open_text(self.path) as file:
            records = records_of(file, self.delimiter)
            next(records)
            for line, record in records:
                yield record if isinstance(record, BadRow) else reader.value_of(line, record)


def read(path: Path, root: Path | None = None, address: str | None = None) -> Manifest:
    """Return a manifest with its header checked.

    Locations are relative to the manifest's folder. They may lie in that folder or, if it is given, in `root`. With the
    `address` that the manifest was fetched from, they are relative to that.

    Raises
    ------
    UnreadableManifestError, NotUtf8Error, BadHeaderError
        The last lists everything that is wrong in the header.
    """
    try:
        check_encoding(path)
        with open_text(path) as file:
            delimiter = delimiter_of(file)
            file.seek(0)
            records = records_of(file, delimiter)
            line, header = next(records, (1, []))
            first = next(records, (0, []))[1]
    except OSError as error:
        raise UnreadableManifestError(path, error.strerror or str(error)) from error
    if isinstance(header, BadRow):
        raise BadHeaderError(path, line, [BadColumn(0, "", header.problem, header.remedy)])
    try:
        columns = _columns_of(header, [] if isinstance(first, BadRow) else first, path.parent)
    except WrongColumnsError as error:
        raise BadHeaderError(path, line, error.columns) from None
    return Manifest(path, delimiter, columns, (path.parent if root is None else root).resolve(), address)


def _columns_of(header: Sequence[str], first: Sequence[str], folder: Path) -> Columns:
    """Return the columns of a header of the lab's form, or of ours."""
    return lab_columns(header, first, folder) or columns_of(header)


def open_text(path: Path) -> TextIO:
    """Open a manifest; bytes that are not UTF-8 become lone surrogates, which the rows complain of."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def check_encoding(path: Path) -> None:
    """Raise `NotUtf8Error` where a file is something else."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    for beginning, found in _BEGINNINGS:
        if sample.startswith(beginning):
            raise NotUtf8Error(path, found)
    if sample.count(0) > len(sample) // 3:
        raise NotUtf8Error(path, "UTF-16")


def delimiter_of(file: TextIO) -> str:
    """Return the delimiter with which the first row that says anything has the most cells."""
    header = next((line for line in _lines(file) if line.strip()), "")
    return max(_DELIMITERS, key=header.count)


def records_of(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | BadRow]]:
    """Yield the cells of each row that has any, with the line on which it begins."""
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _torn(line, reader.line_num, error)
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file; one that would fill the memory is an `OSError`, as a disk that cannot be read is."""
    for line in iter(partial(file.readline, _LONGEST_LINE + 1), ""):
        if len(line) > _LONGEST_LINE:
            raise OSError(f"a line of it has more than {_LONGEST_LINE:,} characters")
        yield line


def _torn(first: int, last: int, error: csv.Error) -> BadRow:
    reach = "" if first == last else f"runs on to line {last} and "
    return BadRow(first, None, f"{reach}is no CSV ({error})", 'close every quote, and double quotes within: ""')
