"""The decision engine against its rivals on vote logs, and what it must show there."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from api.replay.comparing import OURS, UNAIDED, WILLI, Setup, compare, processes
from api.replay.figures import Figures, figures, interval
from api.replay.streams import Ballots
from api.replay.vote_logs import read

Reals = NDArray[np.float64]

LOGS: Final = Path("../shared/data/votes")
SPAMMERS: Final = 6
ACCURACIES: Final = {"accurate": 0.93, "random": 0.5, "inverted": 0.07}
"""Synthetic machine columns: how often the side of the score is that of the truth."""

POLICIES: Final = ("count", "lead", "first-two-agree", "swap", "gravity-spy", OURS, "oracle")
BEATEN: Final = ("swap", "lead", "first-two-agree")
AT_MAJORITY: Final = ("bluebirds", "possent", "rte", "sp", "zencrowd_us", "dproduct", "real_golden_a")
NEAR_DAWID_SKENE: Final = ("possent", "bluebirds", "rte")
FLIPPED: Final = {"possent": 0.10, "sp_amt": 0.10, "rte": 0.20}

_SPREAD: Final = (8.0, 2.0)


@dataclass(frozen=True)
class Played:
    """A log with all its arms."""

    name: str
    votes: int
    main: Figures
    machine: Mapping[str, Figures]
    cold: Figures
    drift: Figures

    @cached_property
    def tree(self) -> dict[str, Any]:
        """All figures as JSON values."""
        arms = {**self.machine, "cold": self.cold, "drift": self.drift}
        shares = {"cold": 0.0}
        return {
            **figures(self.name, self.main.comparison, self.votes, 0.1),
            "arms": {
                name: figures(self.name, arm.comparison, self.votes, shares.get(name, 0.1))["policies"]
                for name, arm in arms.items()
            },
        }


def run_engine(folder: Path | None, shuffles: int) -> dict[str, Any]:
    """Play every log of a folder that has known answers; print tables, then which aims are met.

    The arms beside the main one take a quarter of the shuffles.
    """
    logs = sorted((folder or LOGS).glob("*.csv*"))
    if not logs:
        print(f"no vote logs in {folder or LOGS}: give a folder of them with --logs")
        return {}
    played = []
    with processes() as pool:
        for path in logs:
            ballots = Ballots.of(read(path))
            if min((ballots.truth == 0).sum(), (ballots.truth == 1).sum()) < 6:
                print(f"{path.name}: too few known answers to judge by; left out\n", flush=True)
                continue
            played.append(_play(path, ballots, shuffles, pool.map))
            _show(played[-1])
    verdicts = [
        {"aim": aim, "met": bool(met), "found": found} for aim, met, found in _aims({log.name: log for log in played})
    ]
    for verdict in verdicts:
        print(f"{'met   ' if verdict['met'] else 'MISSED'}  {verdict['aim']}: {verdict['found']}", flush=True)
    _summarise(played)
    return {"logs": {log.name: log.tree for log in played}, "aims": verdicts}


def _play(path: Path, ballots: Ballots, shuffles: int, run: Callable[..., Any]) -> Played:
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    few = Setup((OURS, "first-two-agree", "oracle"), swept=False)

    fewer = -(-shuffles // 4)

    def arm(setup: Setup, seeds: int = fewer, votes: Ballots = ballots) -> Figures:
        return Figures(compare(votes, setup, range(1, seeds + 1), run=run))

    machine = {}
    for column, accuracy in ACCURACIES.items():
        aided = Setup((OURS, UNAIDED, "first-two-agree", WILLI), swept=column == "accurate")
        machine[column] = arm(aided, votes=replace(ballots, score=_scores(name, ballots, accuracy)))
    return Played(
        name,
        len(ballots.subject),
        arm(Setup(POLICIES, spammers=SPAMMERS), shuffles),
        machine,
        arm(replace(few, gold_share=0)),
        arm(replace(few, drift=True)),
    )


def _scores(name: str, ballots: Ballots, accuracy: float) -> Reals:
    """Return scores that lie on the side of the truth so often, and as far from a half whether they do or not."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), round(100 * accuracy)])
    right = rng.random(len(ballots.truth)) < accuracy
    yes = np.where(ballots.truth < 0, rng.random(len(right)) < 0.5, (ballots.truth == 1) == right)
    certainty = 0.5 + 0.5 * rng.beta(*_SPREAD, size=len(right))
    return np.where(yes, certainty, 1 - certainty)


