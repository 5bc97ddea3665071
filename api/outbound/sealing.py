"""Push messages as push services take them: encrypted for one browser (RFC 8291), signed by us (RFC 8292).

A push service sees the size of a message, when it comes, and for which browser; not what it says.
"""

import base64
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from pywebpush import WebPusher

from api.outbound.vapid import VapidKey

SIGNED_SECONDS: Final = 12 * 3600
"""How long a signature is good; RFC 8292 allows a day at most."""

_TOPIC_BYTES: Final = 18
"""24 letters of base64url: RFC 8030 allows 32, and some services want them to decode."""


class Browser(NamedTuple):
    """Where a browser is reached, and its keys as base64url."""

    endpoint: str
    p256dh: str
    auth: str


class Manner(NamedTuple):
    """How a push service treats a message: how long it keeps it for a browser that is away, and how urgent it is.

    One that still waits there gives way to another of the same tag.
    """

    ttl_seconds: int
    urgency: str
    tag: str


def seal(
    browser: Browser, message: bytes, manner: Manner, key: VapidKey, subject: str
) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and the headers of the post that brings a message to a browser.

    Raises
    ------
    ValueError
        The browser's keys are none.
    """
    pusher = WebPusher({"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh, "auth": browser.auth}})
    body: bytes = pusher.encode(message)["body"]
    topic = base64.urlsafe_b64encode(sha256(manner.tag.encode()).digest()[:_TOPIC_BYTES]).decode()
    return body, {
        "Authorization": key.authorization(browser.endpoint, subject, int(time.time()) + SIGNED_SECONDS),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(manner.ttl_seconds),
        "Topic": topic,
        "Urgency": manner.urgency,
    }
