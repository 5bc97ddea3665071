"""Pages of projects: imported from a folder, all or nothing, and shown as HTML.

What is stored is the Markdown as it was written, and where its pictures lie. HTML is made when it is asked for, and
kept by what it was made of: a page that is written anew is another page, so nothing kept is ever out of date.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import loads
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from api.errors import CommandError, StorageError, UnknownProjectError
from api.media.errors import MediaError
from api.media.images import PreparedImage
from api.media.pool import ImagePool, Outcome
from api.media.storage import Place
from api.media.variants import WIDTHS
from api.media.wanted import plain
from api.pages import (
    PageFile,
    PageName,
    PageProblem,
    PagesError,
    Rendered,
    entries,
    first_picture,
    read_folder,
    steps,
    summary,
    whole,
)
from api.services.importing import MediaStoreError
from api.services.reachable import reachable
from api.services.views import location_view
from api.store.engine import Pool
from api.store.pages import NewPage, PageStore, PictureValues, StoredPage, location

KEPT: Final = 32
"""Projects, at one width each, whose HTML a process keeps."""


class UnknownPageError(CommandError):
    """The project has no such page."""

    def __init__(self, slug: str, name: PageName, names: Sequence[str]) -> None:
        has = f"it has {', '.join(names)}" if names else "it has no pages"
        super().__init__(f"{slug} has no page {name}; {has}")
        self.slug = slug
        self.name = name
        self.names = names


@dataclass(frozen=True, slots=True)
class PagesReport:
    """What an import came to: the pages of the folder that are new, that changed, and that were there as they are."""

    new: Sequence[str]
    changed: Sequence[str]
    unchanged: Sequence[str]
    notices: Sequence[PageProblem]


class PagesReply(NamedTuple):
    """The pages of a project as JSON (`mobile_schemas.pages.PagesOut`), and an entity tag."""

    content: bytes
    tag: bytes


class Pages:
    """Shows and removes pages."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def read(self, slug: str, width: int, sight: Sequence[int] = ()) -> PagesReply:
        """Return the pages of a project with pictures for a width.

        `sight` are the private projects that are there for whoever asks.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        """
        async with self._pool.acquire() as connection:
            pages = await PageStore(connection).read(slug, list(sight))
        if pages is None:
            raise UnknownProjectError(slug)
        # Between two steps there is at most a picture's own width, its widest: all widths up to a step see the same.
        step = next((each for each in WIDTHS if each >= width), WIDTHS[-1])
        return await asyncio.to_thread(_rendered, pages, step)

    @reachable
    async def remove(self, slug: str, name: PageName) -> None:
        """Remove a page.

        Raises
        ------
        UnknownProjectError, UnknownPageError
            There is no such project, or it has no such page.
        """
        async with self._pool.acquire() as connection:
            store = PageStore(connection)
            project = await store.find(slug)
            if project is None:
                raise UnknownProjectError(slug)
            if not await store.remove(project[0], name):
                raise UnknownPageError(slug, name, [page.name for page in await store.read(slug) or ()])


async def import_pages(pool: Pool, folder: Path, slug: str, place: Place) -> PagesReport:
    """Bring the pages of a folder in, with their pictures, in one transaction; pages without a file stay.

    Raises
    ------
    UnknownProjectError, PagesError, MediaStoreError, WorkersCannotStartError, DatabaseUnavailableError
        No page was stored. `PagesError` has all that is wrong with the folder.
    """
    await _find(pool, slug)
    found = await asyncio.to_thread(read_folder, folder)
    outcomes = await _prepared(sorted({file for page in found.pages for file in page.pictures.values()}), place)
    problems = [*found.problems, *(each for page in found.pages for each in _refused(page, outcomes))]
    if problems:
        raise PagesError(problems)
    return await _stored(pool, slug, found.pages, [_new_page(page, outcomes) for page in found.pages])


@reachable
async def _find(pool: Pool, slug: str) -> None:
    async with pool.acquire() as connection:
        if await PageStore(connection).find(slug) is None:
            raise UnknownProjectError(slug)


