"""``chaffinch labels export``, ``chaffinch labels revise``, ``chaffinch classifications export``."""

import asyncio
import contextlib
import os
import random
import re
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar

import typer

from api.postgres.embedded import running_postgres
from api.services.exporting import LABEL_COLUMNS, VOTE_COLUMNS, Form, Write, export_classifications, export_labels
from api.services.published import PublishedCascades
from api.services.revising import ExpertWord, Revised, revise_label
from api.settings import Settings
from api.store.engine import Connection, connect
from api.store.schema import upgrade
from cascade.vocabulary import Answer
from mobile_schemas.subjects import subject_number

labels = typer.Typer(name="labels", help="What the workflows concluded.", no_args_is_help=True)
classifications = typer.Typer(name="classifications", help="The votes.", no_args_is_help=True)

Result = TypeVar("Result")
Task = Callable[[Connection], Awaitable[Result]]


class Side(StrEnum):
    """What an expert can say."""

    YES = "yes"
    NO = "no"


def _columns_option(columns: Mapping[str, str]) -> object:
    def show(wanted: bool) -> None:
        if wanted:
            width = max(map(len, columns))
            for name, meaning in columns.items():
                typer.echo(f"{name:{width}}  {meaning}")
            raise typer.Exit

    return typer.Option("--columns", callback=show, is_eager=True, help="List the columns and their meaning, and stop.")


def _said(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("say something")
    return text.strip()


def _subject(text: str) -> str:
    if not re.fullmatch("S[1-9][0-9]{0,17}", text):
        raise typer.BadParameter(f"{text!r} is no subject; give its public id, such as S1234")
    return text


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


Slug = Annotated[str, typer.Option("--project", help="Short name of the project.")]
Format = Annotated[Form, typer.Option("--format", help="csv: RFC 4180 with a header row. ndjson: one object a line.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        callback=_file,
        dir_okay=False,
        help="File to write, whole or not at all; without it, to standard output.",
    ),
]


@labels.command("export")
def labels_export(
    project: Slug,
    form: Format = Form.CSV,
    output: Output = None,
    all_revisions: Annotated[
        bool, typer.Option("--all-revisions", help="Every revision of each label, not only the newest.")
    ] = False,
    _columns: Annotated[bool, _columns_option(LABEL_COLUMNS)] = False,
) -> None:
    """Write the labels of a project.

    Ids come out as they were imported. One that begins with =, +, - or @ is a formula to a spreadsheet program: import
    the file as text there.
    """
    export = partial(export_labels, slug=project, form=form, all_revisions=all_revisions)
    _export(output, lambda connection, write: export(connection, write=write), "labels")


@classifications.command("export")
def classifications_export(
    project: Slug,
    form: Format = Form.CSV,
    output: Output = None,
    _columns: Annotated[bool, _columns_option(VOTE_COLUMNS)] = False,
) -> None:
    """Write the vote log of a project: every vote and retraction, counted or not, and why.

    Ids come out as they were imported. One that begins with =, +, - or @ is a formula to a spreadsheet program: import
    the file as text there.
    """
    export = partial(export_classifications, slug=project, form=form)
    _export(output, lambda connection, write: export(connection, write=write), "votes and retractions")


@labels.command("revise")
def labels_revise(
    subject: Annotated[str, typer.Argument(callback=_subject, help="Public id of the subject, such as S1234.")],
    workflow: Annotated[str, typer.Option(help="Name of the workflow whose question you answer.")],
    answer: Annotated[Side, typer.Option(help="The answer.")],
    by: Annotated[str, typer.Option(callback=_said, help="Who says so.")],
    why: Annotated[str, typer.Option(callback=_said, help="How they know.")],
) -> None:
    """Give a subject the label that an expert says is right, as a new revision.

    A subject that is still open retires by it. It moves on along the cascade by the new answer unless it has been
    there; what its earlier label led to stays.
    """
    said = Answer.YES if answer is Side.YES else Answer.NO
    word = ExpertWord(subject_number(subject), workflow, said, by, why)
    revised = _run(
        "revising",
        lambda connection: revise_label(connection, PublishedCascades(), random.SystemRandom(), word),
    )
    typer.echo(_summary(word, subject, revised))


def _summary(word: ExpertWord, subject: str, revised: Revised) -> str:
    retired = "It retired by that. " if revised.retired else ""
    goes_on = f"It leads to {revised.routed_to}." if revised.routed_to else "It leads to no further workflow."
    return f"{subject} is {word.answer.word} in {word.workflow}: revision {revised.revision}. {retired}{goes_on}"


def _export(output: Path | None, export: Callable[[Connection, Write], Awaitable[int]], what: str) -> None:
    with _whole_file(output) as file:
        count = _run("export", lambda connection: export(connection, file.write))
    typer.echo(f"{count} {what} written{'' if output is None else f' to {output}'}", err=True)


def _run(name: str, task: Task[Result]) -> Result:
    """Run a task over a connection to the database of the settings."""
    return asyncio.run(_over_database(name, task))


async def _over_database(name: str, task: Task[Result]) -> Result:
    async with running_postgres(Settings(), partial(typer.echo, err=True)) as url:
        await upgrade(url)
        async with connect(url, name) as connection:
            return await task(connection)


@contextlib.contextmanager
def _whole_file(path: Path | None) -> Iterator[BinaryIO]:
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
