"""Posts to addresses that others named: webhooks of researchers, push services of phones."""

import asyncio
import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import aiohttp

from api.outbound.addresses import RedirectError, is_refused, open_session

TIMEOUT_SECONDS: Final = 15.0
"""From the wish for a connection to the end of the answer's headers."""

READ_BYTES: Final = 2048
"""So much of an answer is read at most; of a failure, a line of it goes into the log."""

REST_SECONDS: Final = 1.0
"""How long to wait for the body of an answer that is good already, so that the connection can be used again."""

_SHOWN: Final = 200


class Posted(NamedTuple):
    """What became of a post: `error` is None if the receiver took it; `status` is None if it did not answer."""

    status: int | None
    retry_after_seconds: float | None
    error: str | None


class Poster:
    """Posts, over connections that are kept open for each address: one that hangs takes none from another.

    Where there are many addresses, each asked now and then (`shared`), they share what is open instead.
    """

    def __init__(
        self, private_addresses: bool, timeout_seconds: float = TIMEOUT_SECONDS, *, shared: bool = False
    ) -> None:
        self._private_addresses = private_addresses
        self._timeout_seconds = timeout_seconds
        self._shared = shared
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """Post once, and say what became of it; redirects are not followed."""
        session = self._session("" if self._shared else url)
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return await _posted(response)
        except RedirectError as error:
            return Posted(error.status, None, str(error))
        except TimeoutError:
            return Posted(None, None, f"no answer within {self._timeout_seconds:g} s")
        except (aiohttp.ClientError, ValueError, OSError) as error:
            refused = "the address is not a public one" if is_refused(error) else str(error) or type(error).__name__
            return Posted(None, None, refused[:_SHOWN])

    def _session(self, place: str) -> aiohttp.ClientSession:
        if place not in self._sessions:
            self._sessions[place] = open_session(self._private_addresses, self._timeout_seconds)
        return self._sessions[place]

    async def close(self) -> None:
        """Close all connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()


async def _posted(response: aiohttp.ClientResponse) -> Posted:
    said = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(REST_SECONDS):
            said = await response.content.read(READ_BYTES)
    if 200 <= response.status < 300:
        return Posted(response.status, None, None)
    line = " ".join(said.decode("utf-8", "replace").split())
    shown = "".join(c for c in line if c.isprintable())[:_SHOWN]
    error = f"answered {response.status}" + (f": {shown}" if shown else "")
    return Posted(response.status, _retry_after(response.headers.get("Retry-After")), error)


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, in either of its forms."""
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    with contextlib.suppress(ValueError):
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max((at - datetime.now(UTC)).total_seconds(), 0)
    return None
