"""The statements of refits: votes out of the database as arrays, calibrations into it, and lists of those there are.

A refit reads a whole workflow at once, from one snapshot: rows leave PostgreSQL by COPY (`api.store.columnar`) and
become numpy arrays without ever being Python values. A million votes take 1.5 s and 100 MB.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from api.store.calibrations import CalibrationValues
from api.store.columnar import ColumnarConnection, open_columnar
from api.store.engine import Connection
from api.store.statements import statements
from cascade.calibration import Calibration
from cascade.score import to_json

_SQL = statements("refitting")

Integers = NDArray[np.int64]

_NOTHING: Final = {
    "votes": pa.schema(dict.fromkeys(("person_id", "subject_id", "answer", "gold", "truth", "moment"), pa.int64())),
    "gold": pa.schema(dict.fromkeys(("subject_id", "truth"), pa.int64())),
    "scores": pa.schema({"subject_id": pa.int64(), "value": pa.float64(), "model": pa.string()}),
}
"""What is read, where the driver says nothing of columns because there are no rows."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The votes of a workflow as they are stored, by persons' and subjects' own numbers; columns go together by row.

    Attributes
    ----------
    person, subject, answer
        Counted votes, and answers to training subjects.
    gold, told
        Whether the vote was on a card of gold, and the truth that its giver was told then, -1 otherwise.
    moment
        When it came, in microseconds.
    gold_subject, gold_truth
        The known answers of today.
    scored, score, model
        The subjects with a machine score, what it says, and whose it is: a place in `models`.
    models
        The hashes of the models, empty for one that was not named.
    """

    person: Integers
    subject: Integers
    answer: Integers
    gold: NDArray[np.bool_]
    told: Integers
    moment: Integers
    gold_subject: Integers
    gold_truth: Integers
    scored: Integers
    score: NDArray[np.float64]
    model: Integers
    models: Sequence[str]


class Candidate(NamedTuple):
    """A workflow that is asked, with its project's version in force and the calibration in force, 0 for none.

    `grown` says that there are many more votes than that calibration has seen.
    """

    project_id: int
    slug: str
    version_id: int
    pseudonym_key: bytes
    workflow_id: int
    name: str
    calibration: int
    fitted_at: datetime | None
    grown: bool


class Dropped(NamedTuple):
    """Somebody whose record began anew, how often, and their gold answers since: no x3, yes x3."""

    person_id: int
    drops: int
    counts: Sequence[int]


class StoredCalibration(NamedTuple):
    """A calibration as it was written; `in_force` says whether it is that of its workflow now."""

    workflow: str
    version: int
    in_force: bool
    fitted_at: datetime
    votes: int
    report: Mapping[str, Any]
    values: CalibrationValues


@dataclass(frozen=True, slots=True)
class NewCalibration:
    """A calibration to be written, with what other subjects say of persons: `batch` in hundredths, (n, 6)."""

    workflow_id: int
    version_id: int
    calibration: Calibration
    votes: int
    report: Mapping[str, Any]
    persons: Integers
    batch: Integers


def gather(database_url: str, workflow_id: int, score: str | None) -> Gathered:
    """Return the votes of a workflow, and the scores of this name, from one snapshot. It blocks: use a thread.

    Raises
    ------
    ConnectionError
        The database does not answer.
    """
    with open_columnar(database_url) as connection:
        connection.begin_snapshot()
        connection.execute("SET LOCAL jit = off")
        votes = _table(connection, "votes", workflow_id)
        gold = _table(connection, "gold", workflow_id)
        scores = _table(connection, "scores", workflow_id, score or "")
    model = scores["model"].combine_chunks().dictionary_encode()
    return Gathered(
        person=_integers(votes["person_id"]),
        subject=_integers(votes["subject_id"]),
        answer=_integers(votes["answer"]),
        gold=votes["gold"].to_numpy().astype(np.bool_),
        told=_integers(votes["truth"]),
        moment=_integers(votes["moment"]),
        gold_subject=_integers(gold["subject_id"]),
        gold_truth=_integers(gold["truth"]),
        scored=_integers(scores["subject_id"]),
        score=scores["value"].to_numpy().astype(np.float64),
        model=_integers(model.indices),
        models=model.dictionary.to_pylist(),
    )


class RefittingStore:
    """Reads and writes calibrations over one connection; transactions are the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find_project(self, slug: str, sight: list[int] | None = None) -> int | None:
        """Return the number of a project."""
        number: int | None = await self._connection.fetchval(_SQL["find_project"], slug, sight)
        return number

    async def asked_workflows(self, slug: str | None = None) -> list[Candidate]:
        """Return every workflow that is asked, of one project or of all."""
        return [Candidate(*row) for row in await self._connection.fetch(_SQL["asked_workflows"], slug)]

    async def try_to_refit(self, workflow_id: int) -> bool:
        """Try to become the one that refits a workflow, until `stop_refitting` or the end of the connection."""
        return bool(await self._connection.fetchval(_SQL["try_to_refit"], workflow_id))

    async def stop_refitting(self, workflow_id: int) -> None:
        """Let another one refit the workflow."""
        await self._connection.execute(_SQL["stop_refitting"], workflow_id)

    async def inputs_in_force(self, workflow_id: int) -> str | None:
        """Return the digest of what the calibration in force was made of."""
        digest: str | None = await self._connection.fetchval(_SQL["inputs_in_force"], workflow_id)
        return digest

    async def write(self, new: NewCalibration) -> int:
        """Write a calibration with everybody's skill by it, and put it in force; return whose fits are new."""
        fit = new.calibration
        await self._connection.execute(_SQL["lock_skills"], new.workflow_id)
        changed: int = await self._connection.fetchval(
            _SQL["write_skills"], new.workflow_id, fit.revision, new.persons.tolist(), *new.batch.T.tolist()
        )
        await self._connection.execute(
            _SQL["write_calibration"],
            *(new.workflow_id, fit.revision, new.version_id, fit.prior.ravel().tolist()),
            *(fit.prevalence, fit.hard, fit.accept, fit.reject, new.votes),
            *(json.dumps(to_json(fit.scores)), json.dumps(new.report), fit.proven),
        )
        return changed

    async def dropped(self, workflow_id: int) -> list[Dropped]:
        """Return those whose skill has dropped suddenly, the most often first."""
        return [Dropped(row[0], row[1], row[2:]) for row in await self._connection.fetch(_SQL["dropped"], workflow_id)]

    async def volunteers_of(self, workflow_id: int, persons: Sequence[int]) -> dict[int, int]:
        """Return the volunteer by which each person took part in a workflow."""
        rows = await self._connection.fetch(_SQL["volunteers_of"], workflow_id, list(persons))
        return {row[0]: row[1] for row in rows}

    async def page(self, project_id: int, before: tuple[datetime, int] | None, limit: int) -> list[StoredCalibration]:
        """Return the calibrations of a project before a place (a moment and a workflow), newest first."""
        fitted_at, workflow_id = before or (None, 0)
        rows = await self._connection.fetch(_SQL["page"], project_id, fitted_at, workflow_id, limit)
        return [_stored(row) for row in rows]


def _stored(row: asyncpg.Record) -> StoredCalibration:
    workflow, version, in_force, fitted_at, votes, report = row[:6]
    values = CalibrationValues(*row[6:])._replace(scores=json.loads(row[-1]))
    return StoredCalibration(workflow, version, in_force, fitted_at, votes, json.loads(report), values)


def _table(connection: ColumnarConnection, name: str, workflow_id: int, score: str = "") -> pa.Table:
    """Return the rows of a statement; what it asks of a score of no name has none."""
    statement = _SQL[name].replace("$1", str(int(workflow_id))).replace("$2", score.encode().hex())
    batches = list(connection.batches(statement))
    return pa.Table.from_batches(batches, None if batches else _NOTHING[name])


def _integers(column: pa.ChunkedArray | pa.Array) -> Integers:
    numbers: Integers = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
