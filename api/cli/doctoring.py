"""``chaffinch doctor``."""

import asyncio
import textwrap
from dataclasses import asdict
from typing import Annotated, Final

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.text import Text

from api.doctor.examination import examine
from api.doctor.findings import Finding, Verdict
from api.settings import Settings

MARKS: Final = {
    Verdict.OK: ("ok   ", "green"),
    Verdict.NOTE: ("note ", "yellow"),
    Verdict.WRONG: ("WRONG", "bold red"),
}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead, for programs.")] = False,
) -> None:
    """Say what is wrong with this set-up, and what to do about it.

    Every check is ok, a note, or wrong; the exit code is 1 if anything is wrong. Nothing is changed.
    """
    console = Console(highlight=False)
    found = asyncio.run(_examine(console, show=not as_json))
    troubles = sum(finding.verdict is Verdict.WRONG for finding in found)
    notes = sum(finding.verdict is Verdict.NOTE for finding in found)
    if as_json:
        typer.echo(to_json({"wrong": troubles, "notes": notes, "findings": [asdict(each) for each in found]}, indent=2))
    elif troubles:
        console.print(f"\n{_many(troubles, 'thing')} wrong, {_many(notes, 'note')}.", style="bold")
    else:
        console.print(f"\nNothing is wrong; {_many(notes, 'note')}.", style="bold")
    raise typer.Exit(1 if troubles else 0)


async def _examine(console: Console, *, show: bool) -> list[Finding]:
    found = []
    async for finding in examine(Settings()):
        found.append(finding)
        if show:
            _show(console, finding)
    return found


def _show(console: Console, finding: Finding) -> None:
    """Print a finding: the mark, what it is about, and below it what to do; lines hang, so a phone's width will do."""
    mark, style = MARKS[finding.verdict]
    indent = " " * (len(mark) + 1)
    said = textwrap.wrap(f"{finding.check}: {finding.found}", max(20, console.width - len(indent)))
    console.print(Text.assemble((f"{mark} ", style), *_bold(said[0], len(finding.check))), soft_wrap=True)
    remedy = textwrap.wrap(finding.remedy or "", max(20, console.width - len(indent) - 2))
    for line in said[1:]:
        console.print(indent + line, markup=False, soft_wrap=True)
    for number, line in enumerate(remedy):
        console.print(f"{indent}{'> ' if number == 0 else '  '}{line}", style="cyan", markup=False, soft_wrap=True)


def _bold(line: str, length: int) -> list[tuple[str, str]]:
    return [(line[:length], "bold"), (line[length:], "")]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
