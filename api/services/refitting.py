"""Refitting: all votes of a workflow weighed together, and what that says of volunteers, subjects and bounds.

Theory of operation
-------------------
    read all votes from one snapshot  ->  fit, in a thread  ->  one transaction writes the calibration and everybody's
    skill by it, and puts it in force  ->  stages are weighed anew in batches (`api.services.rescoring`)

The connection holds an advisory lock for the workflow through all of it, so there is one refit of a workflow at a time;
its end, however it comes, gives the lock back. Votes go on meanwhile. Those that arrive between snapshot and
transaction are weighed by the calibration before, and are part of the next refit.

What a refit was made of is remembered as a digest in its report: where nothing is new, nothing is written. A cascade
that was published between snapshot and transaction may have other targets, so then nothing is written either.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from api.errors import CommandError, UnknownProjectError
from api.services.pseudonyms import Pseudonyms
from api.services.published import PublishedCascades
from api.services.rescoring import Weighing, rescore
from api.services.score_fitting import PeopleLabels
from api.services.score_watch import people_labels, score_view, tell
from api.services.vote_arrays import Inputs, arrange
from api.store.asking import AskingStore
from api.store.engine import Connection, open_pool
from api.store.publishing import PublishingStore
from api.store.refitting import Candidate, Dropped, NewCalibration, RefittingStore, gather
from cascade.agreement import agreement_error, agreement_report, agreement_words, proof_by_gold
from cascade.asking import gold_advice
from cascade.calibration import Calibration
from cascade.graph import ScorePrior, Sequential, Workflow
from cascade.refit import Pair, Refit, refit
from cascade.skill import proven
from cascade.standing import rules_of

NAMED: Final = 50
"""Pairs, and volunteers whose skill has dropped, that a report names at most."""

_CELLS: Final = 6
"""Truths by answers."""

NOT_SEQUENTIAL: Final = "decides by a count or a lead of votes, for which there is nothing to calibrate"
NO_VOTES: Final = "has no votes yet"
NOTHING_NEW: Final = "has had no new vote, training subject or score since its last refit"


class UnknownWorkflowNameError(CommandError):
    """The project asks no question of this name; `names` are those that it asks."""

    def __init__(self, slug: str, name: str, names: Sequence[str]) -> None:
        super().__init__(f"{slug} has no workflow {name!r}; it has {', '.join(names) or 'none'}")
        self.slug = slug
        self.name = name
        self.names = names


class RefitUnderWayError(CommandError):
    """Another process refits the workflow."""

    def __init__(self, slug: str, workflow: str) -> None:
        super().__init__(f"another process refits {workflow} of {slug} at this moment; try again when it is done")
        self.slug = slug
        self.workflow = workflow


class CascadeChangedError(CommandError):
    """A cascade was published while its project was refitted; nothing was written."""

    def __init__(self, slug: str, workflow: str) -> None:
        super().__init__(
            f"a cascade of {slug} was published while {workflow} was refitted, so nothing was written; refit again"
        )
        self.slug = slug
        self.workflow = workflow


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a refit.

    `why_not` says why there was none. `calibration` is what was put in force, or would have been; `report` goes with
    it, in plain values for researchers. `rescored` is what weighing stages anew came to, also where an earlier refit
    had left it undone.
    """

    slug: str
    workflow: str
    why_not: str | None = None
    calibration: Calibration | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    rescored: Weighing | None = None


@dataclass(frozen=True, slots=True)
class _Fit:
    inputs: Inputs
    refit: Refit


async def find_workflows(connection: Connection, slug: str | None = None, name: str | None = None) -> list[Candidate]:
    """Return the workflows that are asked, of a project or of all, with this name if there is one.

    Raises
    ------
    UnknownProjectError, UnknownWorkflowNameError
        There is no such project, or it asks no such question.
    """
    store = RefittingStore(connection)
    found = await store.asked_workflows(slug)
    if slug is not None and not found and await store.find_project(slug) is None:
        raise UnknownProjectError(slug)
    named = [each for each in found if name in (None, each.name)]
    if name is not None and slug is not None and not named:
        raise UnknownWorkflowNameError(slug, name, [each.name for each in found])
    return named


