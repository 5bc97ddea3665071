"""Webhooks: added, looked at, replayed and removed by a project's researchers, or by the operator."""

import base64
import secrets
from typing import Any, Final

from api.caller import Caller
from api.errors import NotAllowedError, TooManyWebhooksError, UnknownProjectError, UnknownWebhookError
from api.services.reachable import reachable
from api.services.sequencing import sequence
from api.store.engine import Connection, Pool
from api.store.events import EventStore
from api.store.webhooks import Delivery, Webhook, WebhookStore
from mobile_schemas.webhooks import WebhookIn

MOST_WEBHOOKS: Final = 20
"""Webhooks of one project."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - only how a secret begins
SECRET_BYTES: Final = 32
"""Standard Webhooks asks for 24 to 64."""

BY_HAND: Final = "paused by hand"

View = dict[str, Any]


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class Webhooks:
    """Keeps webhooks. The caller None is the operator, who needs no token."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def add(self, caller: Caller | None, slug: str, wanted: WebhookIn) -> View:
        """Add a webhook that gets what happens from now on; the answer has its secret, this once.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is not one of its researchers'.
        TooManyWebhooksError
            The project has as many as it may have.
        """
        kinds = None if wanted.kinds is None else sorted(set(wanted.kinds))
        async with self._pool.acquire() as connection:
            project_id = await _project(connection, caller, slug)
            await sequence(connection)
            store = WebhookStore(connection)
            async with connection.transaction():
                await store.hold_project(project_id)
                added = await store.add(project_id, wanted.url, new_secret(), kinds, wanted.form, MOST_WEBHOOKS)
        if added is None:
            raise TooManyWebhooksError(slug, MOST_WEBHOOKS)
        return _view(added) | {"secret": added.secret}

    @reachable
    async def of_project(self, caller: Caller | None, slug: str) -> View:
        """Return the webhooks of a project. Raises UnknownProjectError, NotAllowedError."""
        async with self._pool.acquire() as connection:
            project_id = await _project(connection, caller, slug)
            found = await WebhookStore(connection).of_project(project_id)
        return {"webhooks": [_view(each) for each in found]}

    @reachable
    async def remove(self, caller: Caller | None, number: int) -> View:
        """Remove a webhook with its log; return what it was. Raises UnknownWebhookError."""
        async with self._pool.acquire() as connection:
            removed = await _webhook(connection, caller, number)
            await WebhookStore(connection).remove(number)
        return _view(removed)

    @reachable
    async def deliveries(self, caller: Caller | None, number: int, limit: int) -> View:
        """Return the newest attempts to post to a webhook. Raises UnknownWebhookError."""
        async with self._pool.acquire() as connection:
            await _webhook(connection, caller, number)
            found = await WebhookStore(connection).deliveries(number, limit)
        return {"deliveries": [_delivery_view(each) for each in found]}

    @reachable
    async def replay(self, caller: Caller | None, number: int, after: int) -> View:
        """Send the events after a position again, at once; a position that is not reached yet is the newest one.

        A webhook that is paused stays so. Raises UnknownWebhookError.
        """
        async with self._pool.acquire() as connection:
            await _webhook(connection, caller, number)
            await WebhookStore(connection).move(number, after)
            return _view(await _webhook(connection, caller, number))

    @reachable
    async def pause(self, caller: Caller | None, number: int) -> View:
        """Post nothing to a webhook until it is resumed. Raises UnknownWebhookError."""
        async with self._pool.acquire() as connection:
            await _webhook(connection, caller, number)
            await WebhookStore(connection).pause(number, BY_HAND)
            return _view(await _webhook(connection, caller, number))

    @reachable
    async def resume(self, caller: Caller | None, number: int) -> View:
        """Go on with a webhook where it stopped, at once. Raises UnknownWebhookError."""
        async with self._pool.acquire() as connection:
            await _webhook(connection, caller, number)
            await WebhookStore(connection).resume(number)
            return _view(await _webhook(connection, caller, number))


async def _project(connection: Connection, caller: Caller | None, slug: str) -> int:
    project = await EventStore(connection).find_project(slug, None if caller is None else caller.sight)
    if project is None:
        raise UnknownProjectError(slug)
    if caller is not None and not caller.researches(project.id):
        raise NotAllowedError(f"the webhooks of {slug} are for its researchers; this token is not one of theirs")
    return project.id


async def _webhook(connection: Connection, caller: Caller | None, number: int) -> Webhook:
    """Return a webhook that the caller may see: others do not exist."""
    found = await WebhookStore(connection).find(number)
    if found is None or (caller is not None and not caller.researches(found.project_id)):
        raise UnknownWebhookError(number)
    return found


def _view(webhook: Webhook) -> View:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "kinds": webhook.kinds,
        "form": webhook.form,
        "position": webhook.position,
        "failures": webhook.failures,
        "next_at": webhook.next_at if webhook.failures else None,
        "created_at": webhook.created_at,
        "paused_at": webhook.paused_at,
        "why_paused": webhook.why_paused,
    }


def _delivery_view(delivery: Delivery) -> View:
    view = delivery._asdict()
    del view["id"]
    return view
