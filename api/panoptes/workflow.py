"""A Panoptes workflow as a cascade: each question of two answers becomes a workflow, and `next` becomes an edge.

In Panoptes each volunteer walks through the questions by their own answers; here the crowd decides a question, and then
the subject moves on. What is merely lost (tutorials, shortcuts) is told in comments of the declaration; what cannot be
asked (drawings, texts, more than two answers) is an error that lists all of it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.declaration_file import load
from api.panoptes.definitions import Definition
from api.panoptes.errors import UntranslatableWorkflowError
from api.panoptes.wording import Choice, Undecided, choice_of, key_of, one_line, slug_of, without_markup
from cascade.declared_workflow import MOST_VOTES
from cascade.errors import DeclarationErrors
from cascade.vocabulary import Answer

DEFAULT_COUNT: Final = 15
"""Classifications after which Panoptes retires a subject where a workflow does not say."""

LONGEST_QUESTION: Final = 300
LONGEST_GUIDE: Final = 2000

_ASKED_INSTEAD: Final = {
    "drawing": "marks on the picture",
    "multiple": "any number of answers",
    "text": "a text",
    "dropdown": "a choice from lists",
    "dropdown-simple": "a choice from a list",
    "survey": "a survey of species",
    "slider": "a number",
    "combo": "several tasks at once",
    "transcription": "a transcription",
    "crop": "a part of the picture",
    "shortcut": "a shortcut",
}
_REMEDY: Final = "leave it out with --leave-out {task} and ask it elsewhere, or make it a question of two answers"


@dataclass(frozen=True, slots=True)
class Asked:
    """A task of a Panoptes workflow, and the workflow of ours that asks the same, by its `name`.

    `then` are the tasks that follow an answer, where any does.
    """

    task: str
    name: str
    question: str
    guide: str | None
    choice: Choice
    then: Mapping[Answer, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translated:
    """A Panoptes workflow in our terms: the questions, the first first; votes for each; and what is lost, in words."""

    panoptes_id: str
    title: str
    asked: tuple[Asked, ...]
    count: int
    remarks: tuple[str, ...]

    def declaration(self, slug: str | None = None) -> str:
        """Return the YAML of a cascade for a project; its slug comes from the workflow's title if it is not given.

        Raises
        ------
        UntranslatableWorkflowError
            What comes out is no cascade: its questions lead in a circle.
        """
        remarks = [f"Made from the Panoptes workflow {self.panoptes_id or '(without an id)'}.", *self.remarks]
        lines = [f"# {_printable(remark)}" for remark in remarks]
        title = _printable(one_line(self.title))[:200]
        lines += [f"project: {slug or slug_of(self.title)}", f"title: {_quoted(title)}", "workflows:"]
        names = {asked.task: asked.name for asked in self.asked}
        for asked in self.asked:
            lines += _workflow_lines(asked, names, self.count)
        text = "\n".join(lines) + "\n"
        try:
            load(text)
        except DeclarationErrors as errors:
            found = [f"{each.where} {each.problem}; {each.remedy}" for each in errors.errors]
            raise UntranslatableWorkflowError(self.title, found) from errors
        return text


def translate(
    definition: Definition, *, yes: str | None = None, leave_out: Collection[str] = (), ordered: bool = True
) -> Translated:
    """Return a Panoptes workflow in our terms.

    Parameters
    ----------
    yes
        The label that means yes, where the words do not tell.
    leave_out
        Tasks that are not carried over; what leads to them ends there.
    ordered
        Whether the answers come in the order of the question; they do unless they were found in an export.

    Raises
    ------
    UntranslatableWorkflowError
        It asks what cannot be asked here; the error lists all of it.
    """
    walk = _Walk(definition, yes, frozenset(leave_out), ordered)
    walk.along()
    if yes is not None and not any(key_of(yes) in map(key_of, each.choice.labels) for each in walk.asked):
        walk.problems.append(f"no question has the answer {yes!r}; --yes takes a label as Panoptes shows it")
    if walk.problems:
        raise UntranslatableWorkflowError(definition.title, walk.problems)
    count = _count(definition.retirement, walk.remarks)
    if definition.has_tutorial:
        walk.remarks.append("Its tutorial is not carried over.")
    return Translated(definition.id, definition.title, tuple(walk.asked), count, tuple(walk.remarks))


class _Walk:
    """The way through a workflow's tasks, from the first along every `next`."""

    def __init__(self, definition: Definition, yes: str | None, left_out: frozenset[str], ordered: bool) -> None:
        self.definition = definition
        self.yes = yes
        self.left_out = left_out
        self.ordered = ordered
        self.asked: list[Asked] = []
        self.problems = [f"there is no task {each!r} to leave out" for each in sorted(left_out - {*definition.tasks})]
        self.remarks: list[str] = []
        self._in_step = {
            task: (key, tasks[place + 1] if place + 1 < len(tasks) else None)
            for key, step in definition.steps
            for tasks in [[str(each) for each in step.get("taskKeys") or () if each in definition.tasks]]
            for place, task in enumerate(tasks)
        }

    def along(self) -> None:
        reached = self._reached()
        if not reached:
            self.problems.append("it has no task that is left; keep at least its first question")
        name = slug_of(self.definition.title, 50)
        for task in reached:
            self._ask(task, name if len(reached) == 1 else f"{name}-{slug_of(task, 9)}")
        unreached = [key for key in self.definition.tasks if key not in reached and key not in self.left_out]
        if unreached:
            self.remarks.append(f"Tasks that no answer leads to are not carried over: {', '.join(unreached)}.")
        if self.left_out:
            self.remarks.append(f"Left out as asked: {', '.join(sorted(self.left_out))}.")
        if len(self.asked) > 1:
            self.remarks.append("A subject moves on by what the crowd decides, not by each volunteer's own answer.")

    def _reached(self) -> list[str]:
        waiting, reached = [self.definition.first_task], list[str]()
        while waiting:
            task = waiting.pop(0)
            if task in reached or task in self.left_out or task not in self.definition.tasks:
                continue
            reached.append(task)
            waiting += [target for target in self._targets(task) if target]
        return reached

    def _targets(self, task: str) -> list[str | None]:
        """Return where each answer of a task leads; one target where it has no answers."""
        tree = self.definition.tasks[task]
        step, beside = self._in_step.get(task, (None, None))
        answers = tree.get("answers") if tree.get("type") == "single" else None
        if beside is not None:
            return [beside] * len(answers or [None])
        onward = tree.get("next") or next((s.get("next") for key, s in self.definition.steps if key == step), None)
        written = [each.get("next") if isinstance(each, Mapping) else None for each in answers or [tree]]
        return [self._task_of(each or onward) for each in written]

    def _task_of(self, target: object) -> str | None:
        """Return the task that a `next` names, which may be a step."""
        for key, step in self.definition.steps:
            if key == target and (keys := step.get("taskKeys")):
                return str(keys[0])
        return str(target) if target in self.definition.tasks else None

    def _ask(self, task: str, name: str) -> None:
        definition, tree = self.definition, self.definition.tasks[task]
        kind = str(tree.get("type") or "unknown")
        if kind != "single":
            what = _ASKED_INSTEAD.get(kind, "something else")
            self.problems.append(f"{task} is a {kind} task: it asks for {what}; {_REMEDY.format(task=task)}")
            return
        labels = definition.labels(task)
        choice = choice_of(labels, self.yes, ordered=self.ordered)
        if isinstance(choice, Undecided):
            self.problems.append(f"{task} {choice.problem}; {choice.remedy}, or leave it out with --leave-out {task}")
            return
        for older in definition.older:
            if task in older.tasks:
                choice = choice.with_older(older.labels(task))
        if choice.guessed:
            first = one_line(labels[choice.answers.index(Answer.YES)])
            self.remarks.append(
                f"{task}: {first!r} is taken for yes, since it comes first; --yes LABEL says otherwise."
            )
        question, guide = _wording(definition.text(task, "question"), definition.text(task, "help"), task)
        if guide is not None and len(guide) > LONGEST_GUIDE:
            self.remarks.append(f"{task}: the help text is cut to {LONGEST_GUIDE:,} characters.")
            guide = guide[: LONGEST_GUIDE - 3].rstrip() + "..."
        if tree.get("unlinkedTask") or tree.get("unlinked_task"):
            self.remarks.append(f"{task}: its shortcut is not carried over.")
        targets = zip(choice.answers, self._targets(task), strict=True)
        then = {answer: target for answer, target in targets if target and target not in self.left_out}
        self.asked.append(Asked(task, name, question, guide, choice, then))


