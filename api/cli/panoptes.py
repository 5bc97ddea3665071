"""``chaffinch panoptes workflow``, ``import`` and ``export``: campaigns moved in from Panoptes, and out again."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.beside import beside
from api.cli.exporting import whole_file
from api.cli.speaking import asides, console
from api.manifest import BadRow
from api.manifest import read as read_manifest
from api.media.storage import open_storage, place_of
from api.outbound.fetching import Fetcher
from api.panoptes.definitions import chosen, read_definitions
from api.panoptes.manifest import write_manifest
from api.panoptes.matching import Hints
from api.panoptes.workflow import translate
from api.postgres.embedded import running_postgres
from api.services.admitting import Report
from api.services.archiving import archived_batches
from api.services.gathering import Fetching
from api.services.importing import Told, import_source
from api.services.panoptes_export import Kind, export_like_panoptes
from api.services.panoptes_import import Follow, Refuse, Tally, Wish, import_classifications
from api.settings import Settings
from api.sources.scratch import scratch_folder
from api.store.engine import Pool, connect
from api.store.schema import upgrade
from cascade.errors import DeclarationErrors

panoptes = typer.Typer(name="panoptes", help="Move in from Panoptes (the Zooniverse), and out again.")

BAD_ROWS, STOPPED = 1, 130
SAY_SECONDS: Final = 5.0
"""Between two lines of progress where there is no terminal."""

_WHY: Final = {
    "late": "came after their subject was decided",
    "level_lost": "are in a workflow whose level the volunteers do not hold",
    "not_in_workflow": "are about subjects that are not in that workflow, since the crowd led them elsewhere",
    "already_answered": "repeat an answer of the same volunteer about the same subject",
    "workflow_retired": "are in a workflow that is closed",
}


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        callback=_file,
        dir_okay=False,
        help="File to write, whole or not at all; without it, to standard output.",
    ),
]
Slug = Annotated[str, typer.Option("--project", help="Short name of the project.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Workflow = Annotated[
    str | None,
    typer.Option("--workflow", help="The Panoptes workflow that is meant, by number or title, if there are several."),
]
Yes = Annotated[
    str | None, typer.Option("--yes", help="The answer that means yes, as Panoptes shows it, if its words do not tell.")
]
LeaveOut = Annotated[
    list[str] | None, typer.Option("--leave-out", help="A task that is not carried over, such as T1. Give it again.")
]
IdFrom = Annotated[str | None, typer.Option("--id-from", help="Key of the subjects' metadata that holds your own ids.")]


def _tasks(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in given:
        task, sign, name = each.partition("=")
        if not (task and sign and name):
            raise typer.BadParameter(f"{each!r} is no pair; write TASK=WORKFLOW, such as T0=arc", param_hint="--task")
        found[task] = name
    return found


@panoptes.command("workflow")
def workflow(
    file: File,
    project: Annotated[str | None, typer.Option("--project", help="Short name of the project.")] = None,
    workflow: Workflow = None,
    yes: Yes = None,
    leave_out: LeaveOut = None,
) -> None:
    """Write a Panoptes workflow as the declaration of a cascade.

    FILE is the workflow's JSON, as https://www.zooniverse.org/api/workflows/ID has it, or the workflow export of the
    project builder. Questions of two answers become yes and no, a third answer that means "not sure" becomes unsure,
    and what follows an answer becomes an edge. What is lost is said in comments; what cannot be asked is an error.
    """
    definition = chosen(read_definitions(file), workflow, str(file))
    typer.echo(translate(definition, yes=yes, leave_out=leave_out or ()).declaration(project), nl=False)


@panoptes.command("import")
def import_(  # noqa: PLR0913, PLR0917  # one for each option of the command
    classifications: File,
    project: Slug,
    subjects: Annotated[
        Path | None, typer.Option(help="The subject export, with all subjects.", exists=True, dir_okay=False)
    ] = None,
    workflow_json: Annotated[
        Path | None,
        typer.Option("--workflow-json", help="The workflow's JSON, or workflow export.", exists=True, dir_okay=False),
    ] = None,
    workflow: Workflow = None,
    yes: Yes = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Which workflow of ours a task is: T0=arc. Give it again.")
    ] = None,
    leave_out: LeaveOut = None,
    count: Annotated[
        bool, typer.Option("--count", help="Let the votes count, as if they were given here. Without it they are kept.")
    ] = False,
    id_from: IdFrom = None,
    title: Annotated[str | None, typer.Option(help="Title of the project.")] = None,
    with_pictures: Annotated[
        bool, typer.Option("--with-pictures", help="Fetch the pictures of --subjects from where they lie.")
    ] = False,
) -> None:
    """Import a classification export: its votes, with their subjects, into a project.

    A project without a cascade gets one that is made from --workflow-json, or else from the answers in the export.
    Votes are kept as imported, apart from live ones, unless --count is given. Each vote is known by its id: the same
    export again does only what is not done yet. Votes that are kept stay so, also when --count is given later.

    A row that will not do is reported with its line and skipped. Exits with 0 when all rows would do, 1 when not.
    """
    if with_pictures and subjects is None:
        raise typer.BadParameter(
            "give the subject export as --subjects: it says where they lie", param_hint="--with-pictures"
        )
    wish = Wish(
        classifications,
        project,
        subjects,
        workflow_json,
        Hints(workflow, yes, _tasks(task or ())),
        leave_out or (),
        count,
        id_from,
        title,
    )
    tally, pictured = _imported(wish, with_pictures)
    for line in _summary(wish, tally):
        console.print(line, markup=False)
    if with_pictures:
        console.print(f"Pictures: {pictured.updated} subjects got theirs, {pictured.unchanged} had them already.")
    raise typer.Exit(BAD_ROWS if tally.seen.bad or tally.subjects.bad or pictured.bad else 0)


def _imported(wish: Wish, with_pictures: bool) -> tuple[Tally, Report]:
    """Do what is wished, telling how far it is; end the command where the cascade cannot be made, or at Ctrl-C."""
    refuse = partial(_refuse, wish.classifications, Console(stderr=True, highlight=False, soft_wrap=True))
    try:
        with _following() as follow:
            return asyncio.run(_import(wish, refuse, follow, with_pictures))
    except DeclarationErrors as errors:
        for error in errors.errors:
            asides.print(f"{error.where} {error.problem}; {error.remedy}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        asides.print("Stopped. The same command goes on from here.")
        raise typer.Exit(STOPPED) from None


async def _import(wish: Wish, refuse: Refuse, follow: Follow, with_pictures: bool) -> tuple[Tally, Report]:
    settings = Settings()
    async with beside(settings) as house, connect(house.database_url, "panoptes") as connection:
        tally = await import_classifications(connection, house.pool, house.services, wish, refuse, follow)
        if not with_pictures or wish.subjects is None:
            return tally, Report()
        asides.print("Fetching the pictures. What is fetched stays; the same command goes on where it was stopped.")
        return tally, await _fetch_pictures(settings, house.pool, wish.slug, wish.subjects, wish.id_from)


async def _fetch_pictures(settings: Settings, pool: Pool, slug: str, subjects: Path, id_from: str | None) -> Report:
    """Give the subjects of an export their pictures, by way of a manifest."""
    refuse = partial(_refuse, Path(f"pictures of {subjects}"), Console(stderr=True, highlight=False, soft_wrap=True))
    with scratch_folder(settings.data_dir / "scratch") as scratch:
        path = scratch / "subjects.csv"
        with path.open("wb") as file:
            write_manifest(subjects, id_from, file.write, lambda _bad: None)  # what is bad has been said before
        async with Fetcher(settings.private_addresses) as fetch:
            return await import_source(
                pool,
                read_manifest(path),
                slug,
                place_of(settings),
                fetching=Fetching(fetch, scratch),
                tell=Told(refuse=refuse),
            )


@panoptes.command("manifest")
def manifest(subjects: File, output: Output = None, id_from: IdFrom = None) -> None:
    """Write a subject export as a manifest, with the addresses of its pictures.

    `chaffinch subjects import` then fetches the pictures. Subjects that are there already get theirs.
    """
    refuse = partial(_refuse, subjects, Console(stderr=True, highlight=False, soft_wrap=True))
    with whole_file(output) as file:
        count = write_manifest(subjects, id_from, file.write, refuse)
    typer.echo(f"{count} subjects written{'' if output is None else f' to {output}'}", err=True)


@panoptes.command("export")
def export(kind: Annotated[Kind, typer.Argument(help="What to write.")], project: Slug, output: Output = None) -> None:
    """Write the classifications, subjects or workflows of a project in the shape of Panoptes' exports.

    Columns that are not known here are empty. Every vote that stands is written; its metadata say under `chaffinch`
    whether it counts, and why not.
    """
    with whole_file(output) as file:
        count = asyncio.run(_export(project, kind, file.write))
    typer.echo(f"{count} rows written{'' if output is None else f' to {output}'}", err=True)


async def _export(slug: str, kind: Kind, write: Callable[[bytes], object]) -> int:
    settings = Settings()
    read_month = partial(archived_batches, open_storage(settings))
    async with running_postgres(settings, partial(typer.echo, err=True)) as url:
        await upgrade(url)
        async with connect(url, "export") as connection:
            return await export_like_panoptes(connection, url, slug, kind, write, read_month=read_month)


def _refuse(path: Path, console: Console, bad: BadRow) -> None:
    """Print a bad row as compilers do."""
    column = f" {bad.column}:" if bad.column else ""
    console.print(f"{path}:{bad.line}:{column} {bad.problem}; {bad.remedy}", markup=False)


@contextmanager
def _following() -> Iterator[Follow]:
    """Show how far the import is: a bar on a terminal, else a line every few seconds."""
    if not asides.is_terminal:
        yield _speaking()
        return
    shown = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=asides, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _speaking() -> Follow:
    due = time.monotonic() + SAY_SECONDS

    def follow(done: int, of: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + SAY_SECONDS
            asides.print(f"row {done} of {of}", markup=False)

    return follow


def _summary(wish: Wish, tally: Tally) -> Iterator[str]:
    seen = tally.seen
    if tally.published is not None:
        yield f"Version {tally.published} of {wish.slug} is in force, made from the Panoptes workflow."
        yield from (f"  {remark}" for remark in tally.remarks)
    if tally.subjects.rows:
        brought = tally.subjects
        yield (
            f"Subjects: {brought.imported} imported, {brought.updated} updated, {brought.unchanged} unchanged,"
            f" {brought.bad} bad."
        )
    answers = ", ".join(f"{count} {word} in {name}" for (name, word), count in sorted(seen.answers.items()))
    yield f"{wish.classifications}: {seen.rows} rows, {seen.votes} votes{f' ({answers})' if answers else ''}."
    if wish.count:
        yield f"Votes: {tally.counted} went through the count, {tally.known} were there already."
    else:
        yield f"Votes: {tally.kept} kept as imported, {tally.known} were there already."
    yield from (f"  {count} of them {_WHY.get(why, why)}, and do not count." for why, count in tally.uncounted.items())
    yield from (f"  {count} {_WHY.get(why, why)}: not stored." for why, count in tally.rejected.items() if count)
    if tally.kept_before:
        yield f"  {tally.kept_before} were kept as imported before, and stay so: a vote is never counted later."
    passed = ((seen.unanswered, "have no answer"), (seen.elsewhere, "answer other questions"), (seen.bad, "are bad"))
    for number, what in passed:
        if number:
            yield f"  {number} rows {what}: not imported."
    yield from (f"  Stays behind: {line}." for line in tally.behind)
