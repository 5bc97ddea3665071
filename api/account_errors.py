"""Logins, accounts, members and invitations: what can go wrong there and is foreseen."""

from collections.abc import Mapping, Sequence
from typing import Final

from api.errors import ChaffinchError, Kind, UnavailableError
from mobile_schemas.problems import FieldProblemOut


class UnknownMemberError(ChaffinchError):
    """The volunteer does not have this role in the project."""

    def __init__(self, volunteer: str, role: str, slug: str) -> None:
        super().__init__(f"{volunteer} is no {role} of {slug}; GET /v1/projects/{slug}/members lists who is what")
        self.volunteer = volunteer
        self.role = role
        self.slug = slug


class UnknownInvitationError(ChaffinchError):
    """No such invitation is open: it never was, or it is used up, over or revoked. Which of these is not said."""

    def __init__(self) -> None:
        super().__init__("no such invitation is open: it is used up, over, revoked, or never was; ask for a new link")


class UnknownOwnTokenError(ChaffinchError):
    """Whoever asks has no token of this id."""

    def __init__(self, token: str, where: str) -> None:
        super().__init__(f"there is no token {token}; GET {where} lists those there are")
        self.token = token


class LastOwnerError(ChaffinchError):
    """A project would be left without an owner."""

    def __init__(self, slugs: Sequence[str]) -> None:
        named = ", ".join(slugs)
        super().__init__(f"nobody else owns {named}; make another volunteer an owner first")
        self.slugs = slugs


class TooManyInvitationsError(ChaffinchError):
    """The project has as many open invitations as it may have."""

    def __init__(self, slug: str, most: int) -> None:
        super().__init__(f"{slug} has {most} open invitations, which is as many as it may have; revoke one first")
        self.slug = slug
        self.most = most


class TooManyTokensError(ChaffinchError):
    """As many tokens are in force as may be."""

    def __init__(self, whose: str, most: int) -> None:
        super().__init__(f"{whose} {most} tokens in force, which is as many as may be; revoke one first")
        self.most = most


class NotConfirmedError(ChaffinchError):
    """What cannot be undone was not confirmed by the right word."""

    def __init__(self, right: str) -> None:
        super().__init__(f"the account is deleted for good when `confirm` is {right}; nothing was deleted")
        self.fields = [FieldProblemOut(pointer="/confirm", problem="is another word", remedy=right)]


class TooManyRequestsError(ChaffinchError):
    """More is asked than one token or one address may ask in a while."""

    def __init__(self, which: str, amount: int, window_seconds: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"more than {amount:,} {which} in {window_seconds} s; nothing was done, and nothing is lost: "
            f"ask the same again after {retry_after_seconds} s"
        )
        self.retry_after_seconds = retry_after_seconds


# Who asks


class CrossSiteError(ChaffinchError):
    """A page of another site has sent this in the name of whoever looked at it."""

    def __init__(self, where: str) -> None:
        super().__init__(f"this was sent by a page of another site ({where[:100]}); logins begin and end on ours")
        self.where = where


class LoginRefusedError(ChaffinchError):
    """The code or the challenge is unknown, too old, used, or another browser's. Which of these is not told."""

    def __init__(self) -> None:
        super().__init__(
            "this login is not known: it was ended before, has taken too long, or was begun by another browser; begin "
            "it again"
        )


class PasskeyRefusedError(ChaffinchError):
    """What the authenticator says proves nobody; `why` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__("this passkey is not accepted here; begin again, or use another way to log in")
        self.why = why


# What is not there


class UnknownProviderError(ChaffinchError):
    """Nobody can log in with such a provider here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"nobody logs in with {name!r} here; GET /v1/logins lists the providers")
        self.name = name


class UnknownLoginError(ChaffinchError):
    """The account has no such login."""

    def __init__(self, number: str) -> None:
        super().__init__(f"you have no login {number}; GET /v1/me/logins lists them")
        self.number = number


class UnknownPasskeyError(ChaffinchError):
    """The account has no such passkey."""

    def __init__(self, number: str) -> None:
        super().__init__(f"you have no passkey {number[:40]}; GET /v1/me/passkeys lists them")
        self.number = number


# What is in the way


class NoPublicAddressError(ChaffinchError):
    """Providers and passkeys need the address of this service, and it is not set."""

    def __init__(self) -> None:
        super().__init__(
            "logins do not work at this address: whoever runs this service has to set CHAFFINCH_PUBLIC_URL; on "
            "localhost they work without it, and passkeys need https everywhere else"
        )


class AccountsApartError(ChaffinchError):
    """Two accounts would become one without anybody having asked for it."""

    def __init__(self) -> None:
        super().__init__(
            "this phone belongs to an account already, and this login would make two accounts one; log in to the first "
            "one, and add the other way to log in there"
        )


class LastWayInError(ChaffinchError):
    """It is the only way in that is left."""

    def __init__(self) -> None:
        super().__init__("this is your only way to log in; add another one before you remove it")


class PasskeyKnownError(ChaffinchError):
    """The passkey is somebody's already."""

    def __init__(self) -> None:
        super().__init__("this passkey is known already; log in by it, or make another one")


class ProviderUnavailableError(UnavailableError):
    """The provider does not answer, or with rubbish."""

    def __init__(self, title: str) -> None:
        super().__init__(f"{title} does not answer as it should, so nobody can log in with it now", 10)
        self.title = title


KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {
    UnknownMemberError: Kind(404, "unknown-member", "The volunteer does not have this role"),
    UnknownInvitationError: Kind(404, "unknown-invitation", "There is no such open invitation"),
    UnknownOwnTokenError: Kind(404, "unknown-own-token", "There is no such token"),
    NotConfirmedError: Kind(409, "not-confirmed", "It was not confirmed"),
    LastOwnerError: Kind(409, "last-owner", "A project needs an owner"),
    TooManyInvitationsError: Kind(409, "too-many-invitations", "The project has too many open invitations"),
    TooManyTokensError: Kind(409, "too-many-tokens", "Too many tokens are in force"),
    TooManyRequestsError: Kind(429, "too-many-requests", "Too much is asked at once"),
    CrossSiteError: Kind(403, "cross-site", "A page of another site has sent this"),
    LoginRefusedError: Kind(403, "login-refused", "The login is not known"),
    PasskeyRefusedError: Kind(403, "passkey-refused", "The passkey is not accepted"),
    UnknownProviderError: Kind(404, "unknown-provider", "There is no such provider of logins"),
    UnknownLoginError: Kind(404, "unknown-login", "There is no such login"),
    UnknownPasskeyError: Kind(404, "unknown-passkey", "There is no such passkey"),
    NoPublicAddressError: Kind(409, "no-public-address", "Logins do not work at this address"),
    AccountsApartError: Kind(409, "accounts-apart", "Two accounts would become one"),
    LastWayInError: Kind(409, "last-way-in", "It is the only way to log in"),
    PasskeyKnownError: Kind(409, "passkey-known", "The passkey is known already"),
    ProviderUnavailableError: Kind(503, "provider-unavailable", "The provider of logins does not answer"),
}
