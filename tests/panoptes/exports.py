"""Exports in the exact shape of Panoptes', made up after public ones (Superluminous Supernovae, Snapshot Serengeti)."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

QUESTION = "**Is this a lens?**\n\nLook at the *blue* arcs.\n"
SESSION = "7a1f4a17d190291faa1824be3b3febf1d8b77a4f2d25dd6f191f76ef335684bf"

Row = dict[str, str]


def a_classification(
    number: int,
    user: str,
    value: object,
    *,
    subject: int = 96588114,
    metadata: Mapping[str, Any] | None = None,
    task: str = "T0",
    more: Sequence[tuple[str, object]] = (),
    **given: Any,
) -> Row:
    """Return a row as Panoptes writes it; `given` are keys of its metadata, `metadata` those of its subject."""
    named = not user.startswith("not-logged-in-")
    told = {
        "source": "api",
        "session": SESSION,
        "viewport": {"width": 1710, "height": 948},
        "started_at": "2024-02-23T16:16:35.085Z",
        "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
        "utc_offset": "18000",
        "finished_at": "2024-02-23T16:17:42.334Z",
        "live_project": True,
        "user_language": "en",
        "subject_dimensions": [{"clientWidth": 558, "naturalWidth": 1200}, None],
        "subject_selection_state": {"retired": False, "selected_at": "2024-02-23T16:16:35.003Z"},
        "workflow_translation_id": "28176",
    } | given
    said = [{"task": task, "task_label": QUESTION, "value": value}]
    said += [{"task": other, "task_label": f"And {other}?", "value": each} for other, each in more]
    retired = {"id": 125510348, "workflow_id": 10, "classifications_count": 10, "retirement_reason": None}
    return {
        "classification_id": str(number),
        "user_name": user,
        "user_id": "685686" if named else "",
        "user_ip": "b644753d0e3948f81dc2",
        "workflow_id": "10",
        "workflow_name": "Lens or not",
        "workflow_version": "16.55",
        "created_at": "2024-02-23 16:17:42 UTC",
        "gold_standard": "",
        "expert": "",
        "metadata": json.dumps(told),
        "annotations": json.dumps(said),
        "subject_data": json.dumps({str(subject): {"retired": retired, **(metadata or {"Filename": "a.jpg"})}}),
        "subject_ids": str(subject),
    }


def a_subject(number: int, metadata: Mapping[str, Any], *urls: str) -> Row:
    """Return a row of a subject export."""
    return {
        "subject_id": str(number),
        "project_id": "26558",
        "workflow_id": "10",
        "subject_set_id": "125329",
        "metadata": json.dumps(metadata),
        "locations": json.dumps(dict(enumerate(urls))),
        "classifications_count": "0",
        "retired_at": "",
        "retirement_reason": "",
        "created_at": "2015-05-25 21:02:58 UTC",
        "updated_at": "2015-05-25 21:02:58 UTC",
    }


def a_workflow(*labels: str, count: int | None = 10) -> dict[str, Any]:
    """Return a workflow as the API has it, its texts among the strings."""
    labels = labels or ("Yes", "No")
    answers = [{"label": f"T0.answers.{place}.label"} for place in range(len(labels))]
    strings = {"T0.question": QUESTION, "T0.help": "![x](https://example.org/x.png)\nSee the *guide*."}
    strings |= {f"T0.answers.{place}.label": label for place, label in enumerate(labels)}
    return {
        "id": "10",
        "display_name": "Lens or not",
        "version": "16.55",
        "first_task": "T0",
        "tasks": {"T0": {"help": "T0.help", "type": "single", "answers": answers, "question": "T0.question"}},
        "strings": strings,
        "retirement": {} if count is None else {"options": {"count": count}, "criteria": "classification_count"},
        "configuration": {},
        "steps": [],
    }


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows with the mark that Excel puts before UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
