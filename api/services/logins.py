"""Logins with providers, from the wish to the session.

Theory of operation
-------------------
    begin (state, nonce, verifier; the browser keeps a secret) -> provider -> callback (state) -> code -> session

What an outsider could bring along at each step is bound to what only the right one has: the callback to a state that we
made (once), the ID token to a nonce, the provider's code to a verifier, and our own code to the secret that the browser
kept, of which we have seen nothing but the SHA-256. So a login that somebody else began, or a callback that was sent to
somebody else's browser, ends nowhere. No connection is held while a provider is asked.
"""

import base64
import hashlib
import hmac
import random
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from api.account_errors import (
    LastWayInError,
    LoginRefusedError,
    ProviderUnavailableError,
    UnknownLoginError,
    UnknownProviderError,
)
from api.caller import Caller, Scope
from api.errors import NameTakenError
from api.outbound.errors import ProviderDisbelievedError, ProviderSilentError
from api.outbound.identities import Answered, Asked, Identity, Provider
from api.services.joining import Joining, WayIn
from api.services.names import compared, written
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.services.tokens import Tokens
from api.store.engine import Pool
from api.store.logins import BegunLogin, FoundLogin, LoginStore, OwnIdentity
from mobile_schemas.logins import CallbackQuery, LoginIn, SessionIn
from mobile_schemas.volunteers import volunteer_id

AT_PROVIDER: Final = timedelta(minutes=10)
"""How long somebody may take to log in at the provider."""

CODE_LASTS: Final = timedelta(minutes=2)
"""How long the browser may take to fetch its session after it came back."""

CALLBACK: Final = "/v1/logins/callback"

_ID_DIGITS: Final = 32

log = structlog.get_logger(__name__)


