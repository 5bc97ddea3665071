"""Weighing anew: after a refit, what the subjects of a workflow have gathered is weighed by what was learnt.

Theory of operation
-------------------
A refit writes a calibration and puts it in force; from then on votes are weighed by it. What lies there already is
weighed anew here, in batches of which each is one transaction:

    hold the version  ->  lock the votes, then the stages, as votes do  ->  the engine  ->  write, and settle

First the undecided stages: they get the new prior and the new sums, and may retire at once, with all that follows. The
cards keep what their votes weigh now, so a vote that is taken back takes just that with it; the ledger keeps what they
weighed at first, and the table `rescore` what a stage was weighed anew to, under an ordinal between those of its votes.
Then the retired ones, which are read without locks: few are flagged, and only those are touched.

It begins when every transaction that was under way at the refit has ended, so no vote by the calibration before comes
after a stage's turn. A vote that lands between the locks shows in the sums, which are then not those of the locked
votes: such a stage comes again, at the end. Whoever is killed leaves whole batches behind. `unfinished` names what was
left, and the same again goes on with it: a stage that was weighed is not weighed again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import structlog

from api.services.priors import attributes_of, prior_of
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.settling import POLL_SECONDS, outlast_running_transactions
from api.services.stages import Stages, settle
from api.store.ballot import BallotStore
from api.store.engine import Connection, Pool
from api.store.failures import CONFLICTS
from api.store.publishing import PublishingStore
from api.store.rescoring import Due, RescoringStore, Voice, unfinished
from cascade.graph import Attributes, ScorePrior
from cascade.rescoring import VOICE, Rescored, agrees, reweigh, weigh_anew
from cascade.standing import STANDING, Integers, Mask, Rows
from cascade.vocabulary import Bucket, StageState

PAGE: Final = 1000
"""Stages of one batch."""

PASSES: Final = 3
"""How often stages that votes landed on meanwhile are taken up again."""

ATTEMPTS: Final = 5
"""How often a batch is tried that met another transaction."""

log = structlog.get_logger(__name__)

Report = Callable[[int], None]
"""Told how many stages have been looked at."""


def unheard(_looked_at: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """What became of the stages of a workflow: how many were looked at, weighed anew, retired by it, and flagged."""

    looked_at: int = 0
    rescored: int = 0
    retired: int = 0
    flagged: int = 0

    def __add__(self, other: Self) -> "Weighing":
        return Weighing(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@reachable
async def rescore(
    pool: Pool,
    published: PublishedCascades,
    dice: random.Random,
    workflow_id: int,
    report: Report = unheard,
) -> Weighing:
    """Weigh a workflow's stages by the calibration in force, unless that is done; return what became of them."""
    async with pool.acquire() as connection:
        store = RescoringStore(connection, workflow_id)
        async with _sole_rescorer(store):
            due = await store.find()
            if due is None or due.done:
                return Weighing()
            await outlast_running_transactions(PublishingStore(connection))
            return await _Rescoring(connection, published, dice, workflow_id, due, report).run()


class _SupersededError(Exception):
    """Another calibration, or a version without the workflow, has come into force."""