def _show(log: Played) -> None:
    main = log.tree
    print(
        f"{log.name}: {main['subjects']} subjects, {main['votes_available']} votes,"
        f" {_number(main['gold_votes_per_subject'])} on gold per subject; error of all votes:"
        f" majority {_percent(main['majority_all']['error'])}, Dawid-Skene {_percent(main['dawid_skene_all']['error'])}"
    )
    print(f"  {'':28} votes   p95  error   miss  f.al.  ret'd  at majority error     at Dawid-Skene + 1 point")
    for name, row in main["policies"].items():
        print(_row(name, row))
    for arm, policies in main["arms"].items():
        for name, row in policies.items():
            print(_row(f"{arm}: {name.removeprefix('sequential-')}", row))
    promise, sybil = main["calibration"], main["sybil"]
    print(
        f"  of what ours retired {_percent(promise['error_among_retired'])} was wrong, it stated at most"
        f" {_percent(promise['upper95'])}, which held in {_percent(promise['covered'])} of the seeds; retired"
        f" {_percent(promise['retired_share'])}, the oracle at that error {_percent(promise['oracle_retired_share'])},"
        f" at the same misses and false alarms {_percent(promise['oracle_retired_share_same_errors'])}"
    )
    flipped = ", ".join(f"{name} {_percent(each['flipped_share'])}" for name, each in sybil["policies"].items())
    print(f"  flipped by {SPAMMERS} throwaway accounts a target: {flipped}\n", flush=True)


def _summarise(logs: Sequence[Played]) -> None:
    """Print the votes at the error of the majority of all votes as a table for a page."""
    shown = ("lead", "first-two-agree", "swap", OURS, "oracle")
    print(f"\n| log | all votes | {' | '.join(shown)} | ours / oracle |\n|{'---|' * (len(shown) + 3)}")
    for log in logs:
        policies = log.tree["policies"]
        cells = [_number(policies[name]["votes_at_majority_error"]) for name in shown]
        each = log.votes / log.tree["subjects"]
        print(f"| {log.name} | {each:.2f} | {' | '.join(cells)} | {_value(log.main.ratio('oracle'))} |", flush=True)


def _row(name: str, row: Mapping[str, Any]) -> str:
    shares = " ".join(f"{_percent(row[key]):>6}" for key in ("error", "miss", "false_alarm", "retired_share"))
    reached = "  ".join(
        f"{_number(row[key]):>5} {_ends(row[f'{key}_interval']):15}"
        for key in ("votes_at_majority_error", "votes_at_dawid_skene_error_plus_1pp")
    )
    return f"  {name:28} {row['votes_per_subject']:5.2f} {row['p95_votes']:5.1f} {shares}  {reached}".rstrip()


Aim = tuple[str, bool, str]


def _aims(logs: Mapping[str, Played]) -> Iterator[Aim]:
    """Yield what must be shown, whether it is, and the figures; only of the logs that are there."""
    yield from _at_majority(logs)
    for name in filter(logs.__contains__, NEAR_DAWID_SKENE):
        votes = logs[name].main.votes_near_dawid_skene(OURS)
        third = logs[name].votes / len(logs[name].main.comparison.truth) / 3
        yield (
            f"{name}: within a point of Dawid-Skene at a third of the votes",
            votes[0] <= third,
            (f"{_value(votes)} of at most {third:.2f}"),
        )
    for log in logs.values():
        yield from _promise(log)
    for name in filter(logs.__contains__, FLIPPED):
        sybil = logs[name].tree["sybil"]
        found = (
            f"{_percent(sybil['flipped_share'])}, votes x {sybil['votes_ratio']:.3f}"
            f" (without the accounts' own x {sybil['votes_ratio_of_others']:.3f})"
        )
        met = sybil["flipped_share"] <= FLIPPED[name] and sybil["votes_ratio_of_others"] <= 1.1
        yield f"{name}: throwaway accounts flip at most {FLIPPED[name]:.0%}, at most 10 % more votes", met, found
    for log in logs.values():
        yield from _machine(log)


