"""What other rules would have made of the votes that were given.

`play` decides the stages of one workflow anew under a rule, from votes in the order in which they were given, each
weighing what it weighs in the sums today. `walk` follows subjects along a cascade by these decisions. `changes` names
what differs between two such replays. Votes that were given after a decision are stored too, so a stricter rule is
judged by them as far as they reach; what is missing then is estimated (see `Outlook`).

A replay cannot know who else would have been asked, nor in another order. It compares rules on the same votes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cascade.calibration import Calibration
from cascade.decision import decide, need
from cascade.graph import Attributes, Cascade, Workflow
from cascade.skill import MICRO, PRIOR
from cascade.standing import STANDING, Integers, Mask, Rows, Tally, log_odds_by, wald
from cascade.vocabulary import NO_ANSWER, Answer, PolicyKind, Reason, StageState

Reals = NDArray[np.float64]

STRENGTH: Final = 30
"""How many votes the declared start counts for in what a vote tells."""

LEAST: Final = 0.02
"""The least that a vote is taken to tell, in nats: where votes tell nothing, only their limit ends the asking."""

_SHARES: Final = PRIOR / PRIOR.sum(axis=-1, keepdims=True)
DECLARED: Final = float((_SHARES[1] * np.log(_SHARES[1] / _SHARES[0])).sum())
"""What a vote tells by the declared start (`cascade.skill.PRIOR`), in nats."""

DECLARED_LEAD: Final = float(_SHARES[1, Answer.YES] - _SHARES[1, Answer.NO])
"""By how many votes the right answer leads after each vote, by the declared start."""


@dataclass(frozen=True, slots=True)
class Played:
    """The n stages of a workflow after all their votes, under one rule.

    Attributes
    ----------
    standings, rule
        `STANDING` (n,), and the one `RULE`, (1,).
    used
        Counted votes, (n,): those until the decision, or all where there is none.
    """

    standings: Rows
    rule: Rows
    used: Integers

    @property
    def retired(self) -> Mask:
        """Where a stage is decided, (n,)."""
        result: Mask = self.standings["state"] == StageState.RETIRED
        return result

    @property
    def log_odds(self) -> Integers:
        """The log-odds of *yes* as the rule sees them, in micro-nats, (n,)."""
        return log_odds_by(self.standings, self.rule)


def begun(standings: Rows) -> Rows:
    """Return stages as they were before any vote, with the prior and the draw that they are stored with."""
    fresh = np.zeros(len(standings), dtype=STANDING)
    fresh["answer"] = NO_ANSWER
    for name in ("prior", "machine", "draw"):
        fresh[name] = standings[name]
    return fresh


def play(standings: Rows, votes: Rows, rule: Rows) -> Played:
    """Decide stages from their votes.

    `standings` are `begun`; `votes` are `ENTRY` in the order given, of `rule` 0; `rule` is one `RULE`, (1,).
    """
    after = decide(standings, votes, rule).standings
    return Played(after, rule, Tally.of(after).counted)


def retargeted(calibration: Calibration, now: Workflow, new: Workflow) -> Calibration:
    """Return a calibration as the next refit would make it for other targets, more or less.

    Its bounds move by as much as Wald's do, so the distance that gold asked for between the two is kept.
    """

    def moved(bound: int, before: float, after: float) -> int:
        return max(1, bound + wald(after) - wald(before)) if bound else 0

    return replace(
        calibration,
        accept=moved(calibration.accept, now.false_alarm, new.false_alarm),
        reject=moved(calibration.reject, now.miss, new.miss),
    )


@dataclass(frozen=True, slots=True)
class Information:
    """What one vote tells on average where the truth is yes, and where it is no.

    `yes` and `no` are how far the weighed evidence goes towards the truth, in nats; `lead_yes` and `lead_no` how far
    the lead of the right answer grows, in votes.
    """

    yes: float = DECLARED
    no: float = DECLARED
    lead_yes: float = DECLARED_LEAD
    lead_no: float = DECLARED_LEAD


def information(standings: Rows, votes: Rows) -> Information:
    """Return what a vote tells, from votes each judged by all others on its subject and by its prior.

    So no vote speaks for itself. The declared start counts for `STRENGTH` votes of either truth.
    """
    step = (votes["if_yes"] - votes["if_no"]) / MICRO
    sums = standings["prior"] / MICRO + np.bincount(votes["stage"], step, len(standings))
    likely = expit(sums[votes["stage"]] - step)
    lead = (votes["answer"] == Answer.YES).astype(np.float64) - (votes["answer"] == Answer.NO)
    return Information(
        _towards(step, likely, DECLARED),
        _towards(-step, 1 - likely, DECLARED),
        _towards(lead, likely, DECLARED_LEAD),
        _towards(-lead, 1 - likely, DECLARED_LEAD),
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many votes the n stages still ask for, (n,): at the least, and as expected; 0 where decided.

    The least is what could decide if every vote were strong and for one answer. What is expected is the way to either
    bound divided by what a vote tells, at most the votes that are left, weighed by how likely each answer is.
    """

    at_least: Integers
    expected: Reals


