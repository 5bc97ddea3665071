"""Passkeys and their challenges, over one connection of the caller's."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("logins")


class OwnPasskey(NamedTuple):
    """A passkey of a person."""

    credential_id: bytes
    label: str
    transports: list[str]
    created_at: datetime
    used_at: datetime | None


class HeldPasskey(NamedTuple):
    """A passkey that is locked: whose it is, its public key, and how often it has signed."""

    volunteer_id: int
    public_key: bytes
    sign_count: int


class PasskeyStore:
    """Reads and writes passkeys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, number: UUID, challenge: bytes, volunteer_id: int | None, lasts: timedelta) -> None:
        """Remember a challenge, of a volunteer or of nobody, and forget some that were never answered."""
        await self._connection.execute(_SQL["forget_challenges"])
        await self._connection.execute(_SQL["begin_passkey"], number, challenge, volunteer_id, lasts)

    async def claim(self, number: UUID, volunteer_id: int | None) -> bytes | None:
        """Take a challenge, once; None if there is none, or none any more."""
        challenge: bytes | None = await self._connection.fetchval(_SQL["claim_challenge"], number, volunteer_id)
        return challenge

    async def of_person(self, person_id: int) -> Sequence[OwnPasskey]:
        """Return the passkeys of a person, the oldest first."""
        return [OwnPasskey(*row) for row in await self._connection.fetch(_SQL["passkeys"], person_id)]

    async def hold(self, credential_id: bytes) -> HeldPasskey | None:
        """Return a passkey, and keep its other logins waiting until the transaction ends."""
        row = await self._connection.fetchrow(_SQL["hold_passkey"], credential_id)
        return None if row is None else HeldPasskey(*row)

    async def add(
        self,
        credential_id: bytes,
        held: HeldPasskey,
        transports: Sequence[str],
        label: str,
    ) -> datetime | None:
        """Add a passkey and return when; None if it is known already."""
        volunteer_id, public_key, sign_count = held
        created: datetime | None = await self._connection.fetchval(
            _SQL["add_passkey"], credential_id, volunteer_id, public_key, sign_count, list(transports), label
        )
        return created

    async def use(self, credential_id: bytes, sign_count: int) -> None:
        """Note that a passkey has been used, and how often it has signed now."""
        await self._connection.execute(_SQL["use_passkey"], credential_id, sign_count)

    async def remove(self, credential_id: bytes, person_id: int) -> None:
        """Remove a passkey of a person."""
        await self._connection.execute(_SQL["remove_passkey"], credential_id, person_id)
