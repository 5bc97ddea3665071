"""Rows in the shape of Panoptes' exports: real values in the columns that are known here, empty cells in the others.

Each workflow of ours is a Panoptes workflow of one task, `T0`, with the answers Yes, No and Not sure. What Panoptes has
no column for (whether a vote counted, and why not) stands in the metadata under `chaffinch`.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import to_json

from api.panoptes.subjects import OWN_IDS
from api.panoptes.votes import OUR_TASK
from cascade.graph import Count, Workflow
from cascade.vocabulary import Answer

CLASSIFICATION_COLUMNS: Final = (
    *("classification_id", "user_name", "user_id", "user_ip", "workflow_id", "workflow_name", "workflow_version"),
    *("created_at", "gold_standard", "expert", "metadata", "annotations", "subject_data", "subject_ids"),
)
SUBJECT_COLUMNS: Final = (
    *("subject_id", "project_id", "workflow_id", "subject_set_id", "metadata", "locations", "classifications_count"),
    *("retired_at", "retirement_reason", "created_at", "updated_at"),
)
WORKFLOW_COLUMNS: Final = (
    *("workflow_id", "display_name", "version", "minor_version", "active", "classifications_count", "pairwise"),
    *("grouped", "prioritized", "primary_language", "first_task", "tutorial_subject_id"),
    *("retired_set_member_subjects_count", "tasks", "retirement", "aggregation", "strings"),
)

LABELS: Final = {Answer.YES: "Yes", Answer.NO: "No", Answer.UNSURE: "Not sure"}
"""The answers in the order of the question: Panoptes' mobile app swipes right for the first."""

MINOR_VERSION: Final = 1
"""A version of a cascade is a major version there; texts do not change on their own."""

Cell = str | int | None


def table(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def json_text(value: object) -> str:
    """Return a value as JSON."""
    return to_json(value).decode()


def json_value(text: str) -> Any:
    """Return what JSON text says."""
    return json.loads(text)


def moment(at: datetime | None) -> str | None:
    """Return a moment as Panoptes' columns have it, to the second: `2024-02-23 16:17:42 UTC`."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def precise(at: datetime) -> str:
    """Return a moment as Panoptes' JSON has it, with all its digits: `2024-02-23T16:17:42.334Z`."""
    text = at.astimezone(UTC).isoformat(timespec="microseconds" if at.microsecond % 1000 else "milliseconds")
    return text.removesuffix("+00:00") + "Z"


def version_text(number: int) -> str:
    """Return the version of a workflow: that of the cascade, and the minor one that never changes."""
    return f"{number}.{MINOR_VERSION}"


def vote_metadata(
    answered_at: datetime,
    dwell_ms: int,
    session: str | None,
    language: str | None,
    utc_offset_minutes: int | None,
    ours: Mapping[str, object],
) -> str:
    """Return the metadata of a classification: when it was begun and finished, and the rest where it is known.

    The offset is in seconds west of Greenwich, as text, as Panoptes has it.
    """
    known = {
        "session": session,
        "started_at": precise(answered_at - timedelta(milliseconds=dwell_ms)),
        "utc_offset": None if utc_offset_minutes is None else str(-60 * utc_offset_minutes),
        "finished_at": precise(answered_at),
        "user_language": language,
        "chaffinch": ours,
    }
    return json_text({key: value for key, value in known.items() if value is not None})


def annotations(question: str, answer: Answer) -> str:
    """Return what was said in the one task."""
    return json_text([{"task": OUR_TASK, "task_label": question, "value": LABELS[answer]}])


def subject_metadata(metadata: str, external_id: str) -> dict[str, Any]:
    """Return the metadata of a subject, with the researcher's own id under a hidden key."""
    return {**json.loads(metadata), OWN_IDS[0]: external_id}


def workflow_cells(workflow: Workflow) -> dict[str, str]:
    """Return the cells of a workflow that hold JSON: its one task, its texts, and when it retires subjects.

    What retires by another rule than a count is, for Panoptes, retired by somebody else.
    """
    texts = {"question": workflow.question, "help": workflow.guide or ""}
    texts |= {f"answers.{place}.label": label for place, label in enumerate(LABELS.values())}
    task = {
        "help": f"{OUR_TASK}.help",
        "type": "single",
        "answers": [{"label": f"{OUR_TASK}.answers.{place}.label"} for place in range(len(LABELS))],
        "question": f"{OUR_TASK}.question",
    }
    retirement: dict[str, Any] = {"criteria": "never_retire", "options": {}}
    if isinstance(workflow.policy, Count):
        retirement = {"criteria": "classification_count", "options": {"count": workflow.policy.count}}
    return {
        "tasks": json_text({OUR_TASK: task}),
        "retirement": json_text(retirement),
        "strings": json_text({f"{OUR_TASK}.{key}": text for key, text in texts.items()}),
    }