class Refitting:
    """Refits workflows, one after another, over a connection that holds the locks."""

    def __init__(
        self, connection: Connection, database_url: str, published: PublishedCascades, dice: random.Random
    ) -> None:
        self._connection = connection
        self._store = RefittingStore(connection)
        self._database_url = database_url
        self._published = published
        self._dice = dice

    async def refit(self, candidate: Candidate, *, dry_run: bool = False) -> Outcome:
        """Refit a workflow, put the calibration in force, and weigh its stages anew; or only say what would be.

        Raises
        ------
        RefitUnderWayError
            Somebody else does.
        CascadeChangedError
            A cascade was published meanwhile; nothing was written.
        """
        workflow = await self._declared(candidate)
        if not isinstance(workflow.policy, Sequential):
            return Outcome(candidate.slug, candidate.name, NOT_SEQUENTIAL)
        if not await self._store.try_to_refit(candidate.workflow_id):
            raise RefitUnderWayError(candidate.slug, candidate.name)
        try:
            outcome = await self._refit(candidate, workflow, dry_run)
            return outcome if dry_run else replace(outcome, rescored=await self.rescore(candidate.workflow_id))
        finally:
            await self._store.stop_refitting(candidate.workflow_id)

    async def rescore(self, workflow_id: int) -> Weighing:
        """Weigh the stages of a workflow by the calibration in force, those that are not yet."""
        pool = await open_pool(self._database_url, 1)
        try:
            return await rescore(pool, self._published, self._dice, workflow_id)
        finally:
            await pool.close()

    async def _declared(self, candidate: Candidate) -> Workflow:
        published = await self._published.get(self._connection, candidate.version_id)
        return published.workflow(candidate.workflow_id)

    async def _refit(self, candidate: Candidate, workflow: Workflow, dry_run: bool) -> Outcome:
        began = time.perf_counter()
        in_force = await self._published.in_force(self._connection, candidate.version_id)
        before = in_force.calibration(candidate.workflow_id)
        last = await self._store.inputs_in_force(candidate.workflow_id)
        people = await people_labels(self._connection, candidate.workflow_id, workflow)
        fit = await asyncio.to_thread(_fit, self._database_url, candidate.workflow_id, workflow, before, last, people)
        if isinstance(fit, str):
            return Outcome(candidate.slug, candidate.name, fit, seconds=time.perf_counter() - began)
        calibration = replace(fit.refit.calibration, revision=before.revision + 1, scores=fit.inputs.scores)
        dropped = await self._store.dropped(candidate.workflow_id)
        report = {**await self._report(candidate, fit, dropped), "advice": _advice(workflow, fit.inputs)}
        if rules_of([workflow], {workflow.name: calibration})[0]["cold"]:
            report["agreement"] = await self._agreement(candidate, workflow, fit)
            report["advice"] += agreement_words(report["agreement"])
        tell(candidate.slug, candidate.name, report["scores"])
        if not dry_run:
            new = _new(candidate, calibration, fit, report, _unproven(dropped))
            async with self._connection.transaction():
                await self._write(candidate, new)
        return Outcome(candidate.slug, candidate.name, None, calibration, report, seconds=time.perf_counter() - began)

    async def _write(self, candidate: Candidate, new: NewCalibration) -> None:
        if await PublishingStore(self._connection).hold_version(candidate.project_id) != candidate.version_id:
            raise CascadeChangedError(candidate.slug, candidate.name)
        await self._store.write(new)

    async def _report(self, candidate: Candidate, fit: _Fit, dropped: Sequence[Dropped]) -> dict[str, Any]:
        """Return what researchers are told, with pseudonyms for volunteers."""
        inputs, pairs, named = fit.inputs, fit.refit.pairs[:NAMED], dropped[:NAMED]
        places = {place for pair in pairs for place in (pair.first, pair.second)}
        persons = [*inputs.persons[sorted(places)].tolist(), *(each.person_id for each in named)]
        names = await self._pseudonyms(candidate, persons)
        return {
            **fit.refit.report,
            "votes": len(inputs.votes.subject),
            "votes_on_gold": inputs.on_gold,
            "gold_subjects": dict(zip(("no", "yes"), inputs.gold, strict=True)),
            "subjects": len(inputs.subjects),
            "volunteers": len(inputs.persons),
            "pairs": [_pair_view(pair, inputs, names) for pair in pairs],
            "dropped": [{"volunteer": names[each.person_id], "times": each.drops} for each in named],
            "scores": {name: score_view(name, fitted, inputs.drift[name]) for name, fitted in inputs.scores.items()},
            "inputs": inputs.digest,
        }

    async def _agreement(self, candidate: Candidate, workflow: Workflow, fit: _Fit) -> dict[str, float]:
        """Return what is to be expected of the labels that agreement has given."""
        subjects, labels = await AskingStore(self._connection, candidate.workflow_id).agreed_labels()
        fitted = fit.inputs.subjects
        heard, places, rows = np.intersect1d(fitted, np.array(subjects, dtype=np.int64), return_indices=True)
        log_odds, answers = fit.refit.log_odds[places], np.array(labels, dtype=np.int64)[rows]
        error = agreement_error(log_odds, answers, max(workflow.miss, workflow.false_alarm))
        return agreement_report(fit.refit.calibration.proven, len(heard), error)

    async def _pseudonyms(self, candidate: Candidate, persons: Sequence[int]) -> dict[int, str]:
        volunteers = await self._store.volunteers_of(candidate.workflow_id, sorted(set(persons))) if persons else {}
        pseudonyms = Pseudonyms(candidate.pseudonym_key)
        return {person: pseudonyms.of(volunteer) for person, volunteer in volunteers.items()}


