"""Which failures of the database mean what, so that services need not know the driver."""

import asyncpg


class SameMomentError(Exception):
    """Another transaction has just written what this one was about to write."""


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
    OSError,
    TimeoutError,
)
"""The server is away, starting or stopping; whether the transaction was committed is not known."""


def is_starting(failure: BaseException | None) -> bool:
    """Say whether the server is there, and lets nobody in yet."""
    return isinstance(failure, asyncpg.CannotConnectNowError)