def _at_majority(logs: Mapping[str, Played]) -> Iterator[Aim]:
    """At the error of the majority of all votes: against the oracle, and against what is published."""
    there = [name for name in AT_MAJORITY if name in logs]
    if there:
        ratios = np.array([logs[name].main.ratio("oracle") for name in there])
        mean = _geometric_mean(ratios)
        each = ", ".join(f"{name} {_value(ratio)}" for name, ratio in zip(there, ratios, strict=True))
        yield "votes at the majority's error, by the oracle's: at most 1.2", mean[0] <= 1.2, f"{_value(mean)}: {each}"
    for name, log in logs.items():
        for rival in BEATEN:
            ratio = log.main.ratio(rival)
            low = np.quantile(ratio[1:], 0.025, method="inverted_cdf")
            yield f"{name}: no more votes than {rival}", bool(low <= 1), _value(ratio)
    if "sp_amt" in logs:
        votes = logs["sp_amt"].main.votes_at_majority_error(OURS)
        yield "sp_amt: the majority's error at 4 votes or fewer", votes[0] <= 4, _value(votes)


def _geometric_mean(ratios: Reals) -> Reals:
    """Return the mean over logs, (samples,); of samples after the first, over those that both policies reach."""
    logarithms = np.full(ratios.shape, np.nan)
    np.log(ratios, out=logarithms, where=(ratios > 0) & np.isfinite(ratios))
    mean: Reals = np.exp(np.nanmean(logarithms, axis=0))
    mean[0] = mean[0] if np.isfinite(ratios[:, 0]).all() else np.inf
    return mean


def _promise(log: Played) -> Iterator[Aim]:
    """At nominal 5 %."""
    promise = log.tree["calibration"]
    error, share, best = (promise[key] for key in ("error_among_retired", "retired_share", "oracle_retired_share"))
    yield f"{log.name}: at most 6 % wrong among the retired", error <= 0.06, _percent(error)
    yield (
        f"{log.name}: retired share within 10 points of the oracle's",
        best is None or share >= best - 0.1,
        (
            f"{_percent(share)} against {_percent(best)};"
            f" at the same misses and false alarms {_percent(promise['oracle_retired_share_same_errors'])}"
        ),
    )
    yield (
        f"{log.name}: the stated bound holds in 95 % of the seeds",
        (promise["covered"] or 0) >= 0.95,
        (f"{_percent(promise['covered'])} at {_percent(promise['upper95'])}"),
    )


def _machine(log: Played) -> Iterator[Aim]:
    """With a machine's scores."""
    aided = log.machine["accurate"]
    ours = aided.default(OURS)
    for rival, most in (("first-two-agree", 0.55), (WILLI, 1.0)):
        votes, errors = aided.default(rival)
        ratio = aided.votes_at(OURS, errors) / votes
        yield (
            f"{log.name}: scores right on 93 %, at the error of {rival}: votes at most x {most}",
            ratio[0] <= most,
            (
                f"{_value(ratio)}; by default {ours[0][0]:.2f} votes, {ours[1][0]:.1%} wrong"
                f" against {votes[0]:.2f}, {errors[0]:.1%}"
            ),
        )
    for column in ("random", "inverted"):
        ratio = log.machine[column].default(OURS)[0] / log.machine[column].default(UNAIDED)[0]
        yield f"{log.name}: {column} scores cost at most 3 % more votes", ratio[0] <= 1.03, _value(ratio)


def _value(samples: Reals) -> str:
    return f"{_number(float(samples[0]))} {_ends(interval(samples))}"


def _ends(ends: Sequence[float | None] | None) -> str:
    return "" if ends is None else f"[{', '.join('inf' if end is None else f'{end:.2f}' for end in ends)}]"


def _number(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
