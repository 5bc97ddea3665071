"""The statements by which two persons become one, as one method each, inside a transaction of the caller's."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from api.store.activity import ActivityStore
from api.store.ballot import BallotStore
from api.store.engine import Connection
from api.store.exclusions import ExcludedVote
from api.store.statements import statements

_SQL = statements("merging")

_PLAIN = (
    "move_favourites",
    "move_activity",
    "move_wishes",
    "move_told",
    "move_grants",
    "move_members",
    "move_candidates",
    "move_checks",
    "join_bans",
    "move_words",
)


class HeldSkill(NamedTuple):
    """A locked skill: how many cards were dealt, how many revisions it has, and how many of these nobody watched."""

    person_id: int
    workflow_id: int
    dealt: int
    revision: int
    unwatched: int


class Twice(NamedTuple):
    """A vote that gives way to another of the same person on the same card; `out`: it is out of the sums already."""

    vote: ExcludedVote
    out: bool


class LearntAnswer(NamedTuple):
    """An answer to a training subject that was learnt from."""

    workflow_id: int
    truth: int
    answer: int


class MergingStore:
    """Reads and writes what the merge of two persons touches: `first` turned out to be `second`."""

    def __init__(self, connection: Connection, first: int, second: int) -> None:
        self._connection = connection
        self._pair = (first, second)

    async def hold(self) -> tuple[int, int]:
        """Let nothing else happen to who these two are: no fold of their answers, no other merge, no first deck.

        Returns who they turned out to be by now; all the rest is about those.
        """
        await ActivityStore(self._connection).claim(wait=True)
        known = await BallotStore(self._connection).successors(list(self._pair))
        first, second = (known.get(person, person) for person in self._pair)
        self._pair = (first, second)
        await self._connection.execute(_SQL["hold_persons"], *self._pair)
        return self._pair

    async def lock_cards(self) -> None:
        """Lock all cards that may change hands, or be given up, in the order in which votes do."""
        await self._connection.execute(_SQL["lock_cards"], *self._pair)

    async def lock_skills(self) -> list[HeldSkill]:
        """Lock what both have shown."""
        return [HeldSkill(*row) for row in await self._connection.fetch(_SQL["lock_skills"], *self._pair)]

    async def answered_twice(self) -> list[Twice]:
        """Return the votes that give way, by workflow and subject."""
        rows = map(tuple, await self._connection.fetch(_SQL["answered_twice"], *self._pair))
        return [Twice(ExcludedVote(*row[:-1]), row[-1]) for row in rows]

    async def move_cards(self, give_way: Sequence[ExcludedVote]) -> dict[int, int]:
        """Give the first's cards to the second, one of each subject; return how many by workflow."""
        losers = [[getattr(vote, name) for vote in give_way] for name in ("person_id", "workflow_id", "subject_id")]
        await self._connection.execute(_SQL["drop_cards"], *self._pair, *losers)
        rows = await self._connection.fetch(_SQL["move_cards"], *self._pair)
        await self._connection.execute(_SQL["move_keys"], *self._pair)
        await self._connection.execute(_SQL["move_decks"], *self._pair)
        return {row[0]: row[1] for row in rows}

    async def gold_answers(self, workflows: list[int]) -> list[LearntAnswer]:
        """Return what the second has learnt from, the first's answers with it, by workflow and in order."""
        rows = await self._connection.fetch(_SQL["gold_answers"], self._pair[1], workflows)
        return [LearntAnswer(*row) for row in rows]

    async def write_skills(self, columns: Sequence[list[Any]]) -> None:
        """Write the skills of both as one; the columns are named in the statement."""
        await self._connection.execute(_SQL["write_skills"], *self._pair, *columns)

    async def move_the_rest(self) -> None:
        """Give the second all else that was the first's, and write down that they are one."""
        for name in _PLAIN:
            await self._connection.execute(_SQL[name], *self._pair)
        await self._connection.execute(_SQL["write_merge"], *self._pair)
