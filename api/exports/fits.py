"""FITS binary tables: fixed-width rows under a header with units, UCDs, meanings and provenance.

The header says how many rows follow and how wide they are, so a table is put aside first and written when it is
complete, in the memory of a batch. Text is UTF-8, as astropy writes it, and empty where it is null; a whole number that
is null is the least of its type (``TNULL``), a real one NaN; moments are ISO 8601 in UTC (``TIMESYS``), without a Z.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy.io import fits
from numpy.typing import NDArray

from api.exports.cells import contents, naive_moments
from api.exports.columns import Column, schema
from api.exports.provenance import Ending, Provenance
from api.exports.sink import Write
from api.exports.spool import Spool

BLOCK: Final = 2880

WRITTEN_BYTES: Final = 8_000_000
"""What of a table is laid out at a time: one long text makes every row as wide."""

MOMENT_WIDTH: Final = len("2026-11-21T09:30:00.123456")

_WHOLE: Final[Mapping[pa.DataType, tuple[str, str]]] = {
    pa.int16(): ("I", ">i2"),
    pa.int32(): ("J", ">i4"),
    pa.int64(): ("K", ">i8"),
}
_SHORT: Final = 18
"""The longest text beside which a card has room for a comment of ours."""

_CARDS: Final = {
    "project": ("PROJECT", "short name of the project"),
    "title": ("OBJECT", "title of the project"),
    "table": ("EXTNAME", "what this table holds"),
    "all_revisions": ("ALLREVS", "whether older revisions are here too"),
    "cascade_versions": ("CASCADES", "versions of the cascade published by then"),
    "made_at": ("DATE", "when the export began, UTC"),
    "software": ("CREATOR", "what wrote this file"),
    "after": ("AFTER", "cursor that this goes on from"),
    "rows": ("ROWS", "number of rows"),
    "cursor": ("CURSOR", "where the next export goes on"),
}


class FitsWriter:
    """Writes batches as one binary table, all of it when the table is complete."""

    def __init__(self, columns: Sequence[Column], provenance: Provenance, write: Write) -> None:
        self._columns = columns
        self._head = provenance.head
        self._write = write
        self._spool = Spool(schema(columns))

    def add(self, batch: pa.RecordBatch) -> None:
        """Put the rows of a batch aside."""
        self._spool.add(batch)

    def close(self, ending: Ending) -> None:
        """Write the file."""
        try:
            self._write(fits.PrimaryHDU().header.tostring().encode())
            kinds = [_kind(column, self._spool.widths) for column in self._columns]
            self._write(self._header(kinds, {**self._head, **ending.foot}))
            row = np.dtype([(column.name, kind) for column, (_, kind) in zip(self._columns, kinds, strict=True)])
            step = max(1, WRITTEN_BYTES // row.itemsize)
            for batch in self._spool.batches():
                for start in range(0, len(batch), step):
                    self._write(_rows(batch.slice(start, step), row).tobytes())
            self._write(b"\0" * (-self._spool.rows * row.itemsize % BLOCK))
        finally:
            self._spool.close()

    def _header(self, kinds: Sequence[tuple[str, str]], told: Mapping[str, str]) -> bytes:
        columns = [
            fits.Column(column.name, form, unit=column.unit, null=_null(column))
            for column, (form, _) in zip(self._columns, kinds, strict=True)
        ]
        header = fits.BinTableHDU.from_columns(columns).header
        header["NAXIS2"] = self._spool.rows
        for number, column in reversed(list(enumerate(self._columns, start=1))):
            for name, text in ((f"TUCD{number}", column.ucd), (f"TCOMM{number}", column.meaning)):
                header.insert(f"TFORM{number}", (name, text), after=True)
        header["TIMESYS"] = ("UTC", "of every moment in the table")
        header["RADESYS"] = ("ICRS", "of ra and dec")
        for name, text in told.items():
            card, about = _CARDS[name]
            header[card] = (_card(name, text), about if len(text) <= _SHORT else None)
        encoded: bytes = header.tostring().encode("ascii")
        return encoded


def _kind(column: Column, widths: Mapping[str, int]) -> tuple[str, str]:
    """Return the TFORM of a column, and numpy's name of it."""
    if column.type in _WHOLE:
        return _WHOLE[column.type]
    if pa.types.is_floating(column.type):
        return "D", ">f8"
    if pa.types.is_boolean(column.type):
        return "L", "u1"
    width = MOMENT_WIDTH if pa.types.is_timestamp(column.type) else widths[column.name]
    return f"{width}A", f"S{width}"


def _null(column: Column) -> int | None:
    return int(np.iinfo(_WHOLE[column.type][1]).min) if column.type in _WHOLE else None


def _card(name: str, text: str) -> int | str:
    """Return what a card says: a number, a date without its Z, or text with Python's escapes outside ASCII."""
    if name == "rows":
        return int(text)
    if name == "made_at":
        return text.removesuffix("Z")
    return "".join(each if " " <= each <= "~" else each.encode("unicode_escape").decode() for each in text)


def _rows(batch: pa.RecordBatch, row: np.dtype[Any]) -> NDArray[Any]:
    rows = np.zeros(len(batch), dtype=row)
    for name, array in _arrays(batch):
        rows[name] = _values(array, row[name].itemsize)
    return rows


def _arrays(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    yield from zip(batch.schema.names, batch.columns, strict=True)


def _values(array: pa.Array, width: int) -> NDArray[Any]:
    if array.type in _WHOLE:
        least = pa.scalar(int(np.iinfo(_WHOLE[array.type][1]).min), array.type)
        return _numpy(pc.fill_null(array, least))
    if pa.types.is_floating(array.type):
        return _numpy(pc.fill_null(array, np.nan))
    if pa.types.is_boolean(array.type):
        return np.where(_numpy(pc.fill_null(array, False)), ord("T"), ord("F")).astype(np.uint8)
    return _padded(naive_moments(array) if pa.types.is_timestamp(array.type) else array, width)


def _numpy(array: pa.Array) -> NDArray[Any]:
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def _padded(text: pa.Array, width: int) -> NDArray[np.bytes_]:
    """Return text as bytes of one width, filled up with zeros."""
    ends, data = contents(text)
    lengths = np.diff(ends)
    shift = np.repeat(np.arange(len(text), dtype=np.int64) * width - ends[:-1], lengths)
    padded = np.zeros(len(text) * width, dtype=np.uint8)
    padded[shift + np.arange(len(data))] = data
    return padded.view(f"S{width}")
