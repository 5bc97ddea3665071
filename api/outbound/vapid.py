"""The key by which push services know us, and the claims that it signs (VAPID, RFC 8292)."""

import base64
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from py_vapid import Vapid02

KEY_BYTES: Final = 32

_UNCOMPRESSED: Final = b"\x04"
_ANY_SUBJECT: Final = {"no-strict": True}
"""What py_vapid is told, which takes no https address with a path otherwise."""


@dataclass(frozen=True, slots=True)
class VapidKey:
    """A private key of the curve P-256."""

    vapid: Any

    @classmethod
    def new(cls) -> Self:
        """Make a key."""
        vapid = Vapid02(conf=_ANY_SUBJECT)
        vapid.generate_keys()
        return cls(vapid)

    @classmethod
    def of(cls, private_key: bytes) -> Self:
        """Return the key of these 32 bytes."""
        vapid = Vapid02.from_raw(base64.urlsafe_b64encode(private_key))
        vapid.conf = _ANY_SUBJECT
        return cls(vapid)

    @property
    def private_key(self) -> bytes:
        """The private number, as 32 bytes."""
        number: int = self.vapid.private_key.private_numbers().private_value
        return number.to_bytes(KEY_BYTES, "big")

    @property
    def public_key(self) -> str:
        """The public point, uncompressed, as base64url: what a browser subscribes with."""
        point = self.vapid.public_key.public_numbers()
        numbers = point.x.to_bytes(KEY_BYTES, "big") + point.y.to_bytes(KEY_BYTES, "big")
        return base64.urlsafe_b64encode(_UNCOMPRESSED + numbers).rstrip(b"=").decode()

    def authorization(self, endpoint: str, subject: str, expires: int) -> str:
        """Return the `Authorization` of a message to an endpoint: signed for its origin, until a Unix time.

        Parameters
        ----------
        subject
            How the push service reaches whoever sends: a mailto: or https: address.
        """
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": subject, "exp": expires}
        signed: dict[str, str] = self.vapid.sign(claims)
        return signed["Authorization"]
