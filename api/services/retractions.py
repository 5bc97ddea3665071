"""Taking votes back: within minutes, exactly what the vote added is subtracted, and the card is open again.

What can be taken back is what nobody has been told the answer of. A retraction that arrives before its vote (the phone
sent both, the network turned them round) leaves a tombstone: when the vote comes it is kept, and does not count. A
subject that the vote helped to decide keeps its label; the engine opens an audit of it.
"""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from api.caller import Caller
from api.services.published import Published, PublishedCascades
from api.services.reachable import reachable
from api.services.stages import Stages, settle
from api.services.withdrawing import Withdrawal, subtract, versions_of
from api.store.ballot import BallotStore, Key
from api.store.engine import Connection, Pool
from api.store.retractions import RetractionStore, VotedCard
from mobile_schemas.classifications import RetractionsIn

WINDOW: Final = timedelta(minutes=10)
"""How long after its arrival a vote can be taken back."""

Verdict = dict[str, Any]

_DETAILS: Final = {
    "gold_shown": "The answer to this training subject has been shown, so yours is final.",
    "too_late": f"An answer can be taken back for {WINDOW.seconds // 60} minutes; this one is older, and stands.",
    "other_project": "The token is bound to another project than this answer's.",
    "busy": "The answer is arriving at this moment; please send the retraction again.",
}


class Retractions:
    """Takes votes back."""

    def __init__(self, pool: Pool, published: PublishedCascades, dice: random.Random) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice

    @reachable
    async def retract(self, caller: Caller, batch: RetractionsIn) -> dict[str, Any]:
        """Take a batch back in one transaction; return a verdict for each, in order."""
        ids = list(dict.fromkeys(item.id for item in batch.retractions))
        async with self._pool.acquire() as connection, connection.transaction():
            verdicts = await _Retraction(connection, self._published, self._dice, caller).run(ids)
        first: set[UUID] = set()
        answers = []
        for item in batch.retractions:
            answers.append(_again(verdicts[item.id]) if item.id in first else verdicts[item.id])
            first.add(item.id)
        return {"verdicts": answers}


class _Retraction:
    """One batch of one person on its way through one transaction."""

    def __init__(
        self, connection: Connection, published: PublishedCascades, dice: random.Random, caller: Caller
    ) -> None:
        self._connection = connection
        self._store = RetractionStore(connection, caller.person_id)
        self._ballot = BallotStore(connection)
        self._published = published
        self._dice = dice
        self._caller = caller

    async def run(self, ids: Sequence[UUID]) -> dict[UUID, Verdict]:
        verdicts: dict[UUID, Verdict] = {}
        await self._store.hold_person()
        keys = await self._store.read_keys(list(ids))
        voted: list[tuple[UUID, Key]] = []
        for place, client_id in enumerate(ids):
            key = keys.get(place)
            if key is not None and key.retracted:
                verdicts[client_id] = {"id": client_id, "verdict": "duplicate"}
            elif key is not None:
                voted.append((client_id, key))
        withdrawals = await self._lock(voted, verdicts) if voted else []
        if unseen := [client_id for place, client_id in enumerate(ids) if place not in keys]:
            await self._await(unseen, verdicts)
        if withdrawals:
            await self._subtract(withdrawals)
        return verdicts

    async def _lock(
        self, voted: Sequence[tuple[UUID, Key]], verdicts: dict[UUID, Verdict]
    ) -> list[Withdrawal[VotedCard]]:
        """Lock the cards, and return those votes that may be taken back."""
        keys = [(key.workflow_id or 0, key.subject_id or 0) for _, key in voted]
        columns = [key[0] for key in keys], [key[1] for key in keys]
        cards = await self._store.lock_voted_cards(*columns, WINDOW, self._caller.project_id)
        withdrawals = []
        for place, (client_id, _) in enumerate(voted):
            card = cards.get(place)
            if card is None or card.client_id != client_id:
                verdicts[client_id] = {"id": client_id, "verdict": "duplicate"}  # taken back while we waited
            elif card.elsewhere:
                verdicts[client_id] = _refused(client_id, "other_project")
            elif card.truth is not None:
                verdicts[client_id] = _refused(client_id, "gold_shown")
            elif card.settled:
                verdicts[client_id] = _refused(client_id, "too_late")
            else:
                withdrawals.append(Withdrawal(client_id, *keys[place], card))
                verdicts[client_id] = {"id": client_id, "verdict": "retracted"}
        return withdrawals

    async def _await(self, unseen: Sequence[UUID], verdicts: dict[UUID, Verdict]) -> None:
        """Remember what has not arrived: after the cards and before the stages, as votes claim their ids."""
        remembered = await self._store.leave_tombstones(list(unseen))
        for client_id in unseen:
            awaited = {"id": client_id, "verdict": "awaited"}
            verdicts[client_id] = awaited if client_id in remembered else _refused(client_id, "busy", "retry")

    async def _subtract(self, withdrawals: Sequence[Withdrawal[VotedCard]]) -> None:
        version_of = await versions_of(
            self._connection,
            self._ballot,
            self._published,
            self._caller.person_id,
            (w.workflow_id for w in withdrawals),
        )
        stages = await Stages.lock(self._ballot, ((w.workflow_id, w.subject_id) for w in withdrawals))
        decided = subtract(withdrawals, stages, version_of)
        await self._store.write_retractions(_columns(withdrawals, version_of), self._caller.source)
        if decided is not None:
            await settle(self._ballot, self._dice, stages, decided.standings, version_of)


def _columns(withdrawals: Sequence[Withdrawal[VotedCard]], version_of: dict[int, Published]) -> list[list[Any]]:
    return [
        [w.card.volunteer_id for w in withdrawals],
        [w.workflow_id for w in withdrawals],
        [w.subject_id for w in withdrawals],
        [w.client_id for w in withdrawals],
        [w.card.attempt for w in withdrawals],
        [w.card.answer for w in withdrawals],
        [w.card.flag for w in withdrawals],
        [w.card.bucket for w in withdrawals],
        [w.ordinal for w in withdrawals],
        [w.if_yes for w in withdrawals],
        [w.if_no for w in withdrawals],
        [version_of[w.workflow_id].version_id for w in withdrawals],
        [version_of[w.workflow_id].calibration(w.workflow_id).revision for w in withdrawals],
        [w.card.ledger_person_id for w in withdrawals],
    ]


def _refused(client_id: UUID, reason: str, verdict: str = "rejected") -> Verdict:
    return {"id": client_id, "verdict": verdict, "reason": reason, "detail": _DETAILS[reason]}


def _again(verdict: Verdict) -> Verdict:
    return verdict if verdict["verdict"] in ("rejected", "retry") else {"id": verdict["id"], "verdict": "duplicate"}
