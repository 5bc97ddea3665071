"""Campaigns moved in from Panoptes: the votes of a classification export, with their subjects and their cascade.

Votes are kept as they were given, unless somebody asks that they be counted. A kept vote is a row of the ledger that
went to no sum: its exclusion is `imported`, it has no card, and no stage, skill or label knows of it. A counted one
goes through the transaction that counts live votes, by a card that is dealt for it. Each name of the export is a
volunteer of its own, and each answer has an id that is the same whenever the export is read: `swipe_key` decides
whether it is there already, so an import that was stopped is run again, and the same again changes nothing.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from api.caller import Caller, Scope
from api.errors import CommandError, UnknownProjectError, UnknownSubjectsError
from api.manifest import BadRow, ManifestRow
from api.panoptes.classifications import read_classifications
from api.panoptes.definitions import chosen, read_definitions
from api.panoptes.errors import UnmatchedError
from api.panoptes.matching import Hints, match
from api.panoptes.subjects import read_subjects
from api.panoptes.survey import Survey, survey
from api.panoptes.votes import PanoptesVote, Sorted, VoteReader
from api.panoptes.workflow import Translated, translate
from api.services.admitting import Admission, Incoming, Report, Said
from api.services.ballot import Swipe
from api.services.house import Services
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.verdicts import Verdict
from api.store.engine import Connection, Pool
from api.store.numbers import read_numbers
from api.store.panoptes import Known, PanoptesStore, Project, VoteColumns
from mobile_schemas.classifications import ClassificationIn
from mobile_schemas.decks import DealIn
from mobile_schemas.subjects import subject_id

SOURCE: Final = "panoptes"
"""What is stamped on votes that were imported, and under what their volunteers' names are kept."""

BATCH: Final = 500
"""Votes of one transaction."""

BATCH_SUBJECTS: Final = 200
DEALS_AT_ONCE: Final = 4
_DEALS: Final = uuid5(NAMESPACE_URL, "chaffinch:panoptes-deals")

Refuse = Callable[[BadRow], None]
Follow = Callable[[int, int], None]


class ImportRunningError(CommandError):
    """Another import from Panoptes into the same project is under way."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"another import from Panoptes into {slug} is under way; wait for it, or stop it")
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be imported, and how: the options of the command."""

    classifications: Path
    slug: str
    subjects: Path | None = None
    definitions: Path | None = None
    hints: Hints = field(default_factory=Hints)
    leave_out: Collection[str] = ()
    count: bool = False
    id_from: str | None = None
    title: str | None = None


@dataclass(slots=True)
class Tally:
    """What became of an export.

    `kept` votes are stored and not counted; `counted` went through the count, where `uncounted` says why some of them
    do not count; `known` were there already, `kept_before` were there as kept ones though they were to be counted;
    `rejected` were not stored, and why.
    """

    seen: Sorted = field(default_factory=Sorted)
    subjects: Report = field(default_factory=Report)
    published: int | None = None
    remarks: Sequence[str] = ()
    behind: Sequence[str] = ()
    kept: int = 0
    counted: int = 0
    known: int = 0
    kept_before: int = 0
    uncounted: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be said of the files before anything is stored."""

    found: Survey
    translated: Translated | None


def prepare(wish: Wish) -> Prepared:
    """Read an export once, and the definition of its workflow if there is one.

    Raises
    ------
    CommandError
        A file cannot be read, is of another kind, or its workflow cannot be asked here.
    """
    found = survey(read_classifications(wish.classifications))
    if wish.definitions is None:
        return Prepared(found, None)
    definitions = read_definitions(wish.definitions)
    wanted = wish.hints.workflow
    if wanted is None and len(definitions) > 1 and len(found.workflows) == 1:
        wanted = next(iter(found.workflows))
    definition = chosen(definitions, wanted, str(wish.definitions))
    return Prepared(found, translate(definition, yes=wish.hints.yes, leave_out=wish.leave_out))


async def import_classifications(
    connection: Connection, pool: Pool, services: Services, wish: Wish, refuse: Refuse, follow: Follow
) -> Tally:
    """Import an export into a project, which begins with the export's workflow if it has no cascade yet.

    Parameters
    ----------
    connection
        One for this import alone: it keeps others out until it is closed.
    refuse
        Told of each row that is bad, and skipped.
    follow
        Told how many of how many rows are done.

    Raises
    ------
    CommandError, DeclarationErrors
        Nothing was stored of the votes: the files, the workflow, or what was said of them will not do.
    """
    prepared = prepare(wish)
    tally = Tally()
    store = PanoptesStore(connection)
    project, published = await _begin(connection, store, services, wish, prepared, tally)
    if not await store.hold(project.id):
        raise ImportRunningError(wish.slug)
    matching = match(prepared.found, published.cascade, wish.hints, prepared.translated)
    tally.behind = matching.behind
    admission = Admission(pool, wish.slug, Said(), random.Random())  # noqa: S311  # draws, no secrets
    await admission.begin(wish.title)
    voting = _Voting(connection, pool, services, wish.slug, project, published, admission, tally)
    if wish.subjects is not None:
        await voting.bring_subjects(read_subjects(wish.subjects, wish.id_from), refuse)
    await _bring_votes(voting, wish, VoteReader(prepared.found, matching, wish.id_from), refuse, follow)
    return tally


async def _begin(
    connection: Connection, store: PanoptesStore, services: Services, wish: Wish, prepared: Prepared, tally: Tally
) -> tuple[Project, Published]:
    """Return the project with its cascade, which is made from the export's workflow where there is none."""
    project = await store.find_project(wish.slug)
    if project is None or project.version_id is None:
        translated = prepared.translated or _translated_from_answers(prepared.found, wish)
        publication = await services.publishing.publish(translated.declaration(wish.slug))
        tally.published, tally.remarks = publication.version, translated.remarks
        project = await store.find_project(wish.slug)
    if project is None or project.version_id is None:
        raise UnknownProjectError(wish.slug)
    return project, await PublishedCascades().get(connection, project.version_id)


