"""Push messages, and who is told what by them, over one connection of the caller's."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("push")

GRANTING_LOCK: Final = 7_221_300_004
"""Advisory lock: one worker looks at wishes at a time."""


class Subscription(NamedTuple):
    """Where a browser is reached, its keys as base64url, and the language to be told in."""

    endpoint: str
    p256dh: str
    auth: str
    language: str | None


class Workflow(NamedTuple):
    """What decides whether somebody may ask for more of a workflow; `level` is what this person holds."""

    project_id: int
    closed: bool
    version_id: int
    level: int


class Message(NamedTuple):
    """A message that was taken up; `payload` holds the facts."""

    id: int
    subscription_id: UUID
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    age_seconds: float
    to: Subscription


class Patience(NamedTuple):
    """How often to look at wishes: not before `first`, again after `least` to `most`; `quiet` is between messages."""

    quiet: timedelta
    first: timedelta
    least: timedelta
    most: timedelta


class PushStore:
    """Reads and writes subscriptions, wishes and messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def private_key(self) -> bytes | None:
        """Return the service's private key, if one was made."""
        key: bytes | None = await self._connection.fetchval(_SQL["read_key"])
        return key

    async def keep_key(self, private_key: bytes) -> None:
        """Keep a private key, unless there is one."""
        await self._connection.execute(_SQL["keep_key"], private_key)

    async def subscribe(self, number: UUID, volunteer_id: int, wanted: Subscription, most: int) -> UUID:
        """Let a volunteer be reached, there and at the newest `most` places in all; inside a transaction.

        Returns the subscription's id: the given number, or, of an endpoint that is the volunteer's already, its own.
        """
        await self._connection.execute(_SQL["hold_volunteer"], volunteer_id)
        await self._connection.execute(_SQL["leave_others"], wanted.endpoint, volunteer_id)
        kept: UUID = await self._connection.fetchval(_SQL["subscribe"], number, volunteer_id, *wanted)
        await self._connection.execute(_SQL["keep_newest"], volunteer_id, most)
        return kept

    async def unsubscribe(self, number: UUID, volunteer_id: int) -> bool:
        """Remove a subscription of a volunteer with its messages; say whether there was one."""
        return await self._connection.fetchval(_SQL["unsubscribe"], number, volunteer_id) is not None

    async def find_workflow(
        self, workflow_id: int, person_id: int, bound_to: int | None, of_project: int | None
    ) -> Workflow | None:
        """Return what decides whether a person may ask for more of a workflow that is there for their token."""
        row = await self._connection.fetchrow(_SQL["find_workflow"], workflow_id, person_id, bound_to, of_project)
        return None if row is None else Workflow(*row)

    async def wish(self, person_id: int, workflow_id: int, kept: timedelta, first: timedelta) -> datetime:
        """Note that a person wants to be told of more; return since when."""
        since: datetime = await self._connection.fetchval(_SQL["wish"], person_id, workflow_id, kept, first)
        return since

    async def lock_granting(self) -> bool:
        """Keep others from granting until the transaction ends; say whether nobody else does it now."""
        locked: bool = await self._connection.fetchval(_SQL["lock_granting"], GRANTING_LOCK)
        return locked

    async def wished_for(self) -> list[tuple[int, int]]:
        """Return the workflows with wishes to look at and something to deal, each with its project's version."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_SQL["wished_for"])]

    async def grant_wishes(
        self, levels: Mapping[int, int], window: int, start: int, persons: int, patience: Patience
    ) -> tuple[int, int]:
        """Grant what can be granted to at most so many persons; return how many wishes, and how many messages.

        Parameters
        ----------
        levels
            The level that each workflow asks for, by number.
        window, start
            How many places of a pile are looked at, on either side of a draw.
        """
        row = await self._connection.fetchrow(
            _SQL["grant_wishes"], list(levels), list(levels.values()), window, start, persons, *patience
        )
        assert row is not None
        return row[0], row[1]

    async def take_up(self, most: int, kept: timedelta) -> Sequence[Message]:
        """Take up to so many messages that are due, and keep other workers from them for a while."""
        rows = await self._connection.fetch(_SQL["take_up"], most, kept)
        return [
            Message(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], Subscription(*row[6:]))
            for row in map(tuple, rows)
        ]

    async def done(self, message: int) -> None:
        """Remove a message: it was sent, or it never will be."""
        await self._connection.execute(_SQL["done"], message)

    async def postpone(self, message: int, seconds: float, error: str) -> None:
        """Send a message again later, for a reason."""
        await self._connection.execute(_SQL["postpone"], message, seconds, error)

    async def drop_subscription(self, number: UUID) -> None:
        """Remove a subscription with its messages."""
        await self._connection.execute(_SQL["drop_subscription"], number)

    async def forget(self, quiet: timedelta) -> None:
        """Remove what has no meaning any more."""
        await self._connection.execute(_SQL["forget"], quiet)
