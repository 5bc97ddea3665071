"""What a new version of a cascade changes, as values that can be shown and sent, and as sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cascade.declaration import canonical_workflow
from cascade.declared_levels import canonical_level
from cascade.graph import Cascade, Level, Workflow

_SPREAD: Final = ("votes", "then")
"""Mappings whose keys are compared one by one; the others are only meaningful as a whole."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    `workflow` is `None` for what belongs to the whole cascade, `field` is `None` for a workflow that comes or goes
    (then `old` or `new` is its question). A level that comes or goes is the field `level 2`, and what it asks for
    `level 2.skill`. Values are those of the canonical form; `None` is one that is not given.
    """

    kind: Literal["added", "removed", "changed"]
    workflow: str | None
    field: str | None
    old: object
    new: object


def difference(old: Cascade | None, new: Cascade) -> list[Change]:
    """Return all that differs, in the order of the new version, and last the workflows that are gone, and the levels.

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
    changes += [Change("removed", name, None, workflow.question, None) for name, workflow in before.items()]
    return changes + list(_of_levels(old.levels if old else (), new.levels))


def describe(change: Change) -> str:
    """Return a change as a sentence or two, with what follows from it where that is easily overlooked."""
    what = f"{change.workflow}: {change.field}" if change.workflow else f"The cascade's {change.field}"
    asked = "asked" if change.workflow else "asked for"
    match change:
        case Change(kind="added"):
            sentence = f"{change.workflow or what} is added: {_written(change.new)}"
        case Change(kind="removed"):
            sentence = f"{change.workflow or what} is removed; it {asked} {_written(change.old)}"
        case Change(old=None):
            sentence = f"{what} is now {_written(change.new)}; it was not given before."
        case Change(new=None):
            sentence = f"{what} is no longer given; it was {_written(change.old)}."
        case _:
            sentence = f"{what} was {_written(change.old)} and is now {_written(change.new)}."
    return f"{sentence} {_NEW_QUESTION}" if (change.kind, change.field) == ("changed", "question") else sentence


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


def _of_levels(old: Sequence[Level], new: Sequence[Level]) -> Iterator[Change]:
    """Yield what changes in the levels; one is the same as long as it keeps its number."""
    before = {level.level: canonical_level(level) for level in old}
    for level in new:
        field, after = f"level {level.level}", canonical_level(level)
        earlier = before.pop(level.level, None)
        if earlier is None:
            yield Change("added", None, field, None, after)
            continue
        for key in {**after, **earlier}:
            if earlier.get(key) != after.get(key):
                yield Change("changed", None, f"{field}.{key}", earlier.get(key), after.get(key))
    for number, gone in before.items():
        yield Change("removed", None, f"level {number}", gone, None)


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
        return "{" + ", ".join(f"{key}: {_inside(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)


def _inside(value: object) -> str:
    return f"[{_written(value)}]" if isinstance(value, list) else _written(value)
