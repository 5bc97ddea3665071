"""``chaffinch labels export``, ``chaffinch classifications export``, ``chaffinch subjects export``."""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from pydantic_core import to_json

from api.cli.connecting import over_database
from api.cli.labels import labels
from api.cli.subjects import app as subjects
from api.exports.columns import LABEL_COLUMNS, SUBJECT_COLUMNS, VOTE_COLUMNS, Column, Table
from api.exports.forms import Form
from api.media.storage import open_storage
from api.services.archiving import archived_batches
from api.services.exporting import Exported, Wish, exported
from api.settings import Settings
from api.store.engine import Connection

classifications = typer.Typer(name="classifications", help="The votes.", no_args_is_help=True)

NAMES = {Table.LABELS: "labels", Table.VOTES: "votes and retractions", Table.SUBJECTS: "subjects"}


@classifications.callback()
def votes() -> None:
    """Take the votes out."""


def _columns_option(columns: Sequence[Column]) -> object:
    def show(wanted: bool) -> None:
        if wanted:
            width = max(len(column.name) for column in columns)
            for column in columns:
                unit = f" [{column.unit}]" if column.unit else ""
                typer.echo(f"{column.name:{width}}  {column.meaning}{unit}")
            raise typer.Exit

    return typer.Option("--columns", callback=show, is_eager=True, help="List the columns and their meaning, and stop.")


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


Slug = Annotated[str, typer.Option("--project", help="Short name of the project.")]
Format = Annotated[
    Form,
    typer.Option(
        "--format",
        help="csv: RFC 4180 with a header row. ndjson: one object a line. parquet: columns under zstd. votable,"
        " fits: tables for astronomers, with units and UCDs.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        callback=_file,
        dir_okay=False,
        help="File to write, whole or not at all, with its description beside it in FILE.json; without it, to standard"
        " output.",
    ),
]
After = Annotated[
    str | None,
    typer.Option("--after", metavar="CURSOR", help="Only what comes after the cursor that an export before has said."),
]


@labels.command("export")
def labels_export(
    project: Slug,
    form: Format = Form.CSV,
    output: Output = None,
    after: After = None,
    all_revisions: Annotated[
        bool,
        typer.Option(
            "--all-revisions", help="Every revision of each label in the order of the feed, not only the newest."
        ),
    ] = False,
    _columns: Annotated[bool, _columns_option(LABEL_COLUMNS)] = False,
) -> None:
    """Write the labels of a project: the newest of each, or with --after every revision since.

    Ids come out as they were imported. One that begins with =, +, - or @ is a formula to a spreadsheet program: import
    the file as text there.
    """
    _export(project, output, Wish(Table.LABELS, form, after, all_revisions=all_revisions or after is not None))


@classifications.command("export")
def classifications_export(
    project: Slug,
    form: Format = Form.CSV,
    output: Output = None,
    after: After = None,
    _columns: Annotated[bool, _columns_option(VOTE_COLUMNS)] = False,
) -> None:
    """Write the vote log of a project: every vote and retraction, counted or not, and why.

    Ids come out as they were imported. One that begins with =, +, - or @ is a formula to a spreadsheet program: import
    the file as text there.
    """
    _export(project, output, Wish(Table.VOTES, form, after))


@subjects.command("export")
def subjects_export(
    project: Slug,
    form: Format = Form.CSV,
    output: Output = None,
    after: After = None,
    _columns: Annotated[bool, _columns_option(SUBJECT_COLUMNS)] = False,
) -> None:
    """Write the subjects of a project, with positions, metadata, machine scores, known answers, and where they stand.

    Ids come out as they were imported. One that begins with =, +, - or @ is a formula to a spreadsheet program: import
    the file as text there.
    """
    _export(project, output, Wish(Table.SUBJECTS, form, after))


def _export(project: str, output: Path | None, wish: Wish) -> None:
    read_month = partial(archived_batches, open_storage(Settings()))

    async def work(connection: Connection, url: str) -> Exported:
        return await exported(connection, url, project, wish, file.write, read_month=read_month)

    with whole_file(output) as file:
        done = over_database("export", work)
    if output is not None:
        describe(output, done)
    typer.echo(_summary(done, output, NAMES[wish.table]), err=True)


def describe(output: Path, done: Exported) -> None:
    """Write what is known of a file into another one beside it."""
    with whole_file(output.with_name(f"{output.name}.json")) as file:
        file.write(to_json({"file": output.name, **done.description}, indent=2) + b"\n")


def _summary(done: Exported, output: Path | None, what: str) -> str:
    said = [
        f"{done.rows} {what} written{'' if output is None else f' to {output}'}",
        f"sha256 {done.sha256.hex()}",
        f"the next export goes on with --after {done.cursor}",
    ]
    if not done.whole:
        said.append(
            f"a transaction is open since {done.until:%H:%M:%S} UTC: what arrived after that comes with the next export"
        )
    return "\n".join(said)


@contextlib.contextmanager
def whole_file(path: Path | None) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when it is complete, or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
