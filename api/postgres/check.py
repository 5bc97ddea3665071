"""The check of a server that the operator runs."""

import urllib.parse

import asyncpg

from api.postgres.errors import ServerTooOldError, ServerUnreachableError
from api.postgres.programs import OLDEST

_TIMEOUT_SECONDS = 15.0


async def check_server(url: str) -> None:
    """Connect to the database once, and look at the server's version.

    Raises ServerUnreachableError and ServerTooOldError; no password gets into a message.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ServerUnreachableError("the server of CHAFFINCH_DATABASE_URL", "the URL must begin with postgresql://")
    where = _without_password(url)
    try:
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    except TimeoutError as error:
        raise ServerUnreachableError(where, f"no answer in {_TIMEOUT_SECONDS:.0f} s") from error
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ServerUnreachableError(where, str(error) or type(error).__name__) from error
    major, version = connection.get_server_version().major, connection.get_settings().server_version
    connection.terminate()  # without a farewell, so that there is no second wait
    if major < OLDEST:
        raise ServerTooOldError(where, version)


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    account, at, place = parts.netloc.rpartition("@")
    query = [(name, value) for name, value in urllib.parse.parse_qsl(parts.query) if name != "password"]
    return parts._replace(netloc=account.partition(":")[0] + at + place, query=urllib.parse.urlencode(query)).geturl()
