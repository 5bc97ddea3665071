"""Passkeys: added to an account or to a phone's volunteer, and logged in by.

A challenge is good once, for five minutes: whatever comes of the answer, it is spent. Who logs in is known by the
credential alone, so there is no name to ask for, and nothing to be learnt by guessing. A count of signatures that does
not grow is refused: there are two of an authenticator that should be one.
"""

import base64
import json
import random
from datetime import timedelta
from functools import cache
from secrets import token_bytes
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import encode_cbor
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from api.account_errors import (
    AccountsApartError,
    LastWayInError,
    LoginRefusedError,
    PasskeyKnownError,
    PasskeyRefusedError,
    UnknownPasskeyError,
)
from api.caller import Caller, Scope
from api.errors import NotAllowedError, NotAuthenticatedError
from api.services.joining import Joining, WayIn, open_session
from api.services.published import PublishedCascades
from api.services.reachable import reachable
from api.services.tokens import Tokens
from api.store.engine import Connection, Pool
from api.store.logins import LoginStore
from api.store.passkeys import HeldPasskey, OwnPasskey, PasskeyStore
from api.store.volunteers import Volunteer
from mobile_schemas.logins import CredentialIn, NewCredentialIn, PasskeyIn, PasskeySessionIn
from mobile_schemas.volunteers import volunteer_id

CHALLENGE_LASTS: Final = timedelta(minutes=5)
CHALLENGE_BYTES: Final = 32
TIMEOUT_MS: Final = 300_000
OURS: Final = "Chaffinch"
BACK_TO: Final = "/account"

log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """Where passkeys are used: the origin of our pages, and the name that passkeys belong to."""

    origin: str
    relying_party: str


class Passkeys:
    """Adds, lists and removes passkeys, and lets people log in by them."""

    def __init__(self, pool: Pool, published: PublishedCascades, dice: random.Random, tokens: Tokens) -> None:
        self._pool = pool
        self._published = published
        self._dice = dice
        self._tokens = tokens

    @reachable
    async def begin(self, caller: Caller, place: Place) -> dict[str, Any]:
        """Return what to ask the authenticator for to make a passkey.

        Raises
        ------
        NotAllowedError
            The token is neither a session nor a phone's own, or a phone's whose account has another way in.
        """
        number, challenge = uuid4(), token_bytes(CHALLENGE_BYTES)
        async with self._pool.acquire() as connection, connection.transaction():
            volunteer = await _may_add(LoginStore(connection), caller)
            known = await PasskeyStore(connection).of_person(volunteer.person_id)
            await PasskeyStore(connection).begin(number, challenge, volunteer.id, CHALLENGE_LASTS)
        own = volunteer_id(volunteer.id)
        options = generate_registration_options(
            rp_id=place.relying_party,
            rp_name=OURS,
            user_id=own.encode(),
            user_name=volunteer.name or own,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
        )
        return {"id": number, "options": json.loads(options_to_json(options))}

    async def add(self, caller: Caller, number: UUID, wish: PasskeyIn, place: Place) -> dict[str, Any]:
        """Add the passkey that an authenticator has made; a phone's volunteer gets a session, and its token ends.

        Raises
        ------
        LoginRefusedError
            The challenge is unknown, old, used, or another volunteer's.
        PasskeyRefusedError
            What the authenticator says does not answer the challenge.
        PasskeyKnownError
            It is somebody's passkey already.
        """
        challenge = await self._claim(number, caller.volunteer_id)
        return await self._keep(caller, wish, _verified_new(wish.credential, challenge, place))

    @reachable
    async def _keep(self, caller: Caller, wish: PasskeyIn, made: VerifiedRegistration) -> dict[str, Any]:
        async with self._pool.acquire() as connection, connection.transaction():
            volunteer = await _may_add(LoginStore(connection), caller)
            held = HeldPasskey(volunteer.id, made.credential_public_key, made.sign_count)
            created = await PasskeyStore(connection).add(
                made.credential_id, held, wish.credential.transports, wish.label
            )
            if created is None:
                raise PasskeyKnownError
            session = await self._session_instead(connection, caller, volunteer)
        if session is not None:
            self._tokens.forget(caller.token_sha256)
        passkey = OwnPasskey(made.credential_id, wish.label, wish.credential.transports, created, None)
        return {"passkey": _told(passkey), "session": session}

    async def _session_instead(
        self, connection: Connection, caller: Caller, volunteer: Volunteer
    ) -> dict[str, Any] | None:
        """Return a session in the place of a phone's token, which ends."""
        if caller.scope == Scope.SESSION:
            return None
        store = LoginStore(connection)
        if not await store.spend_token(caller.token_sha256):
            raise NotAuthenticatedError("the token was revoked a moment ago", token_sent=True)
        return {**await open_session(store, volunteer), "new": True, "back_to": BACK_TO}

    @reachable
    async def _claim(self, number: UUID, volunteer: int | None) -> bytes:
        async with self._pool.acquire() as connection, connection.transaction():
            challenge = await PasskeyStore(connection).claim(number, volunteer)
        if challenge is None:
            raise LoginRefusedError
        return challenge

    @reachable
    async def begin_login(self, place: Place) -> dict[str, Any]:
        """Return what to ask the authenticator for to log in, whoever it is."""
        number, challenge = uuid4(), token_bytes(CHALLENGE_BYTES)
        async with self._pool.acquire() as connection, connection.transaction():
            await PasskeyStore(connection).begin(number, challenge, None, CHALLENGE_LASTS)
        options = generate_authentication_options(rp_id=place.relying_party, challenge=challenge, timeout=TIMEOUT_MS)
        return {"id": number, "options": json.loads(options_to_json(options))}

    async def open_session(self, wish: PasskeySessionIn, bearer: Caller | None, place: Place) -> dict[str, Any]:
        """Return the session of a passkey, joined with what was sent along; see `api.services.joining`.

        Raises
        ------
        LoginRefusedError
            The challenge is unknown, old or used.
        PasskeyRefusedError
            The passkey is nobody's, or the authenticator's answer proves nothing.
        """
        return await self._log_in(wish, await self._claim(wish.challenge, None), bearer, place)

    @reachable
    async def _log_in(
        self, wish: PasskeySessionIn, challenge: bytes, bearer: Caller | None, place: Place
    ) -> dict[str, Any]:
        credential_id = _bytes(wish.credential.id)
        async with self._pool.acquire() as connection, connection.transaction():
            store = PasskeyStore(connection)
            held = await store.hold(credential_id)
            used = _verified(wish.credential, challenge, place, held or HeldPasskey(0, nobodys_key(), 0))
            if held is None:
                raise PasskeyRefusedError("nobody has it")  # not to be reached: nobody has the private key either
            await store.use(credential_id, used.new_sign_count)
            joining = Joining(connection, self._published, self._dice, bearer)
            session = await joining.join(WayIn(held.volunteer_id, None, _leads_already), link=wish.link)
        if bearer is not None and bearer.scope == Scope.VOLUNTEER:
            self._tokens.forget(bearer.token_sha256)
        return {**session, "back_to": BACK_TO}

    @reachable
    async def mine(self, caller: Caller) -> dict[str, Any]:
        """Return the passkeys of a person."""
        async with self._pool.acquire() as connection:
            return {"passkeys": [_told(each) for each in await PasskeyStore(connection).of_person(caller.person_id)]}

    @reachable
    async def remove(self, caller: Caller, number: str) -> dict[str, str]:
        """Let a person not log in by a passkey any more.

        Raises
        ------
        UnknownPasskeyError
            The person has no such passkey.
        LastWayInError
            The person has no other way in.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            logins, store = LoginStore(connection), PasskeyStore(connection)
            [volunteer] = await logins.hold(caller.volunteer_id)
            if _bytes(number) not in {each.credential_id for each in await store.of_person(volunteer.person_id)}:
                raise UnknownPasskeyError(number)
            if await logins.ways_in(volunteer.person_id) < 2:
                raise LastWayInError
            await store.remove(_bytes(number), volunteer.person_id)
        return {"id": number}


async def _may_add(store: LoginStore, caller: Caller) -> Volunteer:
    """Return the volunteer who asks for a passkey, if the token suffices: an account's needs a session."""
    if caller.scope not in (Scope.VOLUNTEER, Scope.SESSION):
        raise NotAllowedError(f"a token of scope {caller.scope} was sent; passkeys are added by a session or a phone")
    [volunteer] = await store.hold(caller.volunteer_id)
    if caller.scope == Scope.VOLUNTEER and await store.ways_in(volunteer.person_id):
        raise AccountsApartError
    return volunteer


