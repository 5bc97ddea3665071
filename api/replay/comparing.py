"""Every policy over the same streams, one for each seed, and the sums of how they fared."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

import numpy as np

from api.replay.arms import drifting, spammed
from api.replay.passages import Outcome, Sweep
from api.replay.references import dawid_skene, majority
from api.replay.rivals import NUMBERED, RIVALS, oracle_apart, willi
from api.replay.sequential import GROWTH, sequential
from api.replay.streams import Ballots, Integers, Mask, Reals, Stream, draw

OURS: Final = "sequential"
ORACLE: Final = "oracle"
UNAIDED: Final = "sequential-without-scores"
WILLI: Final = "willi"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is played: shares from 0 to 1, `policies` by name (`count:7` is count with another default)."""

    policies: tuple[str, ...]
    gold_share: float = 0.1
    spammers: int = 0
    drift: bool = False
    growth: float = GROWTH
    swept: bool = True


@dataclass(frozen=True, slots=True)
class Marks:
    """How a policy fared, summed over seeds: (settings, n), of which the first setting is the default.

    `wrong` counts what it says at the end though it were forced (a half for a toss-up), `retired_wrong` what it retired
    with the wrong answer; both where the truth is known. `p95` is the 95th percentile of votes of each seed.
    """

    votes: Reals
    wrong: Reals
    retired: Reals
    retired_wrong: Reals
    p95: tuple[float, ...]

    @classmethod
    def of(cls, sweep: Sweep, stream: Stream) -> Self:
        """Judge a policy on one stream."""
        outcomes = (sweep.default, *sweep.points)
        votes, wrong, retired, retired_wrong = np.zeros((4, len(outcomes), len(stream.truth)))
        truth = stream.truth[stream.subjects]
        for row, outcome in enumerate(outcomes):
            votes[row, stream.subjects] = outcome.votes
            wrong[row, stream.subjects] = _errors(outcome.leaning, truth)
            retired[row, stream.subjects] = outcome.answer >= 0
            retired_wrong[row, stream.subjects] = np.where(outcome.answer >= 0, _errors(outcome.answer, truth), 0)
        return cls(votes, wrong, retired, retired_wrong, (float(np.percentile(sweep.default.votes, 95)),))

    def __add__(self, other: "Marks") -> "Marks":
        return Marks(
            self.votes + other.votes,
            self.wrong + other.wrong,
            self.retired + other.retired,
            self.retired_wrong + other.retired_wrong,
            self.p95 + other.p95,
        )


