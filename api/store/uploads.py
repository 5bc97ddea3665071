"""Uploads and imports: rows of files on their way, and of what the worker makes of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("uploads")

_LOCK_SPACE: Final = 0x1A9027
"""The first half of the advisory locks by which imports are held."""


class StoredUpload(NamedTuple):
    """A file on its way."""

    id: UUID
    project_id: int
    name: str
    size_bytes: int
    sha256: str
    received: int
    complete: bool


class StoredImport(NamedTuple):
    """An import with its progress."""

    id: int
    project_id: int
    kind: str
    upload_id: UUID | None
    url: str | None
    options: Mapping[str, Any]
    state: str
    line: int
    lines: int
    report: Mapping[str, int] | None
    problems: Sequence[Mapping[str, Any]]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    furthest: int
    taken_up: int


class UploadStore:
    """Reads and writes uploads over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def project_number(self, slug: str, sight: list[int]) -> int | None:
        """Return the number of a project."""
        number: int | None = await self._connection.fetchval(_SQL["project_number"], slug, sight)
        return number

    async def begin(self, upload_id: UUID, project_id: int, name: str, size_bytes: int, sha256: str) -> StoredUpload:
        """Return the upload of a file, which is a new one unless the same file was begun before."""
        await self._connection.execute(_SQL["begin_upload"], upload_id, project_id, name, size_bytes, sha256)
        row = await self._connection.fetchrow(_SQL["find_upload"], project_id, sha256, name)
        assert row is not None
        return StoredUpload(*row)

    async def read(self, upload_id: UUID) -> StoredUpload | None:
        """Return an upload."""
        row = await self._connection.fetchrow(_SQL["read_upload"], upload_id)
        return None if row is None else StoredUpload(*row)

    async def lock(self, upload_id: UUID) -> StoredUpload | None:
        """Return an upload that nobody else changes until the transaction ends."""
        row = await self._connection.fetchrow(_SQL["lock_upload"], upload_id)
        return None if row is None else StoredUpload(*row)

    async def advance(self, upload_id: UUID, received: int) -> None:
        """Say how far a locked upload has come."""
        await self._connection.execute(_SQL["advance_upload"], upload_id, received)

    async def reset(self, upload_id: UUID) -> None:
        """Say that nothing of an upload is here."""
        await self._connection.execute(_SQL["reset_upload"], upload_id)

    async def is_wanted(self, upload_id: UUID) -> bool:
        """Tell whether an import that has not ended needs an upload."""
        return bool(await self._connection.fetchval(_SQL["is_wanted"], upload_id))

    async def abandoned(self, days: int) -> list[UUID]:
        """Return some uploads that no import waits for, and of which nothing has come for so many days."""
        return [row[0] for row in await self._connection.fetch(_SQL["abandoned_uploads"], days)]


class ImportStore:
    """Reads and writes imports over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(
        self, project_id: int, kind: str, upload_id: UUID | None, url: str | None, options: Mapping[str, Any]
    ) -> int:
        """Add an import that waits; return its number."""
        number: int = await self._connection.fetchval(
            _SQL["begin_import"], project_id, kind, upload_id, url, json.dumps(options)
        )
        return number

    async def read(self, number: int) -> StoredImport | None:
        """Return an import."""
        row = await self._connection.fetchrow(_SQL["read_import"], number)
        if row is None:
            return None
        report = None if row["report"] is None else json.loads(row["report"])
        stored = {**row, "options": json.loads(row["options"]), "report": report}
        return StoredImport(**stored | {"problems": json.loads(row["problems"])})

    async def project_slug(self, project_id: int) -> str:
        """Return the short name of a project."""
        slug: str = await self._connection.fetchval(_SQL["project_slug"], project_id)
        return slug

    async def claim(self) -> int | None:
        """Return the first import that waits, or that a worker has left, held by this connection until `release`."""
        for row in await self._connection.fetch(_SQL["due_imports"]):
            if await self._connection.fetchval(_SQL["claim_import"], _LOCK_SPACE, row[0]):
                # It may have ended between the two statements.
                if await self._connection.fetchval(_SQL["start_import"], row[0]) is not None:
                    return int(row[0])
                await self.release(row[0])
        return None

    async def release(self, number: int) -> None:
        """Let others claim an import, which was not the end of this worker."""
        await self._connection.execute(_SQL["let_go"], number)
        await self._connection.execute(_SQL["release_import"], _LOCK_SPACE, number)

    async def write_progress(
        self,
        number: int,
        line: int,
        lines: int,
        report: Mapping[str, int],
        problems: Sequence[Mapping[str, Any]],
    ) -> None:
        """Say how far an import is."""
        await self._connection.execute(
            _SQL["write_progress"], number, line, lines, json.dumps(report), json.dumps(problems)
        )

    async def end(self, number: int, error: str | None) -> None:
        """Say that an import is done, or why it failed."""
        await self._connection.execute(_SQL["end_import"], number, "done" if error is None else "failed", error)
