"""The classification export: what one volunteer said of one subject, task by task.

A cell of `annotations` holds a list of what was said in each task. A combo task has a list of the same kind as its
value, and so has a page of several tasks. The value of a question is the label of the answer, or its place among the
answers where Panoptes could not find the workflow as it was then.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from api.manifest import BadRow
from api.panoptes.subjects import PanoptesSubject, subjects_of
from api.panoptes.tables import Cells, RefusedError, json_of, rows_of, shown

COLUMNS: Final = ("classification_id", "user_name", "created_at", "annotations", "subject_ids")
LONGEST_DWELL_MS: Final = 2**31 - 1
LONGEST_NAME: Final = 200

_SESSION: Final = re.compile(r"[!-~]{1,64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,6}(\.0+)?")
_WEST, _EAST = -720, 840


@dataclass(frozen=True, slots=True)
class Annotation:
    """What was said in one task: a label, the place of one, or something that is no answer of a question."""

    task: str
    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class PanoptesClassification:
    """A row of a classification export. `utc_offset_minutes` is east of Greenwich, where Panoptes counts west."""

    line: int
    id: str
    user_name: str
    workflow_id: str
    workflow_name: str
    answered_at: datetime
    dwell_ms: int
    session: str | None
    language: str | None
    utc_offset_minutes: int | None
    flag: bool
    annotations: tuple[Annotation, ...]
    subject: PanoptesSubject


def read_classifications(path: Path) -> Iterator[PanoptesClassification | BadRow]:
    """Yield the rows of a classification export, each read as it is drawn.

    Raises
    ------
    WrongExportError
        The file is none.
    """
    for line, cells in rows_of(path, "classification export", COLUMNS):
        if isinstance(cells, BadRow):
            yield cells
            continue
        try:
            yield _classification(line, cells)
        except RefusedError as refused:
            yield refused.on(line)


def _classification(line: int, cells: Cells) -> PanoptesClassification:
    metadata = json_of(cells, "metadata", dict)
    recorded = _moment(cells["created_at"])
    finished = _moment(metadata.get("finished_at")) or recorded
    if finished is None:
        raise RefusedError(
            "created_at",
            f"is {shown(cells['created_at'])}",
            "it must be a date and time of the years 2000 to 2100, such as 2024-02-23 16:17:42 UTC",
        )
    ours = metadata.get("chaffinch")
    return PanoptesClassification(
        line=line,
        id=_id(cells),
        user_name=_name(cells),
        workflow_id=cells.get("workflow_id", "").strip(),
        workflow_name=cells.get("workflow_name", "").strip(),
        answered_at=finished,
        dwell_ms=_dwell_ms(_moment(metadata.get("started_at")), finished),
        session=_matching(_SESSION, metadata.get("session")),
        language=_matching(_LANGUAGE, str(metadata.get("user_language") or "").replace("_", "-")[:35]),
        utc_offset_minutes=_utc_offset(metadata.get("utc_offset")),
        flag=isinstance(ours, Mapping) and ours.get("flag") is True,
        annotations=tuple(_flat(json_of(cells, "annotations", list))),
        subject=_subject(cells),
    )


def _id(cells: Cells) -> str:
    number = cells["classification_id"].strip()
    if not number or not number.isprintable() or len(number) > LONGEST_NAME:
        raise RefusedError(
            "classification_id", f"is {shown(number)}", "it must be the number of a classification, each its own"
        )
    return number


def _name(cells: Cells) -> str:
    name = cells["user_name"].strip() or cells.get("user_id", "").strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise RefusedError(
            "user_name", f"is {shown(name)}", "it must be a login, or not-logged-in- and a hash: who gave the answer"
        )
    return name


def _subject(cells: Cells) -> PanoptesSubject:
    ids = [each.strip() for each in cells["subject_ids"].split(";") if each.strip()]
    found = subjects_of(json_of(cells, "subject_data", dict) if "subject_data" in cells else {}, ids)
    if len(found) != 1:
        how_many = f"names {len(found)} subjects" if found else "names no subject"
        raise RefusedError(
            "subject_ids", how_many, "Chaffinch asks about one subject at a time; such classifications stay behind"
        )
    return found[0]


def _flat(annotations: list[Any]) -> Iterator[Annotation]:
    """Yield what was said in each task, and in the tasks within a task."""
    for each in annotations:
        if not isinstance(each, Mapping) or not isinstance(each.get("task"), str):
            continue
        value = each.get("value")
        if isinstance(value, list) and any(isinstance(part, Mapping) and "task" in part for part in value):
            yield from _flat(value)
        else:
            label = each.get("task_label")
            yield Annotation(each["task"], label if isinstance(label, str) else "", value)


def _moment(text: object) -> datetime | None:
    """Return a moment of this century as Panoptes writes it: `2024-02-23 16:17:42 UTC`, or ISO 8601."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if 2000 <= moment.year <= 2100 else None


def _dwell_ms(started: datetime | None, finished: datetime) -> int:
    if started is None:
        return 0
    return max(0, min(round((finished - started).total_seconds() * 1000), LONGEST_DWELL_MS))


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _utc_offset(seconds: object) -> int | None:
    """Return minutes east of Greenwich. Panoptes has seconds west of it, as JavaScript counts: 18000 in New York."""
    if not _SECONDS.fullmatch(str(seconds)):
        return None
    minutes = -round(float(str(seconds)) / 60)
    return minutes if _WEST <= minutes <= _EAST else None
