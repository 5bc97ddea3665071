"""VOTable 1.4, streamed: astropy makes the head with fields, units, UCDs and provenance, rows follow as BINARY2.

BINARY2 tells null from every value, and takes text of any characters. Each row is a bit for each column that is null,
then the values, most significant byte first; text has its length before it. All is base64, in lines.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy.io.votable import tree
from numpy.typing import NDArray

from api.exports.cells import contents, joined, text_of
from api.exports.columns import Column
from api.exports.provenance import Ending, Provenance
from api.exports.sink import Write

VERSION: Final = "1.4"

_LINE: Final = 57
"""Bytes of a base64 line of 76 characters."""

_NUMBERS: Final[Mapping[pa.DataType, tuple[str, str]]] = {
    pa.int16(): ("short", ">i2"),
    pa.int32(): ("int", ">i4"),
    pa.int64(): ("long", ">i8"),
    pa.float64(): ("double", ">f8"),
}
_HEAD_END: Final = "</TABLE>"


class VotableWriter:
    """Writes batches as one VOTable."""

    def __init__(self, columns: Sequence[Column], provenance: Provenance, write: Write) -> None:
        self._columns = columns
        self._write = write
        self._rest = b""
        head, self._tail = _document(columns, provenance)
        write(f'{head}<DATA>\n<BINARY2>\n<STREAM encoding="base64">\n'.encode())

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch."""
        cells = [_cells(array, column) for array, column in zip(batch.columns, self._columns, strict=True)]
        rows = self._rest + bytes(joined([_null_bits(batch), *cells]))
        whole = len(rows) - len(rows) % _LINE
        self._rest = rows[whole:]
        self._write(_lines(rows[:whole]))

    def close(self, ending: Ending) -> None:
        """Write the last line, and what was not known at the beginning."""
        rest = base64.b64encode(self._rest).decode()
        infos = "".join(_info(name, text) for name, text in ending.foot.items())
        tail = self._tail.replace("</RESOURCE>", f"{infos}</RESOURCE>")
        self._write(f"{rest}\n</STREAM>\n</BINARY2>\n</DATA>\n{_HEAD_END}{tail}".encode())


def _document(columns: Sequence[Column], provenance: Provenance) -> tuple[str, str]:
    """Return what comes before and what after the data of a table."""
    votable = tree.VOTableFile(version=VERSION)
    resource = tree.Resource(type="results")
    votable.resources.append(resource)
    for name, text in provenance.head.items():
        resource.infos.append(tree.Info(name=name, value=text))
    resource.coordinate_systems.append(tree.CooSys(ID="icrs", system="ICRS", config=votable._config))
    resource.time_systems.append(
        tree.TimeSys(ID="utc", timescale="UTC", refposition="TOPOCENTER", config=votable._config)
    )
    table = tree.TableElement(votable, name=provenance.table.value)
    resource.tables.append(table)
    table.fields.extend(_field(votable, column) for column in columns)
    document = io.BytesIO()
    votable.to_xml(document)
    head, tail = document.getvalue().decode().split(_HEAD_END)
    return head, tail


def _field(votable: tree.VOTableFile, column: Column) -> tree.Field:
    about: dict[str, str] = {"ucd": column.ucd}
    if column.unit:
        about["unit"] = column.unit
    if column.ucd.startswith("pos.eq"):
        about["ref"] = "icrs"
    if column.type in _NUMBERS:
        about["datatype"] = _NUMBERS[column.type][0]
    elif pa.types.is_boolean(column.type):
        about["datatype"] = "boolean"
    elif pa.types.is_timestamp(column.type):
        about |= {"datatype": "char", "arraysize": "*", "xtype": "timestamp", "ref": "utc"}
    else:
        about |= {"datatype": "char" if column.ascii else "unicodeChar", "arraysize": "*"}
    field = tree.Field(votable, name=column.name, ID=column.name, **about)
    field.description = column.meaning
    return field


def _info(name: str, text: str) -> str:
    return f"<INFO name={quoteattr(name)} value={quoteattr(text)}/>\n"


def _null_bits(batch: pa.RecordBatch) -> pa.Array:
    nulls = np.column_stack([array.is_null().to_numpy(zero_copy_only=False) for array in batch.columns])
    return _fixed(np.packbits(nulls, axis=1))


def _cells(array: pa.Array, column: Column) -> pa.Array:
    """Return values as BINARY2 has them; a null is zero, empty or false."""
    if column.type in _NUMBERS:
        kind = _NUMBERS[column.type][1]
        return _fixed(pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype(kind))
    if pa.types.is_boolean(column.type):
        truths = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
        return _fixed(np.where(truths, ord("T"), ord("F")).astype(np.uint8))
    text = pc.fill_null(text_of(array), "")
    wide = pa.types.is_string(column.type) and not column.ascii
    return _with_length(_utf16(text) if wide else text.cast(pa.binary()), 2 if wide else 1)


def _fixed(values: NDArray[np.generic]) -> pa.Array:
    """Return the bytes of each row of an array."""
    count = len(values)
    width = values.nbytes // count if count else 0
    ends = np.arange(0, values.nbytes + 1, max(width, 1), dtype=np.int32)[: count + 1]
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), data])


def _with_length(text: pa.Array, unit: int) -> pa.Array:
    """Put before each value how many characters of `unit` bytes it has."""
    lengths = _fixed((np.diff(contents(text)[0]) // unit).astype(">i4"))
    return pc.binary_join_element_wise(lengths, text, b"")


def _utf16(text: pa.Array) -> pa.Array:
    """Return text as UTF-16, most significant byte first."""
    if not pc.all(pc.string_is_ascii(text)).as_py():
        return pa.array([each.encode("utf-16-be") for each in text.to_pylist()], pa.binary())
    ends, data = contents(text)
    wide = np.zeros((len(data), 2), dtype=np.uint8)
    wide[:, 1] = data
    return pa.Array.from_buffers(
        pa.binary(), len(text), [None, pa.py_buffer((ends * 2).astype(np.int32)), pa.py_buffer(wide)]
    )


def _lines(rows: bytes) -> bytes:
    """Return whole lines of base64."""
    coded = np.frombuffer(base64.b64encode(rows), dtype=np.uint8).reshape(-1, 76)
    return np.column_stack([coded, np.full(len(coded), ord("\n"), dtype=np.uint8)]).tobytes()
