"""Logins: by a provider or by a passkey, and what they end in: a session."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from mobile_schemas.fields import Key, Model, Moment, Text, VolunteerId
from mobile_schemas.volunteers import Name

_SHA256_AS_BASE64URL: Final = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"

ProviderName = Annotated[
    str,
    Field(
        pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40, description="A provider's short name.", examples=["orcid"]
    ),
]
Secret = Annotated[
    str,
    Field(
        pattern="^[A-Za-z0-9_-]{43,128}$",
        description="What the challenge is the SHA-256 of: only the browser that began knows it.",
        examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
    ),
]
Link = Annotated[
    bool,
    Field(description="Add this way in to the account whose session is sent along, or join the account that it has."),
]
BrowserId = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,1400}$", description="Bytes as base64url, without padding.")]
BrowserBytes = Annotated[
    str, Field(pattern="^[A-Za-z0-9_-]{1,40000}$", description="Bytes as base64url, without padding.")
]


class ProviderOut(Model):
    """Somebody to log in with."""

    name: ProviderName
    title: str


class LoginsOut(Model):
    """How one can log in here."""

    providers: list[ProviderOut]
    passkeys: Annotated[bool, Field(description="Whether passkeys work at the address that this was asked at.")]


class LoginIn(Model):
    """The wish to log in with a provider."""

    provider: ProviderName
    challenge: Annotated[
        str,
        Field(
            pattern=_SHA256_AS_BASE64URL,
            description="SHA-256 of a secret that the browser keeps, as base64url without padding.",
            examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        ),
    ]
    back_to: Annotated[
        str,
        Field(
            pattern="^/([A-Za-z0-9][A-Za-z0-9/_-]*)?$",
            max_length=200,
            description="A page of ours to return to afterwards.",
            examples=["/p/galaxy-garden"],
        ),
    ] = "/account"


class LoginBegunOut(Model):
    """Where the browser goes to log in."""

    url: str


class CallbackQuery(Model):
    """What a provider lets the browser bring back. Others may come along, and mean nothing."""

    model_config = ConfigDict(extra="ignore")

    state: Annotated[str | None, Field(description="What names the login.")] = None
    code: Annotated[str | None, Field(description="What the provider takes for it.")] = None
    error: Annotated[str | None, Field(description="Why there is no code.")] = None
    iss: Annotated[str | None, Field(description="Which provider answers (RFC 9207).")] = None


class SessionIn(Model):
    """The end of a login: the code that the browser came back with, and the secret that it kept."""

    code: Annotated[
        str, Field(pattern="^[A-Za-z0-9_-]{20,128}$", examples=["Jb1Xb0Xn2cCqzZk3kQvF0r5o9wYt7LmP1sUe4hGdA8c"])
    ]
    secret: Secret
    link: Link = False


class SessionOut(Model):
    """A session: its token, and whose it is."""

    token: Annotated[
        str,
        Field(
            description="Send it as `Authorization: Bearer TOKEN` from now on. Shown here once. A phone's token that "
            "was sent along is revoked.",
            pattern="^chf_[A-Za-z0-9_-]+$",
        ),
    ]
    volunteer: VolunteerId
    name: str | None
    new: Annotated[bool, Field(description="Whether somebody logs in this way for the first time.")]
    back_to: Annotated[str, Field(description="The page of ours to return to.")]


class AccountOut(Model):
    """Whose account it is."""

    volunteer: VolunteerId
    name: str | None


class NameIn(Model):
    """A name to be known by."""

    name: Name


class OwnLoginOut(Model):
    """A provider's login of an account."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    provider: Annotated[ProviderName | None, Field(description="Null if the provider is not known here any more.")]
    title: str
    shown: Annotated[str | None, Field(description="How the provider calls you.")]
    linked_at: Moment
    used_at: Moment


class OwnLoginsOut(Model):
    """The providers' logins of an account, the oldest first."""

    logins: list[OwnLoginOut]


class OwnLoginPath(Model):
    """One of one's logins."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]


class RemovedOut(Model):
    """What was removed."""

    id: str


class PasskeyOptionsOut(Model):
    """What to ask the authenticator for, once, within five minutes."""

    id: Annotated[Key, Field(description="Names the challenge when the credential is sent.")]
    options: Annotated[
        dict[str, Any],
        Field(
            description="`publicKey` of `navigator.credentials`, as WebAuthn writes it in JSON (bytes as base64url)."
        ),
    ]


class NewCredentialIn(Model):
    """A credential that an authenticator has made. All bytes are base64url without padding."""

    id: BrowserId
    client_data_json: BrowserBytes
    attestation_object: BrowserBytes
    transports: Annotated[
        list[Annotated[str, Field(pattern="^[a-z-]{1,20}$")]],
        Field(max_length=10, description="By which it is reached."),
    ]


class CredentialIn(Model):
    """What an authenticator has signed. All bytes are base64url without padding."""

    id: BrowserId
    client_data_json: BrowserBytes
    authenticator_data: BrowserBytes
    signature: BrowserBytes


class PasskeyPath(Model):
    """A challenge for a new passkey."""

    id: Key


class PasskeyIn(Model):
    """A new passkey, and what its owner calls it."""

    credential: NewCredentialIn
    label: Annotated[Text, Field(min_length=1, max_length=60, examples=["My phone"])]


class PasskeyOut(Model):
    """A passkey of an account."""

    id: BrowserId
    label: str
    created_at: Moment
    used_at: Moment | None


class PasskeysOut(Model):
    """The passkeys of an account, the oldest first."""

    passkeys: list[PasskeyOut]


class PasskeyAddedOut(Model):
    """The new passkey; for a volunteer who had no way in before, a session too."""

    passkey: PasskeyOut
    session: SessionOut | None


class OwnPasskeyPath(Model):
    """One of one's passkeys."""

    id: BrowserId


class PasskeySessionIn(Model):
    """A login by a passkey: which challenge, and what the authenticator says to it."""

    challenge: Key
    credential: CredentialIn
    link: Link = False
