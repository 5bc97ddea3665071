"""The worker's refits: every workflow that decides by evidence, once in a period, one at a time.

Where votes come fast a period is long: once they have grown by three tenths, the next refit is due after a minute.
"""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from api.metrics import show_refit
from api.services.published import PublishedCascades
from api.services.refitting import (
    CascadeChangedError,
    Outcome,
    Refitting,
    RefitUnderWayError,
    find_workflows,
)
from api.services.rescoring import unfinished
from api.store.engine import Connection
from api.store.refitting import Candidate
from cascade.errors import CascadeError
from cascade.graph import Sequential

RETRY_SECONDS: Final = 300.0
"""After which a refit is tried again that failed, if the period is no shorter."""

GROWN_SECONDS: Final = 60.0
"""The least time between two refits of a workflow whose votes grow fast."""

SPREAD: Final = 0.1
"""By what share of the period a workflow without news is looked at earlier or later, so that none stay in step."""

log = structlog.get_logger(__name__)


class HourlyRefits:
    """Refits what is due; remembers what it tried, so that a workflow without news is not read again at once."""

    def __init__(self, database_url: str, period_seconds: float, dice: random.Random) -> None:
        self._database_url = database_url
        self._period_seconds = period_seconds
        self._dice = dice
        self._published = PublishedCascades()
        self._not_before: dict[int, datetime] = {}
        self._not_again_before: dict[int, datetime] = {}

    async def turn(self, connection: Connection) -> None:
        """Go on where a weighing anew was interrupted, and refit the workflow that is due for longest, if any is.

        What fails is not tried again for a while, so that it is in nobody's way.
        """
        refitting = Refitting(connection, self._database_url, self._published, self._dice)
        await self._go_on(connection, refitting)
        candidates = [each for each in await find_workflows(connection) if await self._is_sequential(connection, each)]
        now = datetime.now(UTC)
        due = [each for each in candidates if self._due_at(each) <= now]
        if due:
            await self._refit(refitting, min(due, key=self._due_at))

    async def _go_on(self, connection: Connection, refitting: Refitting) -> None:
        now = datetime.now(UTC)
        for workflow_id in await unfinished(connection):
            if self._not_again_before.get(workflow_id, now) <= now:
                self._not_again_before[workflow_id] = now + timedelta(seconds=RETRY_SECONDS)
                await refitting.rescore(workflow_id)
                del self._not_again_before[workflow_id]

    async def _is_sequential(self, connection: Connection, candidate: Candidate) -> bool:
        try:
            published = await self._published.get(connection, candidate.version_id)
        except CascadeError:
            return False  # written for another version of ours: `chaffinch doctor` says so
        return isinstance(published.workflow(candidate.workflow_id).policy, Sequential)

    def _due_at(self, candidate: Candidate) -> datetime:
        """Return when a workflow's next refit is due: one that never had any is due at once."""
        start = datetime.min.replace(tzinfo=UTC)
        pause = min(timedelta(seconds=GROWN_SECONDS), self._period()) if candidate.grown else self._period()
        fitted = start if candidate.fitted_at is None else candidate.fitted_at + pause
        return max(fitted, self._not_before.get(candidate.workflow_id, start))

    def _period(self, share: float = 1.0) -> timedelta:
        return timedelta(seconds=self._period_seconds * share)

    async def _refit(self, refitting: Refitting, candidate: Candidate) -> None:
        now = datetime.now(UTC)
        retry = timedelta(seconds=min(RETRY_SECONDS, self._period_seconds))
        self._not_before[candidate.workflow_id] = now + retry
        began = time.perf_counter()
        try:
            outcome = await refitting.refit(candidate)
        except (RefitUnderWayError, CascadeChangedError) as error:
            log.info("refit put off", project=candidate.slug, workflow=candidate.name, why=str(error))
            return
        if outcome.calibration is None:
            self._not_before[candidate.workflow_id] = now + self._period(self._dice.uniform(1 - SPREAD, 1 + SPREAD))
        else:
            del self._not_before[candidate.workflow_id]
        show_refit(candidate.slug, candidate.name, time.perf_counter() - began)
        _tell(outcome)


def _tell(outcome: Outcome) -> None:
    """Say in the log what was learnt; nothing, where nothing was."""
    if outcome.calibration is None:
        return
    weighed = outcome.rescored
    log.info(
        "refitted",
        project=outcome.slug,
        workflow=outcome.workflow,
        calibration=outcome.calibration.revision,
        votes=outcome.report["votes"],
        seconds=round(outcome.seconds, 2),
        rescored=weighed.rescored if weighed else 0,
        retired=weighed.retired if weighed else 0,
        flagged=weighed.flagged if weighed else 0,
        notes=outcome.report.get("notes", []),
    )
