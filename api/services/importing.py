"""Imports: from a manifest, or from rows without pictures, to subjects of a project.

Rows are drawn one at a time, their pictures prepared in worker processes, and what is ready is committed in batches. A
row that will not do is handed to `refuse` and skipped. An import that is stopped, however, loses nothing: the next one
finds prepared pictures in the media folder and committed rows in the database, and does the rest.

What a manifest has no column for stays as it is, and so does what it says nothing of any more: an emptied metadata
cell removes its key, but gold and scores are only ever added or replaced.
"""

import random
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.manifest import (
    BadColumn,
    BadHeaderError,
    BadRow,
    Manifest,
    ManifestRow,
    UnreadableManifestError,
    read,
)
from api.media.errors import MediaError
from api.media.images import PreparedImage
from api.media.pool import ImagePool, Outcome
from api.services.admitting import Admission, ImportingError, Incoming, Report, Said, UnknownGoldError
from api.store.engine import Pool
from api.store.importing import LocationValues
from cascade.declaration import read as read_declaration
from cascade.errors import DeclarationErrors

BATCH_ROWS: Final = 200
"""Rows committed in one transaction: 12,400 a second without pictures; 8,400 by 50, 13,500 by 1,000 (two cores)."""

BATCH_SECONDS: Final = 2.0
"""How long a row that is ready waits for others, where pictures take long."""


class WrongSlugError(ImportingError):
    """The project's name is none that a cascade could have."""

    def __init__(self, slug: str, remedy: str) -> None:
        super().__init__(f"The project's name {slug!r} will not do; {remedy}.")
        self.slug = slug
        self.remedy = remedy


class MediaFolderError(ImportingError):
    """The prepared pictures cannot be written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"The media folder {folder} cannot be written ({reason}); what is imported stays.")
        self.folder = folder
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: the line that was read last, of how many, the pictures that are ready, the rows done."""

    line: int
    lines: int
    pictures: int
    report: Report


Follow = Callable[[Progress], None]
Refuse = Callable[[BadRow], None]


def _ignore(_news: Progress | BadRow) -> None:
    """Take no notice."""


async def import_manifest(
    pool: Pool,
    path: Path,
    slug: str,
    media_dir: Path,
    *,
    root: Path | None = None,
    title: str | None = None,
    follow: Follow = _ignore,
    refuse: Refuse = _ignore,
) -> Report:
    """Import a manifest into a project, which is created unless it exists.

    Locations lie in the manifest's folder, or in `root`. `follow` is called after every row, `refuse` for each that is
    bad.

    Raises
    ------
    ManifestError, WrongSlugError
        Nothing was imported: the header or the project's name is wrong.
    ImportingError, UnknownProjectError, DatabaseUnavailableError, WorkersCannotStartError
        Something came in between; what is imported stays.
    """
    manifest = read(path, root)
    _check_slug(slug)
    columns = manifest.columns
    said = Said(columns.metadata.keys(), columns.gold.keys(), columns.explanations.keys())
    course = _Course(Admission(pool, slug, said, random.Random()), follow, refuse, _lines(path))  # noqa: S311  # no secrets
    try:
        await course.admission.begin(title)
    except UnknownGoldError as error:
        raise _bad_header(manifest, error) from error
    async with aclosing(_with_pictures(manifest, media_dir)) as prepared:
        async for row, outcomes in prepared:
            await course.take(_bad(manifest, row, outcomes) or _incoming(row, outcomes))
    return await course.end()


async def import_rows(
    pool: Pool, slug: str, rows: Iterable[ManifestRow], *, title: str | None = None, follow: Follow = _ignore
) -> Report:
    """Import subjects without looking at any location; those that have pictures keep them.

    Rows say only what they name: other metadata, scores and gold stay. Raises what `import_manifest` does.
    """
    _check_slug(slug)
    course = _Course(Admission(pool, slug, Said(), random.Random()), follow, _ignore, 0)  # noqa: S311  # no secrets
    await course.admission.begin(title)
    for row in rows:
        await course.take(Incoming(row))
    return await course.end()


