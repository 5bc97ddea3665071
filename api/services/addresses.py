"""Where browsers reach this service: what logins come back to, and what passkeys belong to."""

import re
from typing import Final
from urllib.parse import urlsplit

from api.account_errors import NoPublicAddressError

_LOOPBACK: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
_NUMERIC: Final = re.compile(r"[0-9.]+|.*:.*")


class PublicAddress:
    """The address of the settings; without one, that at which a browser on the same machine asks."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url

    def origin(self, host: str) -> str:
        """Return the origin of our pages, for a request to a host. Raises NoPublicAddressError."""
        if self._public_url is not None:
            return self._public_url
        if _LOOPBACK.fullmatch(host):
            return f"http://{host}"
        raise NoPublicAddressError

    def relying_party(self, host: str) -> str:
        """Return the name that passkeys belong to: one of a secure page, and none of numbers.

        Raises
        ------
        NoPublicAddressError
            Browsers make no passkeys at this address.
        """
        address = urlsplit(self.origin(host))
        name = address.hostname or ""
        if _NUMERIC.fullmatch(name) or (address.scheme != "https" and name != "localhost"):
            raise NoPublicAddressError
        return name

    def has_origin(self, host: str) -> bool:
        """Say whether logins can come back."""
        return self._public_url is not None or _LOOPBACK.fullmatch(host) is not None

    def has_relying_party(self, host: str) -> bool:
        """Say whether passkeys work."""
        try:
            return bool(self.relying_party(host))
        except NoPublicAddressError:
            return False

    def is_ours(self, origin: str, host: str) -> bool:
        """Say whether a page of this origin is one of ours; the scheme is the proxy's business."""
        try:
            return origin == self._public_url or urlsplit(origin).netloc == host
        except ValueError:
            return False
