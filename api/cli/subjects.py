"""``chaffinch subjects import``."""

import asyncio
import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from api.errors import ChaffinchError
from api.factory import media_dir
from api.manifest import BadRow, ManifestError
from api.media.errors import WorkersCannotStartError
from api.postgres.embedded import running_postgres
from api.postgres.errors import PostgresError
from api.services.admitting import ImportingError, Report
from api.services.importing import Follow, Progress, Refuse, import_manifest
from api.settings import Settings
from api.store.engine import open_pool
from api.store.schema import upgrade

app = typer.Typer(name="subjects", help="What volunteers look at.", no_args_is_help=True)

SAY_SECONDS: Final = 5.0
"""Between two lines of progress where there is no terminal."""

BAD_ROWS, FAILED, STOPPED = 1, 2, 130
"""Exit codes: some rows were skipped; nothing, or not all, could be tried; Ctrl-C."""

FORESEEN: Final = (ChaffinchError, ImportingError, ManifestError, PostgresError, WorkersCannotStartError)


@app.callback()
def subjects() -> None:
    """Bring subjects in."""


@app.command("import")
def import_subjects(
    manifest: Annotated[Path, typer.Argument(help="CSV file: external_id,location:1,metadata:KEY,gold:WORKFLOW,...")],
    project: Annotated[str, typer.Option("--project", help="Short name of the project; created if it is new.")],
    root: Annotated[
        Path | None,
        typer.Option(help="Folder in which the pictures lie, if not in that of the manifest.", file_okay=False),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the project.")] = None,
    errors: Annotated[
        Path | None, typer.Option(help="File to which bad rows are written too, as CSV.", dir_okay=False)
    ] = None,
) -> None:
    """Import subjects, with their pictures, from a manifest.

    The columns are external_id, location:1 and on, metadata:KEY, gold:WORKFLOW (yes, no or nothing),
    explanation:WORKFLOW and score:NAME (0 to 1). Locations are paths of local files, relative to the manifest.

    A row that will not do is reported with its line and skipped, and the rest is imported. Subjects are known by their
    external_id: the same manifest again does only what is not done yet, and a changed one updates what changed. Gold
    and scores whose cell is empty now are kept.

    Exits with 0 when every row is imported, 1 when some were skipped, 2 when the import could not begin or go on.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with _following(console) as follow, _refusing(console, manifest, errors) as refuse:
            report = asyncio.run(_import(manifest, project, root, title, follow, refuse))
    except (*FORESEEN, _ErrorsFileError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(STOPPED) from None
    typer.echo(_summary(manifest, report))
    raise typer.Exit(BAD_ROWS if report.bad else 0)


async def _import(
    path: Path, slug: str, root: Path | None, title: str | None, follow: Follow, refuse: Refuse
) -> Report:
    settings = Settings()
    async with running_postgres(settings, partial(typer.echo, err=True)) as url:
        await upgrade(url)
        pool = await open_pool(url, 1)
        try:
            return await import_manifest(
                pool, path, slug, media_dir(settings), root=root, title=title, follow=follow, refuse=refuse
            )
        finally:
            pool.terminate()


class _ErrorsFileError(Exception):
    """The file for bad rows cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written ({error.strerror or error}); name another file with --errors.")


@contextmanager
def _refusing(console: Console, manifest: Path, errors: Path | None) -> Iterator[Refuse]:
    """Print bad rows as compilers do, and write them to a file if one is named."""
    with _rows_of(errors) as write:

        def refuse(bad: BadRow) -> None:
            column = f" {bad.column}:" if bad.column else ""
            console.print(f"{manifest}:{bad.line}:{column} {bad.problem}; {bad.remedy}", markup=False)
            write([str(manifest), bad.line, bad.column or "", bad.problem, bad.remedy])

        yield refuse


@contextmanager
def _rows_of(path: Path | None) -> Iterator[Callable[[list[str | int]], None]]:
    """Give a writer of rows to a CSV file, or to nowhere."""
    if path is None:
        yield lambda _row: None
        return
    try:
        file = path.open("w", encoding="utf-8", newline="", buffering=1)
    except OSError as error:
        raise _ErrorsFileError(path, error) from error
    with file:
        writer = csv.writer(file)

        def write(row: list[str | int]) -> None:
            try:
                writer.writerow(row)
            except OSError as error:
                raise _ErrorsFileError(path, error) from error

        write(["manifest", "line", "column", "problem", "remedy"])
        yield write


@contextmanager
def _following(console: Console) -> Iterator[Follow]:
    """Show how far the import is: a bar on a terminal, else a line every few seconds."""
    if not console.is_terminal:
        yield _speaking()
        return
    shown = (BarColumn(), MofNCompleteColumn(), TextColumn("lines, {task.description}"), TimeRemainingColumn())
    with Bar(*shown, console=console, transient=True) as bar:
        task = bar.add_task("")

        def follow(now: Progress) -> None:
            bar.update(task, total=now.lines, completed=now.line, description=_counts(now.report))

        yield follow


def _speaking() -> Follow:
    due = time.monotonic() + SAY_SECONDS

    def follow(now: Progress) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + SAY_SECONDS
            typer.echo(f"line {now.line} of {now.lines}: {_counts(now.report)}", err=True)

    return follow


def _counts(report: Report) -> str:
    return f"{report.imported} imported, {report.updated} updated, {report.unchanged} unchanged, {report.bad} bad"


def _summary(manifest: Path, report: Report) -> str:
    said = [f"{manifest}: {_counts(report)}."]
    if report.entered:
        said.append(f"Subjects that entered the cascade: {report.entered}.")
    if report.withdrawn:
        said.append(f"Subjects that are gold now and were withdrawn from the cascade: {report.withdrawn}.")
    if report.gold_kept:
        said.append(f"Gold that is kept though its cell is empty now: {report.gold_kept}.")
    if report.bad:
        said.append("Correct the bad rows and run the same command again: it does only what is not done yet.")
    return "\n".join(said)
