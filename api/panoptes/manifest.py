"""A subject export as a manifest, whose locations are the addresses of the pictures at the Zooniverse."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from api.manifest import BadRow, ManifestRow
from api.panoptes.subjects import read_subjects

Write = Callable[[bytes], object]
Refuse = Callable[[BadRow], None]


def write_manifest(subjects: Path, key: str | None, write: Write, refuse: Refuse) -> int:
    """Write the subjects of an export as a manifest, each once; return how many.

    The export is read twice: the first time for the columns. `key` is the metadata key of the subjects' own ids.

    Raises
    ------
    WrongExportError
        The file is no subject export.
    """
    keys: dict[str, None] = {}
    most = 1
    for row in _subjects(subjects, key, lambda _bad: None):
        keys |= dict.fromkeys(row.metadata)
        most = max(most, len(row.locations))
    locations = [f"location:{place + 1}" for place in range(most)]
    write(_line(["external_id", *locations, *(f"metadata:{each}" for each in keys)]))
    seen: set[str] = set()
    for row in _subjects(subjects, key, refuse):
        if row.external_id in seen:
            continue
        seen.add(row.external_id)
        urls = [location.urls[0] for location in row.locations]
        pictures = [*urls, *[""] * (most - len(urls))]
        write(_line([row.external_id, *pictures, *(row.metadata.get(each, "") for each in keys)]))
    return len(seen)


def _subjects(path: Path, key: str | None, refuse: Refuse) -> Iterator[ManifestRow]:
    for row in read_subjects(path, key):
        if isinstance(row, BadRow):
            refuse(row)
        else:
            yield row


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
