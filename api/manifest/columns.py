"""The header of a manifest: which column holds what."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.manifest.errors import BadColumn

LONGEST_NAME: Final = 200
"""Characters of a column's name."""

MOST_COLUMNS: Final = 1000

EXTERNAL_ID: Final = "external_id"
_KINDS: Final = ("metadata", "gold", "explanation", "score")
_SKY: Final = ("ra", "dec", "cutout")
LOCATION: Final = re.compile(r"location(?::([1-9][0-9]{0,3}))?")
_KNOWN: Final = (
    f"use {EXTERNAL_ID}, location:1, ra, dec, cutout, metadata:KEY, gold:WORKFLOW, explanation:WORKFLOW or score:NAME"
)
_OTHER_WORDS: Final = {
    "ra": ("ra", "ra_deg", "radeg", "raj2000", "ra_j2000", "right_ascension", "rightascension", "alpha"),
    "dec": ("dec", "dec_deg", "decdeg", "decl", "dej2000", "dec_j2000", "declination", "delta"),
    "cutout": ("cutout", "cutout_arcsec", "cutout_size", "cutouts", "cut_out", "stamp", "stamp_size"),
}
"""What others call the columns of the sky; words so short have no near misses."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each value of a row stands: mappings from a name to the cell's index, counted from 0.

    `locations` is in the order in which volunteers see them. `names` are the columns as the header writes them. `sky`
    has `ra` and `dec`, and perhaps `cutout`, or nothing. `of_lab`: the header is of the Zooniverse's form, not of ours.
    """

    names: tuple[str, ...]
    external_id: int
    locations: tuple[int, ...]
    metadata: Mapping[str, int]
    gold: Mapping[str, int]
    explanations: Mapping[str, int]
    scores: Mapping[str, int]
    sky: Mapping[str, int] = field(default_factory=dict)
    of_lab: bool = False


class WrongColumnsError(Exception):
    """A header that is no manifest's, with all that is wrong in it."""

    def __init__(self, columns: Sequence[BadColumn]) -> None:
        super().__init__("; ".join(map(str, columns)))
        self.columns = tuple(columns)


@dataclass(slots=True)
class _Found:
    """What a header has named so far, and what was wrong in it."""

    external_id: list[int] = field(default_factory=list)
    locations: dict[int, int] = field(default_factory=dict)
    keyed: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in _KINDS})
    sky: dict[str, int] = field(default_factory=dict)
    problems: list[BadColumn] = field(default_factory=list)


def columns_of(header: Sequence[str]) -> Columns:
    """Return what the columns of a header hold.

    Raises
    ------
    WrongColumnsError
        Lists every unknown, doubled, nameless and missing column.
    """
    names = names_of(header)
    found = _Found(problems=unfit_names(names))
    unfit = {column.number - 1 for column in found.problems}
    for index, name in enumerate(names):
        if index not in unfit:
            _place(found, index, name)
    found.problems.sort(key=lambda column: column.number)
    found.problems += _missing(found, names)
    if found.problems:
        raise WrongColumnsError(found.problems)
    return Columns(
        names,
        found.external_id[0],
        tuple(found.locations[number] for number in sorted(found.locations)),
        found.keyed["metadata"],
        found.keyed["gold"],
        found.keyed["explanation"],
        found.keyed["score"],
        found.sky,
    )


def is_keyed(name: str) -> bool:
    """Return whether a column is of our form alone: of a kind, with a key."""
    kind, colon, _ = name.partition(":")
    return bool(colon) and kind in _KINDS


def names_of(header: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a header's columns, without the empty ones that spreadsheets add behind them."""
    return tuple(name.strip() for name in _without_empty_end(header))


def unfit_names(names: Sequence[str]) -> list[BadColumn]:
    """Return what is wrong with the names as such, whatever they stand for: empty, doubled, too long, too many."""
    problems = []
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if problem := _unfit(name):
            problems.append(BadColumn(index + 1, name[:LONGEST_NAME], *problem))
        elif (first := seen.setdefault(name, index)) != index:
            remedy = "give each column once"
            problems.append(BadColumn(index + 1, name, f"is there already as column {first + 1}", remedy))
    if len(names) > MOST_COLUMNS:
        problems.append(BadColumn(0, "", f"has {len(names)} columns", f"at most {MOST_COLUMNS} are accepted"))
    return problems


def _without_empty_end(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells up to the last that is filled; spreadsheets like to add empty ones."""
    filled = [index for index, cell in enumerate(cells) if cell.strip()]
    return cells[: filled[-1] + 1] if filled else ()


def _complain(found: _Found, index: int, name: str, problem: str, remedy: str) -> None:
    found.problems.append(BadColumn(index + 1, name[:LONGEST_NAME], problem, remedy))


def _place(found: _Found, index: int, name: str) -> None:
    kind, colon, key = name.partition(":")
    if name == EXTERNAL_ID:
        found.external_id.append(index)
    elif match := LOCATION.fullmatch(name):
        number = int(match[1] or 1)
        if found.locations.setdefault(number, index) != index:
            _complain(found, index, name, "says the same as location:1", "give each location once")
    elif name in _SKY:
        found.sky[name] = index
    elif kind in _KINDS and colon and key.strip():
        if found.keyed[kind].setdefault(key.strip(), index) != index:
            _complain(found, index, name, f"differs from another {kind}:{key.strip()} by spaces only", "rename one")
    else:
        _complain(found, index, name, "is not a column of a manifest", _suggestion(name))


def _unfit(name: str) -> tuple[str, str] | None:
    if not name:
        return "has no name", _KNOWN
    if len(name) > LONGEST_NAME:
        return f"has a name of {len(name)} characters", f"at most {LONGEST_NAME} are accepted"
    if not name.isprintable():
        return "has a name with characters that do not print", "save the file as UTF-8 and keep names on one line"
    return None


def _suggestion(name: str) -> str:
    kind, colon, key = name.partition(":")
    plain = kind.strip().lower().replace(" ", "_").replace("-", "_")
    near = difflib.get_close_matches(plain, (EXTERNAL_ID, "location", *_KINDS), n=1)
    if not colon and (near_sky := [name for name, words in _OTHER_WORDS.items() if plain in words]):
        return f"do you mean {near_sky[0]}? Or call it metadata:{name} to keep it as it is"
    if colon and near and not key.strip():
        return f"write a name behind {near[0]}:"
    if near:
        return f"do you mean {near[0]}{colon}{key.strip()}?"
    return f"call it metadata:{name} to keep it, or leave it out"


def _missing(found: _Found, names: Sequence[str]) -> Iterable[BadColumn]:
    if not found.external_id:
        yield BadColumn(0, "", "has no column external_id", "add one with your own name for each subject")
    if not found.locations:
        yield BadColumn(0, "", "has no column location:1", "add one with the path of each subject's image")
    for name, other in (("ra", "dec"), ("dec", "ra"), ("cutout", "ra")):
        if name in found.sky and other not in found.sky:
            yield BadColumn(found.sky[name] + 1, name, f"stands without {other}", "a position needs ra and dec")
    for key, index in found.keyed["explanation"].items():
        if key not in found.keyed["gold"]:
            remedy = f"add gold:{key}, as explanations are shown after a vote on gold"
            yield BadColumn(index + 1, names[index], f"explains a column gold:{key} that is not there", remedy)
