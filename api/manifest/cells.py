"""Single cells of a manifest: checked, and turned into values."""

import re
from typing import Final

from cascade.vocabulary import Answer

_ANSWERS: Final = {"yes": Answer.YES, "no": Answer.NO}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SEXAGESIMAL: Final = re.compile(
    r"([+-]?)(\d{1,3})\s*[:hd°\s]\s*(\d{1,2})\s*[:m'\s]\s*(\d{1,2}(?:\.\d*)?)\s*[s\"]?", re.ASCII
)
_CELLS_SHOWN: Final = 60
_WIDEST_CUTOUT_ARCSEC: Final = 36_000.0


class RefusedError(Exception):
    """A cell that will not do, or a row as a whole, where `column` is None."""

    def __init__(self, column: str | None, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem
        self.remedy = remedy


def check_text(name: str, cell: str) -> None:
    """Refuse what no database and no JSON can hold."""
    if "\0" in cell:
        raise RefusedError(name, "has a NUL character", "remove it, or save the file as CSV in UTF-8 again")
    if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
        raise RefusedError(name, "is not UTF-8", "save the file as CSV in UTF-8")


def check_length(name: str, cell: str, longest: int) -> None:
    """Refuse what is too long."""
    if len(cell) > longest:
        raise RefusedError(name, f"has {len(cell):,} characters", f"at most {longest:,} are accepted")


def answer(name: str, cell: str) -> Answer:
    """Return a gold standard's truth."""
    found = _ANSWERS.get(cell.strip().lower())
    if found is None:
        raise RefusedError(name, f"is {shown(cell)}", "write yes, no, or nothing")
    return found


def score(name: str, cell: str) -> float:
    """Return a score; `-0` is 0, and whatever Python reads beyond plain decimal numbers is refused."""
    value = _number(name, cell, "write a number from 0 to 1, or nothing")
    if not 0 <= value <= 1:
        raise RefusedError(name, f"is {shown(cell)}", "write a number from 0 to 1, or nothing")
    return value


def right_ascension(name: str, cell: str) -> float:
    """Return a right ascension in degrees."""
    value = _degrees(name, cell, hours=True)
    if not 0 <= value < 360:
        near = f", which would be {value % 360:g}" if -360 <= value <= 720 else ""
        raise RefusedError(name, f"is {shown(cell)}", f"write degrees from 0 to 360{near}")
    return value


def declination(name: str, cell: str) -> float:
    """Return a declination in degrees."""
    value = _degrees(name, cell, hours=False)
    if not -90 <= value <= 90:
        raise RefusedError(name, f"is {shown(cell)}", "write degrees from -90 to 90")
    return value


def cutout_side(name: str, cell: str) -> float:
    """Return the side of a cutout in arcseconds."""
    value = _number(name, cell, "write arcseconds, such as 20, or nothing")
    if not 0 < value <= _WIDEST_CUTOUT_ARCSEC:
        raise RefusedError(name, f"is {shown(cell)}", f"write arcseconds, more than 0 to {_WIDEST_CUTOUT_ARCSEC:,.0f}")
    return value


def shown(cell: str) -> str:
    """Return a cell as a message quotes it."""
    return repr(cell if len(cell) <= _CELLS_SHOWN else f"{cell[:_CELLS_SHOWN]}...")


def _number(name: str, cell: str, remedy: str) -> float:
    word = cell.strip()
    if not _NUMBER.fullmatch(word):
        remedy = "write it with a point" if "," in word else remedy
        raise RefusedError(name, f"is {shown(cell)}, which is not a number", remedy)
    return float(word) + 0.0


def _degrees(name: str, cell: str, *, hours: bool) -> float:
    if match := _SEXAGESIMAL.fullmatch(cell.strip()):
        whole = int(match[2]) + int(match[3]) / 60 + float(match[4]) / 3600
        if hours and "d" not in cell and "°" not in cell:
            whole *= 15
        degrees = -whole if match[1] == "-" else whole
        raise RefusedError(name, f"is {shown(cell)}, which is sexagesimal", f"write degrees: {degrees:.6f}")
    return _number(name, cell, "write degrees (ICRS), such as 150.11917, or nothing")
