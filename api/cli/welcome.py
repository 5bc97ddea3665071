"""What the demonstration says once it runs: where to swipe, also on a phone, and what else there is to see."""

import shlex
import socket
import sys
from ipaddress import ip_address
from typing import Final

LOCAL_URL: Final = "http://127.0.0.1:8000"
"""Where a command looks for the service without being told."""

_FAR: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that are in documentation only (RFC 5737, RFC 3849): nothing is sent to them."""


def where_to_go(project: str, local: str, in_network: str | None) -> str:
    """Return what there is to see and to do.

    Parameters
    ----------
    project
        The slug of the campaign.
    local
        The address of the service on this machine.
    in_network
        Its address for other machines, or None if it listens on this machine only.
    """
    command = shlex.quote(sys.argv[0])
    other = "" if local == LOCAL_URL else f" --url {local}"
    return f"""\
Swipe, in a browser on this machine:
  {local}/p/{project}
  {local}/ has all projects

{_on_a_phone(project, in_network)}
Browsers run service workers on HTTPS and on localhost only: over plain HTTP a phone can swipe, but it cannot open the
page while it is offline, install it, or get messages.

Send a simulated crowd, from another terminal in this folder:
  {command} crowd --volunteers 50{other}

The API is described at {local}/docs

Ctrl-C stops the service."""


def _on_a_phone(project: str, in_network: str | None) -> str:
    if in_network is None:
        return """\
To swipe on a phone in the same network, stop this, and start it with
  CHAFFINCH_HOST=0.0.0.0 make demo"""
    return f"""\
On a phone in the same network:
  {in_network}/p/{project}"""


def addresses(host: str, port: int) -> tuple[str, str | None]:
    """Return the address of a service on this machine, and that for others, if it listens on more than this machine."""
    try:
        named = ip_address(host)
    except ValueError:
        return url(host, port), None if host == "localhost" else url(host, port)
    if named.is_unspecified:
        own = _own_address(socket.AF_INET6 if named.version == 6 else socket.AF_INET)
        return url("127.0.0.1" if named.version == 4 else "::1", port), own and url(own, port)
    return url(host, port), None if named.is_loopback else url(host, port)


def url(host: str, port: int) -> str:
    """Return the address of a service over plain HTTP."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address(family: socket.AddressFamily) -> str | None:
    """Return the address from which this machine speaks to others; None where it has no network."""
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((_FAR[family], 9))
        except OSError:
            return None
        own: str = asking.getsockname()[0]
        return own
