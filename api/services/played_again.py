"""The stored votes of a project as the engine plays them again: stages, votes and training subjects as rows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.services.priors import attributes_of, prior_of
from api.store.what_if import Columns, Gathered, StageKey
from cascade.calibration import Calibration
from cascade.decision import ENTRY
from cascade.drift import trusted
from cascade.graph import Attributes, Workflow
from cascade.skill import proven, weigh
from cascade.standing import STANDING
from cascade.vocabulary import NO_ANSWER, Bucket
from cascade.whatif import begun

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.void]
AttributesOf = Callable[[int], Attributes]

_SPREAD = 2_654_435_761
_DRAWS = 2**31


@dataclass(frozen=True, slots=True)
class Case:
    """The n stages of one workflow and their m votes.

    Attributes
    ----------
    subjects, stored, versions
        Whose stages they are, `STANDING` of which state, answer, reason and prior are what is stored, and the version
        by which each was begun or retired, (n,).
    votes
        `ENTRY` (m,), in the order given.
    by_hand, taken_back
        Where an expert has spoken, and where a vote was taken back, (n,).
    """

    subjects: Integers
    stored: Rows
    versions: Integers
    votes: Rows
    by_hand: Mask
    taken_back: Mask


@dataclass(frozen=True, slots=True)
class Gold:
    """Training subjects of one workflow with the answers to them, weighed by skills that have not learnt from these."""

    subjects: Integers
    truth: Integers
    votes: Rows


@dataclass(frozen=True, slots=True)
class _Skills:
    """What persons have shown in one workflow, sorted by person: gold counts and what a refit adds, (v, 2, 3)."""

    persons: Integers
    counts: Integers
    batch: Integers

    def of(self, persons: Integers) -> tuple[Integers, Integers]:
        """Return counts and batch of some persons; nothing of one who is not known."""
        if not len(self.persons):
            nothing = np.zeros((len(persons), 2, 3), dtype=np.int64)
            return nothing, nothing
        places = np.minimum(np.searchsorted(self.persons, persons), len(self.persons) - 1)
        known = (self.persons[places] == persons)[:, None, None]
        return np.where(known, self.counts[places], 0), np.where(known, self.batch[places], 0)


def attributes_in(gathered: Gathered) -> AttributesOf:
    """Return what gives the attributes of a subject, parsed on first use."""
    known: dict[int, Attributes] = {}

    def attributes(subject: int) -> Attributes:
        if subject not in known:
            known[subject] = attributes_of(*gathered.attributes.get(subject, (None, None)))
        return known[subject]

    return attributes


def case_of(gathered: Gathered, workflow_id: int) -> Case:
    """Return the stages and votes of a workflow.

    A vote that was counted has its weight from its card. So has a late one; whether its volunteer was proven is not
    stored, and taken from their skill as it is now.
    """
    stages, votes = _of(gathered.stages, workflow_id), _of(gathered.votes, workflow_id)
    stored = np.zeros(len(stages["subject_id"]), dtype=STANDING)
    for name in ("state", "answer", "reason", "prior", "machine", "draw"):
        stored[name] = stages[name]
    place, found = _places(stages["subject_id"], votes["subject_id"])
    votes = {name: column[found] for name, column in votes.items()}
    entries = _entries(votes, place[found])
    entries["if_yes"], entries["if_no"] = votes["if_yes"], votes["if_no"]
    sure = proven(*_skills(gathered, workflow_id).of(votes["person_id"]))
    counted = (votes["bucket"] == Bucket.PROVEN) | (votes["bucket"] == Bucket.UNPROVEN)
    entries["proven"] = np.where(counted, votes["bucket"] == Bucket.PROVEN, sure)
    by_hand, taken_back = (
        _marked(keys, workflow_id, stages["subject_id"]) for keys in (gathered.by_hand, gathered.taken_back)
    )
    return Case(stages["subject_id"], stored, stages["version_id"], entries, by_hand, taken_back)


def gold_of(gathered: Gathered, workflow_id: int, calibration: Calibration) -> Gold:
    """Return the training subjects of a workflow and the answers to them, each weighed without itself."""
    given = _of(gathered.gold, workflow_id)
    subjects, first, place = np.unique(given["subject_id"], return_index=True, return_inverse=True)
    counts, batch = _skills(gathered, workflow_id).of(given["person_id"])
    counts = counts.copy()
    counts[np.arange(len(place)), given["told"], given["answer"]] -= 1
    entries = _entries(given, place)
    entries["if_yes"], entries["if_no"], entries["proven"] = weigh(
        np.maximum(counts, 0), given["answer"], batch, calibration.prior
    )
    return Gold(subjects, given["truth"][first], entries)


def fresh(subjects: Integers, draws: Integers, workflow: Workflow, calibration: Calibration, of: AttributesOf) -> Rows:
    """Return stages that begin under a declaration, with their priors."""
    stages = np.zeros(len(subjects), dtype=STANDING)
    stages["answer"], stages["draw"] = NO_ANSWER, draws
    pairs = zip(subjects.tolist(), draws.tolist(), strict=True)
    priors = [prior_of(workflow, of(subject), calibration, draw) for subject, draw in pairs]
    if priors:
        stages["prior"], stages["machine"] = np.array(priors, dtype=np.int64).T
    return stages


def fresh_gold(gold: Gold, workflow: Workflow, calibration: Calibration, of: AttributesOf) -> Rows:
    """Return training subjects as if they entered a workflow as others do, with draws made of their numbers."""
    return fresh(gold.subjects, gold.subjects % _DRAWS * _SPREAD % _DRAWS, workflow, calibration, of)


def as_begun(case: Case) -> Rows:
    """Return a case's stages with the priors that they are stored with."""
    return begun(case.stored)


def _of(columns: Columns, workflow_id: int) -> Mapping[str, Integers]:
    chosen = columns["workflow_id"] == workflow_id
    return {name: column[chosen] for name, column in columns.items()}


def _skills(gathered: Gathered, workflow_id: int) -> _Skills:
    rows = _of(gathered.skills, workflow_id)
    cells = [f"{truth}_{answer}" for truth in ("no", "yes") for answer in ("no", "yes", "unsure")]
    counts, batch = (
        np.stack([rows[f"{part}{cell}"] for cell in cells], axis=-1).reshape(-1, 2, 3) for part in ("", "b_")
    )
    return _Skills(rows["person_id"], counts, trusted(batch, rows["drops"]))


def _entries(given: Mapping[str, Integers], place: Integers) -> Rows:
    entries = np.zeros(len(place), dtype=ENTRY)
    entries["stage"], entries["answer"], entries["flag"] = place, given["answer"], given["flag"]
    return entries


def _places(known: Integers, wanted: Integers) -> tuple[Integers, Mask]:
    """Return where sorted numbers have others, and whether they do."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return places, known[places] == wanted


def _marked(keys: frozenset[StageKey], workflow_id: int, subjects: Integers) -> Mask:
    numbers = [subject for workflow, subject in keys if workflow == workflow_id]
    return np.isin(subjects, np.array(numbers, dtype=np.int64))
