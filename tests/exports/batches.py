"""Small tables with everything in them that a form may stumble over, and their writing."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from api.exports.columns import COLUMNS, Column, Table, schema
from api.exports.forms import Form, open_writer
from api.exports.provenance import Ending, Provenance
from api.exports.sink import Sink

WORDS = [
    "plain",
    "=1+1",
    'a "quoted", id',
    "line\nbreak",
    "carriage\rreturn",
    "größer ☄ 🐦",
    "<&>",
    "\x07bell",
    "back\\slash",
]
MOMENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def a_table(table: Table, rows: int = 20) -> pa.RecordBatch:
    """Return a batch in which every column has values of its kind; every third is null where it may be."""
    columns = COLUMNS[table]
    arrays = [pa.array([_value(column, row) for row in range(rows)], column.type) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(columns))


def _value(column: Column, row: int) -> object:
    if pa.types.is_boolean(column.type):
        return row % 2 == 0
    if row % 3 == 2 and column.name not in ("subject", "external_id", "id"):
        return None
    if pa.types.is_timestamp(column.type):
        return MOMENT.replace(microsecond=row % 2 * 123456)
    if pa.types.is_floating(column.type):
        return row / 7
    if pa.types.is_integer(column.type):
        return 30000 - row
    return f"{column.name}-{row}" if column.ascii else WORDS[row % len(WORDS)]


def written(form: Form, table: Table, batches: list[pa.RecordBatch], path: Path) -> Sink:
    """Write batches to a file."""
    provenance = Provenance("lenses", 'Größer & "mehr"', table, (1, 2), MOMENT, "Chaffinch 0.1.0")
    with path.open("wb") as file:
        sink = Sink(file.write)
        writer = open_writer(form, COLUMNS[table], provenance, sink)
        for batch in batches:
            writer.add(batch)
        writer.close(Ending(sum(map(len, batches)), "17"))
    return sink
