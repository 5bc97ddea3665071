"""What units a FITS file has, from its headers alone: astropy sees no file before this has found it sound.

A FITS file is a row of units, each a header of 80-character cards, padded to blocks of 2880 bytes, and its data, padded
too (FITS standard 4.0, sections 3 and 4.4). A header says how many bytes of data follow; one that lies about that is
found out here, by arithmetic, before anything is read or any memory taken.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Final

from api.media import packing

BEGINNING: Final = b"SIMPLE  ="
"""The first bytes of every FITS file."""

BLOCK_BYTES: Final = 2880
_CARD_BYTES: Final = 80
_MOST_BLOCKS: Final = 2000
"""Of one header: 72,000 cards."""
_MOST_UNITS: Final = 2000
_MOST_AXES: Final = 16
_PEEK_BYTES: Final = 64_000_000
"""How far into a file `points_at_the_sky` looks."""
_WORTH: Final = re.compile(r"SIMPLE|XTENSION|BITPIX|Z?NAXIS\d{0,3}|[PG]COUNT|GROUPS|ZIMAGE|ZBITPIX|CTYPE\d|BANDS?\d?")
_CELESTIAL: Final = re.compile(r"RA--|DEC-|.LON|.LAT|..LN|..LT")


class BrokenLayoutError(Exception):
    """The headers make no sense; the message says where."""


class LyingHeaderError(Exception):
    """A header promises more bytes of data than the file has."""

    def __init__(self, promised_bytes: int, present_bytes: int) -> None:
        super().__init__(promised_bytes, present_bytes)
        self.promised_bytes = promised_bytes
        self.present_bytes = present_bytes


@dataclass(frozen=True, slots=True)
class Unit:
    """A header with its data; `place` counts from 0, `cards` are the header's values that matter here.

    `shape` is that of the image in it as numpy counts, the slowest axis first; empty for a table, or where there is no
    data.
    """

    place: int
    cards: Mapping[str, str | int]
    shape: tuple[int, ...]
    data_bytes: int

    @property
    def long_axes(self) -> tuple[int, ...]:
        """The shape without axes of length 1."""
        return tuple(length for length in self.shape if length != 1)

    @property
    def bands(self) -> tuple[str, ...]:
        """What the header calls the planes of a cube; none if it does not say."""
        single = [self.cards.get(f"BAND{number}") for number in range(self.shape[0] if self.shape else 0)]
        if single and all(isinstance(each, str) for each in single):
            return tuple(map(str, single))
        together = self.cards.get("BANDS")
        return tuple(together) if isinstance(together, str) else ()

    @property
    def has_sky(self) -> bool:
        """Whether two of its axes are named as right ascension and declination, or another such pair."""
        types = [str(value) for key, value in self.cards.items() if key.startswith("CTYPE")]
        return sum(_CELESTIAL.match(each) is not None for each in types) >= 2

    def __str__(self) -> str:
        if self.shape:
            return f"an image of {' x '.join(map(str, reversed(self.shape)))}"
        return "a table" if self.cards.get("XTENSION") in {"TABLE", "BINTABLE"} else "no data"


def units(file: IO[bytes], size: int | None) -> Iterator[Unit]:
    """Yield the units of a FITS file of so many bytes, or of one whose end is not known.

    What stands behind the last unit and is none is passed over, as readers do.

    Raises
    ------
    BrokenLayoutError, LyingHeaderError
    """
    for place in range(_MOST_UNITS):
        start = file.tell()
        header = _header(file, place)
        if header is None:
            return
        unit = _unit(place, header)
        begin = file.tell()
        if size is not None and begin + unit.data_bytes > size:
            raise LyingHeaderError(unit.data_bytes, max(0, size - begin))
        yield unit
        file.seek(begin + -(-unit.data_bytes // BLOCK_BYTES) * BLOCK_BYTES)
        assert file.tell() > start
    raise BrokenLayoutError(f"it has more than {_MOST_UNITS} units")


def points_at_the_sky(path: Path) -> bool:
    """Return whether a file is a FITS frame whose header places it in the sky; a file that cannot be read does not.

    Only headers are read.
    """
    try:
        if not path.is_file():  # to open a pipe would wait for its other end
            return False
        with path.open("rb") as packed:
            file = packing.opened(packed)
            if file.read(len(BEGINNING)) != BEGINNING:
                return False
            file.seek(0)
            for unit in units(file, None):
                if unit.has_sky and len(unit.long_axes) >= 2:
                    return True
                if file.tell() + unit.data_bytes > _PEEK_BYTES:
                    return False
    except (OSError, EOFError, ValueError, BrokenLayoutError, LyingHeaderError):
        return False
    return False


def _header(file: IO[bytes], place: int) -> dict[str, str | int] | None:
    """Return the cards of the header that begins here; None where no unit does."""
    cards: dict[str, str | int] = {}
    for number in range(_MOST_BLOCKS):
        block = file.read(BLOCK_BYTES)
        if number == 0 and not block.startswith((BEGINNING, b"XTENSION=")):
            return None
        if len(block) < BLOCK_BYTES and b"END     " not in block:
            raise BrokenLayoutError(f"the header of unit {place} is cut off")
        if _read_block(block, cards):
            return cards
    raise BrokenLayoutError(f"the header of unit {place} has no end")


def _read_block(block: bytes, cards: dict[str, str | int]) -> bool:
    """Add the cards of a block to others; return whether the header ends in it."""
    for start in range(0, len(block), _CARD_BYTES):
        card = block[start : start + _CARD_BYTES].decode("latin-1")
        keyword = card[:8].rstrip()
        if keyword == "END":
            return True
        if card[8:9] == "=" and _WORTH.fullmatch(keyword):
            cards.setdefault(keyword, _value(card[9:]))
    return False


def _value(text: str) -> str | int:
    """Return a card's value: a whole number as such, the rest as words."""
    bare = text.strip()
    if bare.startswith("'"):
        return bare[1:].partition("'")[0].strip()
    word = bare.partition("/")[0].strip()
    return int(word) if re.fullmatch(r"[+-]?\d{1,18}", word) else word


