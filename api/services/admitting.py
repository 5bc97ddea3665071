"""The transaction that brings a batch of subjects in: everything or nothing, and the same again changes nothing.

Theory of operation
-------------------
    compare with what is stored  ->  hold the project, create, lock, read again  ->  write what differs
    ->  enter the cascade, or leave it

The first comparison takes no locks, so rows that are stored already cost one statement. What differs is compared again
under lock. Subjects are created in the order of their external ids and locked in that of their numbers, so two imports
wait for each other and never deadlock. The project is held in share: a cascade is published before a batch or after it,
and its subjects enter that cascade exactly once, here or there. While subjects still follow a new version
(`api.services.settling`), a batch holds the project alone: settling neither sees half of it nor lets a subject enter
that is just becoming gold.

A subject with a gold standard in any workflow is training material and has no business in the cascade. One that becomes
gold on its way is withdrawn from the workflows that have not decided; what others have decided stands.
"""

import random
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Final, Self, TypeVar

from api import sky
from api.errors import UnknownProjectError
from api.manifest import ManifestRow
from api.services.entering import Arrival, arrivals, first_stages
from api.services.framing import Notice
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.store.ballot import BallotStore, Gold
from api.store.engine import Connection, Pool
from api.store.importing import HeldProject, ImportingStore, LocationValues, Position, StoredSubject
from cascade.graph import Attributes

_DRAWS: Final = 2**31
_SKY: Final = 7
"""Where `LocationValues` hold what a picture points at."""


_Key = TypeVar("_Key")


class ImportingError(Exception):
    """Something that keeps a whole import from going on."""


class UnknownGoldError(ImportingError):
    """Gold is given for workflows that the published cascade does not have; `remedies` says for each what to do."""

    def __init__(self, slug: str, remedies: Mapping[str, str]) -> None:
        said = "; ".join(f"gold:{name} ({remedy})" for name, remedy in remedies.items())
        super().__init__(f"The cascade of {slug} has no such workflow: {said}.")
        self.slug = slug
        self.remedies = remedies


@dataclass(frozen=True, slots=True)
class Incoming:
    """A row with its prepared pictures; one without any says nothing of locations and leaves them as they are."""

    row: ManifestRow
    locations: Sequence[LocationValues] = ()
    notices: Sequence[Notice] = ()

    @property
    def seen_at(self) -> tuple[float, float] | None:
        """Where the first picture that knows it points."""
        points = (values[_SKY] for values in self.locations if values[_SKY] is not None)
        return next(((point["ra"], point["dec"]) for point in points), None)

    @property
    def position(self) -> tuple[float, float] | None:
        """Where the subject is: where its row says, or where its pictures point."""
        return self.row.position or self.seen_at