class _Rescoring:
    """The stages of one workflow on their way to one calibration."""

    def __init__(
        self,
        connection: Connection,
        published: PublishedCascades,
        dice: random.Random,
        workflow_id: int,
        due: Due,
        report: Report,
    ) -> None:
        self._connection = connection
        self._store = RescoringStore(connection, workflow_id)
        self._published = published
        self._dice = dice
        self._workflow_id = workflow_id
        self._due = due
        self._report = report
        self._fits = _Fits([])
        self._again: list[int] = []
        self._done = Weighing()

    async def run(self) -> Weighing:
        self._fits = _Fits(await self._store.read_fits(self._due.calibration))
        try:
            await self._weigh_undecided()
            await self._look_at_retired()
            await self._take_up_again()
        except _SupersededError:
            log.info("stages are left to a newer calibration", workflow=self._workflow_id)
            return self._done
        await self._store.mark_done(self._due.calibration)
        return self._done

    async def _weigh_undecided(self) -> None:
        after = 0
        while page := await self._store.undecided(after, self._due.calibration, PAGE):
            await self._batch(page)
            after = page[-1]
            self._tell(len(page))

    async def _look_at_retired(self) -> None:
        """Flag the retired stages, page by page, whose evidence now speaks against their answers."""
        after = 0
        while page := await self._store.retired(after, PAGE):
            subjects = list(page)
            standings = np.array(list(page.values()), dtype=STANDING)
            votes = _Votes.of(await self._store.read_votes(subjects), subjects)
            weighed, _ = await self._weighed(await self._version(), subjects, standings, votes)
            suspects = np.flatnonzero(weighed.flagged | ~agrees(standings, votes.voices)).tolist()
            if suspects:
                await self._batch([subjects[place] for place in suspects])
            after = subjects[-1]
            self._tell(len(subjects))

    async def _take_up_again(self) -> None:
        for _ in range(PASSES):
            subjects, self._again = sorted(self._again), []
            for start in range(0, len(subjects), PAGE):
                await self._batch(subjects[start : start + PAGE])
        if self._again:
            log.warning("the sums of some stages are not those of their votes", stages=len(self._again))

    def _tell(self, more: int) -> None:
        self._done += Weighing(looked_at=more)
        self._report(self._done.looked_at)

    async def _batch(self, subjects: Sequence[int]) -> None:
        """Weigh some stages anew in a transaction of their own."""
        for attempt in range(ATTEMPTS):
            try:
                async with self._connection.transaction():
                    done, again = await self._weigh(subjects)
            except CONFLICTS:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                self._done += done
                self._again += again
                return

    async def _weigh(self, subjects: Sequence[int]) -> tuple[Weighing, list[int]]:
        """Return what became of some stages, and those that a vote landed on meanwhile."""
        version = await self._version()
        rows = await self._store.lock_votes(subjects)
        ballot = BallotStore(self._connection)
        stages = await Stages.lock(ballot, ((self._workflow_id, subject) for subject in subjects))
        locked = [subject for _, subject in stages.keys]
        votes = _Votes.of(rows, locked)
        weighed, anew = await self._weighed(version, locked, stages.standings, votes)
        sound = agrees(stages.standings, votes.voices)
        chosen = np.flatnonzero(weighed.worthwhile & sound)
        if len(chosen):
            rescores = _rescore_columns(locked, stages.standings, weighed, chosen)
            changed = votes.changed(anew, np.isin(votes.voices["stage"], chosen[~weighed.flagged[chosen]]))
            await self._store.write(self._due.calibration, version.version_id, rescores, changed)
            some = stages.only(chosen)
            await settle(ballot, self._dice, some, weighed.standings[chosen], {self._workflow_id: version})
        again = np.flatnonzero(~sound & (stages.standings["state"] != StageState.WITHDRAWN))
        return _counted(stages.standings, weighed, chosen), [locked[place] for place in again.tolist()]

    async def _version(self) -> Published:
        """Return the version in force with its calibrations, which stays so if there is a transaction."""
        version_id = await PublishingStore(self._connection).hold_version(self._due.project_id)
        assert version_id is not None
        version = await self._published.in_force(self._connection, version_id)
        known = self._workflow_id in version.names
        if not known or version.calibration(self._workflow_id).revision != self._due.calibration:
            raise _SupersededError
        return version

    async def _weighed(
        self, version: Published, subjects: Sequence[int], standings: Rows, votes: "_Votes"
    ) -> tuple[Rescored, Rows]:
        """Return what the engine makes of stages, and what each of their votes weighs now."""
        workflow, calibration = version.workflow(self._workflow_id), version.calibration(self._workflow_id)
        attributes: dict[int, Attributes] = {}
        if isinstance(workflow.prior, ScorePrior):
            found = await BallotStore(self._connection).read_attributes(list(subjects))
            attributes = {number: attributes_of(*texts) for number, texts in found.items()}
        pairs = zip(subjects, standings["draw"].tolist(), strict=True)
        priors = [prior_of(workflow, attributes.get(each, Attributes()), calibration, draw) for each, draw in pairs]
        prior, machine = np.array(priors, dtype=np.int64).reshape(-1, 2).T
        anew = weigh_anew(votes.voices, *self._fits.of(votes.voters), calibration.prior)
        rules = version.rules[np.full(len(standings), version.rule_of[self._workflow_id])]
        return reweigh(standings, rules, prior, machine, anew), anew