@dataclass(frozen=True, slots=True)
class Attack:
    """What throwaway accounts did to a policy, over seeds: targets, how many flipped, and votes in all."""

    targets: int
    flipped: int
    votes: int
    votes_of_others: int
    votes_without: int

    def __add__(self, other: "Attack") -> "Attack":
        return Attack(
            self.targets + other.targets,
            self.flipped + other.flipped,
            self.votes + other.votes,
            self.votes_of_others + other.votes_of_others,
            self.votes_without + other.votes_without,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How all policies fared, summed over seeds.

    `live` and `judged` say in how many seeds each subject was not gold, and of known truth besides, (n,).
    `majority_wrong` and `dawid_skene_wrong` are the errors of all votes (n,). The tuples have one entry for each seed:
    the error among what ours retired, and the upper bound that the engine stated for it (not-a-number: none). `apart`
    is what the oracle does with each pair of bounds (pairs, 3), see `oracle_apart`; no pairs where it is not swept.
    """

    truth: Integers
    seeds: int
    gold_votes: int
    live: Reals
    judged: Reals
    majority_wrong: Reals
    dawid_skene_wrong: Reals
    marks: Mapping[str, Marks]
    attacks: Mapping[str, Attack]
    retired_errors: tuple[float, ...]
    stated: tuple[float, ...]
    apart: Integers

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.truth,
            self.seeds + other.seeds,
            self.gold_votes + other.gold_votes,
            self.live + other.live,
            self.judged + other.judged,
            self.majority_wrong + other.majority_wrong,
            self.dawid_skene_wrong + other.dawid_skene_wrong,
            {name: marks + other.marks[name] for name, marks in self.marks.items()},
            {name: attack + other.attacks[name] for name, attack in self.attacks.items()},
            self.retired_errors + other.retired_errors,
            self.stated + other.stated,
            self.apart + other.apart,
        )


def compare(
    ballots: Ballots,
    setup: Setup,
    seeds: Sequence[int],
    *,
    run: Callable[[Callable[[int], Comparison], Sequence[int]], Iterable[Comparison]] = map,
    progress: Callable[[int], None] = lambda _done: None,
) -> Comparison:
    """Play all policies over a stream for each seed, of which there must be one at least.

    `run` is `map`, or that of a pool of processes: the same seeds give the same numbers. `progress` is told how many
    seeds are done.
    """
    total: Comparison | None = None
    for done, each in enumerate(run(partial(_one, ballots, setup), seeds), 1):
        total = each if total is None else total + each
        progress(done)
    assert total is not None
    return total


def processes() -> ProcessPoolExecutor:
    """Return a pool with a process for each processor, started anew and not copied from this one."""
    return ProcessPoolExecutor(os.cpu_count() or 1, mp_context=multiprocessing.get_context("spawn"))


def _one(ballots: Ballots, setup: Setup, seed: int) -> Comparison:
    """Play one seed. Each arm has dice of its own, so that it leaves the others as they are."""
    stream = draw(ballots, setup.gold_share, np.random.default_rng(seed))
    if setup.drift:
        stream = drifting(stream, np.random.default_rng([seed, 1]))
    sweeps, stated = _play(stream, setup)
    marks = {name: Marks.of(sweep, stream) for name, sweep in sweeps.items()}
    live = np.zeros(len(stream.truth))
    live[stream.subjects] = 1
    judged = live * (stream.truth >= 0)
    return Comparison(
        stream.truth,
        1,
        int(stream.on_gold.sum()),
        live,
        judged,
        _errors(majority(stream), stream.truth) * judged,
        _errors(dawid_skene(stream), stream.truth) * judged,
        marks,
        _attacks(stream, setup, sweeps, seed) if setup.spammers else {},
        (_error_among_retired(marks[OURS], judged > 0) if OURS in marks else np.nan,),
        (stated,),
        oracle_apart(stream) if setup.swept and ORACLE in marks else np.zeros((0, 3), dtype=np.int64),
    )


def _play(stream: Stream, setup: Setup) -> tuple[Mapping[str, Sweep], float]:
    """Return how each policy went, and the error that the engine states for ours."""
    sweeps: dict[str, Sweep] = {}
    stated = np.nan
    for name in setup.policies:
        kind, _, number = name.partition(":")
        if name == OURS:
            sweeps[name], last = sequential(stream, setup.growth, swept=setup.swept)
            stated = _stated(last.report)
        elif name == UNAIDED:
            unaided = replace(stream, score=np.full(len(stream.truth), np.nan))
            sweeps[name], _ = sequential(unaided, setup.growth, swept=False)
        elif name == WILLI:
            sweeps[name] = willi(stream)
        else:
            sweeps[name] = NUMBERED[kind](stream, int(number)) if number else RIVALS[name](stream)
    return sweeps, stated


def _stated(report: Mapping[str, object]) -> float:
    """Return the upper bound of the error among the retired that a refit states, not-a-number if it states none."""
    bound = report.get("error_upper95")
    return float(bound) if isinstance(bound, int | float) else float("nan")


def _attacks(stream: Stream, setup: Setup, sweeps: Mapping[str, Sweep], seed: int) -> Mapping[str, Attack]:
    """Play the stream with throwaway accounts, every policy by default."""
    attacked, targets = spammed(stream, setup.spammers, np.random.default_rng([seed, 2]))
    under, _ = _play(attacked, replace(setup, swept=False))
    chosen = np.isin(stream.subjects, targets)
    truth = stream.truth[stream.subjects]
    return {
        name: _attack(sweep.default, under[name].default, chosen, truth, setup.spammers)
        for name, sweep in sweeps.items()
    }


def _attack(without: Outcome, under: Outcome, chosen: Mask, truth: Integers, accounts: int) -> Attack:
    """Compare a policy with and without throwaway accounts; both outcomes have the same subjects in the same order."""
    wrong, wrong_before = ((each.answer >= 0) & (each.answer != truth) for each in (under, without))
    lies = np.minimum(under.votes[chosen], accounts).sum()
    return Attack(
        int(chosen.sum()),
        int((wrong & ~wrong_before)[chosen].sum()),
        int(under.votes.sum()),
        int(under.votes.sum() - lies),
        int(without.votes.sum()),
    )


def _errors(answer: Integers, truth: Integers) -> Reals:
    """Return 1 where an answer is wrong, a half where there is none, and 0 where it is right or the truth unknown."""
    return np.where(truth < 0, 0.0, np.where(answer < 0, 0.5, answer != truth))


def _error_among_retired(marks: Marks, judged: Mask) -> float:
    retired = marks.retired[0][judged].sum()
    return float(marks.retired_wrong[0].sum() / retired) if retired else 0.0
