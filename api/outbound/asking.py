"""Asks providers of logins: JSON over HTTP, bounded in bytes and time.

The operator has named them, in whatever network they are, so private addresses are allowed here. Redirects are not
followed: where a provider's addresses are, it says itself.
"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from pydantic_core import from_json

from api.outbound.addresses import open_session
from api.outbound.errors import ProviderDisbelievedError, ProviderSilentError

TIMEOUT_SECONDS: Final = 10.0
LIMIT_BYTES: Final = 500_000
_SHOWN: Final = 200


async def ask_json(url: str, *, headers: Mapping[str, str] | None = None, form: str | None = None) -> dict[str, Any]:
    """Return the JSON object that an address answers with, posting a form if there is one.

    Raises
    ------
    ProviderSilentError
        No answer came, or no object in JSON.
    ProviderDisbelievedError
        The answer is that what was asked is wrong (400 to 499).
    """
    own = {"Accept": "application/json", **(headers or {})}
    if form is not None:
        own["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        async with (
            open_session(private_addresses=True, timeout_seconds=TIMEOUT_SECONDS) as session,
            session.request("GET" if form is None else "POST", url, headers=own, data=form) as reply,
        ):
            status, content = reply.status, await _read(reply, url)
    except (aiohttp.ClientError, TimeoutError, UnicodeError, ValueError) as error:
        raise ProviderSilentError(url, str(error) or type(error).__name__) from error
    if 400 <= status < 500 and status != 429:
        raise ProviderDisbelievedError(f"{url} answers {status}: {content[:_SHOWN].decode(errors='replace')}")
    if status != 200:
        raise ProviderSilentError(url, f"the answer is {status}")
    return _object(url, content)


async def _read(reply: aiohttp.ClientResponse, url: str) -> bytes:
    content = bytearray()
    async for part in reply.content.iter_any():
        content += part
        if len(content) > LIMIT_BYTES:
            raise ProviderSilentError(url, f"the answer has more than {LIMIT_BYTES} bytes")
    return bytes(content)


def _object(url: str, content: bytes) -> dict[str, Any]:
    try:
        found = from_json(content)
    except ValueError as error:
        raise ProviderSilentError(url, "the answer is not JSON") from error
    if not isinstance(found, dict):
        raise ProviderSilentError(url, "the answer is no JSON object")
    return found


def text(found: Mapping[str, Any], key: str, longest: int = 255) -> str | None:
    """Return a text that a provider gave, if it is one that can be stored."""
    value = found.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= longest and "\0" not in value else None
