"""``chaffinch upload``: a file sent to a service elsewhere, and imported there."""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from api.cli.imports import BAD_ROWS, FAILED, SAY_SECONDS, ending, new_console
from api.errors import CommandError
from api.services.scores import model_hash
from api.uploading import Courier
from mobile_schemas.imports import ImportOut, ScoresIn, SubjectsIn, UploadOut

_SHA256: Final = re.compile("[0-9a-f]{64}")


class NoTokenError(CommandError):
    """There is no file with a token."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} gives no token ({why}); make one with chaffinch token create --scope researcher")


def upload(
    file: Annotated[Path, typer.Argument(help="A manifest, an archive of pictures, or scores (CSV).", dir_okay=False)],
    project: Annotated[str, typer.Option("--project", help="Short name of the project, which exists.")],
    url: Annotated[str, typer.Option(help="Where the service is.")],
    token_file: Annotated[Path, typer.Option(help="File with a researcher's token.", dir_okay=False)],
    title: Annotated[str | None, typer.Option(help="Title of the project.")] = None,
    score: Annotated[str | None, typer.Option(help="The file holds scores of this name, with --model.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The model that made the scores: its file, or the SHA-256 of that.")
    ] = None,
) -> None:
    """Send a file in chunks to a service, and follow its import to the end.

    A broken connection is waited for, and after a kill the same command goes on where the other was.

    Exits with 0 when every row is imported, 1 when some were skipped, 2 when the import could not begin or go on.
    """
    content = _content(title, score, model)
    with ending():
        done = asyncio.run(_send(file, project, url, _token(token_file), content))
    for bad in done.problems:
        column = f" {bad.column}:" if bad.column else ""
        typer.echo(f"{file}:{bad.line}:{column} {bad.problem}; {bad.remedy}", err=True)
    if done.state == "failed":
        typer.echo(done.error, err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"{file}: {_counts(done)}.")
    raise typer.Exit(BAD_ROWS if (done.report or {}).get("bad") else 0)


def _content(title: str | None, score: str | None, model: str | None) -> SubjectsIn | ScoresIn:
    if (score is None) != (model is None):
        raise typer.BadParameter("--score and --model go together")
    if score is None or model is None:
        return SubjectsIn(kind="subjects", title=title, score_models=[])
    digest = model
    if not _SHA256.fullmatch(model):
        if not Path(model).is_file():
            raise typer.BadParameter(f"{model} is neither a file nor a SHA-256", param_hint="--model")
        digest = model_hash(Path(model))
    return ScoresIn(kind="scores", name=score, model=digest)


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoTokenError(path, str(error)) from error
    if not token or not token.isascii() or not token.isprintable():
        raise NoTokenError(path, "it holds none")
    return token


async def _send(path: Path, slug: str, url: str, token: str, content: SubjectsIn | ScoresIn) -> ImportOut:
    async with Courier(url, token) as courier:
        console = new_console()
        shown = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Bar(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("")

            def sent(now: UploadOut) -> None:
                bar.update(task, total=now.bytes, completed=now.received)

            upload = await courier.send(path, slug, sent)
        begun = await courier.begin_import(slug, upload, content)
        typer.echo(f"{path} is sent; import {begun.id} waits for a worker.", err=True)
        return await _followed(courier, begun)


async def _followed(courier: Courier, begun: ImportOut) -> ImportOut:
    """Say every few seconds how far an import is, and return what became of it."""
    loop = asyncio.get_running_loop()
    now, due = begun, loop.time() + SAY_SECONDS
    async for now in courier.follow(begun.id):
        if loop.time() >= due:
            due = loop.time() + SAY_SECONDS
            typer.echo(f"import {now.id} is {now.state}, line {now.line} of {now.lines}: {_counts(now)}", err=True)
    return now


def _counts(done: ImportOut) -> str:
    report = done.report or {}
    return ", ".join(f"{report.get(kind, 0)} {kind}" for kind in ("imported", "updated", "unchanged", "bad"))
