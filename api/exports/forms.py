"""The forms in which an export is written, and the writer of each."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from api.exports.columns import Column
from api.exports.delimited import CsvWriter
from api.exports.lines import LineWriter
from api.exports.parquet import ParquetWriter
from api.exports.provenance import Ending, Provenance
from api.exports.sink import Sink


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    VOTABLE = "votable"
    FITS = "fits"

    @property
    def suffix(self) -> str:
        """What the names of such files end in."""
        return "vot" if self is Form.VOTABLE else self.value

    @property
    def media_type(self) -> str:
        """What such a file is called on the web."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.NDJSON: "application/x-ndjson",
    Form.PARQUET: "application/vnd.apache.parquet",
    Form.VOTABLE: "application/x-votable+xml",
    Form.FITS: "application/fits",
}


class Writer(Protocol):
    """Writes one table."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch."""

    def close(self, ending: Ending) -> None:
        """Write what comes after the last row."""


def open_writer(form: Form, columns: Sequence[Column], provenance: Provenance, sink: Sink) -> Writer:
    """Begin to write a table with these columns."""
    match form:
        case Form.CSV:
            return CsvWriter(columns, sink.write)
        case Form.NDJSON:
            return LineWriter(columns, sink.write)
        case Form.PARQUET:
            return ParquetWriter(columns, provenance, sink)
        case Form.VOTABLE:
            from api.exports.votable import VotableWriter  # noqa: PLC0415  # astropy takes 0.3 s to load

            return VotableWriter(columns, provenance, sink.write)
        case Form.FITS:
            from api.exports.fits import FitsWriter  # noqa: PLC0415  # astropy takes 0.3 s to load

            return FitsWriter(columns, provenance, sink.write)
