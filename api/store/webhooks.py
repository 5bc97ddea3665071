"""Webhooks and what came of their deliveries, over one connection of the caller's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("webhooks")

WEBHOOK_LOCK: Final = 7223
"""First half of the advisory locks of sending; the second is the webhook."""


class Webhook(NamedTuple):
    """Where events are posted to, and how far that has come. `failures` are those in a row."""

    id: int
    project_id: int
    url: str
    secret: str
    kinds: Sequence[str] | None
    form: str
    position: int
    failures: int
    next_at: datetime
    created_at: datetime
    paused_at: datetime | None
    why_paused: str | None


class Delivery(NamedTuple):
    """One attempt to post events; `status` is None where no answer came."""

    id: int
    first_position: int
    last_position: int
    events: int
    attempt: int
    sent_at: datetime
    took_ms: int
    status: int | None
    error: str | None


class Attempt(NamedTuple):
    """An attempt as it is logged."""

    first_position: int
    last_position: int
    events: int
    number: int
    took_ms: int
    status: int | None
    error: str | None


class WebhookStore:
    """Reads and writes webhooks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def hold_project(self, project_id: int) -> None:
        """Keep others from adding webhooks to a project until the transaction ends."""
        await self._connection.execute(_SQL["hold_project"], project_id)

    async def add(
        self, project_id: int, url: str, secret: str, kinds: Sequence[str] | None, form: str, most: int
    ) -> Webhook | None:
        """Add a webhook that begins with what happens from now on; None if the project, held, has `most` of them."""
        row = await self._connection.fetchrow(_SQL["add"], project_id, url, secret, kinds, form, most)
        return None if row is None else Webhook(*row)

    async def of_project(self, project_id: int) -> list[Webhook]:
        """Return the webhooks of a project in the order in which they were added."""
        return [Webhook(*row) for row in await self._connection.fetch(_SQL["of_project"], project_id)]

    async def find(self, number: int) -> Webhook | None:
        """Return the webhook of a number."""
        row = await self._connection.fetchrow(_SQL["find"], number)
        return None if row is None else Webhook(*row)

    async def find_ready(self, number: int) -> Webhook | None:
        """Return a webhook to which something may be posted now: neither paused nor waiting after a failure."""
        row = await self._connection.fetchrow(_SQL["find_ready"], number)
        return None if row is None else Webhook(*row)

    async def remove(self, number: int) -> None:
        """Remove a webhook with its log."""
        await self._connection.execute(_SQL["remove"], number)

    async def move(self, number: int, after: int) -> None:
        """Let a webhook begin anew with the events after a position, at once."""
        await self._connection.execute(_SQL["move"], number, after)

    async def pause(self, number: int, why: str) -> None:
        """Post nothing to a webhook until it is resumed."""
        await self._connection.execute(_SQL["pause"], number, why)

    async def resume(self, number: int) -> None:
        """Go on with a webhook, at once."""
        await self._connection.execute(_SQL["resume"], number)

    async def deliveries(self, number: int, limit: int) -> list[Delivery]:
        """Return the newest attempts, the newest first."""
        return [Delivery(*row) for row in await self._connection.fetch(_SQL["deliveries"], number, limit)]

    async def due(self) -> list[int]:
        """Return the webhooks for which there may be something to send now."""
        return [row[0] for row in await self._connection.fetch(_SQL["due"])]

    async def claim(self, number: int) -> bool:
        """Keep others from sending for a webhook until it is let go or this session ends; say whether that worked."""
        claimed: bool = await self._connection.fetchval(_SQL["claim"], WEBHOOK_LOCK, number)
        return claimed

    async def let_go(self, number: int) -> None:
        """Let others send for a webhook."""
        await self._connection.execute(_SQL["let_go"], WEBHOOK_LOCK, number)

    async def failed_batch(self, number: int) -> int | None:
        """Return the last position of the batch that was tried last."""
        position: int | None = await self._connection.fetchval(_SQL["failed_batch"], number)
        return position

    async def log(self, number: int, attempt: Attempt) -> int | None:
        """Log an attempt that has just ended; return its number, None if the webhook is gone."""
        logged: int | None = await self._connection.fetchval(_SQL["log"], number, *attempt)
        return logged

    async def trim_log(self, number: int, newest: int) -> None:
        """Forget all attempts but the newest."""
        await self._connection.execute(_SQL["trim_log"], number, newest)

    async def advance(self, number: int, before: int, position: int) -> None:
        """Note that everything up to a position was taken, unless the webhook was sent elsewhere meanwhile."""
        await self._connection.execute(_SQL["advance"], number, before, position)

    async def postpone(self, number: int, before: int, seconds: float, why_paused: str | None) -> None:
        """Note a failure: try again after some seconds, or pause for a reason."""
        await self._connection.execute(_SQL["postpone"], number, before, seconds, why_paused)
