"""Rows of a source with their files at hand: those that are near at once, those that are far when they are fetched.

Rows are drawn as they are needed. From the first row on that names an address, they go in chunks: while one is turned
into pictures, the next one is fetched. Fetched files are gone when their chunk is done.

A row is not fetched again if its subject was imported from the same addresses before: it keeps its pictures. So an
import that was killed goes on where it was, and the same manifest again costs one statement a chunk.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Final

from api.manifest import BadRow, ManifestRow
from api.media.images import DEFAULT_LIMITS
from api.media.wanted import Wanted
from api.outbound.errors import FetchError
from api.services.framing import source_of, wanted_of
from api.sources import Fetch
from api.sources.errors import NoRoomError
from api.sources.opening import file_name

CHUNK_ROWS: Final = 100
"""Rows whose files are fetched together: a hundred megabytes or so of pictures, and hardly a pause between chunks."""

_SHOWN: Final = 200

Known = Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[str | None]]]]
"""Returns what the stored pictures of subjects were imported from, by external id."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A row, what its pictures are to be made of, and the addresses of the files that were fetched for it.

    `kept` rows have their pictures already, so nothing is to be made.
    """

    row: ManifestRow | BadRow
    wanted: Sequence[Wanted] = ()
    kept: bool = False
    addresses: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetching:
    """How files that are far are fetched, and where they are put meanwhile; `again`: even those that are known."""

    fetch: Fetch
    scratch: Path
    again: bool = False


Group = Iterable[tuple[Gathered, Sequence[Wanted]]]


async def gathered(
    rows: Iterator[ManifestRow | BadRow],
    columns: Callable[[ManifestRow, int], str],
    fetching: Fetching | None,
    known: Known,
) -> AsyncGenerator[Group, None]:
    """Yield groups of rows with their files; a group's files are gone when the next one is asked for.

    `columns` names the column of a row's location. Without `fetching`, rows that name an address are bad.

    Raises
    ------
    NoRoomError
        What is fetched cannot be written.
    """
    near = _Near(rows)
    yield near
    if near.far is None:
        return
    gatherer = _Gatherer(chain([near.far], rows), columns, fetching, known)
    ahead = asyncio.create_task(gatherer.chunk())
    try:
        while (chunk := await ahead) is not None:
            ahead = asyncio.create_task(gatherer.chunk())
            yield [(each, each.wanted) for each in chunk.rows]
            await chunk.forget()
    finally:
        ahead.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await ahead


class _Near:
    """The rows before the first that names an address, which is `far` then."""

    def __init__(self, rows: Iterator[ManifestRow | BadRow]) -> None:
        self._rows = rows
        self.far: ManifestRow | None = None

    def __iter__(self) -> Iterator[tuple[Gathered, Sequence[Wanted]]]:
        for row in self._rows:
            if not isinstance(row, BadRow) and _is_far(row):
                self.far = row
                return
            each = _near(row)
            yield each, each.wanted


@dataclass(frozen=True, slots=True)
class _Chunk:
    rows: Sequence[Gathered]
    folder: Path | None

    async def forget(self) -> None:
        if self.folder is not None:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Gatherer:
    """Draws rows, and fetches what they name."""

    rows: Iterator[ManifestRow | BadRow]
    columns: Callable[[ManifestRow, int], str]
    fetching: Fetching | None
    known: Known

    async def chunk(self) -> _Chunk | None:
        """Return the next rows with their files, or None at the end."""
        drawn = list(islice(self.rows, CHUNK_ROWS))
        if not drawn:
            return None
        if self.fetching is None:
            return _Chunk([self._unfetched(row) for row in drawn], None)
        known = await self._known(drawn, self.fetching)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self.fetching.scratch))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._gather(row, self.fetching.fetch, folder / str(number), known))
                    for number, row in enumerate(drawn)
                ]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return _Chunk([task.result() for task in tasks], folder)

    async def _known(
        self, drawn: Sequence[ManifestRow | BadRow], fetching: Fetching
    ) -> Mapping[str, Sequence[str | None]]:
        far = [row.external_id for row in drawn if isinstance(row, ManifestRow) and _is_far(row)]
        return await self.known(far) if far and not fetching.again else {}

    def _unfetched(self, row: ManifestRow | BadRow) -> Gathered:
        if isinstance(row, BadRow) or not _is_far(row):
            return _near(row)
        place = next(place for place, location in enumerate(row.locations) if location.urls)
        remedy = "download the file and give its path beside the manifest"
        return Gathered(
            BadRow(row.line, self.columns(row, place), "is an address, and nothing is fetched here", remedy)
        )

    async def _gather(
        self,
        row: ManifestRow | BadRow,
        fetch: Fetch,
        folder: Path,
        known: Mapping[str, Sequence[str | None]],
    ) -> Gathered:
        if isinstance(row, BadRow) or not _is_far(row):
            return _near(row)
        if known.get(row.external_id) == [source_of(row, location) for location in row.locations]:
            return Gathered(row, kept=True)
        fetched: dict[str, Path] = {}
        named = [(place, url) for place, location in enumerate(row.locations) for url in location.urls]
        for place, url in named:
            try:
                fetched[url] = fetched.get(url) or await _fetched(url, fetch, folder, len(fetched))
            except FetchError as error:
                problem = f"{url[:_SHOWN]}: {error.problem}"
                return Gathered(BadRow(row.line, self.columns(row, place), problem, error.remedy))
        wanted = await asyncio.to_thread(wanted_of, row, fetched)
        return Gathered(row, wanted, addresses={path: url for url, path in fetched.items()})


async def _fetched(url: str, fetch: Fetch, folder: Path, number: int) -> Path:
    path = folder / f"{number}-{file_name(url)}"
    try:
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        await fetch(url, path, DEFAULT_LIMITS.file_bytes)
    except OSError as error:
        raise NoRoomError(url, folder.parent, error.strerror or str(error)) from error
    return path


def _is_far(row: ManifestRow) -> bool:
    return any(location.urls for location in row.locations)


def _near(row: ManifestRow | BadRow) -> Gathered:
    return Gathered(row) if isinstance(row, BadRow) else Gathered(row, wanted_of(row))
