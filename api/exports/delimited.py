"""CSV: RFC 4180 in UTF-8.

A header row, lines that end in CR LF, nothing for null, `true` and `false`, times in UTC. Cells are what was imported,
byte for byte: an external id, a source or a reason may begin with ``=``, ``+``, ``-`` or ``@``, which spreadsheet
programs take for a formula. Import such a file as text, or read it with a program that does not calculate; the export
does not alter ids that have to match yours.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from api.exports.cells import joined, text_of
from api.exports.columns import Column
from api.exports.provenance import Ending
from api.exports.sink import Write

_SPECIAL: Final = '[",\r\n]'


class CsvWriter:
    """Writes batches as CSV."""

    def __init__(self, columns: Sequence[Column], write: Write) -> None:
        self._columns = columns
        self._write = write
        write(",".join(column.name for column in columns).encode() + b"\r\n")

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch."""
        cells = [_cells(array, column) for array, column in zip(batch.columns, self._columns, strict=True)]
        cells[-1] = pc.binary_join_element_wise(cells[-1], "\r\n", "")
        self._write(joined(cells, ","))

    def close(self, ending: Ending) -> None:
        """Do nothing: CSV has no place for what is known at the end."""


def _cells(array: pa.Array, column: Column) -> pa.Array:
    text = pc.fill_null(text_of(array), "")
    if column.ascii or not pa.types.is_string(column.type):
        return text
    special = pc.match_substring_regex(text, _SPECIAL)
    if not pc.any(special).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(special, quoted, text)
