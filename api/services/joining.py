"""Joining: what becomes of whoever has just proved who they are, and of the phone that they did it on.

Theory of operation
-------------------
A login proves a *way in* (an identity of a provider, or a passkey), which leads to an account or is new. The token that
was sent along proves a second thing: which phone's volunteer this is (a token from registering), or which account asks
for another way in (a session, with `link`).

    way in        nothing sent             a phone's token              a session, with link
    new           a new volunteer          becomes the phone's own      becomes the account's
    known         its account              the phone's person joins     the other account joins

The token that comes out is always new, and the phone's old one is revoked in the same transaction: who knew it before
gains nothing by the login. Two accounts, each with a way in, become one only by the last column.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from api.account_errors import AccountsApartError
from api.caller import Caller, Scope
from api.errors import NotAllowedError, NotAuthenticatedError
from api.services.merging import merge_persons
from api.services.names import compared, written
from api.services.published import PublishedCascades
from api.services.tokens import new_token, session_ends, sha256_of
from api.store.engine import Connection
from api.store.logins import LoginStore
from api.store.volunteers import Volunteer
from mobile_schemas.volunteers import Name, volunteer_id


@dataclass(frozen=True, slots=True)
class WayIn:
    """What a login has proved: the volunteer that it leads to, if any, or how to let it lead to one."""

    volunteer_id: int | None
    wanted_name: str | None
    lead_to: Callable[[int], Awaitable[None]]


class Joining:
    """Ends a login, inside a transaction of the caller's."""

    def __init__(
        self, connection: Connection, published: PublishedCascades, dice: random.Random, bearer: Caller | None
    ) -> None:
        self._connection = connection
        self._store = LoginStore(connection)
        self._published = published
        self._dice = dice
        self._bearer = bearer

    async def join(self, way: WayIn, *, link: bool) -> dict[str, Any]:
        """Return the session that a way in leads to.

        Raises
        ------
        NotAllowedError
            A token was sent along that is neither a phone's nor a session, or `link` without a session.
        NotAuthenticatedError
            The phone's token has just been used for another login.
        AccountsApartError
            Two accounts would become one, unasked.
        """
        self._check(link)
        if self._bearer is None or (self._bearer.scope == Scope.SESSION and not link):
            number = await self._alone(way)
        else:
            if not link and not await self._store.spend_token(self._bearer.token_sha256):
                raise NotAuthenticatedError("the token was revoked a moment ago", token_sent=True)
            number = await self._together(way, self._bearer.volunteer_id, link=link)
        [volunteer] = await self._store.hold(number)
        return {**await open_session(self._store, volunteer), "new": way.volunteer_id is None}

    def _check(self, link: bool) -> None:
        scope = None if self._bearer is None else self._bearer.scope
        if scope not in (None, Scope.VOLUNTEER, Scope.SESSION):
            raise NotAllowedError(f"a token of scope {scope} was sent; only a phone's own or a session joins a login")
        if link and scope != Scope.SESSION:
            raise NotAllowedError("another way to log in is added by a session, which a login gives: send its token")

    async def _alone(self, way: WayIn) -> int:
        """Return the volunteer that a way in leads to, who begins now if it is new."""
        if way.volunteer_id is not None:
            return way.volunteer_id
        number = await self._store.begin_volunteer(*_name_and_key(way.wanted_name))
        await way.lead_to(number)
        return number

    async def _together(self, way: WayIn, own: int, *, link: bool) -> int:
        """Let a way in and the volunteer of the token be one person; return whose account it is."""
        if way.volunteer_id is None:
            await self._adopt(way, own, link=link)
            return own
        known, bearing = await self._store.hold(way.volunteer_id, own)
        if known.person_id == bearing.person_id:
            return own if link else known.id
        stays, goes = (bearing, known) if link else (known, bearing)
        if not link and await self._store.ways_in(goes.person_id):
            raise AccountsApartError
        await merge_persons(
            self._connection,
            self._published,
            self._dice,
            from_person=goes.person_id,
            into_person=stays.person_id,
        )
        await self._store.gather(stays.person_id, stays.id)
        return stays.id

    async def _adopt(self, way: WayIn, own: int, *, link: bool) -> None:
        """Let a new way in lead to a volunteer: a session's, or a phone's that has none yet."""
        [bearing] = await self._store.hold(own)
        if not link and await self._store.ways_in(bearing.person_id):
            raise AccountsApartError
        await way.lead_to(own)
        name, key = _name_and_key(way.wanted_name)
        if name is not None and key is not None:
            await self._store.name_if_free(own, name, key)


async def open_session(store: LoginStore, volunteer: Volunteer) -> dict[str, Any]:
    """Return a new session of a volunteer."""
    token = new_token()
    await store.add_session(sha256_of(token), volunteer.id, session_ends())
    return {"token": token, "volunteer": volunteer_id(volunteer.id), "name": volunteer.name}


def _name_and_key(wanted: str | None) -> tuple[str | None, str | None]:
    """Return a wanted name as it is stored and as it is compared, if it is one by our rules."""
    try:
        name = None if wanted is None else written(_rules().validate_python(wanted))
    except ValidationError:
        return None, None
    return name, name and compared(name)


@cache
def _rules() -> TypeAdapter[str]:
    return TypeAdapter(Name)
