"""What providers of logins are asked, and what they answer. This module knows no HTTP, so that services may name it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Asked:
    """What is said to a provider when a login begins, and has to be said again when it ends.

    `state` comes back with the browser; `nonce` comes back in the ID token; `verifier` proves to the provider that who
    ends the login is who began it (PKCE, RFC 7636).
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Answered(NamedTuple):
    """What the browser brings back from a provider: a code, and who says so (RFC 9207)."""

    code: str
    issuer: str | None


class Identity(NamedTuple):
    """Who somebody is: `subject` never changes, by `name` they may like to be known, `shown` is for them alone."""

    subject: str
    name: str | None
    shown: str | None


class Provider(Protocol):
    """Somebody to log in with."""

    name: str
    title: str
    issuer: str

    async def begin(self, asked: Asked) -> str:
        """Return the address to which the browser goes. Raises ProviderError."""

    async def end(self, asked: Asked, answered: Answered) -> Identity:
        """Return who it is. Raises ProviderError."""
