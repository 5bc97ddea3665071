"""The whole ledger of some workflows, months that have left the database included, in the order of its cursor."""

from collections.abc import Callable, Sequence

from api.errors import CommandError
from api.store.exports import ArchivedMonth, Batches, Snapshot, VoteKey

ReadMonth = Callable[[ArchivedMonth], Batches]


class MonthsArchivedError(CommandError):
    """Months of the vote log lie in an archive that cannot be read from here."""

    def __init__(self, months: Sequence[ArchivedMonth]) -> None:
        names = ", ".join(f"{each.month:%Y-%m}" for each in months)
        super().__init__(f"the votes of {names} have left the database for the archive")
        self.months = months


def ledger(
    snapshot: Snapshot, workflow_ids: list[int], after: VoteKey, limit: int | None, read_month: ReadMonth | None
) -> Batches:
    """Yield the rows below the horizon of a snapshot and after a place, as the statement `votes` gives them."""
    archived = snapshot.archived_months(after.received_at, snapshot.horizon)
    if archived:
        raise MonthsArchivedError(archived)
    yield from snapshot.votes(workflow_ids, after.received_at, snapshot.horizon, after, limit)
