"""The statements of publishing a cascade and of letting subjects follow it, as one method each."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("publishing")


class Edition(NamedTuple):
    """A question that a project asks or has asked."""

    id: int
    name: str
    question: str
    closed: bool


class Homeless(NamedTuple):
    """A subject whose stage was withdrawn: whether it has become gold, its last label, and its attributes as JSON."""

    subject_id: int
    gold: bool
    label_workflow_id: int | None
    label_answer: int | None
    label_reason: int | None
    metadata: str
    scores: str


class Newcomer(NamedTuple):
    """A subject, whether it enters the cascade now, and, if so, its attributes as JSON."""

    id: int
    enters: bool
    metadata: str | None
    scores: str | None


class PublishingStore:
    """Reads and writes what a publication touches, over one connection; transactions are the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_project(self, slug: str) -> tuple[int, int | None]:
        """Begin the project if it is new, and lock it; return its number and the version in force."""
        await self._connection.execute(_SQL["begin_project"], slug)
        row = await self._connection.fetchrow(_SQL["lock_project"], slug)
        assert row is not None
        return row[0], row[1]

    async def find_project(self, slug: str) -> tuple[int, int | None] | None:
        """Return number and version in force of a project, if there is one."""
        row = await self._connection.fetchrow("SELECT id, version_id FROM project WHERE slug = $1", slug)
        return None if row is None else (row[0], row[1])

    async def hold_version(self, project_id: int) -> int | None:
        """Return the version in force, which stays so until the end of the transaction."""
        version: int | None = await self._connection.fetchval(_SQL["hold_version"], project_id)
        return version

    async def count_gold(self, project_id: int) -> Mapping[str, tuple[int, int]]:
        """Return how many subjects are known to be no and yes, by the name of the workflow."""
        rows = await self._connection.fetch(_SQL["count_gold"], project_id)
        return {row[0]: (row[1], row[2]) for row in rows}

    async def editions(self, project_id: int) -> Sequence[Edition]:
        """Return every workflow that the project has had."""
        return [Edition(*row) for row in await self._connection.fetch(_SQL["read_editions"], project_id)]

    async def close_editions(self, workflow_ids: Sequence[int]) -> None:
        """Let workflows ask nobody any more."""
        await self._connection.execute(_SQL["close_editions"], workflow_ids)

    async def begin_editions(self, project_id: int, names: Sequence[str], questions: Sequence[str]) -> dict[str, int]:
        """Begin workflows, each as the next edition of its name; return their numbers by name."""
        rows = await self._connection.fetch(_SQL["begin_editions"], project_id, names, questions)
        return {row[1]: row[0] for row in rows}

    async def add_version(
        self, project_id: int, digest: str, declaration: str, workflow_ids: Mapping[str, int], title: str | None
    ) -> tuple[int, int]:
        """Add a version and put it in force; return its id and its number in the project."""
        row = await self._connection.fetchrow(
            _SQL["add_version"], project_id, digest, declaration, json.dumps(workflow_ids), title
        )
        assert row is not None
        return row[0], row[1]

    async def unsettled(self) -> Sequence[int]:
        """Return the projects whose subjects have not all followed the version in force."""
        return [row[0] for row in await self._connection.fetch(_SQL["unsettled"])]

    async def is_settled(self, version_id: int) -> bool:
        """Say whether all subjects have followed a version."""
        return bool(await self._connection.fetchval(_SQL["is_settled"], version_id))

    async def mark_settled(self, version_id: int) -> None:
        """Note that all subjects have followed a version."""
        await self._connection.execute(_SQL["mark_settled"], version_id)

    async def try_to_settle(self, project_id: int) -> bool:
        """Try to become the one that settles a project's subjects, until `stop_settling`."""
        return bool(await self._connection.fetchval(_SQL["try_to_settle"], project_id))

    async def stop_settling(self, project_id: int) -> None:
        """Let another one settle the project's subjects."""
        await self._connection.execute(_SQL["stop_settling"], project_id)

    async def running_transactions(self) -> set[str]:
        """Return the numbers of the transactions under way that have written or locked anything."""
        return {row[0] for row in await self._connection.fetch(_SQL["running_transactions"])}

    async def count_waiting(self, project_id: int) -> int:
        """Return how many subjects there are to look at, more or less."""
        return int(await self._connection.fetchval(_SQL["count_waiting"], project_id))

    async def withdraw_stages(
        self, workflow_id: int, after: int, limit: int, workflow_ids: Sequence[int]
    ) -> Sequence[Homeless]:
        """Withdraw the next undecided stages of a closed workflow; labels of `workflow_ids` are looked for."""
        rows = await self._connection.fetch(_SQL["withdraw_stages"], workflow_id, after, limit, workflow_ids)
        return [Homeless(*row) for row in rows]

    async def clear_piles(self, workflow_ids: Sequence[int], limit: int) -> bool:
        """Take some stages off the piles of closed workflows; say whether there may be more."""
        status = await self._connection.execute(_SQL["clear_piles"], workflow_ids, limit)
        return int(status.rpartition(" ")[2]) == limit

    async def read_newcomers(
        self, project_id: int, after: int, limit: int, workflow_ids: Sequence[int]
    ) -> Sequence[Newcomer]:
        """Return the next subjects of a project; those enter that no workflow has had and that are not gold."""
        rows = await self._connection.fetch(_SQL["read_newcomers"], project_id, after, limit, workflow_ids)
        return [Newcomer(*row) for row in rows]

    async def judge_everybody(self, project_id: int) -> None:
        """Let everybody be judged who has answered training subjects of a project."""
        await self._connection.execute(_SQL["judge_everybody"], project_id)