def _fit(
    database_url: str,
    workflow_id: int,
    workflow: Workflow,
    before: Calibration,
    last: str | None,
    people: PeopleLabels,
) -> _Fit | str:
    """Read a workflow's votes and fit them, or say why there is nothing to fit. It blocks: use a thread."""
    score = workflow.prior.score if isinstance(workflow.prior, ScorePrior) else None
    inputs = arrange(gather(database_url, workflow_id, score), workflow, before, people)
    if not len(inputs.votes.subject) and not any(
        fit.used for fit in (*inputs.scores.values(), *before.scores.values())
    ):
        return NO_VOTES
    if inputs.digest == last and inputs.scores == before.scores:
        return NOTHING_NEW
    votes = inputs.votes
    fitted = refit(
        votes,
        before,
        miss=workflow.miss,
        false_alarm=workflow.false_alarm,
        minimum=workflow.votes.minimum,
        maximum=workflow.votes.maximum,
    )
    proof = proof_by_gold(
        *(votes.subject, votes.volunteer, votes.answer, votes.truth, votes.volunteers),
        miss=workflow.miss,
        false_alarm=workflow.false_alarm,
        before=before.proven,
    )
    return _Fit(inputs, replace(fitted, calibration=replace(fitted.calibration, proven=proof)))


def _advice(workflow: Workflow, inputs: Inputs) -> list[str]:
    """Return in sentences what more gold would buy."""
    no, yes = inputs.gold
    return list(gold_advice(no, yes, miss=workflow.miss, false_alarm=workflow.false_alarm, cold=workflow.cold))


def _new(
    candidate: Candidate, calibration: Calibration, fit: _Fit, report: Mapping[str, Any], unproven: Sequence[int]
) -> NewCalibration:
    """Return a calibration as it is stored. Who has lost their record keeps nothing of what other subjects say."""
    inputs = fit.inputs
    batch = (fit.refit.batch + inputs.shown).reshape(len(inputs.persons), _CELLS)
    batch[np.isin(inputs.persons, unproven)] = 0
    return NewCalibration(
        workflow_id=candidate.workflow_id,
        version_id=candidate.version_id,
        calibration=calibration,
        votes=len(inputs.votes.subject),
        report=report,
        persons=inputs.persons,
        batch=batch,
    )


def _unproven(dropped: Sequence[Dropped]) -> list[int]:
    """Return those whose record began anew and who have not shown since that their answers tell something."""
    if not dropped:
        return []
    shown = proven(np.array([each.counts for each in dropped], dtype=np.int64).reshape(-1, 2, 3))
    return [each.person_id for each, is_proven in zip(dropped, shown.tolist(), strict=True) if not is_proven]


def _pair_view(pair: Pair, inputs: Inputs, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "volunteers": [names[int(inputs.persons[place])] for place in (pair.first, pair.second)],
        "together": pair.together,
        "agreed_errors": pair.agreed_errors,
        "expected": round(pair.expected, 2),
        "p_value": pair.p_value,
    }
