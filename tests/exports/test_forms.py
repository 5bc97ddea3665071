import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.io import fits
from astropy.io.votable import parse
from astropy.io.votable.ucd import parse_ucd
from astropy.table import Table as AstropyTable

from api.exports.columns import COLUMNS, Column, Table
from api.exports.fits import WRITTEN_BYTES
from api.exports.forms import Form, open_writer
from api.exports.provenance import Ending, Provenance
from api.exports.sink import Sink
from tests.exports.batches import MOMENT, a_table, written

EVERY_TABLE = pytest.mark.parametrize("table", Table)


def from_parquet(table: Table, folder: Path) -> list[dict[str, Any]]:
    """Write a table in two batches as Parquet, and read it back."""
    batch = a_table(table)
    written(Form.PARQUET, table, [batch.slice(0, 7), batch.slice(7)], folder / "table.parquet")
    read = pq.read_table(folder / "table.parquet")
    assert read.equals(pa.Table.from_batches([batch]))
    rows: list[dict[str, Any]] = read.to_pylist()
    return rows


def from_astropy(form: Form, table: Table, folder: Path, cell: Callable[[Column, Any], Any]) -> list[dict[str, Any]]:
    """Write the same as a table for astronomers, and read it back with astropy; `cell` turns a value into Parquet's."""
    batch = a_table(table)
    path = folder / f"table.{form.suffix}"
    written(form, table, [batch.slice(0, 7), batch.slice(7)], path)
    read = AstropyTable.read(path)
    assert read.colnames == [column.name for column in COLUMNS[table]]
    return [{column.name: cell(column, row[column.name]) for column in COLUMNS[table]} for row in read]


def votable_cell(column: Column, value: Any) -> Any:
    if value is np.ma.masked or (pa.types.is_string(column.type) and value == ""):
        return None
    if pa.types.is_timestamp(column.type):
        return datetime.fromisoformat(str(value)) if value else None
    return str(value) if pa.types.is_string(column.type) else value.item()


def fits_cell(column: Column, value: Any) -> Any:
    if value is np.ma.masked or (pa.types.is_floating(column.type) and np.isnan(value)):
        return None
    if pa.types.is_timestamp(column.type):
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC) if value else None
    return (str(value) or None) if pa.types.is_string(column.type) else value.item()


@EVERY_TABLE
def test_a_votable_read_by_astropy_equals_the_parquet(table: Table, tmp_path: Path) -> None:
    assert from_astropy(Form.VOTABLE, table, tmp_path, votable_cell) == from_parquet(table, tmp_path)


@EVERY_TABLE
def test_a_fits_table_read_by_astropy_equals_the_parquet(table: Table, tmp_path: Path) -> None:
    assert from_astropy(Form.FITS, table, tmp_path, fits_cell) == from_parquet(table, tmp_path)


@pytest.mark.parametrize("form", Form)
def test_a_table_without_rows_is_a_whole_file(form: Form, tmp_path: Path) -> None:
    path = tmp_path / f"none.{form.suffix}"

    sink = written(form, Table.LABELS, [], path)

    assert sink.bytes == path.stat().st_size
    if form is Form.PARQUET:
        assert pq.read_table(path).num_rows == 0
    elif form in (Form.VOTABLE, Form.FITS):
        assert len(AstropyTable.read(path)) == 0


def test_a_votable_says_what_its_columns_are_and_where_it_comes_from(tmp_path: Path) -> None:
    written(Form.VOTABLE, Table.LABELS, [a_table(Table.LABELS)], tmp_path / "labels.vot")

    votable = parse(tmp_path / "labels.vot", verify="exception")

    [resource] = votable.resources
    assert {info.name: info.value for info in resource.infos} == {
        "project": "lenses",
        "title": 'Größer & "mehr"',
        "table": "labels",
        "cascade_versions": "1,2",
        "made_at": "2026-11-21T09:30:00Z",
        "software": "Chaffinch 0.1.0",
        "rows": "20",
        "cursor": "17",
    }
    fields = {field.name: field for field in resource.tables[0].fields}
    assert (fields["ra"].ucd, fields["ra"].unit, fields["ra"].ref) == ("pos.eq.ra;meta.main", units.deg, "icrs")
    assert (fields["made_at"].xtype, fields["made_at"].ref) == ("timestamp", "utc")
    assert fields["reason"].description.startswith("why it retired")


