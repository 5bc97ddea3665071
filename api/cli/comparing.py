"""``chaffinch replay`` without a service: policies compared over a vote log, as a table or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from pydantic_core import to_json
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.cli.speaking import asides, console
from api.errors import CommandError
from api.replay.comparing import OURS, UNAIDED, WILLI, Comparison, Setup, compare, processes
from api.replay.figures import figures
from api.replay.rivals import NUMBERED
from api.replay.streams import Ballots, gold_size
from api.replay.vote_logs import VoteLog, read
from cascade.vocabulary import Answer

POLICIES: Final = ("count", "lead", "first-two-agree", "swap", "gravity-spy", OURS, "oracle")
"""What is compared unless policies are named."""

SMALL: Final = 5_000
"""Votes in all shuffles together below which further processes take longer to start than they save."""

_COLUMNS: Final = (
    ("votes", "votes_per_subject", "{:.2f}"),
    ("p95", "p95_votes", "{:.1f}"),
    ("error", "error", "{:.1%}"),
    ("miss", "miss", "{:.1%}"),
    ("f.alarm", "false_alarm", "{:.1%}"),
    ("retired", "retired_share", "{:.1%}"),
    ("at maj.", "votes_at_majority_error", "{:.2f}"),
    ("at DS+1", "votes_at_dawid_skene_error_plus_1pp", "{:.2f}"),
)


class ScoresNeededError(CommandError):
    """A policy was asked for that works with a machine's scores, without any."""

    def __init__(self) -> None:
        super().__init__(
            "willi lets a machine vote with the volunteers; name the column of its scores: --machine-column"
        )


class NothingKnownError(CommandError):
    """No item of the log has a known answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: no row has yes or no in the column gold, so there is neither training nor anything to judge"
            " by; give the known answers there, on at least one row of each item that has one"
        )


class NothingToJudgeError(CommandError):
    """All items of known answer serve as gold."""

    def __init__(self, known: int, share: float) -> None:
        super().__init__(
            f"the known answers are too few ({known}): with --gold-share {share:g} all of them are training, and"
            " nothing is left to judge by: give more known answers, or --gold-share 0"
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; no `policies` stand for the usual ones."""

    policies: Sequence[str]
    gold_share: float
    seeds: range
    spammers: int
    drift: bool
    machine_column: str | None


def compare_offline(path: Path, wanted: Wanted, *, as_json: bool) -> None:
    """Compare policies over a log, and print what came out.

    Raises
    ------
    ScoresNeededError
        A policy needs a machine's scores.
    WrongVoteLogError, NothingKnownError, NothingToJudgeError
        The log cannot be used.
    """
    setup = _setup(wanted)
    log = read(path, wanted.machine_column)
    ballots = Ballots.of(log)
    _check_truth(path, ballots, wanted.gold_share)
    comparison = _compared(ballots, setup, wanted.seeds)
    tree = figures(_name(path), comparison, len(log.votes), wanted.gold_share)
    if as_json:
        typer.echo(to_json(tree, indent=2))
    else:
        _show(path, log, tree)


def _setup(wanted: Wanted) -> Setup:
    policies = tuple(dict.fromkeys(wanted.policies)) or POLICIES
    if wanted.machine_column is None and WILLI in policies:
        raise ScoresNeededError
    if wanted.machine_column is not None:
        extra = (UNAIDED,) if OURS in policies else ()
        policies = tuple(dict.fromkeys((*policies, *(() if wanted.policies else (WILLI,)), *extra)))
    return Setup(policies, wanted.gold_share, wanted.spammers, wanted.drift)


def known_policies(given: list[str] | None) -> list[str] | None:
    """Return the policies given, or say which one is none."""
    for name in given or ():
        kind, colon, number = name.partition(":")
        numbered = colon and kind in NUMBERED and number.isascii() and number.isdigit() and 0 < int(number) < 1_000_000
        if not numbered and name not in {*POLICIES, WILLI}:
            known = ", ".join((*POLICIES, WILLI))
            raise typer.BadParameter(f"{name!r} is none; give one of {known}, or a number with it: count:5, lead:3")
    return given


def _check_truth(path: Path, ballots: Ballots, share: float) -> None:
    known = [int((ballots.truth == answer).sum()) for answer in (Answer.NO, Answer.YES)]
    if not sum(known):
        raise NothingKnownError(path)
    if sum(known) == sum(gold_size(each, share) for each in known):
        raise NothingToJudgeError(sum(known), share)


def _compared(ballots: Ballots, setup: Setup, seeds: range) -> Comparison:
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=asides, transient=True, disable=not asides.is_terminal) as bar:
        task = bar.add_task("seeds", total=len(seeds))

        def follow(done: int) -> None:
            bar.update(task, completed=done)

        if len(ballots.subject) * len(seeds) < SMALL:
            return compare(ballots, setup, seeds, progress=follow)
        with processes() as pool:
            return compare(ballots, setup, seeds, run=pool.map, progress=follow)


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv")


def _show(path: Path, log: VoteLog, tree: Mapping[str, Any]) -> None:
    errors = [_as("{:.1%}", tree[name]["error"]) for name in ("majority_all", "dawid_skene_all")]
    console.print(
        f"{path.name}: {len(log.votes)} votes of {len(log.workers)} volunteers on {len(log.items)} subjects, the answer"
        f" to {len(log.gold)} of them known; {log.repeated} rows left out that repeat an item and worker.\n"
        f"{tree['seeds']} shuffles with {tree['gold_share']:.0%} of the known as gold, on which"
        f" {_as('{:.2f}', tree['gold_votes_per_subject'])} votes per subject were given beside those below.\n"
        f"By all votes the majority is wrong on {errors[0]}, Dawid and Skene's model on {errors[1]}.",
        markup=False,
    )
    table = Table("policy", box=None)
    for title, _, _ in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in tree["policies"].items():
        table.add_row(name, *(_as(form, row[key]) for _, key, form in _COLUMNS))
    console.print(table)
    console.print(
        "at maj., at DS+1: votes per subject at which the policy errs as often as the majority of all votes, and one"
        " point more often than Dawid and Skene's model; -: it never does.",
        markup=False,
    )
    for sentence in _sentences(tree):
        console.print(sentence, markup=False)


def _sentences(tree: Mapping[str, Any]) -> list[str]:
    said = []
    if (promise := tree["calibration"]) is not None:
        said.append(
            f"{OURS}: of what it retired {_as('{:.1%}', promise['error_among_retired'])} was wrong, where"
            f" {promise['nominal']:.0%} was asked for; the bound that it stated itself was"
            f" {_as('{:.1%}', promise['upper95'])}, and held in {_as('{:.0%}', promise['covered'])} of the shuffles."
        )
    for name, attack in (tree["sybil"] or {"policies": {}})["policies"].items():
        said.append(
            f"{name}: throwaway accounts flipped {_as('{:.1%}', attack['flipped_share'])} of their targets, and the"
            f" votes rose by {_as('{:.1%}', attack['votes_ratio'] - 1)}."
        )
    return said


def _as(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)
