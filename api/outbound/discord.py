"""Discord: OAuth 2 without an ID token, so it is asked who the bearer of the access token is."""

from typing import Final

from authlib.oauth2 import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from api.outbound.asking import ask_json, text
from api.outbound.errors import ProviderDisbelievedError
from api.outbound.identities import Answered, Asked, Identity
from api.settings import LoginProvider

_API: Final = "/api/v10"


class DiscordProvider:
    """Discord, or whatever speaks as it does at another address."""

    def __init__(self, settings: LoginProvider) -> None:
        self.name, self.title = settings.name, settings.title
        self.issuer = settings.issuer.rstrip("/")
        self._client_id = settings.client_id
        self._secret = "" if settings.client_secret is None else settings.client_secret.get_secret_value()

    async def begin(self, asked: Asked) -> str:
        """Return the address to which the browser goes."""
        address: str = prepare_grant_uri(
            f"{self.issuer}/oauth2/authorize",
            self._client_id,
            "code",
            redirect_uri=asked.redirect_uri,
            scope="identify",
            state=asked.state,
            code_challenge=create_s256_code_challenge(asked.verifier),
            code_challenge_method="S256",
        )
        return address

    async def end(self, asked: Asked, answered: Answered) -> Identity:
        """Return whose the access token is that the code is good for."""
        form = prepare_token_request(
            "authorization_code", redirect_uri=asked.redirect_uri, code=answered.code, code_verifier=asked.verifier
        )
        auth = ClientAuth(self._client_id, self._secret, "client_secret_basic")
        url, headers, form = auth.prepare("POST", f"{self.issuer}{_API}/oauth2/token", {}, form)
        access = text(await ask_json(url, headers=headers, form=form), "access_token", 2000)
        if access is None or not (access.isascii() and access.isprintable()):
            raise ProviderDisbelievedError("no access token was given")
        bearer = {"Authorization": f"Bearer {access}"}
        about = await ask_json(f"{self.issuer}{_API}/users/@me", headers=bearer)
        subject = text(about, "id")
        if subject is None:
            raise ProviderDisbelievedError("it says of nobody who it is")
        username = text(about, "username")
        return Identity(subject, username, text(about, "global_name") or username)
