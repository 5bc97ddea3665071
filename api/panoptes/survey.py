"""What an export of classifications holds, found by reading it once before anything of it is stored."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from api.manifest import BadRow
from api.panoptes.classifications import PanoptesClassification
from api.panoptes.definitions import Definition
from api.panoptes.wording import one_line

MOST_VALUES: Final = 50
"""Different answers of one task that are remembered: a question has two or three."""

UNKNOWN_LABEL: Final = "unknown answer label"
"""What Panoptes writes where it does not find an answer in the workflow as it was then."""


@dataclass(slots=True)
class SurveyedTask:
    """A task that was answered: its question, and how often each label, or place of one, was given.

    `others` counts values that are no answer of a question, such as marks or lists, and missing ones.
    """

    label: str = ""
    labels: Counter[str] = field(default_factory=Counter)
    places: Counter[int] = field(default_factory=Counter)
    others: int = 0

    def add(self, label: str, value: object) -> None:
        """Count one answer."""
        self.label = self.label or label
        if value == UNKNOWN_LABEL:
            self.others += 1
        elif isinstance(value, str) and (value in self.labels or len(self.labels) < MOST_VALUES):
            self.labels[value] += 1
        elif isinstance(value, int) and not isinstance(value, bool):
            self.places[value] += 1
        else:
            self.others += 1

    @property
    def is_question(self) -> bool:
        """Whether it was answered by choosing one of a few answers."""
        return bool(self.places) or 0 < len(self.labels) < MOST_VALUES

    @property
    def shown(self) -> str:
        """The question and its answers, for an error."""
        answers = ", ".join(repr(one_line(label)) for label, _ in self.labels.most_common(5))
        return f"{one_line(self.label)[:80]!r} ({answers or 'no answer by its label'})"


@dataclass(slots=True)
class SurveyedWorkflow:
    """A Panoptes workflow that has answers in an export."""

    id: str
    name: str
    rows: int = 0
    tasks: dict[str, SurveyedTask] = field(default_factory=dict)

    def meant_by(self, wanted: str | None) -> bool:
        """Whether somebody who names a workflow by its id or its name means this one."""
        return wanted is None or wanted in (self.id, self.name)

    def as_definition(self) -> Definition:
        """Return the workflow as far as its answers tell: one question, or several without a way between them."""
        tasks = {
            key: {"type": "single", "question": task.label, "answers": [{"label": each} for each in task.labels]}
            for key, task in self.tasks.items()
            if task.is_question
        }
        return Definition(self.id, self.name or self.id, (0, 0), next(iter(tasks), ""), tasks, {}, {})


@dataclass(slots=True)
class Survey:
    """The workflows of an export, by their ids, and the number of its rows."""

    rows: int = 0
    bad: int = 0
    workflows: dict[str, SurveyedWorkflow] = field(default_factory=dict)

    def only(self, wanted: str | None) -> Mapping[str, SurveyedWorkflow]:
        """Return those workflows that are meant."""
        return {key: each for key, each in self.workflows.items() if each.meant_by(wanted)}


def survey(rows: Iterable[PanoptesClassification | BadRow]) -> Survey:
    """Return what an export holds."""
    found = Survey()
    for row in rows:
        found.rows += 1
        if isinstance(row, BadRow):
            found.bad += 1
            continue
        workflow = found.workflows.setdefault(
            row.workflow_id, SurveyedWorkflow(row.workflow_id, row.workflow_name or row.workflow_id)
        )
        workflow.rows += 1
        for annotation in row.annotations:
            workflow.tasks.setdefault(annotation.task, SurveyedTask()).add(annotation.label, annotation.value)
    return found