async def _leads_already(_volunteer: int) -> None:
    """Do nothing: a passkey that logs in leads to somebody."""


def _verified_new(credential: NewCredentialIn, challenge: bytes, place: Place) -> VerifiedRegistration:
    """Return what an authenticator has made, if it answers the challenge."""
    response = {
        "clientDataJSON": credential.client_data_json,
        "attestationObject": credential.attestation_object,
    }
    try:
        return verify_registration_response(
            credential=_as_webauthn(credential.id, response),
            expected_challenge=challenge,
            expected_rp_id=place.relying_party,
            expected_origin=place.origin,
        )
    except Exception as error:  # its parsers raise whatever the bytes lead them to: it is the bytes that are wrong
        raise _refused(error) from error


def _verified(credential: CredentialIn, challenge: bytes, place: Place, held: HeldPasskey) -> VerifiedAuthentication:
    """Return how a passkey was used, if it has signed the challenge."""
    response = {
        "clientDataJSON": credential.client_data_json,
        "authenticatorData": credential.authenticator_data,
        "signature": credential.signature,
    }
    try:
        return verify_authentication_response(
            credential=_as_webauthn(credential.id, response),
            expected_challenge=challenge,
            expected_rp_id=place.relying_party,
            expected_origin=place.origin,
            credential_public_key=held.public_key,
            credential_current_sign_count=held.sign_count,
        )
    except Exception as error:  # its parsers raise whatever the bytes lead them to: it is the bytes that are wrong
        raise _refused(error) from error


@cache
def nobodys_key() -> bytes:
    """Return a public key (COSE, ES256) whose private key is not kept.

    An unknown passkey is checked against it, so that neither the answer nor the time it takes tells which are known.
    """
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def _as_webauthn(number: str, response: dict[str, str]) -> dict[str, Any]:
    return {"id": number, "rawId": number, "type": "public-key", "response": response}


def _refused(error: Exception) -> PasskeyRefusedError:
    log.info("a passkey was refused", why=str(error) or type(error).__name__)
    return PasskeyRefusedError(str(error))


def _bytes(text: str) -> bytes:
    """Return what base64url without padding stands for; what stands for nothing is nobody's."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _told(passkey: OwnPasskey) -> dict[str, Any]:
    return {
        "id": base64.urlsafe_b64encode(passkey.credential_id).rstrip(b"=").decode(),
        "label": passkey.label,
        "created_at": passkey.created_at,
        "used_at": passkey.used_at,
    }
