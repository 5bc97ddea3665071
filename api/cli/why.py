"""``chaffinch why``: why a subject stands where it does."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from api.cli.labels import a_subject
from api.cli.running import over_services
from api.cli.speaking import console
from mobile_schemas.subjects import subject_number

WIDTH: Final = 120
"""Columns that a table of steps may take, whatever the terminal has: a row that wraps is hard to read."""

_MICRO: Final = 1_000_000


def why(
    subject: Annotated[str, typer.Argument(callback=a_subject, help="Public id of the subject, such as S1234.")],
    workflow: Annotated[str | None, typer.Option(help="Name of the only workflow to explain.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as the API says it.")] = False,
) -> None:
    """Say why a subject was decided as it was, or what it waits for: from what is stored, vote by vote.

    Evidence is in nats (natural log units): 2.3 nats are odds of 10:1.
    """
    told = over_services(lambda services: services.explanations.why(None, subject_number(subject), workflow))
    if as_json:
        typer.echo(to_json(told))
        return
    for known in told["known_answers"]:
        console.print(
            f"{subject} is a training subject: the known answer in workflow {known['workflow_name']} is"
            f" {known['truth']}. What volunteers say of it teaches about them.",
            markup=False,
        )
    for stage in told["workflows"]:
        _print(stage)
    if not told["workflows"] and not told["known_answers"]:
        console.print(f"{subject} has not entered any workflow.")


def _print(stage: Mapping[str, Any]) -> None:
    """Print a stage: the outcome in sentences, where it began, its steps, and what is wrong with them."""
    for sentence in stage["in_words"]:
        console.print(sentence, markup=False)
    came = f"from workflow {stage['entered_from']}" if stage["entered_from"] else "as a new subject"
    console.print(f"  Entered  {stage['entered_at']:%Y-%m-%d %H:%M:%S} {came}, with {stage['prior']['in_words']}.")
    rule = stage["rule"]
    by = f"version {rule['version']}" + (f", calibration {rule['calibration']}" if rule["calibration"] else "")
    console.print(f"  Rule     {rule['in_words']}; {by}.", markup=False)
    if stage["omitted"]:
        console.print(f"  The first {stage['omitted']:,} steps are left out; --json has no more either.")
    if stage["steps"]:
        Console(highlight=False, width=max(console.width, WIDTH)).print(_table(stage["steps"]))
    for label in stage["labels"]:
        console.print(f"  {_revision(label)}", markup=False)
    for note in (*stage["notes"], *(f"Does not add up: {each}." for each in stage["discrepancies"])):
        console.print(f"  {note}", markup=False)
    console.print()


def _table(steps: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=True)
    for title in ("when", "who", "said"):
        table.add_column(title)
    for title in ("nats", "log-odds", "P(yes)"):
        table.add_column(title, justify="right")
    for title in ("gold: no, yes", "went to"):
        table.add_column(title)
    for step in steps:
        weight = None if step["kind"] == "rescore" or step["if_yes"] is None else step["if_yes"] - step["if_no"]
        table.add_row(
            f"{step['at']:%m-%d %H:%M:%S}",
            step["volunteer"] or "the refit",
            (step["answer"] or "") + (", flag" if step["flag"] else ""),
            "" if weight is None else f"{weight / _MICRO:+.2f}",
            f"{step['log_odds'] / _MICRO:+.2f}",
            _share(step["p_yes"]),
            _skill(step["skill"]),
            _did(step),
        )
    return table


def _did(step: Mapping[str, Any]) -> str:
    """Return in a few words what a step did; the API says it in a sentence."""
    if step["kind"] == "rescore":
        did = "would decide otherwise" if step["flagged"] else "anew"
        return f"{did}, calibration {step['calibration']}"
    if step["kind"] == "retraction":
        return f"taken back ({step['bucket']})"
    return step["bucket"] if step["why_not"] in (None, step["bucket"]) else f"not counted: {step['why_not']}"


def _skill(skill: Mapping[str, Any] | None) -> str:
    """Return how a volunteer had answered training subjects: right ones of all, under either truth."""
    if skill is None:
        return ""
    no, yes = skill["gold_if_no"], skill["gold_if_yes"]
    refit = sum(map(abs, (*skill["refit_if_no"], *skill["refit_if_yes"])))
    shown = f"{no[0]}/{sum(no)}, {yes[1]}/{sum(yes)}" + (f" and {refit:.0f} by refit" if refit else "")
    return shown if skill["exact"] else f"{shown} (not exact)"


def _share(p: float) -> str:
    """Return a probability with as many digits as tell it from 0 and 1."""
    doubt = min(p, 1 - p)
    return f"{p:.3f}" if doubt >= 0.001 else f"{p:.{min(-math.floor(math.log10(max(doubt, 1e-12))), 12)}f}"


def _revision(label: Mapping[str, Any]) -> str:
    says = label["label"] or "no answer"
    who = f" by {label['author']}: {label['why']}" if label["author"] else ""
    goes = f", leads to {label['routed_to']}" if label["routed_to"] else ", leaves the cascade"
    return f"Label {label['revision']}  {says} ({label['reason']}), {label['made_at']:%Y-%m-%d %H:%M:%S}{goes}{who}"