def outlook(played: Played, told: Information) -> Outlook:
    """Return what stages still ask for."""
    standings, rule = played.standings, played.rule[0]
    least = np.where(played.retired, 0, need(standings, played.rule, np.zeros(len(standings), dtype=np.int64)))
    if rule["policy"] == PolicyKind.COUNT:
        return Outlook(least, least.astype(np.float64))
    tally, z = Tally.of(standings), played.log_odds / MICRO
    if rule["policy"] == PolicyKind.LEAD:
        lead = tally.yes - tally.no
        to_yes, to_no = (rule["lead"] - lead) / told.lead_yes, (rule["lead"] + lead) / told.lead_no
        limit = rule["votes_max"]
    else:
        to_yes, to_no = (rule["accept"] / MICRO - z) / told.yes, (rule["reject"] / MICRO + z) / told.no
        limit = rule["votes_max"] + rule["contested"]
    left = np.maximum(limit - tally.counted, least)
    p = expit(z)
    expected = p * np.clip(to_yes, least, left) + (1 - p) * np.clip(to_no, least, left)
    return Outlook(least, np.where(played.retired, 0.0, expected))


@dataclass(frozen=True, slots=True)
class Walk:
    """How subjects go through a cascade by what was played.

    Attributes
    ----------
    reached
        Of each workflow's stages, whether the cascade leads their subject there, (n,).
    routes
        Where it goes on to, (n,): the name of a workflow; `None` leaves the cascade, or the stage is undecided.
    strangers
        The subjects that are led to a workflow in which they have no stage, so that nothing is known of them there.
    """

    reached: Mapping[str, Mask]
    routes: Mapping[str, list[str | None]]
    strangers: Mapping[str, frozenset[int]]


def walk(
    cascade: Cascade,
    everybody: Sequence[int],
    subjects: Mapping[str, Integers],
    played: Mapping[str, Played],
    attributes: Callable[[int], Attributes],
) -> Walk:
    """Let subjects enter a cascade, and follow them.

    Parameters
    ----------
    everybody
        The subjects that enter.
    subjects, played
        Of each workflow with stages: whose they are, (n,), and what became of them.
    attributes
        What the cascade's conditions see of a subject.
    """
    arrived: dict[str, set[int]] = {workflow.name: set() for workflow in cascade.workflows}
    unconditional = cascade.entry.when is None
    for number in everybody:
        door = cascade.entry.name if unconditional else cascade.enter(cascade.entry.name, attributes(number))
        if door is not None:
            arrived[door].add(number)
    reached: dict[str, Mask] = {}
    routes: dict[str, list[str | None]] = {}
    for name in sorted(arrived, key=cascade.rank):
        if name not in played:
            continue
        numbers = subjects[name].tolist()
        routes[name] = _routes(cascade, name, numbers, played[name], attributes)
        reached[name] = np.array([number in arrived[name] for number in numbers], dtype=np.bool_)
        for number, target, here in zip(numbers, routes[name], reached[name].tolist(), strict=True):
            if here and target is not None:
                arrived[target].add(number)
    known = {name: frozenset(each.tolist()) for name, each in subjects.items()}
    strangers = {name: frozenset(who) - known.get(name, frozenset()) for name, who in arrived.items()}
    return Walk(reached, routes, strangers)


class Kind(IntEnum):
    """How a stage comes out otherwise."""

    SAME = 0
    FLIPPED = 1
    REOPENED = 2
    RETIRED = 3
    REROUTED = 4
    LEFT_OUT = 5

    @property
    def word(self) -> str:
        """The name in reports."""
        return self.name.lower()


def changes(now: Played, new: Played, routes: tuple[list[str | None], list[str | None]], left_out: Mask) -> Integers:
    """Return the `Kind` of each stage, (n,).

    Flipped: decided both times, with another answer (or without one). Reopened: decided now only. Retired: decided anew
    only. Rerouted: the same answer leads elsewhere. Left out: the subject would not come here at all.
    """
    both = now.retired & new.retired
    other = now.standings["answer"] != new.standings["answer"]
    elsewhere = np.array([old != route for old, route in zip(*routes, strict=True)], dtype=np.bool_)
    result: Integers = np.select(
        [left_out, both & other, now.retired & ~new.retired, ~now.retired & new.retired, both & elsewhere],
        [int(kind) for kind in (Kind.LEFT_OUT, Kind.FLIPPED, Kind.REOPENED, Kind.RETIRED, Kind.REROUTED)],
        int(Kind.SAME),
    )
    return result


def _routes(
    cascade: Cascade, name: str, numbers: list[int], played: Played, attributes: Callable[[int], Attributes]
) -> list[str | None]:
    """Return where each stage's subject goes on to; attributes are asked for only where they decide."""
    routes: list[str | None] = [None] * len(numbers)
    settled: dict[tuple[int, int], frozenset[str | None]] = {}
    for place in np.flatnonzero(played.retired).tolist():
        code, reason = int(played.standings["answer"][place]), int(played.standings["reason"][place])
        answer = None if code == NO_ANSWER else Answer(code)
        if (code, reason) not in settled:
            settled[code, reason] = cascade.possible_routes(name, answer, Reason(reason))
        possible = settled[code, reason]
        if len(possible) <= 1:
            routes[place] = next(iter(possible), None)
        else:
            routes[place] = cascade.route(name, answer, attributes(numbers[place]), Reason(reason))
    return routes


def _towards(step: Reals, weight: Reals, declared: float) -> float:
    mean = (float((step * weight).sum()) + STRENGTH * declared) / (float(weight.sum()) + STRENGTH)
    return max(LEAST, mean)