def _translated_from_answers(found: Survey, wish: Wish) -> Translated:
    """Make a workflow of the answers that an export holds, where nobody has said what the workflow is."""
    meant = list(found.only(wish.hints.workflow).values())
    if len(meant) != 1:
        listed = "; ".join(f"{each.id} {each.name!r} ({each.rows})" for each in found.workflows.values()) or "none"
        raise UnmatchedError(f"say which workflow of the export is meant with --workflow; it has {listed}")
    definition = meant[0].as_definition()
    if not definition.tasks:
        raise UnmatchedError(
            "the export holds no answer by its label; give the workflow's JSON or the workflow export as"
            " --workflow-json FILE"
        )
    return translate(definition, yes=wish.hints.yes, leave_out=wish.leave_out, ordered=False)


async def _bring_votes(voting: "_Voting", wish: Wish, reader: VoteReader, refuse: Refuse, follow: Follow) -> None:
    """Bring the votes in, in the order of the file; those that count, workflow by workflow along the cascade."""
    cascade = voting.published.cascade
    ways: list[frozenset[str]] = [reader.matching.workflows]
    if wish.count:
        ways = [frozenset([name]) for name in sorted(reader.matching.workflows, key=cascade.rank)]
    total = reader.found.rows * len(ways)
    for number, workflows in enumerate(ways):
        seen = Sorted() if number else voting.tally.seen
        votes = reader.votes(read_classifications(wish.classifications), seen, _unheard if number else refuse)
        for batch in _batches(vote for vote in votes if vote.workflow in workflows):
            await voting.bring(batch, count=wish.count)
            follow(number * reader.found.rows + seen.rows, total)
    follow(total, total)


def _unheard(_bad: BadRow) -> None:
    """Say nothing: it was said when the file was read before."""


def _batches(votes: Iterator[PanoptesVote]) -> Iterator[list[PanoptesVote]]:
    while batch := list(islice(votes, BATCH)):
        yield batch


class _Placed(NamedTuple):
    """A vote with the numbers of its volunteer, person, workflow and subject."""

    vote: PanoptesVote
    who: Known
    workflow_id: int
    subject: int


