"""Publishing a cascade: a declaration becomes the version in force, and the subjects follow it.

The switch is one short transaction under the project's row lock: the version is added, workflows that are gone or ask
something else are closed, new ones begin, and the project points at the new version; all or nothing, in milliseconds.
How the subjects follow, and why no vote or import slips through, is told in `api.services.settling`.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.declaration_file import Declaration, load, parse
from api.errors import PublicationOvertakenError
from api.services.asking import advice_on
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.services.settling import Report, Settled, settle, unheard
from api.store.engine import Connection, Pool
from api.store.publishing import PublishingStore
from cascade.asking import needed
from cascade.declaration import canonical, check_gold, digest
from cascade.difference import Change, difference
from cascade.errors import DeclarationErrors
from cascade.graph import Cascade, Sequential


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing would change. `version` is the number in force, 0 if none is.

    `advice` says, workflow by workflow, what the gold lets the engine promise and what more would buy.
    """

    project: str
    version: int
    changes: Sequence[Change]
    advice: Sequence[str] = ()

    @property
    def unchanged(self) -> bool:
        """Whether the declaration means what is in force already."""
        return self.version > 0 and not self.changes


@dataclass(frozen=True, slots=True)
class Publication:
    """A version in force, what it changed, and the subjects that followed it."""

    project: str
    version: int
    changes: Sequence[Change]
    withdrawn: int
    entered: int

    @property
    def unchanged(self) -> bool:
        """Whether the declaration meant what was in force already, so that no version was added."""
        return not self.changes


class Publishing:
    """Publishes cascades."""

    def __init__(self, pool: Pool, published: PublishedCascades, dice: random.Random) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice

    @reachable
    async def preview(self, text: str | bytes) -> Preview:
        """Return what publishing a declaration would change.

        Raises
        ------
        DeclarationErrors
            All that is wrong with it, sequential workflows without gold of both classes among it.
        """
        declaration = parse(text)
        async with self._pool.acquire() as connection:
            store = PublishingStore(connection)
            project_id, version_id = await store.find_project(declaration.cascade.project) or (None, None)
            gold = await _require_gold(store, project_id, declaration)
            compared = await self._compare(connection, version_id, declaration.cascade)
            return replace(compared, advice=_advice(declaration.cascade, gold))

    async def publish(
        self, text: str | bytes, *, replacing: int | None = None, report: Report = unheard
    ) -> Publication:
        """Put a declaration in force, and let the subjects follow it.

        What means the same as the version in force adds none; subjects that have yet to follow do so all the same.

        Parameters
        ----------
        replacing
            The number of the version that was looked at before; by default, whatever is in force.

        Raises
        ------
        DeclarationErrors
            All that is wrong with it, sequential workflows without gold of both classes among it.
        PublicationOvertakenError
            Another version is in force than `replacing`.
        """
        declaration = parse(text)
        project_id, version_id, changes = await self._switch(declaration, replacing)
        settled = await self._settle(project_id, report)
        async with self._pool.acquire() as connection:
            version = await self._published.get(connection, version_id)
        return Publication(declaration.cascade.project, version.number, changes, settled.withdrawn, settled.entered)

    async def settle_all(self) -> None:
        """Let subjects follow where a publication was interrupted."""
        async with self._pool.acquire() as connection:
            projects = await PublishingStore(connection).unsettled()
        for project_id in projects:
            await self._settle(project_id, unheard)

    @reachable
    async def _settle(self, project_id: int, report: Report) -> Settled:
        async with self._pool.acquire() as connection:
            return await settle(connection, self._published, self._dice, project_id, report)

    @reachable
    async def _switch(self, declaration: Declaration, replacing: int | None) -> tuple[int, int, Sequence[Change]]:
        """Put the declaration in force; return the project, the version and what it changed."""
        cascade = declaration.cascade
        async with self._pool.acquire() as connection, connection.transaction():
            store = PublishingStore(connection)
            project_id, version_id = await store.lock_project(cascade.project)
            preview = await self._compare(connection, version_id, cascade)
            if replacing is not None and replacing != preview.version:
                raise PublicationOvertakenError(cascade.project, preview.version)
            if version_id is not None and preview.unchanged:
                return project_id, version_id, ()
            await _require_gold(store, project_id, declaration)
            ids = await _change_editions(store, project_id, cascade)
            added, _ = await store.add_version(project_id, digest(cascade), _stored(cascade), ids, cascade.title)
            levels = () if version_id is None else (await self._published.get(connection, version_id)).levels
            if self._published.levels_of(cascade) not in ((), levels):
                await store.judge_everybody(project_id)
            return project_id, added, preview.changes

    async def _compare(self, connection: Connection, version_id: int | None, cascade: Cascade) -> Preview:
        current = None if version_id is None else await self._published.get(connection, version_id)
        changes = difference(current.cascade if current else None, cascade)
        return Preview(cascade.project, current.number if current else 0, changes)


async def _require_gold(
    store: PublishingStore, project_id: int | None, declaration: Declaration
) -> Mapping[str, tuple[int, int]]:
    """Return how many subjects are known to be no and yes by workflow, if that suffices for the declaration."""
    counts: Mapping[str, tuple[int, int]] = {} if project_id is None else await store.count_gold(project_id)
    if errors := check_gold(declaration.cascade, counts, declaration.position):
        raise DeclarationErrors(errors)
    return counts


def _advice(cascade: Cascade, gold: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return what more gold would buy, where it does not suffice for the declared targets."""
    advice = []
    for workflow in cascade.workflows:
        no, yes = gold.get(workflow.name, (0, 0))
        enough = yes >= needed(workflow.miss) and no >= needed(workflow.false_alarm)
        if isinstance(workflow.policy, Sequential) and not enough:
            advice += [f"{workflow.name}: {each}" for each in advice_on(workflow, (no, yes))]
    return advice


async def _change_editions(store: PublishingStore, project_id: int, cascade: Cascade) -> Mapping[str, int]:
    """Close the workflows that are gone or ask something else, begin the new ones; return all by name."""
    questions = {workflow.name: workflow.question for workflow in cascade.workflows}
    live = [edition for edition in await store.editions(project_id) if not edition.closed]
    kept = {edition.name: edition.id for edition in live if questions.get(edition.name) == edition.question}
    await store.close_editions([edition.id for edition in live if edition.id not in kept.values()])
    fresh = [name for name in questions if name not in kept]
    begun = await store.begin_editions(project_id, fresh, [questions[name] for name in fresh])
    return {name: kept[name] if name in kept else begun[name] for name in questions}


def _stored(cascade: Cascade) -> str:
    """Return the declaration as it is kept: canonical JSON, which is YAML too, checked to mean the same."""
    text = json.dumps(canonical(cascade), ensure_ascii=False, indent=2, allow_nan=False)
    text = "".join(c if c.isprintable() or c == "\n" or ord(c) > 0xFFFF else f"\\u{ord(c):04x}" for c in text)
    if digest(load(text)) != digest(cascade):
        raise AssertionError("the stored declaration does not mean what was declared")
    return text
