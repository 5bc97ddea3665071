"""Reads what a what-if plays again: all of it from one snapshot, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from api.store.columnar import ColumnarConnection, filled, open_columnar
from api.store.statements import statements

_SQL = statements("what_if")

Integers = NDArray[np.int64]
Columns = Mapping[str, Integers]
StageKey = tuple[int, int]

_WHOLE: Final = 2**32
"""The threshold of a sample that takes every subject."""

_READ: Final = {
    "stages": ("workflow_id", "subject_id", "version_id", "state", "answer", "reason", "prior", "machine", "draw"),
    "votes": ("workflow_id", "subject_id", "person_id", "answer", "flag", "bucket", "if_yes", "if_no"),
    "gold": ("workflow_id", "subject_id", "person_id", "answer", "flag", "told", "truth"),
    "skills": (
        *("workflow_id", "person_id", "no_no", "no_yes", "no_unsure", "yes_no", "yes_yes", "yes_unsure"),
        *("b_no_no", "b_no_yes", "b_no_unsure", "b_yes_no", "b_yes_yes", "b_yes_unsure", "drops"),
    ),
    "spoken": ("workflow_id", "subject_id", "taken_back"),
}
"""The columns of each statement: the driver names none where there are no rows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read.

    `votes_limit` bounds the votes by a sample of whole subjects; `gold_votes` the first answers to each training
    subject; `attributes` says whether metadata and scores are looked at.
    """

    project_id: int
    workflow_ids: list[int]
    votes_limit: int | None
    gold_votes: int
    attributes: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is stored of some workflows: columns that go together by row, integers all.

    Attributes
    ----------
    stages_in_all, votes_in_all, share
        How many there are, and the share of the subjects that was read.
    stages, votes, gold, skills
        By workflow and subject (skills: person); votes and answers to gold in the order given.
    by_hand, taken_back
        The stages that an expert has spoken about, and those on which a vote was taken back.
    attributes
        Metadata, and scores with their models, as JSON texts, by subject.
    """

    stages_in_all: int
    votes_in_all: int
    share: float
    stages: Columns
    votes: Columns
    gold: Columns
    skills: Columns
    by_hand: frozenset[StageKey]
    taken_back: frozenset[StageKey]
    attributes: Mapping[int, tuple[str, str]] = field(default_factory=dict)


def gather(database_url: str, wanted: Wanted) -> Gathered | None:
    """Return what is stored of some workflows; `None` where there are no votes. It blocks: use a thread.

    Raises
    ------
    ConnectionError
        The database does not answer.
    """
    with open_columnar(database_url) as connection:
        connection.begin_snapshot()
        connection.execute("SET LOCAL jit = off")
        [sizes] = _rows(connection, "sizes", wanted.workflow_ids)
        stages, votes = int(sizes["stages"]), int(sizes["votes"])
        if not votes:
            return None
        limit = wanted.votes_limit
        threshold = _WHOLE if limit is None else min(_WHOLE, _WHOLE * limit // votes)
        spoken = _read(connection, "spoken", wanted.workflow_ids)
        attributes = _rows(connection, "attributes", wanted.project_id, threshold) if wanted.attributes else []
        return Gathered(
            stages_in_all=stages,
            votes_in_all=votes,
            share=threshold / _WHOLE,
            stages=_read(connection, "stages", wanted.workflow_ids, threshold),
            votes=_read(connection, "votes", wanted.workflow_ids, threshold),
            gold=_read(connection, "gold", wanted.workflow_ids, wanted.gold_votes),
            skills=_read(connection, "skills", wanted.workflow_ids),
            by_hand=_keys(spoken, 0),
            taken_back=_keys(spoken, 1),
            attributes={row["id"]: (row["metadata"], row["scores"]) for row in attributes},
        )


def _rows(connection: ColumnarConnection, name: str, *values: object) -> list[dict[str, Any]]:
    return [row for batch in connection.batches(filled(_SQL[name], values)) for row in batch.to_pylist()]


def _read(connection: ColumnarConnection, name: str, *values: object) -> Columns:
    """Return the columns of a statement, in which nothing is null."""
    batches = list(connection.batches(filled(_SQL[name], values)))
    return {
        column: np.concatenate(
            [np.empty(0, dtype=np.int64), *(batch[column].to_numpy(zero_copy_only=False) for batch in batches)],
            dtype=np.int64,
        )
        for column in _READ[name]
    }


def _keys(spoken: Columns, taken_back: int) -> frozenset[StageKey]:
    chosen = spoken["taken_back"] == taken_back
    pairs = zip(spoken["workflow_id"][chosen].tolist(), spoken["subject_id"][chosen].tolist(), strict=True)
    return frozenset(pairs)
