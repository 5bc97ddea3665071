"""``chaffinch publish`` and ``chaffinch cascade check``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.forecasts import counted
from api.cli.forecasts import show as show_forecast
from api.cli.running import over_services
from api.cli.speaking import asides, console, fail
from api.declaration_file import MOST_BYTES, parse
from api.services.forecast import Forecast
from api.services.house import Services
from api.services.publishing import Preview, Publication
from api.services.settling import Report
from api.services.what_if import PREVIEW_VOTES
from cascade.difference import describe
from cascade.errors import DeclarationErrors
from cascade.graph import EXPERT, Cascade, Workflow

SHOWN: Final = 5
"""Subjects that change which are named before a cascade is published."""

cascade = typer.Typer(name="cascade", help="Declared cascades.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The declaration, in YAML.", exists=True, dir_okay=False)]


@cascade.callback()
def cascades() -> None:
    """Look at declared cascades."""


@cascade.command("check")
def check(file: File) -> None:
    """Check a declaration, without a database, and show what it declares."""
    with errors_of(file):
        found = parse(read_declaration(file)).cascade
    console.print(f"{file} declares {counted(len(found.workflows), 'workflow')} for the project {found.project}.")
    for workflow in found.workflows:
        console.print(_shown(found, workflow), markup=False)


def publish(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and stop.")] = False,
) -> None:
    """Publish a cascade: show what changes, ask, put it in force, and let the subjects follow.

    Of a project with votes it shows what they would have come to, as `chaffinch whatif` does.

    A project is created by its first publication, or by importing subjects. A changed question is a new one: votes stay
    with the old question, and subjects that are not decided begin anew.
    """
    with errors_of(file):
        text = read_declaration(file)
        preview, forecast = over_services(lambda services: _look(services, text))
        _show(preview)
        if forecast is not None:
            show_forecast(console, forecast, SHOWN)
        if dry_run:
            return
        if not preview.unchanged and not yes:
            _ask(preview)
        publication = over_services(lambda services: _publish(services, text, preview.version))
    console.print(_summary(publication), markup=False)


async def _look(services: Services, text: bytes) -> tuple[Preview, Forecast | None]:
    """Return what would change, and what that would have made of the votes that there are."""
    preview = await services.publishing.preview(text)
    if preview.unchanged or not preview.version:
        return preview, None
    return preview, await services.what_if.forecast(text, votes_limit=PREVIEW_VOTES)


async def _publish(services: Services, text: bytes, replacing: int) -> Publication:
    with _following() as report:
        return await services.publishing.publish(text, replacing=replacing, report=report)


def read_declaration(file: Path) -> bytes:
    """Return the text of a declaration, or end the command that cannot have it."""
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror}).")


@contextmanager
def errors_of(file: Path) -> Iterator[None]:
    """Print what is wrong in a declaration as compilers do."""
    try:
        yield
    except DeclarationErrors as found:
        for error in found.errors:
            where = f"{file}:{error.line}:{error.column}"
            asides.print(f"{where}: {error.where} {error.problem}; {error.remedy}", markup=False)
        raise typer.Exit(1) from None


def _show(preview: Preview) -> None:
    if preview.unchanged:
        console.print(f"Version {preview.version} of {preview.project} says the same.", markup=False)
        return
    over = f"what changes over version {preview.version}" if preview.version else "the first version"
    console.print(f"{preview.project}, {over}:", markup=False)
    for change in preview.changes:
        console.print(f"  {describe(change)}", markup=False)
    if preview.advice:
        console.print("What gold would buy (chaffinch ask names the subjects to ask an expert about):")
        for line in preview.advice:
            console.print(f"  - {line}", markup=False)


def _ask(preview: Preview) -> None:
    if not sys.stdin.isatty():
        fail("Nobody is here to be asked; add --yes to publish this.")
    typer.confirm(f"Publish this as version {preview.version + 1}?", abort=True)


def _summary(publication: Publication) -> str:
    moved = [f"{counted(publication.entered, 'subject')} entered"] if publication.entered else []
    if publication.withdrawn:
        moved.insert(0, f"{counted(publication.withdrawn, 'subject')} left closed workflows")
    said = f"Version {publication.version} of {publication.project} is in force."
    return f"{said} {', '.join(moved).capitalize()}." if moved else said


@contextmanager
def _following() -> Iterator[Report]:
    """Show how far the subjects have come, on a terminal."""
    shown = (TextColumn("subjects"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=asides, transient=True, disable=not asides.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _shown(found: Cascade, workflow: Workflow) -> str:
    level = "experts" if workflow.level == EXPERT else f"level {workflow.level}"
    targets = ", ".join(workflow.targets) or "nowhere"
    first = "; subjects enter here" if workflow is found.entry else ""
    return f"  {workflow.name} ({level}, {workflow.policy.kind.word}): {workflow.question} Leads to {targets}{first}."
