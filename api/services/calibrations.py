"""Lists what refits have learnt, for researchers."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from api.caller import Caller
from api.errors import NotAllowedError, UnknownProjectError
from api.services.published import calibration_of
from api.services.reachable import reachable
from api.store.engine import Pool
from api.store.refitting import RefittingStore, StoredCalibration
from cascade.calibration import Calibration
from cascade.skill import MICRO
from cascade.standing import p_yes
from cascade.vocabulary import Answer
from mobile_schemas.calibrations import CalibrationsQuery

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HUNDRED: Final = 100


class Calibrations:
    """Shows calibrations."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def page(self, caller: Caller, slug: str, query: CalibrationsQuery) -> dict[str, Any]:
        """Return calibrations as the contract has them (`mobile_schemas.calibrations.CalibrationsOut`), newest first.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is not one of its researchers'.
        """
        async with self._pool.acquire() as connection:
            store = RefittingStore(connection)
            project_id = await store.find_project(slug, caller.sight)
            if project_id is None:
                raise UnknownProjectError(slug)
            if not caller.researches(project_id):
                raise NotAllowedError(f"the calibrations of {slug} are for its researchers")
            found = await store.page(project_id, _place(query.after), query.limit + 1)
        shown, complete = found[: query.limit], len(found) <= query.limit
        return {
            "calibrations": [_view(each) for each in shown],
            "complete": complete,
            "cursor": None if complete else _cursor(shown[-1]),
        }


def calibration_view(calibration: Calibration) -> dict[str, Any]:
    """Return what a calibration says, in shares and nats."""
    totals = calibration.prior.sum(axis=-1)
    return {
        "prevalence": float(p_yes(np.array(calibration.prevalence))),
        "hard_share": calibration.hard / MICRO,
        "accept_log_odds": calibration.accept / MICRO or None,
        "reject_log_odds": calibration.reject / MICRO or None,
        "start_if_yes": _shares(calibration.prior[Answer.YES]),
        "start_if_no": _shares(calibration.prior[Answer.NO]),
        "start_strength": float(totals.mean()) / _HUNDRED,
    }


def _view(stored: StoredCalibration) -> dict[str, Any]:
    return {
        "workflow": stored.values.workflow_id,
        "workflow_name": stored.workflow,
        "revision": stored.values.revision,
        "in_force": stored.in_force,
        "version": stored.version,
        "fitted_at": stored.fitted_at,
        "votes": stored.votes,
        **calibration_view(calibration_of(stored.values)),
        "scores": stored.values.scores,
        "report": stored.report,
    }


def _shares(counts: NDArray[np.int64]) -> dict[str, float]:
    return {answer.word: float(counts[answer] / counts.sum()) for answer in Answer}


def _cursor(stored: StoredCalibration) -> str:
    return f"{(stored.fitted_at - _EPOCH) // _MICROSECOND}.{stored.values.workflow_id}"


def _place(cursor: str | None) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    micros, workflow = cursor.split(".")
    return _EPOCH + int(micros) * _MICROSECOND, int(workflow)
