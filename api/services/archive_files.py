"""The file of a month of the vote log: Parquet, with what is needed to prove that it is whole.

The file holds every column of the ledger as the database has it, in the order in which exports go through the ledger,
and in its metadata how many rows the database had and what they summed up to. Any program that reads Parquet can read
it; `client_id` is a UUID.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.store.archiving import Checksum

ROW_GROUP: Final = 100_000
LEVEL: Final = 9
"""Of zstd: a file is written once and kept for years."""

_KEY: Final = b"chaffinch"


class Fingerprint:
    """What record batches hold, however they are cut: a SHA-256 for each column, of its values and of its nulls."""

    def __init__(self) -> None:
        self._columns: list[Any] = []
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in some more rows."""
        self._columns = self._columns or [[hashlib.sha256() for _ in range(3)] for _ in batch.columns]
        self.rows += batch.num_rows
        for column, digests in zip(batch.columns, self._columns, strict=True):
            for digest, part in zip(digests, _parts(column), strict=True):
                digest.update(part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self.rows)

    def _value(self) -> tuple[int, list[str]]:
        return self.rows, [digest.hexdigest() for digests in self._columns for digest in digests]


def write_month(path: Path, batches: Iterable[pa.RecordBatch], columns: Sequence[str], known: Checksum) -> Fingerprint:
    """Write a month's rows into a file, in the memory of a few batches, and return what they hold."""
    fingerprint = Fingerprint()
    writer: pq.ParquetWriter | None = None
    waiting: list[pa.RecordBatch] = []
    try:
        for batch in batches:
            fingerprint.add(batch)
            waiting.append(batch)
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd", compression_level=LEVEL)
            if sum(each.num_rows for each in waiting) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROW_GROUP)
                waiting.clear()
        if writer is not None:
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=ROW_GROUP)
            about = {"columns": list(columns), "rows": known.rows, "checksum": known.checksum}
            writer.add_key_value_metadata({_KEY: json.dumps(about).encode()})
    finally:
        if writer is not None:
            writer.close()
    return fingerprint


def read_about(path: Path) -> tuple[list[str], Checksum]:
    """Return the columns of a month's file, and what its rows summed up to in the database."""
    about = json.loads(pq.read_metadata(path).metadata[_KEY])
    return about["columns"], Checksum(about["rows"], about["checksum"])


def read_month(path: Path, workflow_ids: Sequence[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a month's file, all or those of some workflows, in its order and with flat memory."""
    wanted = None if workflow_ids is None else pa.array(workflow_ids, pa.int32())
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            kept = batch if wanted is None else batch.filter(pc.is_in(batch["workflow_id"], value_set=wanted))
            if kept.num_rows:
                yield kept


def fingerprint_of(path: Path) -> Fingerprint:
    """Return what a month's file holds."""
    fingerprint = Fingerprint()
    for batch in read_month(path):
        fingerprint.add(batch)
    return fingerprint


def _parts(column: pa.Array) -> tuple[bytes, bytes, bytes]:
    """Return which values are null, the values, and their lengths where they have such, as bytes."""
    nulls = column.is_null().to_numpy(zero_copy_only=False).tobytes()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        filled = column.fill_null(b"" if pa.types.is_binary(column.type) else "")
        offsets = np.frombuffer(filled.buffers()[1], np.int32)[filled.offset : filled.offset + len(filled) + 1]
        content = filled.buffers()[2]
        values = b"" if content is None else content.slice(offsets[0], offsets[-1] - offsets[0]).to_pybytes()
        return nulls, values, np.diff(offsets).tobytes()
    if pa.types.is_fixed_size_binary(column.type):
        return nulls, b"".join(value or b"" for value in column.to_pylist()), b""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return (
        nulls,
        column.fill_null(0 if not pa.types.is_boolean(column.type) else False).to_numpy(zero_copy_only=False).tobytes(),
        b"",
    )
