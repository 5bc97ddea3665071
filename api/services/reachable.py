"""Turns the database's absence into an error that a client can be told."""

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import structlog

from api.errors import DatabaseUnavailableError, OverloadedError
from api.store.failures import CONFLICTS, UNREACHABLE

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)

ATTEMPTS = 3


def reachable(verb: Callable[Parameters, Awaitable[Result]]) -> Callable[Parameters, Awaitable[Result]]:
    """Let a service's verb try again when it met another transaction, and say so when the database is away."""

    @functools.wraps(verb)
    async def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for attempt in range(ATTEMPTS):
            try:
                return await verb(*args, **kwargs)
            except CONFLICTS as error:
                if attempt == ATTEMPTS - 1:
                    raise OverloadedError from error
            except UNREACHABLE as error:
                log.warning("the database is away", verb=verb.__qualname__, error=repr(error))
                raise DatabaseUnavailableError from error
        raise AssertionError("unreachable")

    return wrapped
