"""A cascade as a value: its workflows, the conditions at their doors, and the edges between them.

A subject *enters* a workflow by its name. If the workflow's `when` does not let it in, it goes where `otherwise`
says, and so on until a workflow takes it or it leaves the cascade (`None`). When a workflow has decided, the subject is
*routed* along the edge of the answer, and enters there. Edges never form a circle, so every subject leaves in the end.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar, Final, Literal

from cascade.errors import CyclicCascadeError, UnknownWorkflowError
from cascade.vocabulary import Answer, PolicyKind, Reason

EXPERT: Final = 10
"""The level of experts, above the levels 1 to 9 of volunteers."""

FASTEST_MS: Final = 200
"""Nobody sees a picture, understands it and moves a finger in less, unless a workflow says otherwise.

Of 210,361 answers on MapSwipe's log of Malawi .7 % were faster. Where all others on the subject agreed, 69 % of these
contradicted them; of those between 200 and 300 ms 14 % did.
"""


@dataclass(frozen=True, slots=True)
class Sequential:
    """Decide when the weighed evidence crosses the bounds that `miss` and `false_alarm` set."""

    kind: ClassVar = PolicyKind.SEQUENTIAL


@dataclass(frozen=True, slots=True)
class Count:
    """Decide by the majority once `count` votes are in."""

    count: int
    kind: ClassVar = PolicyKind.COUNT


@dataclass(frozen=True, slots=True)
class Lead:
    """Decide when one answer leads the other by `lead` votes."""

    lead: int
    kind: ClassVar = PolicyKind.LEAD


Policy = Sequential | Count | Lead


@dataclass(frozen=True, slots=True)
class VoteLimits:
    """How many votes decide at least, how many are asked for at most, and how many more once contested."""

    minimum: int = 2
    maximum: int = 20
    contested: int = 5


@dataclass(frozen=True, slots=True)
class ScorePrior:
    """The prior of each subject comes from the machine score of this name.

    `calibrate`: what a score is worth is learnt from gold, and it counts for nothing until then; without, it is taken
    for the probability of *yes*. `people` is the share of subjects that begin without it, so that people alone decide
    some of every kind, by which a drift of the scores can be seen.
    """

    score: str
    calibrate: bool = True
    people: float = 0.05


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of a subject beside its votes; `models` has the hash of the model behind each score, if known."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on one machine score or metadata key; a missing key does not pass, nor a word where a number is due."""

    source: Literal["metadata", "score"]
    key: str
    at_least: float | None = None
    at_most: float | None = None
    equals: str | None = None

    def met(self, attributes: Attributes) -> bool:
        """Say whether the subject passes: every bound that is given holds, both ends included."""
        if self.source == "score":
            return self._within(attributes.scores.get(self.key, math.nan))
        text = attributes.metadata.get(self.key)
        if text is None or (self.equals is not None and text != self.equals):
            return False
        bounded = self.at_least is not None or self.at_most is not None
        return not bounded or self._within(_number(text))

    def _within(self, value: float) -> bool:
        """Compare with both bounds; not-a-number is within none."""
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= value <= high


@dataclass(frozen=True, slots=True)
class Routes:
    """Where a subject goes after each outcome: a workflow's name, or `None` to retire."""

    yes: str | None = None
    no: str | None = None
    contested: str | None = None

    def after(self, answer: Answer | None) -> str | None:
        """Return the target of an outcome; without a decided answer it is the contested one."""
        if answer == Answer.YES:
            return self.yes
        return self.no if answer == Answer.NO else self.contested


@dataclass(frozen=True, slots=True)
class Workflow:
    """One question, who is asked, and when the answers suffice.

    `level` is 1 to 9 or `EXPERT`. `miss` and `false_alarm` (shares of the true yes and of the true no) and `prior` mean
    something to a sequential policy only. `blank` votes of nothing but no, or `flag` flags, retire on their own.
    `audit` is the share of retired subjects that stay open for a check. Where `cold`, agreement decides a sequential
    policy until gold proves volunteers. Answers given in less than `fastest_ms` do not count; 0 lets all of them.
    """

    name: str
    question: str
    level: int = 1
    policy: Policy = Sequential()
    miss: float = 0.05
    false_alarm: float = 0.05
    votes: VoteLimits = VoteLimits()
    prior: float | ScorePrior = 0.5
    blank: int | None = None
    flag: int | None = None
    audit: float = 0.02
    then: Routes = Routes()
    when: Condition | None = None
    otherwise: str | None = None
    guide: str | None = None
    cold: bool = False
    fastest_ms: int = FASTEST_MS

    @property
    def targets(self) -> tuple[str, ...]:
        """The workflows to which an edge leads from here, each once."""
        edges = (self.then.yes, self.then.no, self.then.contested, self.otherwise)
        return tuple(dict.fromkeys(name for name in edges if name is not None))