class CallbackRefusedError(Exception):
    """A callback that ends without a code; `told` is the word for the client's page."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class Logins:
    """Lets people log in with providers, and add and remove ways in."""

    def __init__(
        self,
        pool: Pool,
        published: PublishedCascades,
        dice: random.Random,
        providers: Mapping[str, Provider],
        tokens: Tokens,
    ) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice
        self._providers = providers
        self._tokens = tokens

    def providers(self) -> list[dict[str, str]]:
        """Return the providers' names and titles."""
        return [{"name": each.name, "title": each.title} for each in self._providers.values()]

    async def begin(self, wish: LoginIn, origin: str) -> dict[str, str]:
        """Return the address of the provider to which the browser goes.

        Raises
        ------
        UnknownProviderError
            Nobody logs in with it here.
        ProviderUnavailableError
            It does not answer.
        """
        provider = self._providers.get(wish.provider)
        if provider is None:
            raise UnknownProviderError(wish.provider)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = Asked(state, nonce, verifier, origin + CALLBACK)
        try:
            url = await provider.begin(asked)
        except ProviderSilentError as error:
            log.warning("a provider of logins does not answer", provider=provider.name, error=str(error))
            raise ProviderUnavailableError(provider.title) from error
        challenge = base64.urlsafe_b64decode(wish.challenge + "=")
        await self._keep(state, BegunLogin(provider.name, challenge, verifier, nonce, wish.back_to))
        return {"url": url}

    @reachable
    async def _keep(self, state: str, begun: BegunLogin) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await LoginStore(connection).begin(_sha256(state), begun, AT_PROVIDER)

    async def end(self, answer: CallbackQuery, origin: str) -> str:
        """Return the code with which the browser that began the login fetches its session.

        Raises
        ------
        CallbackRefusedError
            The state is not that of a login which waits for this, or the provider said no, or what nobody can believe.
        """
        begun = None if answer.state is None else await self._claim(answer.state)
        provider = None if begun is None else self._providers.get(begun.provider)
        if answer.state is None or begun is None or provider is None:
            raise CallbackRefusedError("unknown")
        if answer.code is None or answer.error is not None:
            raise CallbackRefusedError("denied")
        asked = Asked(answer.state, begun.nonce, begun.verifier, origin + CALLBACK)
        try:
            identity = await provider.end(asked, Answered(answer.code, answer.iss))
        except ProviderSilentError as error:
            log.warning("a provider of logins does not answer", provider=provider.name, error=str(error))
            raise CallbackRefusedError("silent") from error
        except ProviderDisbelievedError as error:
            log.warning("a login was not believed", provider=provider.name, error=str(error))
            raise CallbackRefusedError("disbelieved") from error
        return await self._find(answer.state, begun, provider.issuer, identity)

    @reachable
    async def _claim(self, state: str) -> BegunLogin | None:
        async with self._pool.acquire() as connection, connection.transaction():
            return await LoginStore(connection).claim(_sha256(state))

    @reachable
    async def _find(self, state: str, begun: BegunLogin, issuer: str, identity: Identity) -> str:
        code = secrets.token_urlsafe(32)
        found = {"issuer": issuer, **identity._asdict()}
        async with self._pool.acquire() as connection, connection.transaction():
            await LoginStore(connection).keep_found(_sha256(state), begun, _sha256(code), found, CODE_LASTS)
        return code

    @reachable
    async def open_session(self, wish: SessionIn, bearer: Caller | None) -> dict[str, Any]:
        """Return the session of a login, joined with what was sent along; see `api.services.joining`.

        Raises
        ------
        LoginRefusedError
            The code is unknown, old or used, or the secret is not that of the browser that began.
        """
        session = None
        async with self._pool.acquire() as connection, connection.transaction():
            store = LoginStore(connection)
            login = await store.claim_code(_sha256(wish.code))
            if login is not None and hmac.compare_digest(login.challenge, _sha256(wish.secret)):
                joining = Joining(connection, self._published, self._dice, bearer)
                session = await joining.join(await _way_in(store, login), link=wish.link)
                session["back_to"] = login.back_to
        if session is None:  # only now: the code is spent, whoever had it
            raise LoginRefusedError
        if bearer is not None and bearer.scope == Scope.VOLUNTEER:
            self._tokens.forget(bearer.token_sha256)
        return session

    @reachable
    async def close_session(self, caller: Caller) -> dict[str, Any]:
        """Revoke the token that asks."""
        async with self._pool.acquire() as connection, connection.transaction():
            await LoginStore(connection).spend_token(caller.token_sha256)
        self._tokens.forget(caller.token_sha256)
        return {"volunteer": volunteer_id(caller.volunteer_id), "name": caller.name}

    @reachable
    async def mine(self, caller: Caller) -> dict[str, Any]:
        """Return the logins of a person."""
        async with self._pool.acquire() as connection:
            identities = await LoginStore(connection).identities(caller.person_id)
        by_issuer = {each.issuer: each for each in self._providers.values()}
        return {"logins": [_told(each, by_issuer.get(each.issuer)) for each in identities]}

    @reachable
    async def remove(self, caller: Caller, number: str) -> dict[str, str]:
        """Let a person not log in this way any more.

        Raises
        ------
        UnknownLoginError
            The person has no such login.
        LastWayInError
            The person has no other.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            store = LoginStore(connection)
            [volunteer] = await store.hold(caller.volunteer_id)
            found = [each for each in await store.identities(volunteer.person_id) if _number(each) == number]
            if not found:
                raise UnknownLoginError(number)
            if await store.ways_in(volunteer.person_id) < 2:
                raise LastWayInError
            await store.remove_identity(found[0].issuer, found[0].subject, volunteer.person_id)
        return {"id": number}

    @reachable
    async def choose_name(self, caller: Caller, wanted: str) -> dict[str, str]:
        """Let a volunteer be known by a name. Raises NameTakenError."""
        name = written(wanted)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await LoginStore(connection).choose_name(caller.volunteer_id, name, compared(name)):
                raise NameTakenError(name)
        return {"volunteer": volunteer_id(caller.volunteer_id), "name": name}


async def _way_in(store: LoginStore, login: FoundLogin) -> WayIn:
    """Return what an identity leads to."""
    issuer, subject, shown = (login.found[key] for key in ("issuer", "subject", "shown"))

    async def lead_to(volunteer: int) -> None:
        await store.add_identity(issuer, subject, volunteer, shown)

    return WayIn(await store.find_identity(issuer, subject, shown), login.found["name"], lead_to)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _number(identity: OwnIdentity) -> str:
    """Return the short name of an identity, which says nothing of its subject."""
    return hashlib.sha256(f"{identity.issuer} {identity.subject}".encode()).hexdigest()[:_ID_DIGITS]


def _told(identity: OwnIdentity, provider: Provider | None) -> dict[str, Any]:
    return {
        "id": _number(identity),
        "provider": None if provider is None else provider.name,
        "title": identity.issuer if provider is None else provider.title,
        "shown": identity.shown,
        "linked_at": identity.linked_at,
        "used_at": identity.used_at,
    }
