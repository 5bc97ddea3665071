"""What a monitoring system is told: what the processes counted, what the database knows, how this process is."""

import asyncio
import contextlib
import hmac
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from api.errors import NotAuthenticatedError
from api.metrics import Asked, Sample, exposition, families, show_process
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.monitoring import connections, read_numbers

SAMPLE_SECONDS: Final = 2.0
"""Between two looks of a process at itself."""

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

ASKED: Final = (
    Asked(
        "chaffinch_subjects",
        "Subjects in a workflow, as the worker counted them.",
        ("project", "workflow", "id", "state"),
    ),
    Asked(
        "chaffinch_votes", "Votes that count in a workflow, as the worker counted them.", ("project", "workflow", "id")
    ),
    Asked(
        "chaffinch_calibration_age_seconds",
        "How long ago the calibration in force of a workflow was fitted.",
        ("project", "workflow", "id"),
    ),
    Asked("chaffinch_totals_age_seconds", "How long ago the worker counted the workflow that it counted least lately."),
    Asked("chaffinch_outbox_waiting", "Events that were committed and have no position yet."),
    Asked("chaffinch_outbox_waiting_seconds", "How long the oldest of them waits; the worker numbers them."),
    Asked("chaffinch_outbox_position", "The position of the newest event."),
    Asked(
        "chaffinch_webhook_lag",
        "Positions between a webhook and the newest event of its project.",
        ("project", "webhook"),
    ),
    Asked("chaffinch_webhook_failures", "Failed deliveries of a webhook in a row.", ("project", "webhook")),
    Asked("chaffinch_webhook_paused", "Whether a webhook is paused.", ("project", "webhook")),
    Asked("chaffinch_import_jobs", "Imports that wait, run, or have failed.", ("state",)),
    Asked("chaffinch_partitions_ahead", "Months to come whose partition of the vote log is there."),
    Asked("chaffinch_archived_months", "Months of the vote log that lie in Parquet files."),
    Asked("chaffinch_database_connections", "Connections of the server, used and allowed.", ("state",)),
    Asked("chaffinch_database_bytes", "Size of the database."),
)
"""What is asked of the database at every look."""


class Monitoring:
    """Tells whoever may know."""

    def __init__(self, pool: Pool, token: str | None) -> None:
        self._pool = pool
        self._token = token

    @reachable
    async def tell(self, sent_token: str | None, accept: str) -> tuple[bytes, str]:
        """Return all numbers and their media type: the text format of Prometheus, or OpenMetrics if that is accepted.

        Private projects are named only where a token is asked for.

        Raises
        ------
        NotAuthenticatedError
            The settings name a token, and it was not sent.
        DatabaseUnavailableError
            The database does not answer.
        """
        if self._token is not None and not hmac.compare_digest((sent_token or "").encode(), self._token.encode()):
            why = "no token was sent" if sent_token is None else "the token is another"
            raise NotAuthenticatedError(why, token_sent=sent_token is not None, which="of CHAFFINCH_METRICS_TOKEN")
        samples = [Sample(*number) for number in await read_numbers(self._pool, private=self._token is not None)]
        return exposition(families(ASKED, samples), accept)


@contextlib.asynccontextmanager
async def watched(pool: Pool, listeners: Callable[[], int]) -> AsyncIterator[None]:
    """Let this process say every few seconds how it is, for as long as the context lasts."""
    watching = asyncio.create_task(_watch(pool, listeners), name="watch")
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(pool: Pool, listeners: Callable[[], int]) -> None:
    loop = asyncio.get_running_loop()
    late = 0.0
    while True:
        size, idle = connections(pool)
        show_process(
            lag_seconds=late, resident_bytes=_resident_bytes(), connections=size, idle=idle, listeners=listeners()
        )
        due = loop.time() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        late = max(0.0, loop.time() - due)


def _resident_bytes() -> int:
    """Return the memory that this process holds, or 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
