"""Levels: when evidence is enough to hold one, and when it is lost.

Theory of operation
-------------------
A rule says what a level asks for: skill on both sides, shown on gold standard subjects of some workflows, and counts.
A record says what somebody has shown. `judge` holds one against the other:

    reached   in every workflow of the rule the 5 % quantile of both sides is at or above `skill`, with at least `gold`
              training answers of each truth, and every count is reached
    lost      in some workflow of the rule the median of the last `LAST` training answers is under `keep` on one side

`keep` is lower than `skill`, so that a level which was just reached is not lost by the next answer (hysteresis). On
probation it is lost under `skill` already. Counts are reached once: nobody loses a level by resting.

Nothing here looks at what others answered, nor at how fast: a level is about what training has shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from gamification.progress import LOW, MEDIAN, NEEDED, Answered, right_share

LAST: Final = 20
"""Training answers of a workflow, the newest, by which a level is lost."""

SKILL: Final = 0.70
KEEP: Final = 0.60
"""What a rule asks for on both sides if it does not say otherwise, and what is enough to keep the level."""

Side = Literal["no", "yes"]
SIDES: Final[tuple[Side, Side]] = ("no", "yes")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a level asks for.

    `workflows` are those in whose training skill is shown. `votes`, `days` and `talk` are counts over the project:
    answers, days of taking part, and contributions to Talk that moderators confirmed. Where not `automatic`, whoever
    reaches the level is proposed to moderators. A grant ends after `lasts`, and begins with `probation`.
    """

    level: int
    workflows: tuple[str, ...]
    skill: float = SKILL
    keep: float = KEEP
    gold: int = NEEDED
    votes: int = 0
    days: int = 0
    talk: int = 0
    automatic: bool = False
    lasts: timedelta | None = None
    probation: timedelta | None = None


_NONE: Final = Answered()


@dataclass(frozen=True, slots=True)
class Training:
    """Training answers in one workflow: by truth since the record began, and the `last` ones (truth, right), in order.

    `last` is only needed of whoever holds a level.
    """

    no: Answered = _NONE
    yes: Answered = _NONE
    last: Sequence[tuple[Side, bool]] = ()

    def side(self, side: Side) -> Answered:
        """Return the answers under one truth."""
        return self.yes if side == "yes" else self.no

    def recent(self, side: Side) -> Answered:
        """Return those of the last answers under one truth."""
        right = [fine for truth, fine in self.last[-LAST:] if truth == side]
        return Answered(right=sum(right), wrong=len(right) - sum(right))


@dataclass(frozen=True, slots=True)
class Record:
    """What somebody has shown in a project: training by workflow, and counts."""

    training: Mapping[str, Training] = field(default_factory=dict)
    votes: int = 0
    days: int = 0
    talk: int = 0

    def of(self, workflow: str) -> Training:
        """Return the training in a workflow; none is none."""
        return self.training.get(workflow, Training())


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a level asks for and that is not there yet.

    `what` is gold (training answers of a side), skill (of a side), votes, days or talk; `have` and `need` are counts,
    or shares for skill, where `have` is the 5 % quantile.
    """

    what: Literal["gold", "skill", "votes", "days", "talk"]
    have: float
    need: float
    workflow: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a record means to a rule: reached when nothing is missing; lost by the `failed` sides of workflows."""

    missing: tuple[Missing, ...]
    failed: tuple[Missing, ...]

    @property
    def reached(self) -> bool:
        """Whether the level may be held by it."""
        return not self.missing

    @property
    def lost(self) -> bool:
        """Whether whoever holds the level loses it."""
        return bool(self.failed)

    @property
    def nearly(self) -> bool:
        """Whether nothing but training is missing: more of it, given now, tells whether somebody is good enough."""
        return bool(self.missing) and all(each.what in ("gold", "skill") for each in self.missing)


def judge(rule: Rule, record: Record, *, on_probation: bool = False) -> Judgement:
    """Return what a record means to a rule."""
    missing = [lack for workflow in rule.workflows for lack in _training_missing(rule, workflow, record.of(workflow))]
    counts: tuple[tuple[Literal["votes", "days", "talk"], int, int], ...] = (
        ("votes", record.votes, rule.votes),
        ("days", record.days, rule.days),
        ("talk", record.talk, rule.talk),
    )
    missing += [Missing(what, have, need) for what, have, need in counts if have < need]
    bar = rule.skill if on_probation else rule.keep
    failed = [
        Missing("skill", right_share(recent, MEDIAN), bar, workflow, side)
        for workflow in rule.workflows
        for side in SIDES
        if (recent := record.of(workflow).recent(side)).seen and right_share(recent, MEDIAN) < bar
    ]
    return Judgement(tuple(missing), tuple(failed))


def _training_missing(rule: Rule, workflow: str, training: Training) -> list[Missing]:
    missing = []
    for side in SIDES:
        answered = training.side(side)
        if answered.seen < rule.gold:
            missing.append(Missing("gold", answered.seen, rule.gold, workflow, side))
        elif (low := right_share(answered, LOW)) < rule.skill:
            missing.append(Missing("skill", low, rule.skill, workflow, side))
    return missing