@dataclass(frozen=True, slots=True)
class Said:
    """Which metadata, gold and explanations the columns speak of: an empty cell there says something.

    `score_models` has the SHA-256 of the models behind scores, where they are known.
    """

    metadata: Set[str] = frozenset()
    gold: Set[str] = frozenset()
    explanations: Set[str] = frozenset()
    score_models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the rows: every one is imported, updated, unchanged or bad.

    `entered` subjects begin the cascade; `withdrawn` ones left it, since they are gold now. `gold_kept` counts gold
    that stays though its cell is empty now, `noted` what was said of pictures that were imported all the same.
    """

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    entered: int = 0
    withdrawn: int = 0
    gold_kept: int = 0
    noted: int = 0

    def __add__(self, other: Self) -> "Report":
        return Report(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def rows(self) -> int:
        """How many rows that was."""
        return self.imported + self.updated + self.unchanged + self.bad


@dataclass(frozen=True, slots=True)
class _Difference:
    """What a row asks for and the database does not have; `None` where nothing is asked for."""

    subject: StoredSubject
    metadata: Mapping[str, str] | None
    locations: Sequence[LocationValues] | None
    scores: Mapping[str, float]
    gold: Mapping[str, Gold]
    gold_kept: int
    attributes: Attributes
    position: tuple[float, float] | None

    @property
    def is_change(self) -> bool:
        said = (self.metadata, self.locations, self.position)
        return any(each is not None for each in said) or bool(self.scores) or bool(self.gold)

    def arrival(self, published: Published | None) -> Sequence[Arrival]:
        """Return the subject with the workflow that takes it, if it is to begin the cascade now."""
        if published is None or self.subject.staged or self.subject.gold or self.gold:
            return ()
        return arrivals(published, [(self.subject.id, self.attributes)])


def _difference(incoming: Incoming, subject: StoredSubject, said: Said) -> _Difference:
    row = incoming.row
    kept = {key: value for key, value in subject.metadata.items() if key not in said.metadata}
    metadata = kept | dict(row.metadata)
    locations = list(incoming.locations)
    pictured_anew = bool(locations) and locations != subject.locations
    gold = {workflow: _gold(row, workflow, subject, said) for workflow in row.gold}
    return _Difference(
        subject,
        metadata=None if metadata == subject.metadata else metadata,
        locations=locations if pictured_anew else None,
        scores=_new_scores(row, subject, said),
        gold={workflow: each for workflow, each in gold.items() if subject.gold.get(workflow) != each},
        gold_kept=len((said.gold & subject.gold.keys()) - row.gold.keys()),
        attributes=_attributes(row, subject, said, metadata),
        position=_moved_to(incoming, subject, pictured_anew=pictured_anew),
    )


def _attributes(row: ManifestRow, subject: StoredSubject, said: Said, metadata: Mapping[str, str]) -> Attributes:
    """Return what will be known of a subject; a score that is new without a model has none."""
    written = {name: said.score_models.get(name) for name in _new_scores(row, subject, said)}
    return Attributes(metadata, {**subject.scores, **row.scores}, {**subject.score_models, **written})


def _new_scores(row: ManifestRow, subject: StoredSubject, said: Said) -> dict[str, float]:
    """Return the scores whose value, or model where one is given, is not what is stored."""
    return {
        name: score
        for name, score in row.scores.items()
        if subject.scores.get(name) != score
        or (name in said.score_models and subject.score_models.get(name) != said.score_models[name])
    }


def _moved_to(incoming: Incoming, subject: StoredSubject, *, pictured_anew: bool) -> tuple[float, float] | None:
    """Return where a subject is now, if that is not where it was.

    What its row says counts most. Where its pictures point counts if nothing was known, or if they are new: a cell that
    was emptied takes no position away.
    """
    asked = incoming.row.position
    if asked is None and (subject.position is None or pictured_anew):
        asked = incoming.seen_at
    return None if asked == subject.position else asked


def _gold(row: ManifestRow, workflow: str, subject: StoredSubject, said: Said) -> Gold:
    explanation = row.explanations.get(workflow)
    if explanation is None and workflow not in said.explanations and workflow in subject.gold:
        explanation = subject.gold[workflow].explanation
    return Gold(int(row.gold[workflow]), explanation)


class Admission:
    """Brings batches of subjects into one project."""

    def __init__(self, pool: Pool, slug: str, said: Said, dice: random.Random) -> None:
        self._pool = pool
        self._slug = slug
        self._said = said
        self._dice = dice
        self._cascades = PublishedCascades()

    @reachable
    async def begin(self, title: str | None) -> None:
        """Create the project unless it exists, and check for which workflows there will be gold.

        Raises
        ------
        UnknownGoldError
            A cascade is published, and has no such workflow.
        """
        async with self._pool.acquire() as connection:
            store = ImportingStore(connection)
            await store.create_project(self._slug, title)
            await self._published(connection, await store.find_project(self._slug), self._said.gold)

    @reachable
    async def known_sources(self, external_ids: Sequence[str]) -> dict[str, list[str | None]]:
        """Return what the pictures of those subjects that exist were imported from."""
        async with self._pool.acquire() as connection:
            return await ImportingStore(connection).known_sources(self._slug, external_ids)

    @reachable
    async def admit(self, batch: Sequence[Incoming]) -> Report:
        """Bring in a batch, in which no external id comes twice.

        Raises
        ------
        UnknownGoldError, UnknownProjectError
            The cascade or the project has changed meanwhile.
        """
        async with self._pool.acquire() as connection:
            store = ImportingStore(connection)
            report, waiting = await self._compare(connection, store, batch)
            if waiting:
                report += await self._hold_and_write(connection, store, waiting)
        return report

    async def _compare(
        self, connection: Connection, store: ImportingStore, batch: Sequence[Incoming]
    ) -> tuple[Report, list[Incoming]]:
        """Return what needs no transaction, counted, and the rows that do."""
        project, published = await self._published(connection, await store.find_project(self._slug), _gold_of(batch))
        stored = await store.read_subjects(project.id, (incoming.row.external_id for incoming in batch))
        report, waiting = Report(), []
        for incoming in batch:
            subject = stored.get(incoming.row.external_id)
            difference = None if subject is None else _difference(incoming, subject, self._said)
            if difference is None or difference.is_change or difference.arrival(published):
                waiting.append(incoming)
            else:
                report += Report(unchanged=1, gold_kept=difference.gold_kept)
        return report, waiting

    async def _hold_and_write(self, connection: Connection, store: ImportingStore, batch: Sequence[Incoming]) -> Report:
        async with connection.transaction():
            held = await store.hold_project(self._slug, alone=False)
            if held is None or held.settled:
                return await self._write(connection, store, held, batch)
        # The share lock had to go first: two imports that both ask for more would wait for each other.
        async with connection.transaction():
            return await self._write(connection, store, await store.hold_project(self._slug, alone=True), batch)

    async def _write(
        self, connection: Connection, store: ImportingStore, held: HeldProject | None, batch: Sequence[Incoming]
    ) -> Report:
        project, published = await self._published(connection, held, _gold_of(batch))
        rows = {incoming.row.external_id: incoming for incoming in batch}
        places = _placed({key: each.position for key, each in rows.items()})
        created = await store.begin_subjects(project.id, {key: each.row.metadata for key, each in rows.items()}, places)
        await store.lock_subjects(project.id, rows)
        stored = await store.read_subjects(project.id, rows)
        differences = {key: _difference(each, stored[key], self._said) for key, each in rows.items()}
        await self._write_differences(store, project, differences, created)
        entered = await self._enter(connection, published, differences.values())
        updated = sum(difference.is_change for key, difference in differences.items() if key not in created)
        return Report(
            imported=len(created),
            updated=updated,
            unchanged=len(rows) - len(created) - updated,
            entered=entered,
            withdrawn=await self._withdraw(store, project, differences.values()),
            gold_kept=sum(difference.gold_kept for difference in differences.values()),
        )

    async def _published(
        self, connection: Connection, project: HeldProject | None, gold: Iterable[str]
    ) -> tuple[HeldProject, Published | None]:
        """Return the project with its cascade, if one is published, which must have all workflows of `gold`."""
        if project is None:
            raise UnknownProjectError(self._slug)
        if project.version_id is None:
            return project, None
        published = await self._cascades.in_force(connection, project.version_id)
        unknown = [name for name in gold if name not in published.ids]
        if unknown:
            raise UnknownGoldError(self._slug, {name: _remedy(name, published.ids) for name in unknown})
        return project, published

    async def _write_differences(
        self, store: ImportingStore, project: HeldProject, differences: Mapping[str, _Difference], created: Set[str]
    ) -> None:
        each = differences.values()
        if metadata := {d.subject.id: d.metadata for d in each if d.metadata is not None}:
            await store.write_metadata(metadata)
        if positions := _placed({d.subject.id: d.position for d in each}):
            await store.write_positions(positions)
        for new in (True, False):
            chosen = [d for key, d in differences.items() if (key in created) is new]
            if locations := {d.subject.id: d.locations for d in chosen if d.locations is not None}:
                await store.write_locations(locations, new=new)
        models = self._said.score_models
        if scores := [(d.subject.id, name, score, models.get(name)) for d in each for name, score in d.scores.items()]:
            await store.write_scores(scores)
        gold = [(d.subject.id, name, *g, self._dice.randrange(_DRAWS)) for d in each for name, g in d.gold.items()]
        if gold:
            await store.write_gold(project.id, gold)

    async def _enter(
        self, connection: Connection, published: Published | None, differences: Iterable[_Difference]
    ) -> int:
        """Let the subjects begin that the cascade takes and that have not begun."""
        arriving = [arrival for difference in differences for arrival in difference.arrival(published)]
        if published is None or not arriving:
            return 0
        await BallotStore(connection).enter_stages(first_stages(published, arriving, self._dice))
        return len(arriving)

    async def _withdraw(self, store: ImportingStore, project: HeldProject, differences: Iterable[_Difference]) -> int:
        """Withdraw the subjects that have become gold on their way through the cascade."""
        subjects = [d.subject.id for d in differences if d.gold and d.subject.staged and not d.subject.gold]
        if not subjects:
            return 0
        held: list[tuple[int, int]] = []
        # A vote that was being counted may have begun another stage while its subject's stages were being locked.
        while (found := await store.lock_stages(project.id, subjects)) != held:
            held = found
        return len(await store.withdraw_stages(held))


def _placed(positions: Mapping[_Key, tuple[float, float] | None]) -> dict[_Key, Position]:
    """Return the positions that are known with their cells."""
    known = {key: position for key, position in positions.items() if position is not None}
    cells = sky.cells([ra for ra, _ in known.values()], [dec for _, dec in known.values()])
    return {key: Position(*position, cell) for (key, position), cell in zip(known.items(), cells, strict=True)}


def _gold_of(batch: Iterable[Incoming]) -> Set[str]:
    return {workflow for incoming in batch for workflow in incoming.row.gold}


def _remedy(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