def _wording(question: str, help_text: str, task: str) -> tuple[str, str | None]:
    """Return the question on one line, and what else is said to volunteers."""
    paragraphs = [each for each in without_markup(question).split("\n\n") if each.strip()]
    asked = " ".join(paragraphs[0].split()) if paragraphs else f"Task {task}?"
    rest = paragraphs[1:]
    if len(asked) > LONGEST_QUESTION:
        rest = [asked, *rest]
        asked = asked[: LONGEST_QUESTION - 3].rstrip() + "..."
    guide = "\n\n".join([*(each.strip() for each in rest), *([without_markup(help_text)] if help_text.strip() else [])])
    clean = re.sub(r"\n{3,}", "\n\n", "".join(c for c in guide if c.isprintable() or c == "\n")).strip()
    return _printable(asked), clean or None


def _count(retirement: Mapping[str, Any], remarks: list[str]) -> int:
    """Return how many votes retire a subject."""
    criteria = retirement.get("criteria") or "classification_count"
    options = retirement.get("options")
    said = options.get("count") if isinstance(options, Mapping) else None
    if criteria == "classification_count":
        count = int(str(said)) if str(said).isdecimal() else DEFAULT_COUNT
        if not str(said).isdecimal():
            remarks.append(f"It does not say when subjects retire; {DEFAULT_COUNT} votes are Panoptes' own default.")
        if not 1 <= count <= MOST_VOTES:
            remarks.append(f"It retires subjects after {count} classifications; {MOST_VOTES} are the most here.")
        return max(1, min(count, MOST_VOTES))
    remarks.append(
        f"Its retirement is {criteria!r}, which Panoptes leaves to others (such as Caesar): {MOST_VOTES} votes are the"
        " most here. Consider `policy: sequential`, or a smaller count."
    )
    return MOST_VOTES


