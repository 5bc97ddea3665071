"""OpenID Connect: who somebody is, by an ID token that the provider has signed.

Theory of operation
-------------------
    begin -> the browser goes to the provider -> it comes back with a code -> end: token -> keys -> claims

The provider's addresses come from its own description (discovery), which is kept for a while. The code goes to it with
our secret and the verifier of PKCE. Of the ID token that comes back everything is checked, though it came from the
provider directly: signature by the keys of now, issuer, audience, times, nonce. Keys are asked for at every login, so
that a provider may change them at any time.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from authlib.oauth2 import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from api.outbound.asking import ask_json, text
from api.outbound.errors import ProviderDisbelievedError, ProviderSilentError
from api.outbound.identities import Answered, Asked, Identity
from api.settings import LoginProvider

DESCRIPTION_SECONDS: Final = 3600.0
FAILURE_SECONDS: Final = 5.0
"""For so long a provider that did not answer is not asked again, so that nobody can make us ask it all the time."""

LEEWAY_SECONDS: Final = 60
"""By so much the provider's clock may differ from ours."""

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures that are believed: those of key pairs. With a shared secret, or none, anybody could sign."""


class OpenIDProvider:
    """A provider of OpenID Connect."""

    def __init__(self, settings: LoginProvider) -> None:
        self.name, self.title, self.issuer = settings.name, settings.title, settings.issuer
        self._client_id = settings.client_id
        self._secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()
        self._description: dict[str, Any] = {}
        self._failure: ProviderSilentError | None = None
        self._known_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def begin(self, asked: Asked) -> str:
        """Return the address to which the browser goes."""
        address: str = prepare_grant_uri(
            self._endpoint(await self._describe(), "authorization_endpoint"),
            self._client_id,
            "code",
            redirect_uri=asked.redirect_uri,
            scope="openid profile",
            state=asked.state,
            nonce=asked.nonce,
            code_challenge=create_s256_code_challenge(asked.verifier),
            code_challenge_method="S256",
        )
        return address

    async def end(self, asked: Asked, answered: Answered) -> Identity:
        """Return who it is, by the ID token that the code is good for."""
        description = await self._describe()
        said = answered.issuer is not None or description.get("authorization_response_iss_parameter_supported") is True
        if said and answered.issuer != self.issuer:
            raise ProviderDisbelievedError(f"{answered.issuer!r} has answered in the place of {self.issuer}")
        granted = await self._redeem(description, asked, answered.code)
        keys = await ask_json(self._endpoint(description, "jwks_uri"))
        return _identity(self._claims(granted, _key_set(keys), asked.nonce))

    async def _describe(self) -> dict[str, Any]:
        """Return what the provider says of itself, from memory if that is young."""
        async with self._one_at_a_time:
            if time.monotonic() < self._known_until:
                if self._failure is not None:
                    raise self._failure
                return self._description
            try:
                found = await ask_json(get_well_known_url(self.issuer, external=True))
                if found.get("issuer") != self.issuer:
                    raise ProviderSilentError(self.issuer, f"it calls itself {found.get('issuer')!r}")
            except ProviderSilentError as error:
                self._failure, self._known_until = error, time.monotonic() + FAILURE_SECONDS
                raise
            except ProviderDisbelievedError as error:
                raise ProviderSilentError(self.issuer, error.why) from error
            self._failure, self._description = None, found
            self._known_until = time.monotonic() + DESCRIPTION_SECONDS
            return found

    def _endpoint(self, description: Mapping[str, Any], key: str) -> str:
        """Return an address of the provider: no less secret than the issuer's own."""
        address = text(description, key, 2000) or ""
        if not address.startswith(("https://", "http://") if self.issuer.startswith("http://") else "https://"):
            raise ProviderSilentError(self.issuer, f"its {key} is {address!r}")
        return address

    async def _redeem(self, description: Mapping[str, Any], asked: Asked, code: str) -> dict[str, Any]:
        """Return what the token endpoint gives for a code."""
        form = prepare_token_request(
            "authorization_code", redirect_uri=asked.redirect_uri, code=code, code_verifier=asked.verifier
        )
        auth = ClientAuth(self._client_id, self._secret, self._auth_method(description))
        url, headers, form = auth.prepare("POST", self._endpoint(description, "token_endpoint"), {}, form)
        return await ask_json(url, headers=headers, form=form)

    def _auth_method(self, description: Mapping[str, Any]) -> str:
        if self._secret is None:
            return "none"
        known = description.get("token_endpoint_auth_methods_supported")
        posts = isinstance(known, list) and "client_secret_basic" not in known
        return "client_secret_post" if posts else "client_secret_basic"

    def _claims(self, granted: Mapping[str, Any], keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """Return what the ID token claims, once everything about it was found right."""
        meant = {"iss": self.issuer, "aud": self._client_id}
        try:
            token = jwt.decode(text(granted, "id_token", 100_000) or "", keys, ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {name: {"essential": True, "value": value} for name, value in meant.items()},
                {"nonce": nonce, "client_id": self._client_id, "access_token": granted.get("access_token")},
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderDisbelievedError(f"the ID token is wrong: {error}") from error
        return dict(claims)


def _key_set(found: Mapping[str, Any]) -> KeySet:
    """Return the keys that can sign; of kinds that we do not know a provider may have others."""
    listed = found.get("keys")
    keys: list[Key] = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("use") != "enc":
            with suppress(JoseError, ValueError, KeyError, TypeError):
                keys.append(import_key(each))
    return KeySet(keys)


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject = text(claims, "sub")
    if subject is None:
        raise ProviderDisbelievedError("the ID token names no subject that can be kept")
    nickname = text(claims, "preferred_username") or text(claims, "nickname")
    # A real name, or an address, is nothing to be shown to all unasked.
    public = nickname if nickname is not None and "@" not in nickname else None
    return Identity(subject, public, nickname or text(claims, "name"))