class _Course:
    """An import on its way: gathers rows, and commits them when they are many or have waited long."""

    def __init__(self, admission: Admission, follow: Follow, refuse: Refuse, lines: int) -> None:
        self.admission = admission
        self._follow = follow
        self._refuse = refuse
        self._lines = lines
        self._batch: dict[str, Incoming] = {}
        self._since = 0.0
        self._pictures = 0
        self._report = Report()

    async def take(self, incoming: Incoming | BadRow) -> None:
        if isinstance(incoming, BadRow):
            self._report += Report(bad=1)
            self._refuse(incoming)
            self._tell(incoming.line)
            return
        if incoming.row.external_id in self._batch:
            await self._commit()
        self._since = self._since if self._batch else time.monotonic()
        self._batch[incoming.row.external_id] = incoming
        self._pictures += len(incoming.locations)
        if len(self._batch) >= BATCH_ROWS or time.monotonic() - self._since > BATCH_SECONDS:
            await self._commit()
        self._tell(incoming.row.line)

    async def end(self) -> Report:
        await self._commit()
        self._tell(self._lines)
        return self._report

    async def _commit(self) -> None:
        if self._batch:
            self._report += await self.admission.admit(list(self._batch.values()))
            self._batch = {}

    def _tell(self, line: int) -> None:
        self._follow(Progress(line, self._lines, self._pictures, self._report))


async def _with_pictures(
    manifest: Manifest, media_dir: Path
) -> AsyncGenerator[tuple[ManifestRow | BadRow, tuple[Outcome, ...]], None]:
    """Yield the rows with what became of their files, in the order of the manifest."""
    async with ImagePool(media_dir) as pool, aclosing(pool.prepare(_sources(manifest))) as prepared:
        try:
            async for row, outcomes in prepared:
                yield row, outcomes
        except OSError as error:
            raise MediaFolderError(media_dir, error.strerror or str(error)) from error


def _sources(manifest: Manifest) -> Iterator[tuple[ManifestRow | BadRow, Sequence[Path]]]:
    try:
        for row in manifest.rows():
            yield row, () if isinstance(row, BadRow) else [location.files[0] for location in row.locations]
    except OSError as error:
        raise UnreadableManifestError(manifest.path, error.strerror or str(error)) from error


def _bad(manifest: Manifest, row: ManifestRow | BadRow, outcomes: Sequence[Outcome]) -> BadRow | None:
    """Return what is wrong with a row: what its cells said, or the first of its files that will not do."""
    if isinstance(row, BadRow):
        return row
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, MediaError):
            name = _location_column(manifest, place, len(outcomes))
            return BadRow(row.line, name, f"{outcome.source.name}: {outcome.problem}", outcome.remedy)
    return None


def _location_column(manifest: Manifest, place: int, filled: int) -> str:
    """Return the column of a row's location; where cells are left empty, it is not known which."""
    columns = manifest.columns
    return columns.names[columns.locations[place]] if filled == len(columns.locations) else "location"


def _incoming(row: ManifestRow | BadRow, outcomes: Sequence[Outcome]) -> Incoming:
    assert isinstance(row, ManifestRow)
    return Incoming(row, [_values(outcome) for outcome in outcomes if isinstance(outcome, PreparedImage)])


def _values(image: PreparedImage) -> LocationValues:
    variants = [[each.width, each.height, each.size_bytes] for each in image.variants]
    return [image.digest, image.mime, image.width, image.height, image.blurhash, variants]


def _bad_header(manifest: Manifest, error: UnknownGoldError) -> BadHeaderError:
    places = {workflow: (manifest.columns.gold[workflow], remedy) for workflow, remedy in error.remedies.items()}
    columns = [
        BadColumn(place + 1, f"gold:{workflow}", "names no workflow of the published cascade", remedy)
        for workflow, (place, remedy) in places.items()
    ]
    return BadHeaderError(manifest.path, 1, columns)


def _check_slug(slug: str) -> None:
    """Hold the project's name to the rule of declarations, so that a cascade can be published for it."""
    try:
        read_declaration({"project": slug, "workflows": [{"name": "any", "question": "Any?"}]})
    except DeclarationErrors as errors:
        raise WrongSlugError(slug, errors.errors[0].remedy) from errors


def _lines(path: Path) -> int:
    """Count the lines of a file, for the progress bar."""
    try:
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise UnreadableManifestError(path, error.strerror or str(error)) from error