class _Fits:
    """What a calibration made of everybody, by person."""

    def __init__(self, rows: Sequence[tuple[int, ...]]) -> None:
        table = np.array(rows, dtype=np.int64).reshape(-1, 13)
        self._persons = table[:, 0]
        self._counts = table[:, 1:7].reshape(-1, 2, 3)
        self._batch = table[:, 7:].reshape(-1, 2, 3)

    def of(self, persons: Integers) -> tuple[Mask, Integers, Integers]:
        """Return whether each person is known, their gold counts, and what the refit adds in hundredths."""
        if not len(self._persons):
            nothing = np.zeros((len(persons), 2, 3), dtype=np.int64)
            return np.zeros(len(persons), dtype=np.bool_), nothing, nothing
        places = np.minimum(np.searchsorted(self._persons, persons), len(self._persons) - 1)
        return self._persons[places] == persons, self._counts[places], self._batch[places]


@dataclass(frozen=True, slots=True)
class _Votes:
    """Votes that count: whose each is, on which subject, and what it weighs; `stage` is the place of the subject.

    `voters` are who gave them, as the ledger knows them: before a merge another person.
    """

    persons: Integers
    voters: Integers
    subjects: Integers
    voices: Rows

    @classmethod
    def of(cls, rows: Sequence[Voice], subjects: Sequence[int]) -> Self:
        """Return the votes on these subjects."""
        place = {subject: number for number, subject in enumerate(subjects)}
        kept = [row for row in rows if row.subject_id in place]
        voices = np.zeros(len(kept), dtype=VOICE)
        voices["stage"] = [place[row.subject_id] for row in kept]
        for name in ("answer", "if_yes", "if_no"):
            voices[name] = [getattr(row, name) for row in kept]
        voices["proven"] = [row.bucket == Bucket.PROVEN for row in kept]
        persons = np.array([row.person_id for row in kept], dtype=np.int64)
        voters = np.array([row.ledger_person_id for row in kept], dtype=np.int64)
        return cls(persons, voters, np.array([row.subject_id for row in kept], dtype=np.int64), voices)

    def changed(self, anew: Rows, written: Mask) -> list[list[int]]:
        """Return the columns person, subject, bucket, if_yes and if_no of the votes whose cards are to be written."""
        places = np.flatnonzero(written & (anew != self.voices))
        bucket = np.where(anew["proven"] != 0, int(Bucket.PROVEN), int(Bucket.UNPROVEN))
        columns = (self.persons, self.subjects, bucket, anew["if_yes"], anew["if_no"])
        return [column[places].tolist() for column in columns]


def _rescore_columns(subjects: Sequence[int], before: Rows, weighed: Rescored, chosen: Integers) -> list[list[Any]]:
    """Return the columns of the rows of `rescore`, in the order of the statement."""
    sums = weighed.weighed[chosen]
    return [
        [subjects[place] for place in chosen.tolist()],
        weighed.standings["ordinal"][chosen].tolist(),
        before["prior"][chosen].tolist(),
        before["machine"][chosen].tolist(),
        *(sums[name].tolist() for name in ("prior", "machine", "if_yes", "if_no", "unproven")),
        weighed.log_odds[chosen].tolist(),
        weighed.votes[chosen].tolist(),
        weighed.flagged[chosen].tolist(),
    ]


def _counted(before: Rows, weighed: Rescored, chosen: Integers) -> Weighing:
    """Count what was written."""
    retired = (weighed.standings["state"] == StageState.RETIRED) & (before["state"] != StageState.RETIRED)
    flagged = int(weighed.flagged[chosen].sum())
    return Weighing(rescored=len(chosen) - flagged, retired=int(retired[chosen].sum()), flagged=flagged)


@asynccontextmanager
async def _sole_rescorer(store: RescoringStore) -> AsyncIterator[None]:
    """Wait until nobody else weighs the workflow anew."""
    while not await store.try_to_rescore():  # noqa: ASYNC110  # the other process has no event of ours
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        await store.stop_rescoring()


__all__ = ["Weighing", "rescore", "unfinished"]
