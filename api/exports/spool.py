"""A table put aside in a temporary file, for forms whose head says how many rows follow and how wide they are."""

import tempfile
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_COMPRESSED: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Batches on disk, read again in their order; `widths` are the bytes of the longest text of each text column."""

    def __init__(self, schema: pa.Schema) -> None:
        self._file = tempfile.TemporaryFile(prefix="chaffinch-export-")  # noqa: SIM115  # closed by `close`
        self._stream = pa.ipc.new_stream(self._file, schema, options=_COMPRESSED)
        self.rows = 0
        self.widths = {field.name: 1 for field in schema if pa.types.is_string(field.type)}

    def add(self, batch: pa.RecordBatch) -> None:
        """Put a batch aside."""
        self._stream.write_batch(batch)
        self.rows += len(batch)
        for name, width in self.widths.items():
            longest = pc.max(pc.binary_length(batch[name])).as_py() or 0
            self.widths[name] = max(width, longest)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield what was put aside. Nothing can be added any more."""
        self._stream.close()
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)

    def close(self) -> None:
        """Forget all of it."""
        self._file.close()
