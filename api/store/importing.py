"""The statements that bring subjects in, as one method each.

A batch goes to PostgreSQL column by column, so it costs the same number of round trips whether it holds one subject or
hundreds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from api.store.ballot import Gold
from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("importing")

LocationValues = list[Any]
"""Digest, mime, width, height, blurhash, variants as [[width, height, bytes], ...], source, where it points as
{ra, dec, scale_arcsec}, if that is known, and the video that it is the still of as {mime, width, height, bytes,
seconds}, if it is one.
"""


class Position(NamedTuple):
    """A place in the sky: ICRS degrees, and the nested HEALPix cell of order 29 around it."""

    ra: float
    dec: float
    healpix: int


class HeldProject(NamedTuple):
    """A project and the version of its cascade in force; `settled`: no subjects are following it just now."""

    id: int
    version_id: int | None
    settled: bool


class StoredSubject(NamedTuple):
    """A subject with all that an import may change of it; `staged`: it has been in a workflow."""

    id: int
    metadata: Mapping[str, str]
    locations: Sequence[LocationValues]
    scores: Mapping[str, float]
    gold: Mapping[str, Gold]
    staged: bool
    position: tuple[float, float] | None = None
    score_models: Mapping[str, str | None] = MappingProxyType({})


class ImportingStore:
    """Reads and writes batches of subjects over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create_project(self, slug: str, title: str | None) -> None:
        """Create a project unless it exists, and give it the title, if there is one."""
        await self._connection.execute(_SQL["create_project"], slug, title)
        if title is not None:
            await self._connection.execute(_SQL["entitle_project"], slug, title)

    async def find_project(self, slug: str) -> HeldProject | None:
        """Return a project."""
        row = await self._connection.fetchrow(_SQL["find_project"], slug)
        return None if row is None else HeldProject(*row)

    async def hold_project(self, slug: str, *, alone: bool) -> HeldProject | None:
        """Return a project, whose cascade stays what it is until the transaction ends.

        Held `alone`, it keeps other imports and settling waiting too.
        """
        row = await self._connection.fetchrow(_SQL["hold_project_alone" if alone else "hold_project"], slug)
        return None if row is None else HeldProject(*row)

    async def begin_subjects(
        self, project_id: int, metadata: Mapping[str, Mapping[str, str]], positions: Mapping[str, Position]
    ) -> set[str]:
        """Create those subjects that do not exist; return the external ids of the created ones."""
        nowhere = (None, None, None)
        rows = [(each, _json(metadata[each]), *positions.get(each, nowhere)) for each in sorted(metadata)]
        created = await self._connection.fetch(_SQL["begin_subjects"], project_id, *_columns(rows, 5))
        return {row[0] for row in created}

    async def lock_subjects(self, project_id: int, external_ids: Iterable[str]) -> None:
        """Lock subjects against other imports."""
        await self._connection.execute(_SQL["lock_subjects"], project_id, list(external_ids))

    async def read_subjects(self, project_id: int, external_ids: Iterable[str]) -> dict[str, StoredSubject]:
        """Return those subjects that exist, by their external ids."""
        rows = await self._connection.fetch(_SQL["read_subjects"], project_id, list(external_ids))
        return {row[0]: _subject(row) for row in rows}

    async def known_sources(self, slug: str, external_ids: Sequence[str]) -> dict[str, list[str | None]]:
        """Return what the pictures of those subjects that exist were imported from, in their order."""
        rows = await self._connection.fetch(_SQL["known_sources"], slug, list(external_ids))
        return {row[0]: list(row[1]) for row in rows}

    async def write_metadata(self, metadata: Mapping[int, Mapping[str, str]]) -> None:
        """Replace the metadata of subjects."""
        texts = [_json(values) for values in metadata.values()]
        await self._connection.execute(_SQL["write_metadata"], list(metadata), texts)

    async def write_positions(self, positions: Mapping[int, Position]) -> None:
        """Place subjects in the sky, or move them."""
        rows = [(subject_id, *position) for subject_id, position in positions.items()]
        await self._connection.execute(_SQL["write_positions"], *_columns(rows, 4))

    async def write_locations(self, locations: Mapping[int, Sequence[LocationValues]], *, new: bool) -> None:
        """Replace the locations of subjects; `new` ones have none to be replaced."""
        if not new:
            await self._connection.execute(_SQL["forget_locations"], list(locations))
        rows = [
            (subject_id, ordinal, *values[:5], _json(values[5]), values[6], *map(_json_or_none, values[7:]))
            for subject_id, each in locations.items()
            for ordinal, values in enumerate(each)
        ]
        await self._connection.execute(_SQL["write_locations"], *_columns(rows, 11))

    async def write_scores(self, scores: Sequence[tuple[int, str, float, str | None]]) -> None:
        """Write scores, each as a new revision: subject, name, value, model."""
        await self._connection.execute(_SQL["write_scores"], *_columns(scores, 4))

    async def write_gold(self, project_id: int, gold: Sequence[tuple[int, str, int, str | None, int]]) -> None:
        """Write gold standards as new revisions: subject, workflow, truth, explanation, draw."""
        columns = _columns(gold, 5)
        await self._connection.execute(_SQL["retire_gold"], *columns[:2])
        await self._connection.execute(_SQL["write_gold"], project_id, *columns)

    async def lock_stages(self, project_id: int, subjects: list[int]) -> list[tuple[int, int]]:
        """Lock all stages of subjects; return workflow and subject of each."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["lock_stages"], project_id, subjects)]

    async def withdraw_stages(self, stages: Sequence[tuple[int, int]]) -> set[int]:
        """Withdraw locked stages that are not decided, and deal none of them; return the subjects withdrawn."""
        return {row[0] for row in await self._connection.fetch(_SQL["withdraw_stages"], *_columns(stages, 2))}


def _subject(row: Any) -> StoredSubject:
    gold = {workflow: Gold(*values) for workflow, values in json.loads(row[5]).items()}
    found = json.loads(row[4])
    scores = {name: float(value) for name, (value, _) in found.items()}
    models = {name: model for name, (_, model) in found.items()}
    position = None if row[7] is None else (row[7], row[8])
    return StoredSubject(row[1], json.loads(row[2]), json.loads(row[3]), scores, gold, row[6], position, models)


def _columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(count)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json_or_none(value: object) -> str | None:
    return None if value is None else _json(value)
