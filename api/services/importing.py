"""Imports: from a manifest, a folder or an archive, or from rows without pictures, to subjects of a project.

Rows are drawn one at a time, their pictures prepared in worker processes, and what is ready is committed in batches. A
row that will not do is handed to `refuse` and skipped. An import that is stopped, however, loses nothing: the next one
finds prepared pictures in the media folder and committed rows in the database, and does the rest.

What a manifest has no column for stays as it is, and so does what it says nothing of any more: an emptied metadata
cell removes its key, but gold and scores are only ever added or replaced.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from api.errors import StorageError
from api.manifest import (
    BadColumn,
    BadHeaderError,
    BadRow,
    Columns,
    ManifestRow,
    UnreadableManifestError,
    read,
)
from api.media.errors import MediaError
from api.media.images import PreparedImage
from api.media.pool import ImagePool, Outcome
from api.media.storage import Place
from api.services.admitting import Admission, ImportingError, Incoming, Report, Said, UnknownGoldError
from api.services.framing import Notice, notices, values_of
from api.services.gathering import Fetching, Gathered, Known, gathered
from api.sources import Listing, Source
from api.store.engine import Pool
from cascade.declaration import read as read_declaration
from cascade.errors import DeclarationErrors

BATCH_ROWS: Final = 200
"""Rows committed in one transaction: 12,400 a second without pictures; 8,400 by 50, 13,500 by 1,000 (two cores)."""

_SHOWN: Final = 200

BATCH_SECONDS: Final = 2.0
"""How long a row that is ready waits for others, where pictures take long."""


class WrongSlugError(ImportingError):
    """The project's name is none that a cascade could have."""

    def __init__(self, slug: str, remedy: str) -> None:
        super().__init__(f"The project's name {slug!r} will not do; {remedy}.")
        self.slug = slug
        self.remedy = remedy


class MediaStoreError(ImportingError):
    """The prepared pictures cannot be written."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The pictures' store {place} cannot be written ({reason}); what is imported stays.")
        self.place = place
        self.reason = reason


class UnknownScoreError(ImportingError):
    """A model is given for a score that the manifest does not have."""

    def __init__(self, name: str, scores: Sequence[str]) -> None:
        has = f"it has {', '.join(scores)}" if scores else "it has none"
        super().__init__(f"A model is given for score:{name}, which is no column of the manifest; {has}.")
        self.name = name
        self.scores = scores


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: the line that was read last, of how many, the pictures that are ready, the rows done."""

    line: int
    lines: int
    pictures: int
    report: Report


Follow = Callable[[Progress], None]
Refuse = Callable[[BadRow], None]
Remark = Callable[[Notice], None]
Flush = Callable[[], Awaitable[None]]


def ignore(_news: Progress | BadRow | Notice) -> None:
    """Take no notice."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what: of every row, of each that is bad, of what there is to say of pictures."""

    follow: Follow = ignore
    refuse: Refuse = ignore
    remark: Remark = ignore


