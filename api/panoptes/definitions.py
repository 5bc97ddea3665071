"""Panoptes workflows as they are written down: the API's JSON, or rows of a workflow export, to one plain shape.

In the API a workflow's texts stand in its tasks, or, as in the export, under keys in `strings`: a task says
`"question": "T0.question"` and the strings have `"T0.question"` (or `"tasks.T0.question"`, as translations do).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from api.panoptes.errors import WrongWorkflowFileError

MOST_BYTES: Final = 100_000_000
_JSON_COLUMNS: Final = ("tasks", "strings", "retirement", "configuration", "steps")


@dataclass(frozen=True, slots=True)
class Definition:
    """A Panoptes workflow; `version` counts its changes, and `older` are its versions before, the newest first.

    `steps` are pages with the tasks that each of them shows.
    """

    id: str
    title: str
    version: tuple[int, int]
    first_task: str
    tasks: Mapping[str, Mapping[str, Any]]
    strings: Mapping[str, str]
    retirement: Mapping[str, Any]
    steps: Sequence[tuple[str, Mapping[str, Any]]] = ()
    has_tutorial: bool = False
    older: Sequence["Definition"] = ()

    def labels(self, task: str) -> list[str]:
        """Return the answers of a question, in their order."""
        return [self.text(task, f"answers.{n}.label") for n in range(len(_list(self.tasks[task].get("answers"))))]

    def text(self, task: str, path: str) -> str:
        """Return a text of a task by its path in it, such as ``answers.0.label``; empty if there is none."""
        written: Any = self.tasks[task]
        for part in path.split("."):
            if isinstance(written, Mapping):
                written = written.get(part)
            elif isinstance(written, list) and part.isdigit() and int(part) < len(written):
                written = written[int(part)]
            else:
                written = None
        keys = [f"tasks.{task}.{path}", f"{task}.{path}"]
        if isinstance(written, str):
            keys = [written, f"tasks.{written}", *(keys if not written else ())]
        found = next((self.strings[key] for key in keys if isinstance(self.strings.get(key), str)), None)
        return found if found is not None else str(written or "")


def read_definitions(path: Path) -> list[Definition]:
    """Return the workflows in a file: JSON of the API, or the CSV of a workflow export, each with its older versions.

    Raises
    ------
    WrongWorkflowFileError
        The file cannot be read, or holds no workflow.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WrongWorkflowFileError(str(path), f"is larger than {MOST_BYTES} bytes, which no workflow is")
        content = path.read_bytes()
    except OSError as error:
        raise WrongWorkflowFileError(str(path), error.strerror or str(error)) from error
    return definitions_of(content, str(path))


def definitions_of(content: bytes, name: str = "the workflow") -> list[Definition]:
    """Return the workflows in the content of a file; errors are those of `read_definitions`, and speak of `name`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongWorkflowFileError(name, "is not text in UTF-8") from error
    try:
        found = _trees(text) if text.lstrip()[:1] in ("{", "[") else _export_rows(text)
    except ValueError as error:
        raise WrongWorkflowFileError(name, f"is no JSON ({error})") from error
    except csv.Error as error:
        raise WrongWorkflowFileError(name, f"is no CSV ({error})") from error
    definitions = [_definition(tree) for tree in found if isinstance(tree.get("tasks"), Mapping) and tree["tasks"]]
    if not definitions:
        raise WrongWorkflowFileError(
            name,
            "holds no workflow with tasks; give the JSON of https://www.zooniverse.org/api/workflows/ID or the workflow"
            " export of the project builder",
        )
    versions: dict[str, list[Definition]] = {}
    for each in definitions:
        versions.setdefault(each.id, []).append(each)
    sorted_versions = [sorted(of_one, key=lambda each: each.version, reverse=True) for of_one in versions.values()]
    return [replace(newest, older=older) for newest, *older in sorted_versions]


def chosen(definitions: Sequence[Definition], workflow: str | None, name: str) -> Definition:
    """Return the one workflow that is meant, by its id or its title."""
    wanted = [each for each in definitions if workflow is None or workflow in (each.id, each.title)]
    if len(wanted) == 1:
        return wanted[0]
    listed = "; ".join(f"{each.id} {each.title!r}" for each in definitions[:20])
    if not wanted:
        raise WrongWorkflowFileError(name, f"has no workflow {workflow!r}; it has {listed}")
    raise WrongWorkflowFileError(name, f"has several workflows, choose one with --workflow: {listed}")


def _trees(text: str) -> list[Mapping[str, Any]]:
    tree = from_json(text)
    if isinstance(tree, Mapping) and isinstance(tree.get("workflows"), list):
        tree = tree["workflows"]
    trees = tree if isinstance(tree, list) else [tree]
    return [each for each in trees if isinstance(each, Mapping)]


def _export_rows(text: str) -> list[Mapping[str, Any]]:
    """Return the rows of an export, the columns that hold JSON as values."""
    csv.field_size_limit(MOST_BYTES)
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [
        {key: from_json(cell) if key in _JSON_COLUMNS and cell else cell for key, cell in row.items() if key}
        for row in rows
    ]


def _definition(tree: Mapping[str, Any]) -> Definition:
    tasks = {str(key): task for key, task in tree["tasks"].items() if isinstance(task, Mapping)}
    first = str(tree.get("first_task") or "")
    steps = [
        (str(step[0]), step[1])
        for step in _list(tree.get("steps"))
        if isinstance(step, list) and len(step) == 2 and isinstance(step[1], Mapping)
    ]
    return Definition(
        id=str(tree.get("id") or tree.get("workflow_id") or ""),
        title=str(tree.get("display_name") or tree.get("id") or "workflow"),
        version=_version(tree),
        first_task=first if first in tasks else _first(tasks, steps),
        tasks=tasks,
        strings=_mapping(tree.get("strings")),
        retirement=_mapping(tree.get("retirement")),
        steps=steps,
        has_tutorial=bool(tree.get("tutorial_subject_id") or _mapping(tree.get("links")).get("tutorial_subject")),
    )


def _first(tasks: Mapping[str, Any], steps: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Return where a workflow begins that does not say so: its first step, `init`, `T0`, or the first by name."""
    begun = _list(steps[0][1].get("taskKeys")) if steps else []
    known = [key for key in (*begun, "init", "T0", *sorted(tasks)) if key in tasks]
    return known[0] if known else ""


def _version(tree: Mapping[str, Any]) -> tuple[int, int]:
    major, _, minor = str(tree.get("version") or tree.get("workflow_version") or "0").partition(".")
    return _whole(major), _whole(tree.get("minor_version") or minor)


def _whole(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
