"""Files fetched from addresses that a manifest names: bounded in bytes, time and number, tried again where it helps.

What the server says of the content is not believed: the first bytes decide later what it is. It is asked for as it is,
so that nothing unpacks on the way.
"""

import asyncio
import random
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from api.outbound.addresses import RedirectError, is_refused, open_session
from api.outbound.errors import (
    EncodedAnswerError,
    FetchError,
    PrivateHostError,
    RedirectedError,
    TooManyBytesError,
    TooSlowError,
    UnreachableError,
    WrongAddressError,
    WrongAnswerError,
)

_CHUNK_BYTES: Final = 1 << 16
_OWN_ENCODINGS: Final = frozenset({"gzip", "x-gzip"})
_SHOWN: Final = 100
_FRUITLESS: Final = 20
"""Failures of a host in a row after which what is asked of it is tried once only, until something succeeds."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How much is asked of a server, and how long it is waited for.

    A file must come at `least_bytes_per_second` on average, after a grace, and within `file_seconds` in all.
    """

    attempts: int = 4
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    grace_seconds: float = 20.0
    least_bytes_per_second: float = 20_000.0
    file_seconds: float = 900.0
    at_once: int = 16
    at_once_per_host: int = 4


class _TryAgainError(Exception):
    """What may pass: `why` becomes the error when it does not; `after_seconds` is what the server asks for."""

    def __init__(self, why: FetchError, after_seconds: float = 0.0) -> None:
        super().__init__(str(why))
        self.why = why
        self.after_seconds = after_seconds


class Fetcher:
    """Fetches files, several at a time: an asynchronous context manager, and a callable while it is open."""

    def __init__(self, private_addresses: bool, manners: Manners | None = None) -> None:
        self._private_addresses = private_addresses
        self._manners = manners or Manners()
        self._places = asyncio.Semaphore(self._manners.at_once)
        self._host_places: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(self._manners.at_once_per_host)
        )
        self._failures: dict[str, int] = defaultdict(int)

    async def __aenter__(self) -> Self:
        self._session = open_session(self._private_addresses, self._manners.file_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def __call__(self, url: str, into: Path, limit_bytes: int) -> None:
        """Fetch a file of at most `limit_bytes` into a path, where a part of it is left if that fails.

        Raises
        ------
        FetchError
            One class for each thing that can be wrong. Trouble with the path is an `OSError` instead.
        """
        address = _address(url)
        host = address.host or ""
        async with self._host_places[host], self._places:
            await self._patiently(address, host, into, limit_bytes)

    async def _patiently(self, url: URL, host: str, into: Path, limit_bytes: int) -> None:
        attempts = 1 if self._failures[host] >= _FRUITLESS else self._manners.attempts
        for attempt in range(1, attempts + 1):
            try:
                await self._once(url, into, limit_bytes, attempt)
            except _TryAgainError as failed:
                if attempt == attempts:
                    self._failures[host] += 1
                    raise failed.why from failed
                await asyncio.sleep(self._pause_seconds(attempt, failed.after_seconds))
            else:
                self._failures[host] = 0
                return

    async def _once(self, url: URL, into: Path, limit_bytes: int, attempt: int) -> None:
        clock = _Clock(self._manners)
        try:
            async with asyncio.timeout(clock.seconds_left(0)):
                reply = await self._session.get(
                    url, headers={"Accept-Encoding": "identity"}, auto_decompress=False, allow_redirects=False
                )
            async with reply:
                _check(reply, url, limit_bytes, attempt)
                await _receive(reply, into, limit_bytes, clock)
        except RedirectError as error:
            raise RedirectedError(error.status, error.target) from error
        except aiohttp.InvalidURL as error:
            raise WrongAddressError(str(error)) from error
        except UnicodeError as error:  # what Python's names of hosts raise for an empty or endless part
            raise WrongAddressError(f"{(url.host or '')[:_SHOWN]!r} is no name of a host") from error
        except TimeoutError as error:
            raise _TryAgainError(TooSlowError(clock.received, clock.seconds)) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise UnreachableError(f"its certificate is not trusted: {_reason(error)}", 1) from error
        except aiohttp.ClientError as error:
            if is_refused(error):
                raise PrivateHostError(url.host or "") from error
            raise _TryAgainError(UnreachableError(str(error) or type(error).__name__, attempt)) from error

    def _pause_seconds(self, attempt: int, asked: float) -> float:
        longest = self._manners.first_pause_seconds * 2.0 ** (attempt - 1)
        pause = longest * random.uniform(0.5, 1)  # noqa: S311  # spreads attempts
        return min(max(pause, asked), self._manners.longest_pause_seconds)


class _Clock:
    """How long one attempt may still take, by what has come of it."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._began = time.monotonic()
        self.received = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def seconds_left(self, more: int) -> float:
        """Count some bytes, and return how long the next may take."""
        self.received += more
        earned = self._manners.grace_seconds + self.received / self._manners.least_bytes_per_second
        return max(min(earned, self._manners.file_seconds) - self.seconds, 0.0)


def _address(url: str) -> URL:
    try:
        address = URL(url)
        host = address.host  # decoded only now
    except ValueError as error:
        raise WrongAddressError(str(error)) from error
    if address.scheme not in ("http", "https") or not host:
        raise WrongAddressError("it is none of http or https")
    return address


def _check(reply: aiohttp.ClientResponse, url: URL, limit_bytes: int, attempt: int) -> None:
    """Raise what the head of an answer says is wrong."""
    if reply.status == 429 or reply.status >= 500:
        raise _TryAgainError(WrongAnswerError(reply.status, attempt), _retry_after(reply))
    if reply.status != 200:
        raise WrongAnswerError(reply.status, 1)
    encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
    # Many servers say of a .gz file that it is packed for the way; these bytes are the file itself.
    is_own = encoding in _OWN_ENCODINGS and url.path.lower().endswith((".gz", ".tgz"))
    if encoding != "identity" and not is_own:
        raise EncodedAnswerError(encoding[:50])
    if (reply.content_length or 0) > limit_bytes:
        raise TooManyBytesError(limit_bytes)


async def _receive(reply: aiohttp.ClientResponse, into: Path, limit_bytes: int, clock: _Clock) -> None:
    """Write the content of an answer to a file."""
    with await asyncio.to_thread(into.open, "wb") as file:
        left = clock.seconds_left(0)
        while True:
            async with asyncio.timeout(left):
                chunk = await reply.content.read(_CHUNK_BYTES)
            if not chunk:
                return
            left = clock.seconds_left(len(chunk))
            if clock.received > limit_bytes:
                raise TooManyBytesError(limit_bytes)
            file.write(chunk)


def _retry_after(reply: aiohttp.ClientResponse) -> float:
    """Return how many seconds the server asks to wait, 0 if it does not say so in seconds."""
    asked = reply.headers.get("Retry-After", "")
    return float(asked[:9]) if asked.isascii() and asked.isdigit() else 0.0


def _reason(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