class _Voting:
    """An import on its way into one project."""

    def __init__(
        self,
        connection: Connection,
        pool: Pool,
        services: Services,
        slug: str,
        project: Project,
        published: Published,
        admission: Admission,
        tally: Tally,
    ) -> None:
        self.published = published
        self.tally = tally
        self._connection = connection
        self._store = PanoptesStore(connection)
        self._pool = pool
        self._services = services
        self._slug = slug
        self._project = project
        self._admission = admission

    async def bring_subjects(self, rows: Iterator[ManifestRow | BadRow], refuse: Refuse) -> None:
        """Create the subjects of a subject export, or bring their metadata up to date."""
        batch: dict[str, ManifestRow] = {}
        for row in rows:
            if isinstance(row, BadRow):
                self.tally.subjects += Report(bad=1)
                refuse(row)
                continue
            batch[row.external_id] = row
            if len(batch) >= BATCH_SUBJECTS:
                await self._admit(batch)
                batch = {}
        await self._admit(batch)

    async def bring(self, votes: Sequence[PanoptesVote], *, count: bool) -> None:
        """Bring a batch of votes in."""
        subjects = await self._subjects({vote.subject.external_id: vote.subject for vote in votes})
        names = [vote.given.user_name for vote in votes]
        async with self._connection.transaction():
            who = await self._store.volunteers(self._project.id, SOURCE, names)
            placed = {
                (who[vote.given.user_name].person_id, vote.id): _Placed(
                    vote,
                    who[vote.given.user_name],
                    self.published.ids[vote.workflow],
                    subjects[vote.subject.external_id],
                )
                for vote in votes
            }
            self.tally.known += len(votes) - len(placed)
            if not count:
                await self._keep(list(placed.values()))
        if count:
            await self._count(await self._fresh(list(placed.values())))

    async def _subjects(self, rows: Mapping[str, ManifestRow]) -> Mapping[str, int]:
        """Return the numbers of subjects; those that are not there are created."""
        found = await read_numbers(self._pool, self._slug, list(rows))
        missing = {key: row for key, row in rows.items() if key not in found}
        if missing:
            keys = list(missing)
            for start in range(0, len(keys), BATCH_SUBJECTS):
                await self._admit({key: missing[key] for key in keys[start : start + BATCH_SUBJECTS]})
            found |= await read_numbers(self._pool, self._slug, keys)
        return found

    async def _admit(self, rows: Mapping[str, ManifestRow]) -> None:
        if rows:
            self.tally.subjects += await self._admission.admit([Incoming(row) for row in rows.values()])

    async def _keep(self, placed: Sequence[_Placed]) -> None:
        columns = VoteColumns(
            person_id=[each.who.person_id for each in placed],
            volunteer_id=[each.who.volunteer_id for each in placed],
            workflow_id=[each.workflow_id for each in placed],
            subject_id=[each.subject for each in placed],
            client_id=[each.vote.id for each in placed],
            answer=[int(each.vote.answer) for each in placed],
            flag=[each.vote.given.flag for each in placed],
            answered_at=[each.vote.given.answered_at for each in placed],
            dwell_ms=[each.vote.given.dwell_ms for each in placed],
            session=[each.vote.given.session for each in placed],
            utc_offset_minutes=[each.vote.given.utc_offset_minutes for each in placed],
            language=[each.vote.given.language for each in placed],
        )
        kept = await self._store.keep(columns, self.published.version_id, SOURCE)
        self.tally.kept += kept
        self.tally.known += len(placed) - kept

    async def _fresh(self, placed: Sequence[_Placed]) -> list[_Placed]:
        """Return the votes that are not there yet."""
        used = await self._store.used([each.who.person_id for each in placed], [each.vote.id for each in placed])
        counted = sum(used.values())
        self.tally.known += counted
        self.tally.kept_before += len(used) - counted
        return [each for place, each in enumerate(placed) if place not in used]

    async def _count(self, placed: Sequence[_Placed]) -> None:
        """Have the cards dealt that the votes need, and count them in their order."""
        wanted: dict[tuple[Known, int], list[int]] = {}
        for each in placed:
            wanted.setdefault((each.who, each.workflow_id), []).append(each.subject)
        dealt: set[tuple[int, int, int]] = set()
        gate = asyncio.Semaphore(DEALS_AT_ONCE)

        async def deal(who: Known, workflow_id: int, subjects: Sequence[int]) -> None:
            async with gate:
                for subject in await self._deal(who, workflow_id, list(dict.fromkeys(subjects))):
                    dealt.add((who.person_id, workflow_id, subject))

        await asyncio.gather(*(deal(*seat, subjects) for seat, subjects in wanted.items()))
        having = [each for each in placed if (each.who.person_id, each.workflow_id, each.subject) in dealt]
        self.tally.rejected["not_in_workflow"] += len(placed) - len(having)
        if having:
            for verdict in await self._submit(having):
                self._note(verdict)

    async def _deal(self, who: Known, workflow_id: int, subjects: Sequence[int]) -> Sequence[int]:
        """Deal subjects to a volunteer; return those that have a place in the workflow, and so a card."""
        named = [subject_id(subject) for subject in subjects]
        deal = DealIn(key=_deal_key(who, workflow_id, named), subjects=named)
        try:
            await self._services.decks.deal_named(self._caller(who), workflow_id, deal)
        except UnknownSubjectsError as error:
            left = [subject for place, subject in enumerate(subjects) if place not in error.subjects]
            return await self._deal(who, workflow_id, left) if left else ()
        return subjects

    @reachable
    async def _submit(self, placed: Sequence[_Placed]) -> Sequence[Verdict]:
        return await self._services.classifications.count([self._swipe(each) for each in placed])

    def _swipe(self, placed: _Placed) -> Swipe:
        vote, given = placed.vote, placed.vote.given
        item = ClassificationIn(
            id=vote.id,
            workflow=placed.workflow_id,
            subject=subject_id(placed.subject),
            answer=vote.answer.word,  # type: ignore[arg-type]  # the words of Answer are those of the contract
            answered_at=given.answered_at,
            dwell_ms=given.dwell_ms,
            session=given.session,
            utc_offset_minutes=given.utc_offset_minutes,
            language=given.language,
            flag=given.flag,
        )
        return Swipe(self._caller(placed.who), item, placed.subject)

    def _caller(self, who: Known) -> Caller:
        return Caller(who.volunteer_id, who.person_id, None, Scope.IMPORT, self._project.id, SOURCE)

    def _note(self, verdict: Verdict) -> None:
        match verdict["verdict"]:
            case "rejected" | "retry":
                self.tally.rejected[str(verdict["reason"])] += 1
            case "duplicate":
                self.tally.known += 1
            case word:
                self.tally.counted += 1
                if word == "kept":
                    self.tally.uncounted[str(verdict["reason"])] += 1


def _deal_key(who: Known, workflow_id: int, subjects: Sequence[str]) -> UUID:
    """Return the key of a deal: the same for the same wish, which is then dealt once."""
    return uuid5(_DEALS, f"{who.person_id}/{workflow_id}/{','.join(subjects)}")
