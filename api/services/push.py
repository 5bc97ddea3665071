"""Push: who wants to be told what, and where. What is told, and when, is the worker's (`granting`, `pushing`)."""

import re
import secrets
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from api.caller import Caller
from api.errors import (
    EndpointRefusedError,
    LevelNotHeldError,
    NotAllowedError,
    UnknownSubscriptionError,
    UnknownWorkflowError,
    WorkflowRetiredError,
)
from api.outbound.vapid import VapidKey
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.store.engine import Connection, Pool
from api.store.push import PushStore, Subscription, Workflow
from mobile_schemas.push import PushSubscriptionIn

MOST_SUBSCRIPTIONS: Final = 10
"""Of one volunteer; the one that was renewed longest ago goes."""

WISH_KEPT: Final = timedelta(days=90)
FIRST_LOOK: Final = timedelta(seconds=60)
"""After this long a wish may be granted: what is left to this moment is not more."""

_PUBLIC_NAME: Final = re.compile(r"https://[^/:]*\.[a-z][^/:.]*(:[0-9]+)?/.*", re.IGNORECASE)
"""https, at a host whose name has a dot and is no number. Where the name leads is seen when it is used."""

View = dict[str, Any]


async def key_of(connection: Connection) -> VapidKey:
    """Return the one key of the service, which the first who asks makes."""
    store = PushStore(connection)
    kept = await store.private_key()
    if kept is None:
        await store.keep_key(VapidKey.new().private_key)
        kept = await store.private_key()
    assert kept is not None  # somebody has kept one
    return VapidKey.of(kept)


class Push:
    """Keeps subscriptions and wishes."""

    def __init__(self, pool: Pool, published: PublishedCascades, private_addresses: bool) -> None:
        self._pool = pool
        self._published = published
        self._private_addresses = private_addresses
        self._key: VapidKey | None = None

    @reachable
    async def key(self) -> View:
        """Return the public key."""
        if self._key is None:
            async with self._pool.acquire() as connection:
                self._key = await key_of(connection)
        return {"public_key": self._key.public_key}

    @reachable
    async def subscribe(self, caller: Caller, wanted: PushSubscriptionIn) -> View:
        """Let a volunteer be reached at a browser; one that was another volunteer's is this one's from now on.

        Raises
        ------
        EndpointRefusedError
            The endpoint is no address at a public host, or not https.
        """
        if not self._private_addresses and not _PUBLIC_NAME.fullmatch(wanted.endpoint):
            raise EndpointRefusedError(wanted.endpoint, "it is not https at a host with a public name")
        browser = Subscription(wanted.endpoint, wanted.p256dh, wanted.auth, wanted.language)
        async with self._pool.acquire() as connection, connection.transaction():
            store = PushStore(connection)
            return {"id": await store.subscribe(_new_id(), caller.volunteer_id, browser, MOST_SUBSCRIPTIONS)}

    @reachable
    async def unsubscribe(self, caller: Caller, number: UUID) -> View:
        """Reach a volunteer at a browser no more. Raises UnknownSubscriptionError, for those of others too."""
        async with self._pool.acquire() as connection:
            if not await PushStore(connection).unsubscribe(number, caller.volunteer_id):
                raise UnknownSubscriptionError(number)
        return {"id": number}

    @reachable
    async def ask_for_more(self, caller: Caller, workflow_id: int) -> View:
        """Note that a person wants to be told when there is more in a workflow.

        Raises
        ------
        UnknownWorkflowError
            There is no such workflow.
        NotAllowedError
            The token is for another project.
        WorkflowRetiredError
            Nothing will come to it any more.
        LevelNotHeldError
            The person may not answer there.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            store = PushStore(connection)
            found = await store.find_workflow(workflow_id, caller.person_id, caller.project_id, caller.of_project)
            if found is None:
                raise UnknownWorkflowError(workflow_id)
            await self._check(connection, caller, workflow_id, found)
            return {
                "workflow": workflow_id,
                "since": await store.wish(caller.person_id, workflow_id, WISH_KEPT, FIRST_LOOK),
            }

    async def _check(self, connection: Connection, caller: Caller, workflow_id: int, found: Workflow) -> None:
        """Refuse whom the dealer would refuse."""
        if caller.project_id not in (None, found.project_id):
            raise NotAllowedError("the token is for another project")
        published = await self._published.get(connection, found.version_id)
        if found.closed or workflow_id not in published.names:
            raise WorkflowRetiredError(workflow_id)
        needed = published.workflow(workflow_id).level
        if found.level < needed:
            raise LevelNotHeldError(workflow_id, needed, found.level)


def _new_id() -> UUID:
    """Return a new UUID of version 7, which keeps the index compact."""
    bits = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
