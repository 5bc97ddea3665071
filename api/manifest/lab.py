"""The manifests of the Zooniverse's lab: any columns, of which some hold the names of files.

There a manifest has no fixed columns. What names a file is a location, and everything is metadata, under its header as
it stands; keys that begin with `#`, `//` or `!` are hidden from volunteers. So that nothing is guessed that could be a
slip in our own form, a header is read as the lab's only if it has no column that is ours alone, and none that is nearly
one. Locations are the columns with the usual names, or, as panoptes-cli has it, those whose first cell is a file that
is there.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.manifest.columns import EXTERNAL_ID, LOCATION, Columns, WrongColumnsError, is_keyed, names_of, unfit_names

_WORDS: Final = (
    "location",
    "image",
    "image_name",
    "image_file",
    "image_filename",
    "image_url",
    "subject_image",
    "filename",
    "file_name",
    "file",
    "frame",
    "media",
    "video",
)
"""What columns of files are called; where there are several words, the first of these counts, the rest is metadata."""

_NUMBERED: Final = re.compile(r"%?(.*?)[\s_:-]?(\d{0,4})")
_HIDDEN: Final = re.compile(r"#|//|!")
_IDS: Final = ("subject_id", "subjectid", "id")
_NEAR: Final = 0.8
_FILE: Final = re.compile(
    r".+\.(png|jpe?g|gif|webp|avif|tiff?|fits?|fit|fz|gz|bz2|mp4|m4v|mov|webm)(\?.*)?", re.IGNORECASE | re.DOTALL
)


def lab_columns(header: Sequence[str], first: Sequence[str], folder: Path) -> Columns | None:
    """Return what the columns of a header of the lab hold; None if it is not of the lab.

    `first` are the cells of the first row, `folder` is where its files would lie.

    Raises
    ------
    WrongColumnsError
        Lists every nameless and doubled column.
    """
    names = names_of(header)
    if _is_ours(names):
        return None
    locations = _by_name(names) or _by_content(first[: len(names)], folder)
    if not locations:
        return None
    if problems := unfit_names(names):
        raise WrongColumnsError(problems)
    external_id = _identifier(names)
    metadata = {name: index for index, name in enumerate(names) if index not in locations and index != external_id}
    chosen = locations[0] if external_id is None else external_id
    return Columns(names, chosen, tuple(locations), metadata, {}, {}, {}, of_lab=True)


def _is_ours(names: Sequence[str]) -> bool:
    """Return whether a header is of our own form, or was meant to be."""
    locations = any(LOCATION.fullmatch(name) for name in names)
    if any(is_keyed(name) for name in names):
        return True
    if EXTERNAL_ID in names:
        meant = (name for name in names if ":" in name or _numbered(name) is None)
        return locations or any(_nearly(name, "location") for name in meant)
    return locations and any(_nearly(name, EXTERNAL_ID) for name in names)


def _nearly(name: str, meant: str) -> bool:
    plain = name.partition(":")[0].strip().lower().replace(" ", "_").replace("-", "_")
    return plain != "" and difflib.SequenceMatcher(None, plain, meant).ratio() >= _NEAR


def _numbered(name: str) -> tuple[str, int] | None:
    """Return the word and the number of a column of files, such as `image_2`."""
    match = _NUMBERED.fullmatch(name.strip().lower())
    assert match is not None
    word = match[1].replace(" ", "_").replace("-", "_")
    return (word, int(match[2] or 0)) if word in _WORDS else None


def _by_name(names: Sequence[str]) -> list[int]:
    found = [(numbered, index) for index, name in enumerate(names) if (numbered := _numbered(name)) is not None]
    if not found:
        return []
    word = min((numbered[0] for numbered, _ in found), key=_WORDS.index)
    return [index for numbered, index in sorted(found) if numbered[0] == word]


def _by_content(first: Sequence[str], folder: Path) -> list[int]:
    return [index for index, cell in enumerate(first) if _FILE.fullmatch(cell.strip()) and _is_there(folder, cell)]


def _is_there(folder: Path, cell: str) -> bool:
    try:
        return (folder / cell.strip()).is_file()
    except (OSError, ValueError):
        return False


def _identifier(names: Sequence[str]) -> int | None:
    plain = [_HIDDEN.sub("", name, count=1).strip().lower() for name in names]
    for wanted in (EXTERNAL_ID, *_IDS):
        if wanted in plain:
            return plain.index(wanted)
    return None
