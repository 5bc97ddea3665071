"""The statements about the pages of projects, as one method each, over one connection."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

from api.store.decks import Location
from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("pages")

PictureValues = Mapping[str, Any]
"""What is stored of a picture: digest, mime, width, height, blurhash, variants as [[width, height, bytes], ...]."""


class StoredPage(NamedTuple):
    """A page as it is written, and its pictures by path as JSON text."""

    name: str
    markdown: str
    pictures: str


class NewPage(NamedTuple):
    """A page to be written. `summary` and `picture` (a path) are for lists of projects."""

    name: str
    markdown: str
    pictures: Mapping[str, PictureValues]
    summary: str | None = None
    picture: str | None = None


class Face(NamedTuple):
    """What a list of projects shows of one."""

    slug: str
    title: str | None
    summary: str | None
    picture: Location | None


class PageStore:
    """Reads and writes pages; transactions are the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, slug: str, sight: list[int] | None = None) -> tuple[StoredPage, ...] | None:
        """Return the pages of a project by name, or None where there is no such project."""
        rows = await self._connection.fetch(_SQL["read"], slug, sight)
        return tuple(StoredPage(*row) for row in rows if row[0] is not None) if rows else None

    async def find(self, slug: str) -> tuple[int, list[str]] | None:
        """Return a project's number and the names of its workflows in force, if there is such a project."""
        row = await self._connection.fetchrow(_SQL["find"], slug)
        return None if row is None else (row[0], list(row[1]))

    async def write(self, project_id: int, pages: Sequence[NewPage]) -> dict[str, bool]:
        """Write pages; return the names of those that changed, and whether they are new."""
        written = await self._connection.fetch(
            _SQL["write"],
            project_id,
            [page.name for page in pages],
            [page.markdown for page in pages],
            [json.dumps(page.pictures, ensure_ascii=False) for page in pages],
            [page.summary for page in pages],
            [page.picture for page in pages],
        )
        return {row[0]: row[1] for row in written}

    async def remove(self, project_id: int, name: str) -> bool:
        """Remove a page; tell whether it was there."""
        return await self._connection.fetchval(_SQL["remove"], project_id, name) is not None

    async def faces(self, sight: list[int]) -> list[Face]:
        """Return what a list shows of all projects that are public or in sight."""
        return _faces(await self._connection.fetch(_SQL["faces"], None, sight))

    async def face(self, project_id: int) -> Face:
        """Return what is shown of one project."""
        return _faces(await self._connection.fetch(_SQL["faces"], project_id, []))[0]


def _faces(rows: Sequence[asyncpg.Record]) -> list[Face]:
    return [Face(row[0], row[1], row[2], None if row[3] is None else location(json.loads(row[3]))) for row in rows]


def location(picture: PictureValues) -> Location:
    """Return a stored picture as pictures of subjects are."""
    return Location(picture["digest"], picture["blurhash"], [(v[0], v[1], v[2]) for v in picture["variants"]])