@reachable
async def _stored(pool: Pool, slug: str, files: Sequence[PageFile], pages: Sequence[NewPage]) -> PagesReport:
    async with pool.acquire() as connection, connection.transaction():
        store = PageStore(connection)
        project = await store.find(slug)
        if project is None:
            raise UnknownProjectError(slug)
        written = await store.write(project[0], pages)
    return PagesReport(
        new=[page.name for page in pages if written.get(page.name)],
        changed=[page.name for page in pages if written.get(page.name) is False],
        unchanged=[page.name for page in pages if page.name not in written],
        notices=[each for file in files for each in _notices(file, project[1])],
    )


def _notices(file: PageFile, workflows: Sequence[str]) -> list[PageProblem]:
    """Say which workflows are not in force that entries are examples of: they may be published later."""
    has = f"the cascade has {', '.join(workflows)}" if workflows else "no cascade is published yet"
    return [
        PageProblem(file.name.file, line, f"no workflow {name} is in force", has)
        for name, line in file.workflows
        if name not in workflows
    ]


async def _prepared(files: Sequence[Path], place: Place) -> Mapping[Path, Outcome]:
    """Return what became of each picture; all that were prepared are on disk."""
    if not files:
        return {}
    outcomes: dict[Path, Outcome] = {}
    try:
        async with ImagePool(place, processes=min(len(files), os.cpu_count() or 1)) as pool:
            async for file, (outcome,) in pool.prepare((file, [plain(file)]) for file in files):
                outcomes[file] = outcome
            await pool.flush()
    except StorageError as error:
        raise MediaStoreError(error.place, error.reason) from error
    return outcomes


def _refused(page: PageFile, outcomes: Mapping[Path, Outcome]) -> list[PageProblem]:
    refused = ((path, outcomes[file]) for path, file in page.pictures.items())
    return [
        PageProblem(page.name.file, page.references[path], f"the picture {path}: {error.problem}", error.remedy)
        for path, error in refused
        if isinstance(error, MediaError)
    ]


def _new_page(page: PageFile, outcomes: Mapping[Path, Outcome]) -> NewPage:
    pictures = {path: _values(outcomes[file]) for path, file in sorted(page.pictures.items())}
    if page.name is not PageName.ABOUT:
        return NewPage(page.name, page.text, pictures)
    return NewPage(page.name, page.text, pictures, summary(page.text), first_picture(page.text))


def _values(image: Outcome) -> PictureValues:
    assert isinstance(image, PreparedImage)
    return {
        "digest": image.digest,
        "mime": image.mime,
        "width": image.width,
        "height": image.height,
        "blurhash": image.blurhash,
        "variants": [[each.width, each.height, each.size_bytes] for each in image.variants],
    }


class _Picture(NamedTuple):
    """A picture as HTML has it, and as the contract has it."""

    url: str
    width: int
    height: int
    view: dict[str, Any]


@lru_cache(maxsize=KEPT)
def _rendered(pages: tuple[StoredPage, ...], width: int) -> PagesReply:
    views: dict[str, Any] = {"about": None, "tutorial": [], "guide": []}
    for page in pages:
        shown = {path: _shown(picture, width) for path, picture in loads(page.pictures).items()}
        match PageName(page.name):
            case PageName.ABOUT:
                views["about"] = whole(page.markdown, shown)
            case PageName.TUTORIAL:
                views["tutorial"] = [_step(each, shown) for each in steps(page.markdown, shown)]
            case PageName.GUIDE:
                views["guide"] = [_entry(each, shown) for each in entries(page.markdown, shown)]
    content = to_json(views)
    return PagesReply(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'.encode())


def _shown(picture: PictureValues, width: int) -> _Picture:
    view = location_view(location(picture), width)
    return _Picture(view["url"], view["width"], view["height"], view)


def _step(step: Rendered, shown: Mapping[str, _Picture]) -> dict[str, Any]:
    picture = None if step.picture is None else shown[step.picture].view
    return {"title": step.title, "html": step.html, "picture": picture, "picture_alt": step.alt}


def _entry(entry: Rendered, shown: Mapping[str, _Picture]) -> dict[str, Any]:
    workflow, answer = entry.example or (None, None)
    example = None if workflow is None else {"workflow": workflow, "answer": answer}
    return {"id": entry.id, **_step(entry, shown), "example": example}
