"""``chaffinch scores import`` and ``chaffinch scores check``."""

import asyncio
import json
import re
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from api.cli.connecting import over_database
from api.cli.imports import BAD_ROWS, ending, following, new_console, refusing, summary
from api.cli.speaking import console
from api.postgres.embedded import running_postgres
from api.services.admitting import Report
from api.services.importing import Follow, Refuse
from api.services.score_watch import WatchedScore, watch
from api.services.scores import import_scores, model_hash
from api.settings import Settings
from api.store.engine import open_pool
from api.store.schema import upgrade

app = typer.Typer(name="scores", help="What machines think of subjects.", no_args_is_help=True)

_SHA256: Final = re.compile("[0-9a-f]{64}")
_NAME: Final = re.compile("[A-Za-z0-9_.-]{1,100}")


@app.callback()
def scores() -> None:
    """Bring machine scores in, and see what they are worth."""


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="CSV file with the columns external_id (or subject) and score.", dir_okay=False)
    ],
    project: Annotated[str, typer.Option("--project", help="Short name of the project.")],
    name: Annotated[str, typer.Option("--name", help="What the score is called, as cascades name it.")],
    model: Annotated[str | None, typer.Option(help="SHA-256 of the model that made the scores.")] = None,
    model_file: Annotated[
        Path | None, typer.Option(help="The model itself, to take its SHA-256.", exists=True, dir_okay=False)
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(help="File to which bad rows are written too, as CSV.", dir_okay=False)
    ] = None,
) -> None:
    """Import a machine's scores of subjects, 0 to 1, with the model that made them.

    A row that will not do is reported with its line and skipped. A score is a new revision only where its value or its
    model differ from what is stored. Workflows that a subject has entered keep their prior until the next refit.

    Exits with 0 when every row is imported, 1 when some were skipped, 2 when the import could not begin or go on.
    """
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is no name of letters, digits, _, . and -", param_hint="--name")
    digest = _digest(model, model_file)
    console = new_console()
    with ending(), following(console) as follow, refusing(console, str(file), errors) as refuse:
        report = asyncio.run(_import(file, project, name, digest, follow, refuse))
    typer.echo(summary(str(file), report))
    raise typer.Exit(BAD_ROWS if report.bad else 0)


@app.command()
def check(
    project: Annotated[str, typer.Argument(help="The project's short name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Say what the scores are worth with which workflows begin, and whether they still are what they were.

    Exits with 0 when all is well, 1 when a score has drifted.
    """
    found = over_database("scores", lambda connection, _url: watch(connection, project))
    if as_json:
        typer.echo(json.dumps([_tree(each) for each in found], indent=2))
    elif not found:
        typer.echo("No workflow begins with a machine score.")
    else:
        for each in found:
            _show(each)
    raise typer.Exit(1 if any(each.drift is not None and each.drift.alarm for each in found) else 0)


def _tree(watched: WatchedScore) -> dict[str, object]:
    """Return what was found of a score as JSON has it."""
    scored = [{"model": model, "subjects": number} for model, number in watched.scored.items()]
    return {**asdict(watched), "scored": scored, "said": list(watched.said)}


def _show(watched: WatchedScore) -> None:
    console.print(f"{watched.workflow}, calibration {watched.revision}:", markup=False)
    for model, number in watched.scored.items():
        console.print(f"  - {number:,} subjects have a score by {_name(model)}", markup=False)
    for sentence in watched.said:
        console.print(f"  - {sentence}", markup=False)
    if watched.drift is not None:
        labels = watched.drift.labels
        people = f"{watched.people:.1%} of the subjects begin without it"
        console.print(f"  - {people}; people alone have decided {labels:,} that it is checked by", markup=False)


def _name(model: str | None) -> str:
    return "a model that was not named" if model is None else f"model {model[:12]}"


def _digest(model: str | None, model_file: Path | None) -> str:
    """Return the SHA-256 that is given, or that of the file that is."""
    if (model is None) == (model_file is None):
        raise typer.BadParameter("give the model's SHA-256 with --model, or the model itself with --model-file")
    if model_file is not None:
        return model_hash(model_file)
    assert model is not None
    if not _SHA256.fullmatch(model):
        raise typer.BadParameter(f"{model!r} is no SHA-256: 64 lower-case hexadecimal digits", param_hint="--model")
    return model


async def _import(path: Path, slug: str, name: str, model: str, follow: Follow, refuse: Refuse) -> Report:
    settings = Settings()
    async with running_postgres(settings, partial(typer.echo, err=True)) as url:
        await upgrade(url)
        pool = await open_pool(url, 1)
        try:
            return await import_scores(pool, path, slug, name, model, follow=follow, refuse=refuse)
        finally:
            pool.terminate()
