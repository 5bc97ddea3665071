"""The whole ledger of some workflows, months that have left the database included, in the order of its cursor."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from api.services.archiving import LedgerArchivedError
from api.store.archiving import bounds_of
from api.store.columnar import Batches
from api.store.exports import ArchivedMonth, Snapshot, VoteKey

ReadMonth = Callable[[ArchivedMonth, Sequence[int]], Iterator[pa.RecordBatch]]
"""Gives the ledger rows of an archived month that belong to some workflows (`archiving.archived_batches`)."""


def ledger(
    snapshot: Snapshot, workflow_ids: Sequence[int], after: VoteKey, limit: int | None, read_month: ReadMonth | None
) -> Batches:
    """Yield the rows below the horizon of a snapshot and after a place, as the statement `votes` gives them.

    Raises
    ------
    LedgerArchivedError
        Some of them lie in files, and there is nothing to read those with.
    """
    for batch in _whole(snapshot, workflow_ids, after, limit, read_month):
        if limit is None:
            yield batch
            continue
        yield batch.slice(0, limit)
        limit -= min(limit, len(batch))
        if limit == 0:
            return


def _whole(
    snapshot: Snapshot, workflow_ids: Sequence[int], after: VoteKey, limit: int | None, read_month: ReadMonth | None
) -> Batches:
    since = after.received_at
    archived = snapshot.archived_months(since, snapshot.horizon)
    if archived and read_month is None:
        raise LedgerArchivedError([each.month for each in archived])
    for each in archived:
        begins, ends = bounds_of(each.month)
        if since < begins:
            yield from snapshot.votes(workflow_ids, since, begins, after, limit)
        assert read_month is not None
        strays = list(snapshot.votes(workflow_ids, max(since, begins), min(ends, snapshot.horizon), after))
        filed = (_joined(_beyond(batch, after), snapshot) for batch in read_month(each, workflow_ids))
        yield from _merged(filed, strays) if any(map(len, strays)) else filed
        since = ends
    yield from snapshot.votes(workflow_ids, since, snapshot.horizon, after, limit)


def _merged(filed: Iterator[pa.RecordBatch], strays: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Put the few rows that came to a month after it had left, by a clock that was wrong, where they belong."""
    left = pa.Table.from_batches(strays).combine_chunks().to_batches()[0]
    for batch in filed:
        coming = sum(key < _keys(batch.slice(len(batch) - 1))[0] for key in _keys(left)) if len(batch) else 0
        yield _sorted(batch, left.slice(0, coming)) if coming else batch
        left = left.slice(coming)
    if len(left):
        yield left


def _sorted(batch: pa.RecordBatch, strays: pa.RecordBatch) -> pa.RecordBatch:
    both = pa.Table.from_batches([batch.select(strays.schema.names).cast(strays.schema), strays]).combine_chunks()
    [rows] = both.to_batches()
    keys = _keys(rows)
    return rows.take(pa.array(sorted(range(len(rows)), key=keys.__getitem__)))


def _keys(batch: pa.RecordBatch) -> list[VoteKey]:
    return [VoteKey(**key) for key in batch.select(VoteKey._fields).to_pylist()]


def _beyond(batch: pa.RecordBatch, after: VoteKey) -> pa.RecordBatch:
    """Return the rows of a batch after a place."""
    moment = pa.scalar(after.received_at, batch["received_at"].type)
    later = batch.filter(pc.greater_equal(batch["received_at"], moment))
    same = int(pc.sum(pc.equal(later["received_at"], moment)).as_py() or 0)
    keys = later.slice(0, same).select(VoteKey._fields).to_pylist()
    return later.slice(sum(VoteKey(**key) <= after for key in keys))


def _joined(batch: pa.RecordBatch, snapshot: Snapshot) -> pa.RecordBatch:
    """Add what the file of a month does not know: the subjects' external ids, and what was taken out since."""
    if "calibration" not in batch.schema.names:  # a month of before there were any
        batch = batch.append_column("calibration", pa.array([0] * len(batch), pa.int32()))
    subjects = batch["subject_id"]
    names = snapshot.names_of(pc.unique(subjects).to_pylist())
    external_ids = pa.array(list(names.values()), pa.string())
    places = pc.index_in(subjects, pa.array(list(names), pa.int64()))
    return batch.append_column("external_id", external_ids.take(places)).append_column(
        "taken_out", _taken_out(batch, snapshot)
    )


def _taken_out(batch: pa.RecordBatch, snapshot: Snapshot) -> pa.Array:
    """Return why each vote was taken out since, 0 if it was not."""
    why = snapshot.taken_out_of(pc.unique(batch["person_id"]).to_pylist())
    persons = pa.array([person for person, _ in why], pa.int64())
    suspects = pc.is_in(batch["person_id"], value_set=persons)
    found = batch.filter(suspects).select(["person_id", "client_id"]).to_pylist()
    known = pa.array([why.get((row["person_id"], row["client_id"]), 0) for row in found], pa.int16())
    return pc.replace_with_mask(pa.array([0] * len(batch), pa.int16()), suspects, known)
