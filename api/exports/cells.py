"""Columns as text and as bytes, a whole batch at a time."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_HEX: Final = np.array([f"{byte:02x}".encode() for byte in range(256)], dtype="S2").view("<u2")
_UUID_GROUPS: Final = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))
_UUID_HYPHENS: Final = (8, 13, 18, 23)
_UUID_LENGTH: Final = 36


def text_of(array: pa.Array) -> pa.Array:
    """Return values as text, null as null: `true` and `false`, moments in UTC with a Z, numbers as Python has them."""
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_boolean(kind):
        return pc.if_else(array, "true", "false")
    if pa.types.is_timestamp(kind):
        return _moments(array)
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else repr(value) for value in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def naive_moments(array: pa.Array) -> pa.Array:
    """Return moments as ISO 8601 in UTC, always with six decimals and no Z."""
    plain = array.cast(pa.timestamp("us")).cast(pa.string())  # with a time zone Arrow takes thirty times as long
    return pc.replace_substring(plain, " ", "T")


def _moments(array: pa.Array) -> pa.Array:
    whole = pc.replace_substring_regex(naive_moments(array), r"\.000000$", "")
    return pc.binary_join_element_wise(whole, "Z", "")


def uuids(array: pa.Array) -> pa.Array:
    """Return UUIDs without nulls in their hyphenated form."""
    count = len(array)
    stored = array.storage if isinstance(array, pa.ExtensionArray) else array
    raw = np.frombuffer(stored.buffers()[1], dtype=np.uint8, count=16 * count, offset=16 * stored.offset)
    digits = _HEX[raw].view(np.uint8).reshape(count, 32)
    spelled = np.empty((count, _UUID_LENGTH), dtype=np.uint8)
    spelled[:, _UUID_HYPHENS] = ord("-")
    for start, stop, place in _UUID_GROUPS:
        spelled[:, place : place + stop - start] = digits[:, start:stop]
    ends = np.arange(0, _UUID_LENGTH * (count + 1), _UUID_LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(spelled))


def contents(array: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    """Return where each text or bytes begins, of shape (n + 1,), and all of them one after another. A null is empty."""
    filled = pc.fill_null(array, b"" if pa.types.is_binary(array.type) else "")
    count = len(filled)
    ends = np.frombuffer(filled.buffers()[1], dtype=np.int32, count=count + 1, offset=4 * filled.offset)
    start, stop = (int(ends[0]), int(ends[-1])) if count else (0, 0)
    held = filled.buffers()[2]
    data = np.frombuffer(held, dtype=np.uint8) if held is not None and held.size else np.empty(0, dtype=np.uint8)
    return ends - start, data[start:stop]


def joined(cells: list[pa.Array | str], separator: str = "") -> memoryview:
    """Return the cells of each row with a separator between, and the rows one after another. No cell is null."""
    binary = any(isinstance(cell, pa.Array) and pa.types.is_binary(cell.type) for cell in cells)
    rows: Bytes = contents(pc.binary_join_element_wise(*cells, separator.encode() if binary else separator))[1]
    return rows.data
