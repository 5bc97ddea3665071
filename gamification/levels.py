"""Levels: when evidence is enough to hold one, and when it is lost.

Theory of operation
-------------------
A rule says what a level asks for: skill on both sides, shown on gold standard subjects of some workflows, and counts.
A record says what somebody has shown. `judge` holds one against the other:

    reached   in every workflow of the rule the 5 % quantile of both sides is at or above `skill`, with at least `gold`
              training answers of each truth; the last `LAST` answers, where they are known, do not fall short of
              `skill`; and every count is reached
    lost      in some workflow of the rule the last `LAST` training answers fall short of `keep`
    short     the median of all of them together is under the bar, from the declared prior; or that of one side is,
              from the same prior with a weight of `STEADY` answers

`keep` is lower than `skill`, so that a level which was just reached is not lost by the next answer (hysteresis). On
probation it is lost under `skill` already. Counts are reached once: nobody loses a level by resting. Whoever has lost
one by guessing has a long good record still, so the last answers must be as good as the rule asks before it is theirs
again.

Losing, in numbers (`python -m benchmarks levels` shows them; `docs/levels.md` has the tables). Within 1,000 cards none
of 2,000 who are right in .90 loses a level, and .95 % of those at .85; guessers lose it after 19 training answers at
the median, who inverts or always says the same after 9, and who guesses on one side only after 24. By sides alone, from
the prior of weight 8, it would be .1 and 2 %, and 17 answers for guessers; with a weight of 2, 5 and 20 %, and 12.

Nothing here looks at what others answered, nor at how fast: a level is about what training has shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal

from gamification.progress import LOW, MEDIAN, NEEDED, PRIOR_STRENGTH, Answered, right_share

LAST: Final = 20
"""Training answers of a workflow, the newest, by which a level is lost."""

SKILL: Final = 0.70
KEEP: Final = 0.60
"""What a rule asks for on both sides if it does not say otherwise, and what is enough to keep the level."""

STEADY: Final = 12
"""How many answers the prior weighs when one side alone takes a level: ten answers are few to be sure of."""

NEAR: Final = 0.15
"""How far below the bar a 5 % quantile may lie for more training to be worth while."""

PATIENCE: Final = 100
"""Training answers of a workflow after which nobody is given more of it than others: what they show is known."""

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

    `last` is needed of whoever holds a level, or has lost it.
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

    `what` is gold (training answers of a side), skill, votes, days or talk; `have` and `need` are counts, or shares for
    skill. There `have` is the 5 % quantile of a side, or, where `recent`, the median of the last answers: those of a
    side, or of both together (`side` is `None`).
    """

    what: Literal["gold", "skill", "votes", "days", "talk"]
    have: float
    need: float
    workflow: str | None = None
    side: Side | None = None
    recent: bool = False


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
    short = [lack for workflow in rule.workflows for lack in _short(workflow, record.of(workflow), rule.skill)]
    missing += short
    counts: tuple[tuple[Literal["votes", "days", "talk"], int, int], ...] = (
        ("votes", record.votes, rule.votes),
        ("days", record.days, rule.days),
        ("talk", record.talk, rule.talk),
    )
    missing += [Missing(what, have, need) for what, have, need in counts if have < need]
    bar = rule.skill if on_probation else rule.keep
    failed = tuple(replace(lack, need=bar) for lack in short if lack.have < bar)
    return Judgement(tuple(missing), failed)


def is_candidate(rule: Rule, workflow: str, no: Answered, yes: Answered) -> bool:
    """Say whether more training in a workflow soon tells if somebody is good enough.

    It does of whoever has not shown it yet there, and whose 5 % quantile of both sides is `NEAR` the bar; after
    `PATIENCE` answers it has told what it can.
    """
    if workflow not in rule.workflows or no.seen + yes.seen >= PATIENCE:
        return False
    promising = all(right_share(side, LOW) >= rule.skill - NEAR for side in (no, yes))
    return promising and bool(_training_missing(rule, workflow, Training(no, yes)))


def _training_missing(rule: Rule, workflow: str, training: Training) -> list[Missing]:
    missing = []
    for side in SIDES:
        answered = training.side(side)
        if answered.seen < rule.gold:
            missing.append(Missing("gold", answered.seen, rule.gold, workflow, side))
        elif (low := right_share(answered, LOW)) < rule.skill:
            missing.append(Missing("skill", low, rule.skill, workflow, side))
    return missing


def _short(workflow: str, training: Training, bar: float) -> list[Missing]:
    """Return where the last answers fall short of a bar: on both sides together, or on one of them."""
    no, yes = (training.recent(side) for side in SIDES)
    weighed: tuple[tuple[Side | None, Answered, float], ...] = (
        (None, no + yes, PRIOR_STRENGTH),
        ("no", no, STEADY),
        ("yes", yes, STEADY),
    )
    medians = ((side, right_share(recent, MEDIAN, strength)) for side, recent, strength in weighed if recent.seen)
    return [Missing("skill", median, bar, workflow, side, recent=True) for side, median in medians if median < bar]
