"""Subjects of Panoptes as rows of ours: from a subject export, or from what a classification says of its subject."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.manifest import BadRow, Location, ManifestRow
from api.manifest.rows import LONGEST_EXTERNAL_ID, LONGEST_METADATA
from api.panoptes.tables import Cells, RefusedError, json_of, rows_of, shown

COLUMNS: Final = ("subject_id", "metadata")
OWN_IDS: Final = ("#external_id", "external_id")
"""Metadata keys that are taken for the researcher's own id where no other is named; the first is what we export."""

PANOPTES_ID: Final = "#panoptes_id"
"""Under this key a subject that goes by another id keeps the number that Panoptes gave it."""


@dataclass(frozen=True, slots=True)
class PanoptesSubject:
    """A subject as Panoptes has it."""

    id: str
    metadata: Mapping[str, Any]


def as_row(line: int, subject: PanoptesSubject, key: str | None, locations: tuple[Location, ...] = ()) -> ManifestRow:
    """Return a subject as a row to be imported.

    Parameters
    ----------
    key
        The metadata key that holds the researcher's own id; by default `OWN_IDS`, and else Panoptes' number.

    Raises
    ------
    RefusedError
        The id, or something of the metadata, will not do.
    """
    external_id, found = external_id_of(subject, key)
    metadata = {}
    for name, value in subject.metadata.items():
        if value is None or name == OWN_IDS[0] == found:
            continue
        metadata[name.replace("\0", "")] = _metadata_text(name, value)
    if found is not None and found != OWN_IDS[0]:
        metadata[PANOPTES_ID] = subject.id
    return ManifestRow(line, external_id, locations, metadata, gold={}, explanations={}, scores={})


def external_id_of(subject: PanoptesSubject, key: str | None) -> tuple[str, str | None]:
    """Return the id by which a subject goes here, and the metadata key that it comes from, if any."""
    for name in OWN_IDS if key is None else (key,):
        value = subject.metadata.get(name)
        if value is None:
            continue
        text = _text(value).strip()
        if not text or not text.isprintable() or len(text) > LONGEST_EXTERNAL_ID:
            remedy = f"1 to {LONGEST_EXTERNAL_ID} characters on one line; or name another key with --id-from"
            raise RefusedError("metadata", f"has {name} = {shown(text)}, which is no id", remedy)
        return text, name
    if key is not None:
        raise RefusedError("metadata", f"has no {key!r}", "name a key with --id-from that every subject has")
    return subject.id, None


def read_subjects(path: Path, key: str | None) -> Iterator[ManifestRow | BadRow]:
    """Yield the subjects of a subject export; one that is in several workflows or sets comes several times."""
    for line, cells in rows_of(path, "subject export", COLUMNS):
        if isinstance(cells, BadRow):
            yield cells
            continue
        try:
            subject = PanoptesSubject(_number(cells), json_of(cells, "metadata", dict))
            yield as_row(line, subject, key, _locations(cells))
        except RefusedError as refused:
            yield refused.on(line)


def subjects_of(data: Mapping[str, Any], ids: list[str]) -> list[PanoptesSubject]:
    """Return the subjects of a classification, by its cells `subject_data` and `subject_ids`."""
    found = []
    for number in ids or list(data):
        tree = data.get(number)
        known = dict(tree) if isinstance(tree, Mapping) else {}
        known.pop("retired", None)  # what Panoptes adds to the metadata
        found.append(PanoptesSubject(number, known))
    return found


def _number(cells: Cells) -> str:
    number = cells["subject_id"].strip()
    if not number or not number.isprintable() or len(number) > LONGEST_EXTERNAL_ID:
        raise RefusedError("subject_id", f"is {shown(number)}", "it must be the number of a subject")
    return number


def _locations(cells: Cells) -> tuple[Location, ...]:
    """Return the pictures of a subject: URLs by their places, `{"0": "https://..."}`, or by type, in a list."""
    cell = cells.get("locations", "").strip()
    tree = json_of(cells, "locations", list if cell.startswith("[") else dict)
    if isinstance(tree, list):
        urls = [url for each in tree if isinstance(each, Mapping) for url in each.values()]
    else:
        urls = [tree[place] for place in sorted(tree, key=lambda place: (len(place), place))]
    return tuple(Location((url,), text=url) for url in urls if isinstance(url, str) and url.startswith("http"))


def _metadata_text(name: str, value: Any) -> str:
    text = _text(value)
    if len(text) > LONGEST_METADATA:
        problem = f"has {len(text):,} characters in {name[:60]!r}"
        raise RefusedError("metadata", problem, f"at most {LONGEST_METADATA:,} are accepted")
    return text.replace("\0", "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
