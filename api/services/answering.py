"""Taking answers of experts: they become gold of subjects that are there already, and nothing else of these changes."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from api.errors import UnknownProjectError
from api.manifest import BadRow, ManifestRow
from api.services.admitting import Report
from api.services.importing import Refuse, ignore, import_rows
from api.services.reachable import reachable
from api.sources.answers import read_answers
from api.store.engine import Pool
from api.store.importing import ImportingStore

BATCH_ROWS: Final = 2000


async def take_answers(pool: Pool, path: Path, slug: str, *, refuse: Refuse = ignore) -> Report:
    """Make the answers of a file gold; a subject on its way through the cascade leaves it, as training material.

    `refuse` is called for each row that is bad, and for subjects that the project does not have. In the report,
    `updated` counts the subjects with new gold.

    Raises
    ------
    ManifestError
        The file's header is wrong, or it cannot be read.
    UnknownProjectError
        There is no such project.
    UnknownGoldError
        There is an answer to a question that the cascade does not ask.
    """
    report = Report()
    answers = read_answers(path).rows()
    async for rows in _known(pool, slug, answers, refuse):
        bad = sum(isinstance(row, BadRow) for row in rows)
        good = [row for row in rows if not isinstance(row, BadRow)]
        report += Report(bad=bad)
        if good:
            report += await import_rows(pool, slug, good)
    return report


async def _known(
    pool: Pool, slug: str, answers: Iterator[ManifestRow | BadRow], refuse: Refuse
) -> AsyncIterator[list[ManifestRow | BadRow]]:
    """Yield the rows in batches, those of subjects that are not there as bad ones, of which somebody was told."""
    while batch := list(islice(answers, BATCH_ROWS)):
        there = await _existing(pool, slug, [row.external_id for row in batch if isinstance(row, ManifestRow)])
        checked = [row if isinstance(row, BadRow) or row.external_id in there else _stranger(row) for row in batch]
        for row in checked:
            if isinstance(row, BadRow):
                refuse(row)
        yield checked


@reachable
async def _existing(pool: Pool, slug: str, external_ids: list[str]) -> set[str]:
    async with pool.acquire() as connection:
        store = ImportingStore(connection)
        project = await store.find_project(slug)
        if project is None:
            raise UnknownProjectError(slug)
        return set(await store.read_subjects(project.id, external_ids))


def _stranger(row: ManifestRow) -> BadRow:
    return BadRow(row.line, "external_id", f"is {row.external_id!r}, which is no subject", "import the subject first")
