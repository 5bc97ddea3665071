"""Logins, accounts, members and invitations: what can go wrong there and is foreseen."""

from collections.abc import Mapping, Sequence
from typing import Final

from api.errors import ChaffinchError, Kind
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


KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {
    UnknownMemberError: Kind(404, "unknown-member", "The volunteer does not have this role"),
    UnknownInvitationError: Kind(404, "unknown-invitation", "There is no such open invitation"),
    UnknownOwnTokenError: Kind(404, "unknown-own-token", "There is no such token"),
    NotConfirmedError: Kind(409, "not-confirmed", "It was not confirmed"),
    LastOwnerError: Kind(409, "last-owner", "A project needs an owner"),
    TooManyInvitationsError: Kind(409, "too-many-invitations", "The project has too many open invitations"),
    TooManyTokensError: Kind(409, "too-many-tokens", "Too many tokens are in force"),
    TooManyRequestsError: Kind(429, "too-many-requests", "Too much is asked at once"),
}