UNTOLD: Final = Told()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an import is asked for beside its rows: a title of the project, and the models behind columns score:NAME."""

    title: str | None = None
    score_models: Mapping[str, str] = field(default_factory=dict)


NO_WISHES: Final = Wishes()


async def import_manifest(
    pool: Pool,
    path: Path,
    slug: str,
    place: Place,
    *,
    root: Path | None = None,
    title: str | None = None,
    follow: Follow = ignore,
    refuse: Refuse = ignore,
) -> Report:
    """Import a manifest whose pictures are files; see `import_source`. Locations lie in its folder, or in `root`."""
    source = await asyncio.to_thread(read, path, root)
    return await import_source(pool, source, slug, place, wishes=Wishes(title), tell=Told(follow, refuse))


async def import_source(
    pool: Pool,
    source: Source,
    slug: str,
    place: Place,
    *,
    fetching: Fetching | None = None,
    wishes: Wishes = NO_WISHES,
    tell: Told = UNTOLD,
) -> Report:
    """Import the rows of a source into a project, which is created unless it exists.

    Without `fetching`, rows that name an address are bad.

    Raises
    ------
    ManifestError, WrongSlugError
        Nothing was imported: the header or the project's name is wrong.
    ImportingError, SourceError, UnknownProjectError, DatabaseUnavailableError, WorkersCannotStartError
        Something came in between; what is imported stays.
    """
    _check_slug(slug)
    columns = source.columns
    said = Said(
        columns.metadata.keys(), columns.gold.keys(), columns.explanations.keys(), _models(columns, wishes.score_models)
    )
    pictures = ImagePool(place)
    admission = Admission(pool, slug, said, random.Random())  # noqa: S311  # no secrets
    lines = source.lines if isinstance(source, Listing) else await asyncio.to_thread(lines_of, source.path)
    course = _Course(admission, tell, lines, _flushing(pictures))
    try:
        await course.admission.begin(wishes.title)
    except UnknownGoldError as error:
        raise _bad_header(source, error) from error
    async with aclosing(_with_pictures(source, pictures, fetching, admission.known_sources)) as prepared:
        async for gathered_row, outcomes in prepared:
            await course.take(_arrived(source, gathered_row, outcomes))
    return await course.end()


async def import_rows(
    pool: Pool, slug: str, rows: Iterable[ManifestRow], *, title: str | None = None, follow: Follow = ignore
) -> Report:
    """Import subjects without looking at any location; those that have pictures keep them.

    Rows say only what they name: other metadata, scores and gold stay. Raises what `import_manifest` does.
    """
    _check_slug(slug)
    course = _Course(Admission(pool, slug, Said(), random.Random()), Told(follow), 0)  # noqa: S311  # no secrets
    await course.admission.begin(title)
    for row in rows:
        await course.take(Incoming(row))
    return await course.end()


class _Course:
    """An import on its way: gathers rows, and commits them when they are many or have waited long."""

    def __init__(self, admission: Admission, told: Told, lines: int, flush: Flush | None = None) -> None:
        self.admission = admission
        self._told = told
        self._lines = lines
        self._flush = flush
        self._batch: dict[str, Incoming] = {}
        self._since = 0.0
        self._pictures = 0
        self._report = Report()

    async def take(self, incoming: Incoming | BadRow) -> None:
        if isinstance(incoming, BadRow):
            self._report += Report(bad=1)
            self._told.refuse(incoming)
            self._tell(incoming.line)
            return
        if incoming.row.external_id in self._batch:
            await self._commit()
        self._since = self._since if self._batch else time.monotonic()
        self._batch[incoming.row.external_id] = incoming
        self._pictures += len(incoming.locations)
        self._report += Report(noted=len(incoming.notices))
        for notice in incoming.notices:
            self._told.remark(notice)
        if len(self._batch) >= BATCH_ROWS or time.monotonic() - self._since > BATCH_SECONDS:
            await self._commit()
        self._tell(incoming.row.line)

    async def end(self) -> Report:
        await self._commit()
        self._tell(self._lines)
        return self._report

    async def _commit(self) -> None:
        if self._batch:
            if self._flush is not None:
                await self._flush()
            self._report += await self.admission.admit(list(self._batch.values()))
            self._batch = {}

    def _tell(self, line: int) -> None:
        self._told.follow(Progress(line, self._lines, self._pictures, self._report))


async def _with_pictures(
    source: Source, pictures: ImagePool, fetching: Fetching | None, known: Known
) -> AsyncGenerator[tuple[Gathered, tuple[Outcome, ...]], None]:
    """Yield the rows with what became of their files, in the order of the source."""
    column = partial(_location_column, source)
    groups = gathered(_rows(source), column, fetching, known)
    async with pictures as pool, aclosing(groups):
        try:
            async for group in groups:
                async with aclosing(pool.prepare(group)) as prepared:
                    async for row, outcomes in prepared:
                        yield row, outcomes
        except StorageError as error:
            raise MediaStoreError(error.place, error.reason) from error


def _flushing(pictures: ImagePool) -> Flush:
    """Return what brings the pictures of a batch to disk before rows that name them are committed."""

    async def flush() -> None:
        try:
            await pictures.flush()
        except StorageError as error:
            raise MediaStoreError(error.place, error.reason) from error

    return flush


def _rows(source: Source) -> Iterator[ManifestRow | BadRow]:
    try:
        yield from source.rows()
    except OSError as error:
        raise UnreadableManifestError(source.path, error.strerror or str(error)) from error


def _arrived(source: Source, gathered_row: Gathered, outcomes: Sequence[Outcome]) -> Incoming | BadRow:
    """Return a row with its pictures and what there is to say of them, or the first thing that is wrong with it."""
    row = gathered_row.row
    if isinstance(row, BadRow):
        return row
    if gathered_row.kept:
        return Incoming(row)
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, MediaError):
            file = gathered_row.addresses.get(outcome.source, outcome.source.name)
            problem = f"{file[:_SHOWN]}: {outcome.problem}"
            return BadRow(row.line, _location_column(source, row, place), problem, outcome.remedy)
    images = [outcome for outcome in outcomes if isinstance(outcome, PreparedImage)]
    values = [values_of(row, location, image) for location, image in zip(row.locations, images, strict=True)]
    return Incoming(row, values, tuple(notices(row, images)))


def _location_column(source: Source, row: ManifestRow, place: int) -> str:
    """Return the column of a row's location; where cells are left empty, it is not known which."""
    columns = source.columns
    return columns.names[columns.locations[place]] if len(row.locations) == len(columns.locations) else "location"


def _models(columns: Columns, given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the models of the scores that a source has.

    Raises
    ------
    UnknownScoreError
        A model is given for a score that it does not have.
    """
    unknown = sorted(given.keys() - columns.scores.keys())
    if unknown:
        raise UnknownScoreError(unknown[0], sorted(columns.scores))
    return given


def _bad_header(manifest: Source, error: UnknownGoldError) -> BadHeaderError:
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


def lines_of(path: Path) -> int:
    """Count the lines of a file, for the progress bar."""
    try:
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise UnreadableManifestError(path, error.strerror or str(error)) from error
