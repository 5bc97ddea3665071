"""Rows as they are stored made into rows as they are exported: codes into words, numbers into public ids.

`Names` holds what the numbers of a project mean. Every function takes a batch with the columns that the statement of
its name in `api/store/sql/exports.sql` gives, and returns one with the columns of `api.exports.columns`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from api.exports.cells import uuids
from api.exports.columns import LABEL_COLUMNS, SUBJECT_COLUMNS, VOTE_COLUMNS, Column, schema
from cascade.standing import p_yes
from cascade.vocabulary import NO_ANSWER, Answer, Bucket, EntryKind, Exclusion, Reason, StageState

Coded = Callable[[NDArray[np.int64]], tuple[NDArray[np.int32], list[str]]]


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers of a project mean: workflows by id, versions by id, and volunteers' pseudonyms."""

    workflows: Mapping[int, str]
    versions: Mapping[int, int]
    pseudonyms: Coded


_ANSWERS: Final = tuple(answer.word for answer in Answer)
_BUCKETS: Final = tuple(bucket.word for bucket in Bucket)
_KINDS: Final = tuple(kind.word for kind in EntryKind)
_REASONS: Final = tuple(reason.word for reason in Reason)
_RETRACTION: Final = len(Exclusion)
_WHY_NOT: Final = (None, *(why.word for why in Exclusion if why is not Exclusion.NONE), EntryKind.RETRACTION.word)


def exported_votes(raw: pa.RecordBatch, names: Names) -> pa.RecordBatch:
    """Return ledger rows as they are exported."""
    why_not = _why_not(raw)
    places, pseudonyms = names.pseudonyms(raw["volunteer_id"].to_numpy())
    return _batch(
        VOTE_COLUMNS,
        raw,
        kind=_worded(_KINDS, raw["kind"]),
        id=uuids(raw["client_id"]),
        volunteer=pa.array(pseudonyms, pa.string()).take(pa.array(places)),
        **_workflow(raw, names),
        subject=_subjects(raw["subject_id"]),
        answer=_worded(_ANSWERS, raw["answer"]),
        truth=_worded(_ANSWERS, raw["truth"]),
        counted=pc.is_null(why_not),
        why_not=why_not,
        bucket=_worded(_BUCKETS, raw["bucket"]),
    )


def exported_labels(raw: pa.RecordBatch, names: Names) -> pa.RecordBatch:
    """Return labels as they are exported."""
    return _batch(
        LABEL_COLUMNS,
        raw,
        subject=_subjects(raw["subject_id"]),
        **_workflow(raw, names),
        label=_decided(raw["answer"]),
        reason=_worded(_REASONS, raw["reason"]),
        p_yes=pa.array(p_yes(raw["log_odds"].to_numpy())),
        counted=raw["votes"],
        late=raw["late_count"],
    )


def exported_subjects(raw: pa.RecordBatch, names: Names) -> pa.RecordBatch:
    """Return subjects as they are exported."""
    stages = [_stages(json.loads(text), names) for text in raw["stages"].to_pylist()]
    return _batch(SUBJECT_COLUMNS, raw, subject=_subjects(raw["id"]), stages=pa.array(stages, pa.string()))


def _batch(columns: Sequence[Column], raw: pa.RecordBatch, **made: pa.Array) -> pa.RecordBatch:
    """Return a batch of these columns: those that were made, and the others as they are stored."""
    arrays = [(made[column.name] if column.name in made else raw[column.name]) for column in columns]
    fitting = [array.cast(column.type) for array, column in zip(arrays, columns, strict=True)]
    return pa.RecordBatch.from_arrays(fitting, schema=schema(columns))


def _workflow(raw: pa.RecordBatch, names: Names) -> dict[str, pa.Array]:
    workflow = raw["workflow_id"]
    return {
        "workflow": workflow,
        "workflow_name": _looked_up(workflow, names.workflows, pa.string()),
        "version": _looked_up(raw["version_id"], names.versions, pa.int32()),
    }


def _looked_up(ids: pa.Array, meaning: Mapping[int, Any], kind: pa.DataType) -> pa.Array:
    place = pc.index_in(ids, pa.array(list(meaning), ids.type))
    return pa.array(list(meaning.values()), kind).take(place)


def _subjects(numbers: pa.Array) -> pa.Array:
    """Return public ids: 12 is S12 (`mobile_schemas.subjects.subject_id`)."""
    return pc.binary_join_element_wise("S", numbers.cast(pa.string()), "")


def _decided(answers: pa.Array) -> pa.Array:
    """Return yes, no, or null where there is no answer."""
    return _worded(_ANSWERS, pc.if_else(pc.equal(answers, NO_ANSWER), None, answers))


def _why_not(raw: pa.RecordBatch) -> pa.Array:
    """Return why an entry does not count, and null for a vote that does."""
    taken_out = raw["taken_out"].cast(pa.int32())
    why = pc.if_else(pc.greater(taken_out, 0), taken_out, raw["exclusion"].cast(pa.int32()))
    retraction = pc.equal(raw["kind"], int(EntryKind.RETRACTION))
    return _worded(_WHY_NOT, pc.if_else(retraction, _RETRACTION, why))


def _stages(stored: Sequence[Mapping[str, int]], names: Names) -> str:
    return json.dumps(
        [
            {
                "workflow": stage["workflow"],
                "workflow_name": names.workflows[stage["workflow"]],
                "state": StageState(stage["state"]).word,
                "label": None if stage["answer"] == NO_ANSWER else Answer(stage["answer"]).word,
                "reason": None if stage["reason"] == Reason.NONE else Reason(stage["reason"]).word,
            }
            for stage in stored
        ],
        ensure_ascii=False,
    )


def _worded(words: Sequence[str | None], codes: pa.Array) -> pa.Array:
    """Return what the codes mean: each is the place of its word."""
    return pa.array(words, pa.string()).take(codes)