def _workflow_lines(asked: Asked, names: Mapping[str, str], count: int) -> Iterator[str]:
    yield f"  - name: {asked.name}"
    yield f"    question: {_quoted(asked.question)}"
    if asked.guide is not None:
        yield from _guide_lines(asked.guide)
    meant = (f"{one_line(a)!r} is {b.word}" for a, b in zip(asked.choice.labels, asked.choice.answers, strict=True))
    yield f"    # {_printable(', '.join(meant))}"
    yield f"    policy: {{count: {count}}}"
    yield "    audit: 0"
    outcomes = ((Answer.YES, "yes"), (Answer.NO, "no"), (Answer.UNSURE, "contested"))
    then = [f"{word}: {names[asked.then[answer]]}" for answer, word in outcomes if asked.then.get(answer) in names]
    if then:
        yield f"    then: {{{', '.join(then)}}}"


def _guide_lines(guide: str) -> Sequence[str]:
    """Write a text as it is read, where YAML can: a block needs a first line that begins with no space."""
    lines = [line.rstrip() for line in guide.split("\n")]
    if lines[0][:1].isspace() or any("\t" in line for line in lines):
        return [f"    guide: {_quoted(guide)}"]
    return ["    guide: |-", *(f"      {line}" if line else "" for line in lines)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
