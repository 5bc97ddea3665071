"""An expert's word: a label is decided, or decided anew, by a person who signs for it.

The word becomes a new revision of the label, with the reason *human*; earlier revisions stay as they are. The evidence
is not touched: the revision carries the log-odds and the votes as they stand, whatever the expert says of them.

    the subject is open or contested   it retires: it is no longer dealt, and moves on along the edge of the answer
    it has retired                     its answer changes, an open audit ends, and it moves on along the edge of the
                                       new answer unless it has been there

So a subject always gets the question that its newest label leads to. What an earlier label led to goes on: votes that
volunteers give there are never thrown away, and its labels stand beside the revised one. Routes are those of the
version in force; from a workflow that is no longer in it a subject does not move on.

Votes that were under way arrive as late ones.
"""

import random
from dataclasses import dataclass
from typing import Final

from api.errors import NotInWorkflowError, UnknownSubjectError
from api.services.priors import attributes_of
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.stages import Stages, first_standing
from api.store.ballot import BallotStore
from api.store.engine import Connection
from api.store.labels import LabelStore, Revision, StagePlace
from cascade.graph import Attributes, ScorePrior
from cascade.standing import Rows, Tally, log_odds_by
from cascade.vocabulary import Answer, Reason, StageState
from mobile_schemas.subjects import subject_id

_DRAWS: Final = 2**31


@dataclass(frozen=True, slots=True)
class ExpertWord:
    """What an expert says of a subject in a workflow, by name: yes or no, and why."""

    subject_id: int
    workflow: str
    answer: Answer
    author: str
    why: str


@dataclass(frozen=True, slots=True)
class Revised:
    """The revision that was written, whether the subject retired by it, and the workflow that it leads to."""

    revision: int
    retired: bool
    routed_to: str | None


@reachable
async def revise_label(
    connection: Connection, published: PublishedCascades, dice: random.Random, word: ExpertWord
) -> Revised:
    """Write an expert's word as a new revision of a label, in one transaction.

    Raises
    ------
    UnknownSubjectError
        There is no such subject.
    NotInWorkflowError
        The subject has no place in a workflow of this name: it never came there, or it was withdrawn.
    """
    async with connection.transaction():
        labels, ballot = LabelStore(connection), BallotStore(connection)
        place = await labels.find_stage(word.subject_id, word.workflow)
        if place is None:
            raise await _not_there(labels, word)
        stages = await Stages.lock(ballot, [(place.workflow_id, word.subject_id)])
        if stages.standings["state"][0] == StageState.WITHDRAWN:  # while we waited for the lock
            raise await _not_there(labels, word)
        version, moves_on = await _version(connection, published, place)
        attributes = await _attributes(ballot, word.subject_id)
        target = None
        if moves_on:
            target = version.cascade.route(word.workflow, word.answer, attributes, Reason.HUMAN)
        revision = _revision(word, place, version, attributes, stages.standings, target)
        number = await labels.revise(revision)
        if target is not None:
            left = (version.project_id, place.workflow_id, number)
            await _enter(ballot, version, target, word.subject_id, attributes, dice, left)
    return Revised(number, revision.kind == "subject.retired", target)


async def _not_there(labels: LabelStore, word: ExpertWord) -> UnknownSubjectError | NotInWorkflowError:
    subject = subject_id(word.subject_id)
    known = await labels.workflows_of(word.subject_id)
    return UnknownSubjectError(subject) if known is None else NotInWorkflowError(subject, word.workflow, known)


async def _version(connection: Connection, published: PublishedCascades, place: StagePlace) -> tuple[Published, bool]:
    """Return the version that the revision is made under, and whether it says where the subject goes.

    That is the version in force; for a workflow that is not in it any more, the one that the stage was last under.
    """
    in_force = await published.in_force(connection, place.in_force)
    if place.workflow_id in in_force.names:
        return in_force, True
    return await published.get(connection, place.version_id), False


async def _attributes(ballot: BallotStore, subject: int) -> Attributes:
    metadata, scores = (await ballot.read_attributes([subject]))[subject]
    return attributes_of(metadata, scores)


def _revision(
    word: ExpertWord,
    place: StagePlace,
    version: Published,
    attributes: Attributes,
    standing: Rows,
    target: str | None,
) -> Revision:
    prior = version.workflow(place.workflow_id).prior
    return Revision(
        workflow_id=place.workflow_id,
        subject_id=word.subject_id,
        answer=int(word.answer),
        version_id=version.version_id,
        project_id=version.project_id,
        log_odds=int(log_odds_by(standing, version.rules[[version.rule_of[place.workflow_id]]])[0]),
        votes=int(Tally.of(standing).counted[0]),
        routed_to=target,
        machine_score=attributes.scores.get(prior.score) if isinstance(prior, ScorePrior) else None,
        author=word.author,
        why=word.why,
        kind="label.revised" if standing["state"][0] == StageState.RETIRED else "subject.retired",
    )


async def _enter(
    ballot: BallotStore,
    version: Published,
    target: str,
    subject: int,
    attributes: Attributes,
    dice: random.Random,
    left: tuple[int, int, int],
) -> None:
    """Begin the next stage and announce it, if the subject has not been there."""
    first = first_standing(version, target, attributes, dice.randrange(_DRAWS))
    values = (version.ids[target], subject, *first)
    await ballot.enter_stages([[value] for value in values], [[value] for value in left])
