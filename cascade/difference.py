"""What a new version of a cascade changes, as values that can be shown and sent, and as sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cascade.declaration import canonical_workflow
from cascade.graph import Cascade, Workflow

_SPREAD: Final = ("votes", "then")
"""Mappings whose keys are compared one by one; the others are only meaningful as a whole."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    `workflow` is `None` for what belongs to the whole cascade, `field` is `None` for a workflow that comes or goes
    (then `old` or `new` is its question). Values are those of the canonical form; `None` is one that is not given.
    """

    kind: Literal["added", "removed", "changed"]
    workflow: str | None
    field: str | None
    old: object
    new: object


def difference(old: Cascade | None, new: Cascade) -> list[Change]:
    """Return all that differs, in the order of the new version, and last what is gone.

    Nothing differs exactly when the digests are equal. A workflow is the same one as long as it keeps its name.
    """
    before = {workflow.name: workflow for workflow in old.workflows} if old else {}
    changes = list(_of_cascade(old, new)) if old else []
    for workflow in new.workflows:
        earlier = before.pop(workflow.name, None)
        if earlier:
            changes += _of_workflow(earlier, workflow)
        else:
            changes.append(Change("added", workflow.name, None, None, workflow.question))
    return changes + [Change("removed", name, None, workflow.question, None) for name, workflow in before.items()]


def describe(change: Change) -> str:
    """Return a change as a sentence or two, with what follows from it where that is easily overlooked."""
    what = f"{change.workflow}: {change.field}" if change.workflow else f"The cascade's {change.field}"
    match change:
        case Change(kind="added"):
            return f"{change.workflow} is added: {_written(change.new)}"
        case Change(kind="removed"):
            return f"{change.workflow} is removed; it asked {_written(change.old)}"
        case Change(old=None):
            return f"{what} is now {_written(change.new)}; it was not given before."
        case Change(new=None):
            return f"{what} is no longer given; it was {_written(change.old)}."
    sentence = f"{what} was {_written(change.old)} and is now {_written(change.new)}."
    return f"{sentence} {_NEW_QUESTION}" if change.field == "question" else sentence


_NEW_QUESTION: Final = (
    "A changed question is a new evidence key: the votes so far stay with the old question and do not count for the new"
    " one. The gold standard is kept: check that its answers are right for the new question too."
)


def _of_cascade(old: Cascade, new: Cascade) -> Iterator[Change]:
    before, after = [w.name for w in old.workflows], [w.name for w in new.workflows]
    fields: tuple[tuple[str, object, object], ...] = (
        ("project", old.project, new.project),
        ("title", old.title, new.title),
        ("entry", before[0], after[0]),
        ("order", [n for n in before if n in after], [n for n in after if n in before]),
    )
    for field, earlier, later in fields:
        if earlier != later:
            yield Change("changed", None, field, earlier, later)


def _of_workflow(old: Workflow, new: Workflow) -> Iterator[Change]:
    before, after = _flat(old), _flat(new)
    for field in {**after, **before}:
        earlier, later = before.get(field), after.get(field)
        if earlier != later:
            yield Change("changed", new.name, field, earlier, later)


def _flat(workflow: Workflow) -> dict[str, object]:
    """Return the canonical fields of a workflow, those of nested mappings under dotted names."""
    flat: dict[str, object] = {}
    for field, value in canonical_workflow(workflow).items():
        if field in _SPREAD and isinstance(value, Mapping):
            flat |= {f"{field}.{key}": inner for key, inner in value.items()}
        else:
            flat[field] = value
    return flat


def _written(value: object) -> str:
    """Return a value as it stands in a declaration."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)
