"""``chaffinch refit``: weigh all votes of a workflow together, and learn volunteers, subjects and bounds from that."""

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.connecting import over_database
from api.cli.speaking import console
from api.services.calibrations import calibration_view
from api.services.published import PublishedCascades
from api.services.refitting import CascadeChangedError, Outcome, Refitting, RefitUnderWayError, find_workflows
from api.store.engine import Connection
from api.store.refitting import Candidate
from cascade.score import ScoreFit, to_json

Line = tuple[str, str]


def refit(
    project: Annotated[str | None, typer.Argument(help="The project's short name; all projects by default.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only the workflow of this name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be learnt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Learn from all votes what volunteers can, how common yes is, and where to stop, as the worker does every hour.

    Open subjects are weighed anew by that, and may retire. A subject that is retired already keeps its label; where its
    votes now speak against that, an audit of it opens.
    """
    outcomes = over_database("refit", lambda connection, url: _refit(connection, url, project, workflow, dry_run))
    if as_json:
        typer.echo(json.dumps([_tree(outcome, dry_run) for outcome in outcomes], indent=2))
        return
    if not outcomes:
        console.print("There is no workflow to refit.")
    for outcome in outcomes:
        _show(outcome, dry_run)


async def _refit(
    connection: Connection, url: str, project: str | None, workflow: str | None, dry_run: bool
) -> list[Outcome]:
    refitting = Refitting(connection, url, PublishedCascades(), random.SystemRandom())
    candidates = await find_workflows(connection, project, workflow)
    return [await _one(refitting, candidate, dry_run, alone=len(candidates) == 1) for candidate in candidates]


async def _one(refitting: Refitting, candidate: Candidate, dry_run: bool, *, alone: bool) -> Outcome:
    """Refit one workflow; what is in its way keeps no other from it."""
    try:
        return await refitting.refit(candidate, dry_run=dry_run)
    except (RefitUnderWayError, CascadeChangedError) as error:
        if alone:
            raise
        return Outcome(candidate.slug, candidate.name, f"was left alone: {error}")


def _tree(outcome: Outcome, dry_run: bool) -> dict[str, Any]:
    """Return an outcome as JSON has it."""
    calibration, weighed = outcome.calibration, outcome.rescored
    tree: dict[str, Any] = {"project": outcome.slug, "workflow": outcome.workflow, "why_not": outcome.why_not}
    if calibration is not None:
        tree |= {"revision": calibration.revision, "dry_run": dry_run, **calibration_view(calibration)}
        tree |= {"scores": to_json(calibration.scores), "report": outcome.report, "seconds": outcome.seconds}
    if weighed is not None:
        tree["rescored"] = asdict(weighed)
    return tree


def _show(outcome: Outcome, dry_run: bool) -> None:
    """Print what became of one workflow."""
    name = f"{outcome.workflow} of {outcome.slug}"
    if outcome.calibration is None:
        console.print(f"{name} {outcome.why_not}.", markup=False)
    else:
        would = "would have" if dry_run else "has"
        revision, seconds = outcome.calibration.revision, outcome.seconds
        console.print(f"{name} {would} calibration {revision}, after {seconds:.1f} s:", markup=False)
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for what, value in (*_fitted(outcome), *_weighed(outcome)):
        table.add_row(f"  {what}", value)
    console.print(table)
    for line in _remarks(outcome.report):
        console.print(f"  - {line}", markup=False)


def _fitted(outcome: Outcome) -> Iterator[Line]:
    """Yield what was learnt."""
    report, calibration = outcome.report, outcome.calibration
    if calibration is None:
        return
    view = calibration_view(calibration)
    yield "votes", f"{report['votes']:,} by {report['volunteers']:,} volunteers on {report['subjects']:,} subjects"
    gold = report["gold_subjects"]
    yield (
        "of these on training subjects",
        f"{report['votes_on_gold']:,}, of which {gold['yes']} are yes, {gold['no']} no",
    )
    yield "subjects that are a yes", _percent(view["prevalence"])
    yield "subjects that are hard", _percent(view["hard_share"])
    if "agreement" in report:
        yield "retires by", "agreement, until there is gold enough for bounds"
    else:
        yield "retires as yes at odds of", _odds(view["accept_log_odds"])
        yield "retires as no at odds of", _odds(view["reject_log_odds"])
    yield from _promised(report)
    for name, fit in calibration.scores.items():
        yield f"machine score {name}", _worth(fit)


def _promised(report: Mapping[str, Any]) -> Iterator[Line]:
    """Yield below what errors lie by gold, with 95 % confidence."""
    for answer, contrary in (("yes", "no"), ("no", "yes")):
        gold = report["gold"][answer]
        yield (
            f"a {answer} that retires as {contrary}",
            f"in less than {_percent(gold['upper95'])} of cases; asked for: {_percent(gold['target'])}"
            f" ({gold['wrong']:.3g} of {gold['retired']:.3g} such gold subjects)",
        )
    yield "a wrong label, of either kind", f"in less than {_percent(report['error_upper95'])} of those that retire"


def _weighed(outcome: Outcome) -> Iterator[Line]:
    """Yield what became of the subjects."""
    if outcome.rescored is not None and outcome.rescored.looked_at:
        yield "subjects looked at again", f"{outcome.rescored.looked_at:,}"
        yield "weighed anew", f"{outcome.rescored.rescored:,}"
        yield "retired by that", f"{outcome.rescored.retired:,}"
        yield "flagged for an audit", f"{outcome.rescored.flagged:,}"


def _remarks(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was noticed, a sentence each."""
    yield from report.get("notes", ())
    for pair in report.get("pairs", ()):
        first, second = pair["volunteers"]
        yield (
            f"{first} and {second} made the same {pair['agreed_errors']} mistakes on {pair['together']} subjects that"
            f" both saw, where {pair['expected']:.1f} were to be expected (p = {pair['p_value']:.1g}): one person"
            " twice, a copy, or the same misunderstanding"
        )
    for dropped in report.get("dropped", ()):
        times = "once" if dropped["times"] == 1 else f"{dropped['times']} times"
        yield f"{dropped['volunteer']} suddenly answered training subjects as if by chance, and began anew {times}"
    for score in report.get("scores", {}).values():
        yield from score["alarms"]
    yield from report.get("advice", ())


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _odds(log_odds: float | None) -> str:
    """Return log-odds as odds, or what stands in their place."""
    return "those of the declared target" if log_odds is None else f"{math.exp(log_odds):.1f} : 1"


def _worth(fit: ScoreFit) -> str:
    """Return what a machine score is worth, in words."""
    gold = f"{fit.gold_yes} yes and {fit.gold_no} no of gold have it"
    if not fit.used:
        return f"not used: gold does not bear it out ({gold})"
    how = "used, inverted" if fit.inverted else "used"
    return f"{how}: log loss {fit.loss:.3f} instead of {fit.loss_without:.3f} on gold that it did not see ({gold})"
