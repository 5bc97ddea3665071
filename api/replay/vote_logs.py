"""Reads a log of votes: a CSV with the columns item, worker, answer and gold, plain or gzipped."""

import csv
import gzip
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from api.errors import CommandError
from cascade.vocabulary import Answer

COLUMNS: Final = ("item", "worker", "answer", "gold")
"""What a log must have. `timestamp` (ISO 8601, UTC if it does not say) and `rt` (seconds) are kept where they are."""

LONGEST_DWELL_SECONDS: Final = 86_400.0

_ANSWERS: Final = {"yes": Answer.YES, "no": Answer.NO}
_GZIP: Final = b"\x1f\x8b"


class WrongVoteLogError(CommandError):
    """The file is no log of votes, or is damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer of one worker to one item, both by their place in the log's lists."""

    item: int
    worker: int
    answer: Answer
    answered_at: datetime | None = None
    dwell_ms: int = 0


@dataclass(frozen=True, slots=True)
class VoteLog:
    """Votes, one for each item and worker at most.

    `gold` has the known answers by item; `repeated` counts the rows left out because they repeat an item and worker;
    `scores` has a machine's scores by item, from 0 to 1, where a column of them was asked for.
    """

    items: Sequence[str]
    workers: Sequence[str]
    votes: Sequence[Vote]
    gold: Mapping[int, Answer]
    repeated: int
    scores: Mapping[int, float] = field(default_factory=dict)


def read(path: Path, scores: str | None = None) -> VoteLog:
    """Return the votes of a file; an answer other than yes and no is taken for unsure.

    `scores` names a column with a machine's score of the item, of which the first that is not empty is taken.

    Raises
    ------
    WrongVoteLogError
        The file is not there, is damaged, lacks a column, holds no vote, or has something else for a score.
    """
    columns = COLUMNS if scores is None else (*COLUMNS, scores)
    try:
        with _open(path) as file:
            reading = _Reading(path, scores)
            for line, row in _rows(path, file, columns):
                reading.add(line, row)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise WrongVoteLogError(path, _what_failed(error)) from error
    if not reading.votes:
        raise WrongVoteLogError(path, "holds no vote: there is no row under its header")
    items, workers = list(reading.items), list(reading.workers)
    return VoteLog(items, workers, reading.votes, reading.gold, reading.repeated, reading.scores)


@dataclass(slots=True)
class _Reading:
    path: Path
    column: str | None
    items: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    votes: list[Vote] = field(default_factory=list)
    gold: dict[int, Answer] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    seen: set[tuple[int, int]] = field(default_factory=set)
    repeated: int = 0

    def add(self, line: int, row: Mapping[str, str | None]) -> None:
        named = {name: (row.get(name) or "").strip() for name in ("item", "worker")}
        for name, value in named.items():
            if not value:
                raise WrongVoteLogError(self.path, f"line {line} has no {name}")
        item = self.items.setdefault(named["item"], len(self.items))
        worker = self.workers.setdefault(named["worker"], len(self.workers))
        if (known := _ANSWERS.get(_word(row, "gold"))) is not None:
            self.gold.setdefault(item, known)
        if self.column is not None and (text := (row.get(self.column) or "").strip()):
            self.scores.setdefault(item, self._score(line, self.column, text))
        if (item, worker) in self.seen:
            self.repeated += 1
            return
        self.seen.add((item, worker))
        answer = _ANSWERS.get(_word(row, "answer"), Answer.UNSURE)
        self.votes.append(Vote(item, worker, answer, _moment(row.get("timestamp")), _dwell_ms(row.get("rt"))))

    def _score(self, line: int, column: str, text: str) -> float:
        try:
            score = float(text)
        except ValueError:
            score = math.nan
        if not 0 <= score <= 1:
            raise WrongVoteLogError(self.path, f"line {line} has {text[:40]!r} in {column}; a score is a number 0 to 1")
        return score


def _open(path: Path) -> IO[str]:
    """Open a text file, unpacked if it is gzipped, whatever its name."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, file: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    rows = csv.DictReader(file, strict=True)
    if rows.fieldnames is None:
        raise WrongVoteLogError(path, "is empty; a log of votes begins with the header item,worker,answer,gold")
    missing = [name for name in columns if name not in rows.fieldnames]
    if missing:
        found = ", ".join(rows.fieldnames)[:200]
        named = f"no column {missing[0]}" if len(missing) == 1 else f"no columns {', '.join(missing)}"
        raise WrongVoteLogError(path, f"has {named}; it has {found}")
    for row in rows:
        yield rows.line_num, row


def _word(row: Mapping[str, str | None], name: str) -> str:
    return (row.get(name) or "").strip().lower()


def _moment(text: str | None) -> datetime | None:
    """Return when the answer was given, if the log says so in a way that can be read, in a year of this century."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if not 2000 <= moment.year <= 2099:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dwell_ms(seconds: str | None) -> int:
    try:
        dwell = float(seconds or 0)
    except ValueError:
        return 0
    return round(1000 * dwell) if 0 <= dwell <= LONGEST_DWELL_SECONDS else 0


def _what_failed(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case gzip.BadGzipFile() | EOFError() | zlib.error():
            return f"the gzip file is damaged or cut short ({error})"
        case UnicodeDecodeError():
            return "is not text in UTF-8"
        case csv.Error():
            return f"is not a CSV file ({error})"
    return f"cannot be read ({getattr(error, 'strerror', None) or error})"
