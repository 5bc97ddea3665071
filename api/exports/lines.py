"""NDJSON: one JSON object a line, with the names of the columns and JSON's own types."""

import json
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

from api.exports.cells import joined, text_of
from api.exports.columns import Column
from api.exports.provenance import Ending
from api.exports.sink import Write

_CONTROL: Final = "[\x00-\x1f]"


class LineWriter:
    """Writes batches as NDJSON."""

    def __init__(self, columns: Sequence[Column], write: Write) -> None:
        self._columns = columns
        self._write = write
        self._names = [
            f"{'{' if place == 0 else ','}{json.dumps(column.name)}:" for place, column in enumerate(columns)
        ]

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch."""
        cells: list[pa.Array | str] = []
        for name, array, column in zip(self._names, batch.columns, self._columns, strict=True):
            cells += (name, pc.fill_null(_values(array, column), "null"))
        self._write(joined([*cells, "}\n"]))

    def close(self, ending: Ending) -> None:
        """Do nothing: NDJSON has no place for what is known at the end."""


def _values(array: pa.Array, column: Column) -> pa.Array:
    """Return values as JSON, null as null."""
    if pa.types.is_timestamp(array.type) or column.ascii:
        return pc.binary_join_element_wise('"', text_of(array), '"', "")
    return _strings(array) if pa.types.is_string(array.type) else text_of(array)


def _strings(array: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(pc.replace_substring(array, "\\", "\\\\"), '"', '\\"')
    quoted = pc.binary_join_element_wise('"', escaped, '"', "")
    control = pc.fill_null(pc.match_substring_regex(array, _CONTROL), False)
    if not pc.any(control).as_py():
        return quoted
    spelled = [to_json(text).decode() for text in array.filter(control).to_pylist()]
    return pc.replace_with_mask(quoted, control, pa.array(spelled, pa.string()))
