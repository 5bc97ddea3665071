"""Files sent in chunks, by clients that fail in between."""

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.caller import Caller, Scope
from api.errors import (
    ChunkMisplacedError,
    NotAllowedError,
    UnknownImportError,
    UnknownProjectError,
    UnknownUploadError,
    UploadContradictedError,
    UploadIncompleteError,
    UploadTooLargeError,
)
from api.media.storage import place_of
from api.services.house import Services
from api.services.importing import import_rows
from api.services.uploads import chunk_key, folder_key
from api.settings import Settings
from api.store.engine import Pool
from mobile_schemas.imports import ImportIn, UploadIn
from tests.services.imports import a_row

CONTENT = random.Random(1).randbytes(2500)


async def a_caller(pool: Pool, slug: str = "lenses") -> Caller:
    await import_rows(pool, slug, [a_row()])
    number = await pool.fetchval("SELECT id FROM project WHERE slug = $1", slug)
    return Caller(1, 1, None, Scope.RESEARCHER, number, "test")


def a_file(content: bytes = CONTENT, **given: Any) -> UploadIn:
    values = {"name": "subjects.zip", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return UploadIn.model_validate(values | given)


def of_upload(upload: str, **content: Any) -> ImportIn:
    return ImportIn.model_validate({"source": {"upload": upload}, "content": {"kind": "subjects"} | content})


async def test_chunks_arrive_once_however_often_they_are_sent(services: Services, pool: Pool, tmp_path: Path) -> None:
    caller = await a_caller(pool)
    upload = (await services.uploads.begin(caller, "lenses", a_file()))["upload"]
    storage = place_of(Settings(data_dir=tmp_path)).open()

    chunks = [(offset, CONTENT[offset : offset + 1000]) for offset in (0, 0, 1000, 0, 1000, 2000, 2000)]
    seen = [(await services.uploads.put(caller, upload, *chunk))["received"] for chunk in chunks]

    again = await services.uploads.begin(caller, "lenses", a_file())
    stored = b"".join(storage.get(chunk_key(UUID(upload), offset)) or b"" for offset in (0, 1000, 2000))
    assert seen == [1000, 1000, 2000, 2000, 2000, 2500, 2500]
    assert (again["upload"], again["received"], again["complete"]) == (upload, 2500, True)
    assert stored == CONTENT
    assert len(list(storage.list(folder_key(UUID(upload))))) == 3


@pytest.mark.parametrize(("offset", "size"), [(500, 1000), (1500, 500), (0, 2000), (1000, 2000)])
async def test_a_chunk_that_does_not_follow_is_told_where_the_next_one_begins(
    services: Services, pool: Pool, offset: int, size: int
) -> None:
    caller = await a_caller(pool)
    upload = (await services.uploads.begin(caller, "lenses", a_file()))["upload"]
    await services.uploads.put(caller, upload, 0, CONTENT[:1000])

    with pytest.raises(ChunkMisplacedError, match="send the chunk that begins at 1000") as caught:
        await services.uploads.put(caller, upload, offset, bytes(size))

    assert caught.value.received == 1000


async def test_of_two_senders_at_once_each_chunk_is_taken_from_one(services: Services, pool: Pool) -> None:
    caller = await a_caller(pool)
    upload = (await services.uploads.begin(caller, "lenses", a_file()))["upload"]

    results = await asyncio.gather(
        *(services.uploads.put(caller, upload, 0, CONTENT[: 700 + number]) for number in range(8)),
        return_exceptions=True,
    )

    received = (await services.uploads.get(caller, upload))["received"]
    taken = [result["received"] for result in results if isinstance(result, dict)]
    assert set(taken) == {received}
    assert all(isinstance(result, dict | ChunkMisplacedError) for result in results)


async def test_other_projects_do_not_see_an_upload_or_an_import(services: Services, pool: Pool) -> None:
    ours, theirs = await a_caller(pool), await a_caller(pool, "others")
    upload = (await services.uploads.begin(ours, "lenses", a_file()))["upload"]
    await services.uploads.put(ours, upload, 0, CONTENT)
    number = (await services.uploads.begin_import(ours, "lenses", of_upload(upload)))["id"]

    for verb in (
        services.uploads.get(theirs, upload),
        services.uploads.put(theirs, upload, 0, b"x"),
        services.uploads.begin_import(theirs, "others", of_upload(upload)),
    ):
        with pytest.raises(UnknownUploadError):
            await verb
    with pytest.raises(UnknownImportError):
        await services.uploads.get_import(theirs, number)
    with pytest.raises(NotAllowedError):
        await services.uploads.begin(theirs, "lenses", a_file())
    with pytest.raises(UnknownProjectError):
        await services.uploads.begin(ours, "nowhere", a_file())


async def test_files_that_cannot_be_are_refused(services: Services, pool: Pool) -> None:
    caller = await a_caller(pool)
    upload = (await services.uploads.begin(caller, "lenses", a_file()))["upload"]

    with pytest.raises(UploadTooLargeError, match="at most 2000000000 are taken"):
        await services.uploads.begin(caller, "lenses", a_file(bytes=3_000_000_000))
    with pytest.raises(UploadContradictedError):
        await services.uploads.begin(caller, "lenses", a_file(bytes=7))
    with pytest.raises(UploadIncompleteError, match="0 of 2500 bytes"):
        await services.uploads.begin_import(caller, "lenses", of_upload(upload))
