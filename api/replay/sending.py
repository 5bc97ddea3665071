"""Sends the batches of a vote log to the service, from many clients at once, and counts what the service says."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from api.phone import Phone, all_of, new_id, new_swipe
from api.replay.batches import Batch
from api.replay.vote_logs import VoteLog
from mobile_schemas.classifications import ClassificationIn, VerdictOut
from mobile_schemas.decks import DealIn

DEAL: Final = 1000
"""Subjects in one deal, as many as the service takes."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a log is played to: by item its subject's public id, by worker a token of scope import."""

    workflow: int
    subjects: Sequence[str]
    tokens: Sequence[str]


@dataclass(slots=True)
class Tally:
    """What was sent, and what the service said of it.

    `stored` counts, for each vote of the log, the verdicts that say it was stored just now; `known` those that say it
    was stored before.
    """

    stored: list[int]
    known: list[int]
    requests: int = 0
    sent: int = 0
    gold_votes: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def duplicates(self) -> int:
        """How many of the votes sent had been stored before."""
        return sum(self.known)

    @property
    def votes_stored(self) -> int:
        """How many votes of the log the service says it has."""
        return sum(1 for stored, known in zip(self.stored, self.known, strict=True) if stored or known)

    @property
    def votes_stored_twice(self) -> int:
        """How many votes the service says it stored more than once."""
        return sum(1 for stored in self.stored if stored > 1)

    def add(self, votes: Sequence[int], verdicts: Sequence[VerdictOut]) -> None:
        """Count the reply to one batch."""
        self.requests += 1
        self.sent += len(votes)
        for vote, verdict in zip(votes, verdicts, strict=True):
            if verdict.verdict == "rejected":
                self.rejected[verdict.reason or "unknown"] += 1
                continue
            if verdict.verdict == "duplicate":
                self.known[vote] += 1
                continue
            self.stored[vote] += 1
            self.gold_votes += verdict.feedback is not None
            if verdict.verdict == "kept":
                self.kept[verdict.reason or "unknown"] += 1
        self.seconds = time.monotonic() - self.started


async def deal(phone: Phone, log: VoteLog, target: Target, at_once: int) -> None:
    """Have the cards dealt that the log's votes need, to each worker its own."""
    items: dict[int, list[int]] = {}
    for vote in log.votes:
        items.setdefault(vote.worker, []).append(vote.item)
    deals = [(worker, own[start : start + DEAL]) for worker, own in items.items() for start in range(0, len(own), DEAL)]
    waiting = iter(deals)

    async def ask() -> None:
        for worker, own in waiting:
            subjects = [target.subjects[item] for item in own]
            await phone.deal(target.tokens[worker], target.workflow, DealIn(key=new_id(), subjects=subjects))

    await all_of(ask() for _ in range(at_once))


async def send(
    url: str,
    log: VoteLog,
    target: Target,
    batches: Sequence[Batch],
    clients: int,
    progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Send the batches in their order from so many clients, each over a connection of its own; count the verdicts.

    A batch that fails for a while is sent again by the client that holds it, whole. `progress` is called after each.
    """
    swipes = _swipes(log, target)
    tally = Tally([0] * len(log.votes), [0] * len(log.votes))
    waiting = iter(batches)

    async def work(phone: Phone) -> None:
        for batch in waiting:
            content = [swipes[vote] for vote in batch.votes]
            tally.add(batch.votes, await phone.swipe(target.tokens[batch.worker], content))
            progress(tally)

    async with AsyncExitStack() as phones:
        opened = [await phones.enter_async_context(Phone(url, connections=1)) for _ in range(clients)]
        await all_of(work(phone) for phone in opened)
    return tally


def _swipes(log: VoteLog, target: Target) -> list[ClassificationIn]:
    """Return the log's votes as the service takes them; each keeps its id however often it is sent."""
    return [
        new_swipe(target.workflow, target.subjects[vote.item], vote.answer, vote.answered_at, vote.dwell_ms)
        for vote in log.votes
    ]