@dataclass(frozen=True, slots=True)
class Level:
    """What whoever is to hold a level has to show; what it means is known to `gamification.levels`.

    Skill is shown in the training of `workflows`, on both sides, at `gold` training answers of each truth or more, and
    the level is lost under `keep`. `votes`, `days` and `talk` are counts over the project.
    """

    level: int
    workflows: tuple[str, ...]
    name: str | None = None
    skill: float = 0.70
    keep: float = 0.60
    gold: int = 8
    votes: int = 0
    days: int = 0
    talk: int = 0
    automatic: bool = False
    lasts_days: int | None = None
    probation_days: int | None = None


@dataclass(frozen=True)
class Cascade:
    """The workflows of a project, joined; the first is where subjects enter.

    `levels` are those that can be reached by evidence, from the lowest up; others are granted by hand.

    Raises
    ------
    UnknownWorkflowError
        An edge leads to a name that no workflow has.
    CyclicCascadeError
        Edges lead in a circle.
    """

    project: str
    workflows: tuple[Workflow, ...]
    title: str | None = None
    levels: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        _ = self._ranks

    @property
    def entry(self) -> Workflow:
        """The workflow at which every subject enters."""
        return self.workflows[0]

    def workflow(self, name: str) -> Workflow:
        """Return the workflow of a name, or raise `UnknownWorkflowError`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownWorkflowError(name, list(self._by_name)) from None

    def rank(self, name: str) -> int:
        """Return the place of a workflow in an order that every edge follows, from 0; no two share one."""
        return self._ranks[self.workflow(name).name]

    def enter(self, name: str, attributes: Attributes) -> str | None:
        """Return the workflow that takes a subject which is sent to `name`, or `None` if none does."""
        target: str | None = name
        while target is not None:
            workflow = self.workflow(target)
            if workflow.when is None or workflow.when.met(attributes):
                return target
            target = workflow.otherwise
        return None

    def route(
        self, name: str, answer: Answer | None, attributes: Attributes, reason: Reason = Reason.NONE
    ) -> str | None:
        """Return the workflow that takes a subject after `name` has decided, or `None` if it leaves the cascade.

        No answer follows the contested edge. A flagged subject leaves the cascade, whatever the edges say.
        """
        target = None if reason == Reason.FLAGGED else self.workflow(name).then.after(answer)
        return None if target is None else self.enter(target, attributes)

    def possible_routes(self, name: str, answer: Answer | None, reason: Reason = Reason.NONE) -> frozenset[str | None]:
        """Return everywhere that `route` leads with one set of attributes or another."""
        target = None if reason == Reason.FLAGGED else self.workflow(name).then.after(answer)
        routes: set[str | None] = set()
        while target is not None:
            routes.add(target)
            workflow = self.workflow(target)
            if workflow.when is None:
                return frozenset(routes)
            target = workflow.otherwise
        return frozenset({*routes, None})

    @cached_property
    def _by_name(self) -> dict[str, Workflow]:
        return {workflow.name: workflow for workflow in self.workflows}

    @cached_property
    def _ranks(self) -> dict[str, int]:
        edges = {name: [self.workflow(target).name for target in w.targets] for name, w in self._by_name.items()}
        return {name: rank for rank, name in enumerate(in_order(edges))}


def in_order(edges: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the names so that every edge leads forward; names that may change places keep the order of `edges`.

    Raises
    ------
    CyclicCascadeError
        No such order exists; the error names one circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(edges, ()))
    for name, targets in edges.items():
        for target in targets:
            sorter.add(target, name)
    try:
        sorter.prepare()
    except CycleError as error:
        raise CyclicCascadeError(error.args[1]) from None
    place = {name: number for number, name in enumerate(edges)}
    while ready := sorter.get_ready():
        yield from sorted(ready, key=place.__getitem__)
        sorter.done(*ready)


def _number(text: str) -> float:
    """Read a number as people write it, and not-a-number otherwise."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
