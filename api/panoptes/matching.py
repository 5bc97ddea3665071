"""Which of our workflows an answer of Panoptes belongs to, and what it says there.

An answer belongs to the workflow that somebody names for its task; else to the one that was made from its task; else to
the one that has the name of its Panoptes workflow; else to the one that asks the same question; and where one question
meets one workflow, to that. What belongs nowhere stays behind, and is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from api.panoptes.errors import UnmatchedError
from api.panoptes.survey import Survey, SurveyedTask, SurveyedWorkflow
from api.panoptes.wording import Choice, Undecided, choice_of, key_of, one_line, slug_of
from api.panoptes.workflow import Translated
from cascade.graph import Cascade

TaskKey = tuple[str, str]
"""The id of a Panoptes workflow, and a task of it."""


@dataclass(frozen=True, slots=True)
class Match:
    """The workflow of ours that a task's answers belong to, by its name, and what they mean."""

    workflow: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class Matching:
    """Where answers go; `behind` says in a line each which tasks stay behind, and why."""

    matches: Mapping[TaskKey, Match]
    behind: Sequence[str] = ()

    def of(self, workflow_id: str, task: str) -> Match | None:
        """Return where the answers of a task go, or `None` if they stay behind."""
        return self.matches.get((workflow_id, task))

    @property
    def workflows(self) -> frozenset[str]:
        """The workflows of ours that get answers."""
        return frozenset(match.workflow for match in self.matches.values())


@dataclass(frozen=True, slots=True)
class Hints:
    """What somebody has said: which Panoptes workflow, which label means yes, and where tasks belong."""

    workflow: str | None = None
    yes: str | None = None
    tasks: Mapping[str, str] = field(default_factory=dict)


def match(found: Survey, cascade: Cascade, hints: Hints, translated: Translated | None = None) -> Matching:
    """Return where the answers of an export go in a cascade.

    Raises
    ------
    UnmatchedError
        Nothing belongs anywhere, several Panoptes workflows might be meant, or the answers are no yes and no.
    """
    names = {workflow.name for workflow in cascade.workflows}
    unknown = sorted(set(hints.tasks.values()) - names)
    if unknown:
        raise UnmatchedError(f"the cascade has no workflow {unknown[0]!r}; it has {', '.join(sorted(names))}")
    meant = found.only(hints.workflow)
    if not meant:
        listed = "; ".join(f"{each.id} {each.name!r}" for each in found.workflows.values()) or "no workflow"
        raise UnmatchedError(f"no classification is of the workflow {hints.workflow!r}; the export has {listed}")
    matcher = _Matcher(cascade, hints, translated, meant)
    for workflow in meant.values():
        for key, task in workflow.tasks.items():
            matcher.add(workflow, key, task)
    return matcher.end(found)


@dataclass(slots=True)
class _Matcher:
    cascade: Cascade
    hints: Hints
    translated: Translated | None
    meant: Mapping[str, SurveyedWorkflow]
    matches: dict[TaskKey, Match] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, workflow: SurveyedWorkflow, key: str, task: SurveyedTask) -> None:
        where = f"{key} of {workflow.name!r}, {task.shown}"
        name, choice = self._home(workflow, key, task)
        if name is None:
            self.behind.append(f"{where}: no workflow of the cascade asks this")
            return
        if choice is None:
            labels = sorted(task.labels)
            made = choice_of(labels, self.hints.yes, ordered=False) if labels else None
            if made is None or isinstance(made, Undecided):
                problem = "gives answers by their places only; say what they are with --workflow-json FILE"
                self.problems.append(f"{where} {problem if made is None else f'{made.problem}; {made.remedy}'}")
                return
            choice = made
        self.matches[workflow.id, key] = Match(name, choice)

    def _home(self, workflow: SurveyedWorkflow, key: str, task: SurveyedTask) -> tuple[str | None, Choice | None]:
        """Return the workflow of ours for a task, and what its answers mean where that was declared."""
        names = {each.name for each in self.cascade.workflows}
        asked = None
        if self.translated is not None and self.translated.panoptes_id in ("", workflow.id):
            asked = next((each for each in self.translated.asked if each.task == key), None)
        choice = None if asked is None else asked.choice
        if key in self.hints.tasks:
            return self.hints.tasks[key], choice
        if asked is not None and asked.name in names:
            return asked.name, choice
        return (self._likely(workflow, task, names) if task.is_question else None), choice

    def _likely(self, workflow: SurveyedWorkflow, task: SurveyedTask, names: set[str]) -> str | None:
        """Return the workflow of ours that has the same name or question, or that alone is there for it."""
        alone = sum(each.is_question for each in workflow.tasks.values()) == 1
        if alone and slug_of(workflow.name) in names:
            return slug_of(workflow.name)
        same = [each.name for each in self.cascade.workflows if key_of(each.question) == _asks(task)]
        if len(same) == 1:
            return same[0]
        return next(iter(names)) if alone and len(names) == len(self.meant) == 1 else None

    def end(self, found: Survey) -> Matching:
        if not self.matches and len(self.meant) > 1 and self.hints.workflow is None:
            listed = "; ".join(f"{each.id} {each.name!r} ({each.rows})" for each in found.workflows.values())
            raise UnmatchedError(f"the export has several workflows, choose one with --workflow: {listed}")
        if self.problems:
            raise UnmatchedError("\n".join(self.problems))
        if not self.matches:
            behind = "".join(f"\n  {each}" for each in self.behind) or "\n  it holds no answer at all"
            asked = "".join(f"\n  {each.name}: {each.question}" for each in self.cascade.workflows)
            raise UnmatchedError(
                f"no answer of the export belongs to a workflow of the project:{behind}\nThe cascade asks:{asked}\n"
                "Say which task is which workflow, such as --task T0=NAME."
            )
        return Matching(self.matches, self.behind)


def _asks(task: SurveyedTask) -> str:
    """Return a task's question as our questions are compared with it: its first paragraph."""
    return key_of(task.label.split("\n\n")[0])


def answer_shown(value: object) -> str:
    """Return a value that is no answer as a person would recognise it."""
    return repr(one_line(value)[:60]) if isinstance(value, str) else repr(value)[:60]
