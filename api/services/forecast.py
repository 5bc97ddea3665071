"""What a what-if says, as plain values: the report of `chaffinch whatif --json` has them by these names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cascade.whatif import Information

LIMITS: Final = (
    "The votes are those that were given, in their order: who would have been asked instead, about what and when, no"
    " replay can know.",
    "A vote weighs what it weighs in the sums today, and bounds are those of the calibrations in force.",
    "Publishing changes no label that exists; what is said here is what the same votes would have come to.",
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A stage that comes out otherwise: as it is stored, by the version in force, and by the candidate.

    Outcomes are ``yes``, ``no``, ``no answer``, ``open``, ``contested``, or ``not asked``; `now_to` and `new_to` name
    the next workflow.
    """

    subject: str
    workflow: str
    kind: str
    stored: str
    now: str
    new: str
    now_to: str | None
    new_to: str | None


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes used, and votes still asked for by undecided subjects: at the least, and as expected."""

    used: int
    undecided: int
    at_least: int
    expected: float


@dataclass(frozen=True, slots=True)
class GoldError:
    """Errors of one kind counted on gold; `of` are the retired, `enough` how many without an error show the target."""

    truth: str
    subjects: int
    of: int
    wrong: int
    unanswered: int
    low: float
    high: float
    target: float | None
    enough: int | None


@dataclass(frozen=True, slots=True)
class Errors:
    """What error to expect: misses and false alarms counted on gold, and what the engine's model says of its labels."""

    miss: GoldError
    false_alarm: GoldError
    model: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """How many stages the version in force makes of their votes what is stored, and why others differ."""

    same: int
    by_hand: int
    vote_taken_back: int
    under_older_version: int
    recalibrated: int
    unexplained: int


@dataclass(frozen=True, slots=True)
class WorkflowForecast:
    """What becomes of one workflow.

    Attributes
    ----------
    subjects, votes_given
        Stages that were played, and the votes on them.
    retired_now, retired_new
        How many are decided by the version in force, and by the candidate.
    changes
        By `cascade.whatif.Kind`.
    arriving
        Subjects that would come here and have no votes here.
    saved, more
        Votes that were used and would not be; votes beyond today's decision that would be used.
    """

    workflow: str
    subjects: int
    votes_given: int
    retired_now: int
    retired_new: int
    changes: Mapping[str, int]
    arriving: int
    saved: int
    more: int
    votes_now: Votes
    votes_new: Votes
    information: Information
    errors_now: Errors
    errors_new: Errors
    stored: Stored
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class NotPlayed:
    """A workflow without votes to play: new or asked anew, with the subjects that would have come; or one that closes.

    `withdrawn` are the undecided subjects of the latter: publishing takes them out of it.
    """

    workflow: str
    why: str
    arriving: int | None = None
    withdrawn: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """A total share of misses along the workflows that lead from yes to yes, as declared and as it is best divided."""

    total: float
    declared_total: float
    stages: Sequence[str]
    declared: Sequence[float]
    advised: Sequence[float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """All of it; `share` is that of the subjects that were played."""

    project: str
    version: int
    share: float
    subjects_in_all: int
    votes_in_all: int
    workflows: Sequence[WorkflowForecast]
    not_played: Sequence[NotPlayed]
    changes: Sequence[Changed]
    budget: Budget | None
    limits: Sequence[str] = field(default=LIMITS)
