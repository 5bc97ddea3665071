"""Machine scores brought in from a file, with the model that made them.

A score is a new revision where its value or its model differ from what is stored. A subject that no workflow has taken
yet may enter the cascade by its new score. Stages that are open keep their prior until the next refit weighs
them anew: a decision must follow from what is written beside it.
"""

import asyncio
import hashlib
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from api.errors import UnknownProjectError
from api.manifest import BadRow
from api.services.admitting import Report
from api.services.entering import arrivals, first_stages
from api.services.importing import Follow, Progress, Refuse, ignore, lines_of
from api.services.priors import attributes_of
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.sources.scores import ScoreFile, ScoreRow, read_scores
from api.store.ballot import BallotStore
from api.store.engine import Connection, Pool
from api.store.importing import HeldProject, ImportingStore
from api.store.scores import ScoreStore

BATCH_ROWS: Final = 2000
_CHUNK_BYTES: Final = 1 << 20


def model_hash(path: Path) -> str:
    """Return the SHA-256 of a model's file, by which its scores are stamped."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


async def import_scores(
    pool: Pool,
    path: Path,
    slug: str,
    name: str,
    model: str,
    *,
    follow: Follow = ignore,
    refuse: Refuse = ignore,
) -> Report:
    """Import scores of a project's subjects from a CSV file.

    In the report, `imported` are first scores, and `updated` those whose value or model was another. `follow` is called
    after every batch, `refuse` for each row that is bad, unknown subjects among them.

    Raises
    ------
    ManifestError
        Nothing was imported: the header is wrong.
    UnknownProjectError, DatabaseUnavailableError
        What is imported stays.
    """
    file = await asyncio.to_thread(read_scores, path)
    lines = await asyncio.to_thread(lines_of, path)
    writing = _Writing(pool, slug, name, model, file.key)
    report, rows = Report(), file.rows()
    while batch := await asyncio.to_thread(_drawn, rows):
        bad = [row for row in batch if isinstance(row, BadRow)]
        done, unknown = await writing.write([row for row in batch if isinstance(row, ScoreRow)])
        for each in sorted([*bad, *unknown], key=lambda row: row.line):
            refuse(each)
        report += done + Report(bad=len(bad) + len(unknown))
        follow(Progress(batch[-1].line, lines, 0, report))
    return report


def _drawn(rows: Iterator[ScoreRow | BadRow]) -> list[ScoreRow | BadRow]:
    return list(islice(rows, BATCH_ROWS))


class _Writing:
    """Writes batches of scores of one name into one project."""

    def __init__(self, pool: Pool, slug: str, name: str, model: str, key: str) -> None:
        self._pool = pool
        self._slug = slug
        self._name = name
        self._model = model
        self._key = key
        self._cascades = PublishedCascades()
        self._dice = random.Random()  # noqa: S311  # chooses places in piles; no secrets

    @reachable
    async def write(self, rows: Sequence[ScoreRow]) -> tuple[Report, list[BadRow]]:
        """Write a batch; return what became of it, and the rows whose subjects are unknown."""
        async with self._pool.acquire() as connection:
            for alone in (False, True):
                # Settling moves subjects between versions: a batch waits for it, as imports of subjects do.
                async with connection.transaction():
                    held = await ImportingStore(connection).hold_project(self._slug, alone=alone)
                    if held is None:
                        raise UnknownProjectError(self._slug)
                    if held.settled or alone:
                        return await self._write(connection, held, rows)
        raise AssertionError("unreachable")

    async def _write(
        self, connection: Connection, held: HeldProject, rows: Sequence[ScoreRow]
    ) -> tuple[Report, list[BadRow]]:
        if not rows:
            return Report(), []
        written = await ScoreStore(connection).write(
            held.id, self._name, self._model, [(row.subject, row.value) for row in rows]
        )
        unknown = [self._unknown(row) for place, row in enumerate(rows) if place not in written]
        revisions = [each.revision for each in written.values()]
        changed = [each.subject_id for each in written.values() if each.revision is not None]
        report = Report(
            imported=revisions.count(1),
            updated=len(changed) - revisions.count(1),
            unchanged=revisions.count(None),
            entered=await self._enter(connection, held, changed),
        )
        return report, unknown

    async def _enter(self, connection: Connection, held: HeldProject, changed: Sequence[int]) -> int:
        """Let those begin that no workflow has taken yet, and that one takes by their score."""
        if held.version_id is None or not changed:
            return 0
        published = await self._cascades.in_force(connection, held.version_id)
        waiting = await ScoreStore(connection).unstaged(held.id, changed)
        arriving = arrivals(published, [(each.id, attributes_of(each.metadata, each.scores)) for each in waiting])
        if arriving:
            await BallotStore(connection).enter_stages(first_stages(published, arriving, self._dice))
        return len(arriving)

    def _unknown(self, row: ScoreRow) -> BadRow:
        named = row.subject if isinstance(row.subject, str) else f"S{row.subject}"
        return BadRow(row.line, self._key, f"is {named!r}, no subject of {self._slug}", "import the subject first")


__all__ = ["ScoreFile", "import_scores", "model_hash"]