def _unit(place: int, cards: Mapping[str, str | int]) -> Unit:
    naxis = _count(cards, "NAXIS", place, most=_MOST_AXES)
    axes = [_count(cards, f"NAXIS{number + 1}", place) for number in range(naxis)]
    bytes_each = _bits(cards, "BITPIX", place) // 8
    extra = _count(cards, "PCOUNT", place, default=0)
    groups = _count(cards, "GCOUNT", place, default=1)
    if cards.get("GROUPS") == "T" and axes and axes[0] == 0:
        return Unit(place, cards, (), bytes_each * groups * (extra + prod(axes[1:])))
    data_bytes = bytes_each * groups * (extra + prod(axes)) if axes else 0
    return Unit(place, cards, _shape(place, cards, axes), data_bytes)


def _shape(place: int, cards: Mapping[str, str | int], axes: list[int]) -> tuple[int, ...]:
    """Return the shape of a unit's image, which may lie compressed in a table."""
    kind = cards.get("XTENSION", "IMAGE")
    if kind == "BINTABLE" and cards.get("ZIMAGE") == "T":
        _bits(cards, "ZBITPIX", place)
        count = _count(cards, "ZNAXIS", place, most=_MOST_AXES)
        axes = [_count(cards, f"ZNAXIS{number + 1}", place) for number in range(count)]
    elif kind != "IMAGE":
        return ()
    return tuple(reversed(axes)) if axes and all(axes) else ()


def _count(
    cards: Mapping[str, str | int], keyword: str, place: int, *, default: int | None = None, most: int | None = None
) -> int:
    value = cards.get(keyword, default)
    if not isinstance(value, int) or value < 0 or (most is not None and value > most):
        raise BrokenLayoutError(f"{keyword} of unit {place} is {value!r}" if value is not None else f"no {keyword}")
    return value


def _bits(cards: Mapping[str, str | int], keyword: str, place: int) -> int:
    value = cards.get(keyword)
    if value not in {8, 16, 32, 64, -32, -64}:
        raise BrokenLayoutError(f"{keyword} of unit {place} is {value!r}")
    return abs(int(value))
