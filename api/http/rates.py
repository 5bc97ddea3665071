"""How often somebody may ask: by the token that they send, or by the address that they ask from without one.

Theory of operation
-------------------
    address -> known token? -> its own count          (before anything is looked up)
               unknown one? -> the address's wrong tokens, then it is looked up: right, it is known from now on
               none?        -> the address's count, and that of registrations or logins

Counts are of sliding windows and in the memory of one process: of N processes each allows as much. An IPv6 address
counts as its /64, which is what one household is given. What is refused is not counted, so a client that waits as long
as it is told is served. Of addresses, more than `MOST_WINDOWS` windows are not kept: under a flood from so many,
newcomers share one count, and those who were here go on.
"""

import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from api.account_errors import TooManyRequestsError
from api.caller import OF_PROJECTS
from api.caller import Scope as TokenScope
from api.metrics import count_limited
from api.settings import Settings
from mobile_schemas.endpoint import Rate

MOST_WINDOWS: Final = 100_000
"""Windows that one process keeps: some 30 MB."""

MOST_KNOWN: Final = 50_000
"""Tokens that a process remembers to be real."""

SWEEP_SECONDS: Final = 5.0
"""Between two looks for windows that are over: 10 ms when there are as many as may be."""

_OTHERS: Final = "others"

Which = Literal["token", "program", "address", "files", "registration", "login", "wrong_token"]

_TOLD: Final[dict[Which, str]] = {
    "token": "requests by this token",
    "program": "requests by this token",
    "address": "requests without a token from this address",
    "files": "files for this address",
    "registration": "registrations from this address",
    "login": "logins from this address",
    "wrong_token": "unknown tokens from this address",
}
_OF_RATE: Final[dict[Rate, tuple[Which, ...]]] = {
    "usual": ("address",),
    "files": ("files",),
    "registration": ("address", "registration"),
    "login": ("address", "login"),
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much is allowed in how many seconds; what is not named is not limited."""

    limits: dict[Which, tuple[int, int]]

    @classmethod
    def of(cls, settings: Settings) -> "Allowance":
        """Return what the settings allow; 0 is no limit."""
        if not settings.limits:
            return cls({})
        minute, hour = 60, 3600
        wanted: dict[Which, tuple[int, int]] = {
            "token": (settings.limit_token, minute),
            "program": (settings.limit_program, minute),
            "address": (settings.limit_address, minute),
            "files": (settings.limit_files, minute),
            "registration": (settings.limit_registrations, hour),
            "login": (settings.limit_logins, hour),
            "wrong_token": (settings.limit_wrong_tokens, minute),
        }
        return cls({which: limit for which, limit in wanted.items() if limit[0]})


class _Windows(MemoryStorage):
    """Counts in memory, without a lock since nothing here waits, and with a sweep now and then.

    As it comes, the library looks through all windows after every hit: 20 ms of each request at 100,000 windows.
    """

    def __init__(self) -> None:
        super().__init__()
        self._swept_at = time.time()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, and return what it comes to."""
        count = await self.get(key) + amount
        self.storage[key] = count
        if count == amount:
            self.expirations[key] = time.time() + expiry
        self._sweep()
        return count

    def has_room_for(self, key: str, seconds: int) -> bool:
        """Say whether a key is counted already, or may be from now on."""
        if len(self.expirations) < MOST_WINDOWS:
            return True
        return any(each in self.expirations for each in self.sliding_window_keys(key, seconds, time.time()))

    def _sweep(self) -> None:
        now = time.time()
        if now < self._swept_at + SWEEP_SECONDS:
            return
        self._swept_at = now
        for key in [key for key, ends in self.expirations.items() if ends <= now]:
            del self.expirations[key]
            self.storage.pop(key, None)


class Rates:
    """Counts what one process is asked, and refuses what is too much."""

    def __init__(self, allowance: Allowance) -> None:
        self._windows = _Windows()
        self._limiter = SlidingWindowCounterRateLimiter(self._windows)
        self._items: dict[Which, RateLimitItem] = {
            which: RateLimitItemPerSecond(amount, seconds) for which, (amount, seconds) in allowance.limits.items()
        }
        self._known: dict[bytes, Which] = {}

    async def admit_stranger(self, rate: Rate, address: str | None) -> None:
        """Count a request without a token. Raises TooManyRequestsError."""
        for which in _OF_RATE[rate]:
            await self._hit(which, address)

    async def admit_bearer(self, token_sha256: bytes | None, rate: Rate, address: str | None) -> None:
        """Count a request with a token before it is looked up; None is none at all. Raises TooManyRequestsError."""
        if rate in {"login", "registration"}:
            await self._hit(_OF_RATE[rate][-1], address)
        which = self._known.get(token_sha256) if token_sha256 is not None else None
        if which is None or token_sha256 is None:
            await self._look("wrong_token", address)
        else:
            await self._hit(which, token_sha256.hex())

    async def found(self, token_sha256: bytes, scope: TokenScope) -> None:
        """Remember that a token is real, and begin to count. Raises TooManyRequestsError."""
        if token_sha256 in self._known:
            return
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        which: Which = "program" if scope in OF_PROJECTS else "token"
        self._known[token_sha256] = which
        await self._hit(which, token_sha256.hex())

    async def not_found(self, token_sha256: bytes | None, address: str | None) -> None:
        """Count a token that is not known. Raises TooManyRequestsError."""
        if token_sha256 is not None:
            self._known.pop(token_sha256, None)
        await self._hit("wrong_token", address)

    async def _hit(self, which: Which, whose: str | None) -> None:
        item = self._items.get(which)
        if item is None or whose is None:
            return
        if not self._windows.has_room_for(item.key_for(which, whose), item.get_expiry()):
            whose = _OTHERS
        if not await self._limiter.hit(item, which, whose):
            await self._refuse(which, item, whose)

    async def _look(self, which: Which, whose: str | None) -> None:
        item = self._items.get(which)
        if item is not None and whose is not None and not await self._limiter.test(item, which, whose):
            await self._refuse(which, item, whose)

    async def _refuse(self, which: Which, item: RateLimitItem, whose: str) -> None:
        count_limited(which)
        stats = await self._limiter.get_window_stats(item, which, whose)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        raise TooManyRequestsError(_TOLD[which], item.amount, item.get_expiry(), seconds)


def address_of(scope: Scope) -> str | None:
    """Return whose address a request comes from, as it is counted: uvicorn has set it, from a proxy that it trusts.

    None, which is not counted, where there is no address: behind a socket of the file system.
    """
    client = scope.get("client")
    if not client or not client[0]:
        return None
    text = str(client[0])[:100]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


UNLIMITED: Final = Rates(Allowance({}))
"""Counts nothing: for an application over services that somebody else has opened, such as the demonstration's."""
