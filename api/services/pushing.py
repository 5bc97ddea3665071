"""Pushing: messages are posted to the push services of browsers, until these have taken them or it is too late.

Theory of operation
-------------------
A worker takes up some messages that are due and keeps the others from them for longer than its posts can take; each is
then removed or postponed as soon as its answer is there. What a killed worker had posted without noting the answer is
posted again, under the same topic and tag, so a phone shows it once.

    2xx                         sent, and removed
    404, 410                    the browser is gone: its subscription is removed with all its messages
    413                         it can never be sent: dropped
    400, 401, 403               we are not believed, or not rightly configured: said in the log, tried again every hour
    all else, and no answer     tried again later and later, never sooner than the service asks for

After three days a message is dropped: what it says is old by then.

This module knows no HTTP: it is given what posts.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from api.metrics import count_push
from api.outbound.sealing import Browser, Manner, seal
from api.outbound.vapid import VapidKey
from api.services.delivering import Answer, Post
from api.services.push import key_of
from api.services.push_words import LEVEL, message_of
from api.store.engine import Connection
from api.store.push import Message, PushStore

AT_ONCE: Final = 16
"""Posts under way in one worker."""

TAKEN_UP: Final = 64
"""Messages that one turn takes up."""

KEPT: Final = timedelta(minutes=3)
"""How long others leave them alone: longer than as many posts take that are all answered at the last moment."""

OLDEST_SECONDS: Final = 3 * 86400.0
FIRST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 3600.0
LONGEST_ASKED_SECONDS: Final = 86400.0
"""A service that asks for more is asked again after a day."""

GONE: Final = frozenset({404, 410})
TOO_LARGE: Final = 413
REFUSED: Final = frozenset({400, 401, 403})

_DAY_SECONDS: Final = 86400

log = structlog.get_logger(__name__)


def pause_seconds(attempts: int, answer: Answer, dice: random.Random) -> float:
    """Return how long to wait after so many attempts, of which the last had this answer."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (min(attempts, 20) - 1), LONGEST_PAUSE_SECONDS)
    if answer.status in REFUSED:
        longest = LONGEST_PAUSE_SECONDS
    return max(longest * dice.uniform(0.8, 1.2), min(answer.retry_after_seconds or 0.0, LONGEST_ASKED_SECONDS))


def manner_of(kind: str, tag: str) -> Manner:
    """Return how a message is treated: more work is for today, a level is good news for a week."""
    return Manner(7 * _DAY_SECONDS, "low", tag) if kind == LEVEL else Manner(_DAY_SECONDS, "normal", tag)


class Pushing:
    """One worker's messages."""

    def __init__(self, post: Post, subject: str, dice: random.Random) -> None:
        self._post = post
        self._subject = subject
        self._dice = dice
        self._key: VapidKey | None = None
        self._said: set[tuple[str, int]] = set()

    async def turn(self, connection: Connection) -> int:
        """Send what is due; return how many messages were taken up."""
        store = PushStore(connection)
        messages = await store.take_up(TAKEN_UP, KEPT)
        if not messages:
            return 0
        key = self._key = self._key or await key_of(connection)
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(self._send(message, key, places)) for message in messages]
            for sent in asyncio.as_completed(sending):
                await self._note(store, *await sent)
        return len(messages)

    async def _send(self, message: Message, key: VapidKey, places: asyncio.Semaphore) -> tuple[Message, Answer | None]:
        """Post one message; one that is too old, or cannot be made, is not posted, and has no answer."""
        if message.age_seconds > OLDEST_SECONDS:
            return message, None
        try:
            body, headers = self._sealed(message, key)
        except Exception:
            log.exception("a push message could not be made", message=message.id)
            return message, None
        async with places:
            return message, await self._post(message.to.endpoint, body, headers)

    def _sealed(self, message: Message, key: VapidKey) -> tuple[bytes, Mapping[str, str]]:
        told = message_of(message.kind, message.payload, message.to.language)
        browser, manner = Browser(*message.to[:3]), manner_of(message.kind, told.tag)
        return seal(browser, told.model_dump_json().encode(), manner, key, self._subject)

    async def _note(self, store: PushStore, message: Message, answer: Answer | None) -> None:
        """Note what came of a message."""
        if answer is None or answer.status == TOO_LARGE:
            await store.done(message.id)
            count_push("dropped")
        elif answer.error is None:
            await store.done(message.id)
            count_push("sent")
        elif answer.status in GONE:
            await store.drop_subscription(message.subscription_id)
            count_push("dropped")
        else:
            await store.postpone(message.id, pause_seconds(message.attempts, answer, self._dice), answer.error)
            count_push("failed")
            self._say(message, answer)

    def _say(self, message: Message, answer: Answer) -> None:
        """Say that a message failed; that a push service refuses us is said clearly, and once."""
        host = urlsplit(message.to.endpoint).netloc
        if answer.status not in REFUSED:
            log.info("a push message was not taken", host=host, error=answer.error, attempt=message.attempts)
        elif (host, answer.status) not in self._said:
            self._said.add((host, answer.status))
            log.warning(
                "a push service refuses our messages: see CHAFFINCH_PUSH_CONTACT",
                host=host,
                error=answer.error,
                contact=self._subject,
            )
