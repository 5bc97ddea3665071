"""What commands say of an import: how far it is, which rows are bad, and what became of all."""

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from api.errors import ChaffinchError
from api.manifest import BadRow, ManifestError
from api.media.errors import WorkersCannotStartError
from api.postgres.errors import PostgresError
from api.services.admitting import ImportingError, Report
from api.services.framing import Notice
from api.services.importing import Follow, Progress, Refuse, Remark
from api.sources import SourceError

SAY_SECONDS: Final = 5.0
"""Between two lines of progress where there is no terminal."""

REMARKS_SHOWN: Final = 20
"""Remarks on pictures that are printed: a survey whose frames all lack a position would fill the screen."""

BAD_ROWS, FAILED, STOPPED = 1, 2, 130
"""Exit codes: some rows were skipped; nothing, or not all, could be tried; Ctrl-C."""


class ErrorsFileError(Exception):
    """The file for bad rows cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written ({error.strerror or error}); name another file with --errors.")


FORESEEN: Final = (
    ChaffinchError,
    ErrorsFileError,
    ImportingError,
    ManifestError,
    PostgresError,
    SourceError,
    WorkersCannotStartError,
)
"""What ends an import, and is said in a line."""


def new_console() -> Console:
    """Return where it is said how an import goes on."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def ending() -> Iterator[None]:
    """End a command with a line and its exit code where its import cannot begin or go on."""
    try:
        yield
    except FORESEEN as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise typer.Exit(STOPPED) from None


@contextmanager
def refusing(console: Console, source: str, errors: Path | None) -> Iterator[Refuse]:
    """Print bad rows as compilers do, and write them to a file if one is named."""
    with _rows_of(errors) as write:

        def refuse(bad: BadRow) -> None:
            column = f" {bad.column}:" if bad.column else ""
            console.print(f"{source}:{bad.line}:{column} {bad.problem}; {bad.remedy}", markup=False)
            write([source, bad.line, bad.column or "", bad.problem, bad.remedy])

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
        raise ErrorsFileError(path, error) from error
    with file:
        writer = csv.writer(file)

        def write(row: list[str | int]) -> None:
            try:
                writer.writerow(row)
            except OSError as error:
                raise ErrorsFileError(path, error) from error

        write(["manifest", "line", "column", "problem", "remedy"])
        yield write


@contextmanager
def following(console: Console) -> Iterator[Follow]:
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


def remarking(console: Console, source: str) -> Remark:
    """Return what prints what there is to say of the first pictures."""
    left = REMARKS_SHOWN

    def remark(notice: Notice) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            return
        console.print(f"{source}:{notice.line}: {notice.location}: {notice.remark}", markup=False)

    return remark


def summary(source: str, report: Report) -> str:
    """Say what became of all rows."""
    said = [f"{source}: {_counts(report)}."]
    if report.entered:
        said.append(f"Subjects that entered the cascade: {report.entered}.")
    if report.withdrawn:
        said.append(f"Subjects that are gold now and were withdrawn from the cascade: {report.withdrawn}.")
    if report.gold_kept:
        said.append(f"Gold that is kept though its cell is empty now: {report.gold_kept}.")
    if report.noted > REMARKS_SHOWN:
        said.append(f"Remarks on pictures: {report.noted}, of which the first {REMARKS_SHOWN} are printed.")
    if report.bad:
        said.append("Correct the bad rows and run the same command again: it does only what is not done yet.")
    return "\n".join(said)
