"""Excluding votes: out of the sums of their subjects, as if taken back, but for a reason that is not the person's own.

The caller holds the locks of the cards. What the votes weigh now is subtracted, the ledger gets an entry for each that
says why, and where such a vote had helped to decide the engine opens an audit. The vote's own row stays.
"""

import random
from collections.abc import Mapping, Sequence

from api.services.published import Published, PublishedCascades
from api.services.stages import Stages, settle
from api.services.withdrawing import Withdrawal, subtract, versions_of
from api.store.ballot import BallotStore
from api.store.engine import Connection
from api.store.exclusions import ExcludedVote, ExclusionStore
from cascade.vocabulary import Exclusion


async def exclude(
    connection: Connection,
    published: PublishedCascades,
    dice: random.Random,
    votes: Sequence[ExcludedVote],
    exclusion: Exclusion,
    skill_revisions: Mapping[int, int] | None = None,
) -> None:
    """Take votes out, within a transaction of the caller's.

    Parameters
    ----------
    votes
        Each of a card of its own; the cards are locked, and of one person or of two that are becoming one.
    skill_revisions
        By workflow, the revision of a skill from which on answers to gold among them are no part of it.
    """
    if not votes:
        return
    ballot = BallotStore(connection)
    withdrawals = [Withdrawal(vote.client_id, vote.workflow_id, vote.subject_id, vote) for vote in votes]
    workflows = {vote.workflow_id for vote in votes}
    version_of = await versions_of(connection, ballot, published, votes[0].person_id, workflows)
    stages = await Stages.lock(ballot, ((w.workflow_id, w.subject_id) for w in withdrawals))
    decided = subtract(withdrawals, stages, version_of)
    columns = _columns(withdrawals, version_of, skill_revisions or {})
    await ExclusionStore(connection).write(columns, int(exclusion), exclusion.word)
    if decided is not None:
        await settle(ballot, dice, stages, decided.standings, version_of)


def _columns(
    withdrawals: Sequence[Withdrawal[ExcludedVote]],
    version_of: Mapping[int, Published],
    skill_revisions: Mapping[int, int],
) -> list[list[object]]:
    votes = [w.card for w in withdrawals]
    as_given = ExcludedVote._fields[: ExcludedVote._fields.index("if_yes")]
    return [
        *([getattr(vote, name) for vote in votes] for name in as_given),
        [w.ordinal for w in withdrawals],
        [w.if_yes for w in withdrawals],
        [w.if_no for w in withdrawals],
        [vote.truth for vote in votes],
        [vote.received_at for vote in votes],
        [skill_revisions.get(vote.workflow_id, 0) for vote in votes],
        [version_of[vote.workflow_id].version_id for vote in votes],
        [version_of[vote.workflow_id].calibration(vote.workflow_id).revision for vote in votes],
    ]
