"""Logins, identities and sessions, over one connection of the caller's."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from api.store.engine import Connection
from api.store.failures import SameMomentError
from api.store.statements import statements
from api.store.volunteers import Volunteer

_SQL = statements("logins")


class BegunLogin(NamedTuple):
    """A login that is at the provider."""

    provider: str
    challenge: bytes
    verifier: str
    nonce: str
    back_to: str


class FoundLogin(NamedTuple):
    """A login of which the provider has said who it is, until the browser ends it."""

    challenge: bytes
    back_to: str
    found: Mapping[str, Any]


class OwnIdentity(NamedTuple):
    """An identity of a person."""

    issuer: str
    subject: str
    shown: str | None
    linked_at: datetime
    used_at: datetime


class LoginStore:
    """Reads and writes logins, and who is known by them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, state_sha256: bytes, begun: BegunLogin, lasts: timedelta) -> None:
        """Remember a login that goes to its provider, and forget some that never came back."""
        provider, challenge, verifier, nonce, back_to = begun
        await self._connection.execute(_SQL["forget_logins"])
        await self._connection.execute(
            _SQL["begin_login"], state_sha256, provider, challenge, verifier, nonce, back_to, lasts
        )

    async def claim(self, state_sha256: bytes) -> BegunLogin | None:
        """Take the login of a state, once; None if there is none, or none any more."""
        row = await self._connection.fetchrow(_SQL["claim_login"], state_sha256)
        return None if row is None else BegunLogin(*row)

    async def keep_found(
        self, state_sha256: bytes, begun: BegunLogin, code_sha256: bytes, found: Mapping[str, Any], lasts: timedelta
    ) -> None:
        """Keep who it is for the browser that comes with the code."""
        await self._connection.execute(
            _SQL["keep_found"],
            state_sha256,
            begun.provider,
            begun.challenge,
            begun.back_to,
            code_sha256,
            json.dumps(found),
            lasts,
        )

    async def claim_code(self, code_sha256: bytes) -> FoundLogin | None:
        """Take the login of a code, once; None if there is none, or none any more."""
        row = await self._connection.fetchrow(_SQL["claim_code"], code_sha256)
        return None if row is None else FoundLogin(row[0], row[1], json.loads(row[2]))

    async def find_identity(self, issuer: str, subject: str, shown: str | None) -> int | None:
        """Return the volunteer of an identity, which is used now, and keep its other logins waiting until the end."""
        await self._connection.execute(_SQL["one_at_a_time"], f"{issuer} {subject}")
        number: int | None = await self._connection.fetchval(_SQL["find_identity"], issuer, subject, shown)
        return number

    async def add_identity(self, issuer: str, subject: str, volunteer_id: int, shown: str | None) -> None:
        """Let a volunteer be known by an identity that nobody had."""
        await self._connection.execute(_SQL["add_identity"], issuer, subject, volunteer_id, shown)

    async def hold(self, *volunteers: int) -> list[Volunteer]:
        """Return volunteers, and let nobody else change the ways in of their persons until the transaction ends."""
        before = [await self._volunteer(number) for number in volunteers]
        await self._connection.execute(_SQL["hold_person"], [each.person_id for each in before])
        after = [await self._volunteer(number) for number in volunteers]
        if [each.person_id for each in before] != [each.person_id for each in after]:
            raise SameMomentError
        return after

    async def _volunteer(self, number: int) -> Volunteer:
        row = await self._connection.fetchrow(_SQL["volunteer"], number)
        assert row is not None
        return Volunteer(*row)

    async def ways_in(self, person_id: int) -> int:
        """Return how many logins and passkeys a person has."""
        count: int = await self._connection.fetchval(_SQL["ways_in"], person_id)
        return count

    async def spend_token(self, sha256: bytes) -> bool:
        """Revoke a token; say whether it was in force until now."""
        return await self._connection.fetchval(_SQL["spend_token"], sha256) is not None

    async def add_session(self, sha256: bytes, volunteer_id: int, ends: datetime) -> None:
        """Add the token of a session."""
        await self._connection.execute(_SQL["add_session"], sha256, volunteer_id, ends)

    async def begin_volunteer(self, name: str | None, key: str | None) -> int:
        """Begin a person, by a name if that is free."""
        person = await self._connection.fetchval(_SQL["add_person"])
        number: int | None = await self._connection.fetchval(_SQL["add_volunteer"], person, name, key)
        if number is None:
            number = await self._connection.fetchval(_SQL["add_volunteer"], person, None, None)
        assert number is not None
        return number

    async def name_if_free(self, volunteer_id: int, name: str, key: str) -> None:
        """Give a name to a volunteer who has none, if it is free."""
        await self._name("name_if_free", volunteer_id, name, key)

    async def choose_name(self, volunteer_id: int, name: str, key: str) -> bool:
        """Give a name to a volunteer; say whether it was free."""
        return await self._name("choose_name", volunteer_id, name, key)

    async def _name(self, statement: str, volunteer_id: int, name: str, key: str) -> bool:
        try:
            return await self._connection.fetchval(_SQL[statement], volunteer_id, name, key) is not None
        except asyncpg.UniqueViolationError as error:
            raise SameMomentError from error

    async def gather(self, person_id: int, volunteer_id: int) -> None:
        """Let all ways in of a person lead to one of its volunteers."""
        await self._connection.execute(_SQL["gather_identities"], person_id, volunteer_id)
        await self._connection.execute(_SQL["gather_passkeys"], person_id, volunteer_id)

    async def identities(self, person_id: int) -> Sequence[OwnIdentity]:
        """Return the identities of a person, the oldest first."""
        return [OwnIdentity(*row) for row in await self._connection.fetch(_SQL["identities"], person_id)]

    async def remove_identity(self, issuer: str, subject: str, person_id: int) -> None:
        """Let a person not be known by an identity any more."""
        await self._connection.execute(_SQL["remove_identity"], issuer, subject, person_id)
