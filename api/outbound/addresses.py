"""Sessions that connect to public addresses only.

Names are judged by what they resolve to, and at the last moment: the address is checked where the socket for it is
made, so a name that resolves to something else the second time (DNS rebinding) gains nothing, and neither does an
address in another spelling, as every spelling has become four or sixteen bytes by then.
"""

import errno
import ipaddress
import socket
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SHOWN: Final = 200

_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""The special-purpose blocks of the IANA registry (RFC 6890 and its successors), multicast and reserved space."""

_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that has been given out as global unicast; whatever lies outside is local, mapped, multicast or unassigned."""

_NOT_PUBLIC_V6: Final = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Special blocks within: protocols and Teredo, documentation, 6to4 (which carries any IPv4 address), documentation."""

_HOLDS_V4: Final = tuple(ipaddress.IPv6Network(network) for network in ("::ffff:0:0/96", "64:ff9b::/96"))
"""Mapped addresses and NAT64, by which networks without IPv4 reach it: as public as the address in their last bytes."""


class PrivateAddressError(OSError):
    """The address is not a public one. It is not named: a name may have several, and they are refused as one."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "its address is not a public one")


class RedirectError(aiohttp.ClientError):
    """The answer was a redirect, which is not followed."""

    def __init__(self, status: int, target: str) -> None:
        super().__init__(f"it answers {status} and points to {target[:_SHOWN]!r}; give the final address")
        self.status = status
        self.target = target


def is_public(address: str) -> bool:
    """Tell whether a numeric IP address is one that the whole internet knows by that number."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _HOLDS_V4):
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        return ip in _GLOBAL_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)
    return not any(ip in network for network in _NOT_PUBLIC_V4)


def open_session(
    private_addresses: bool,
    timeout_seconds: float,
    *,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """Open a session for addresses that others named; close it as any other.

    A request fails with `aiohttp.ClientConnectorError` caused by `PrivateAddressError` where the address is not public,
    and with `RedirectError` where the answer is a redirect; both are `aiohttp.ClientError`.

    Parameters
    ----------
    private_addresses
        Connect to any address.
    timeout_seconds
        From the wish for a connection to the last byte of the answer; a request may ask for another time.
    resolver
        What turns names into addresses, if not the system.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, socket_factory=None if private_addresses else _public_socket),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"Chaffinch/{version('chaffinch')}"},
        middlewares=(_refuse_redirects,),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        trust_env=False,
    )


def is_refused(error: BaseException) -> bool:
    """Tell whether a request failed because the address is not a public one."""
    return any(isinstance(each, PrivateAddressError) for each in _causes(error))


def _public_socket(found: tuple[Any, ...]) -> socket.socket:
    """Make the socket for an address, if it is public: `found` is as `getaddrinfo` gives it."""
    family, kind, protocol, _, address = found
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(str(address[0])):
        raise PrivateAddressError
    return socket.socket(family, kind, protocol)


async def _refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise what would be followed otherwise, whatever the request says of redirects."""
    response = await handler(request)
    if response.status in REDIRECTS:
        response.close()
        raise RedirectError(response.status, response.headers.get("Location", ""))
    return response


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
