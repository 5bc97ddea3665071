"""Which failures of the database mean what, so that services need not know the driver."""

from collections.abc import Iterator

import asyncpg


class SameMomentError(Exception):
    """Another transaction has just written what this one was about to write."""


class OnePersonError(Exception):
    """Two of a group turned out to be one person, who is served by one transaction after the other."""


CONFLICTS: tuple[type[Exception], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    SameMomentError,
)
"""The transaction met another one; the same again will go through."""

UNREACHABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg may say when the server dies in the middle of a call
    OSError,
    TimeoutError,
)
"""The server is away, starting or stopping; whether the transaction was committed is not known."""


def is_away(failure: BaseException) -> bool:
    """Say whether a failure comes from the server being away, starting or full, however it was wrapped on the way."""
    return any(isinstance(cause, UNREACHABLE) for cause in _causes(failure))


def is_starting(failure: BaseException) -> bool:
    """Say whether the server is there, and lets nobody in yet."""
    return any(isinstance(cause, asyncpg.CannotConnectNowError) for cause in _causes(failure))


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield a failure and what it came from; SQLAlchemy keeps the driver's in `orig`."""
    cause: BaseException | None = failure
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__