def test_a_fits_header_says_what_its_columns_are_and_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "votes.fits"
    written(Form.FITS, Table.VOTES, [a_table(Table.VOTES)], path)

    with fits.open(path) as file:
        file.verify("exception")
        header = file[1].header

    place = 1 + [column.name for column in COLUMNS[Table.VOTES]].index("dwell_ms")
    told = [header[f"{key}{place}"] for key in ("TTYPE", "TUNIT", "TUCD", "TCOMM")]
    assert told == ["dwell_ms", "ms", "time.duration", "how long the card was looked at"]
    assert [header[key] for key in ("PROJECT", "EXTNAME", "DATE", "CREATOR", "ROWS", "CURSOR", "TIMESYS")] == [
        *("lenses", "classifications", "2026-11-21T09:30:00", "Chaffinch 0.1.0", 20, "17", "UTC")
    ]
    assert path.stat().st_size % 2880 == 0


def test_parquet_carries_the_dictionary_and_where_it_comes_from(tmp_path: Path) -> None:
    written(Form.PARQUET, Table.VOTES, [a_table(Table.VOTES)], tmp_path / "votes.parquet")

    path = tmp_path / "votes.parquet"

    dwell = pq.read_schema(path).field("dwell_ms").metadata
    assert (dwell[b"unit"], dwell[b"ucd"], dwell[b"description"]) == (
        *(b"ms", b"time.duration", b"how long the card was looked at"),
    )
    about = {key: value for key, value in pq.read_metadata(path).metadata.items() if key.startswith(b"chaffinch.")}
    assert about[b"chaffinch.project"] == b"lenses"
    assert about[b"chaffinch.rows"] == b"20"
    assert about[b"chaffinch.cursor"] == b"17"


def test_one_long_text_does_not_make_a_fits_table_take_its_width_for_every_row_at_once() -> None:
    batch = a_table(Table.SUBJECTS, rows=500)
    long = pa.array(["x" * 100_000, *["y"] * 499])
    batch = batch.set_column(batch.schema.get_field_index("metadata"), batch.schema.field("metadata"), long)
    largest = [0]

    def write(content: bytes | memoryview) -> None:
        largest[0] = max(largest[0], len(content))

    provenance = Provenance("lenses", None, Table.SUBJECTS, (1,), MOMENT, "Chaffinch")
    sink = Sink(write)
    writer = open_writer(Form.FITS, COLUMNS[Table.SUBJECTS], provenance, sink)
    writer.add(batch)
    writer.close(Ending(500, "17"))

    assert sink.bytes > 500 * 100_000
    assert largest[0] <= WRITTEN_BYTES


@EVERY_TABLE
def test_csv_and_ndjson_say_what_the_parquet_says(table: Table, tmp_path: Path) -> None:
    rows = from_parquet(table, tmp_path)
    batch = a_table(table)

    sink = written(Form.CSV, table, [batch], tmp_path / "labels.csv")
    written(Form.NDJSON, table, [batch], tmp_path / "labels.ndjson")

    text = (tmp_path / "labels.csv").read_bytes()
    expected = io.StringIO()
    lines = csv.writer(expected, lineterminator="\r\n")
    lines.writerows([list(rows[0]), *([cell(value) for value in row.values()] for row in rows)])
    assert text.decode() == expected.getvalue()
    assert sink.sha256 == hashlib.sha256(text).digest()
    told = [json.loads(line) for line in (tmp_path / "labels.ndjson").read_bytes().split(b"\n")[:-1]]
    assert told == [
        {name: moment(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in rows
    ]


def cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return moment(value) if isinstance(value, datetime) else value


def moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("table", Table)
def test_every_column_has_a_unit_that_astropy_knows_and_a_ucd_of_the_ivoa(table: Table) -> None:
    for column in COLUMNS[table]:
        parse_ucd(column.ucd, check_controlled_vocabulary=True)
        units.Unit(column.unit or "", format="vounit")
        units.Unit(column.unit or "", format="fits")
