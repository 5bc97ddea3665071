"""``chaffinch gold import``."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.imports import BAD_ROWS, ending, new_console, refusing
from api.postgres.embedded import running_postgres
from api.services.admitting import Report
from api.services.answering import take_answers
from api.services.importing import Refuse
from api.settings import Settings
from api.store.engine import open_pool
from api.store.schema import upgrade

app = typer.Typer(name="gold", help="What experts say of subjects.", no_args_is_help=True)


@app.callback()
def gold() -> None:
    """Bring experts' answers in."""


@app.command("import")
def import_answers(
    file: Annotated[
        Path,
        typer.Argument(help="CSV file with external_id, gold:WORKFLOW and explanation:WORKFLOW.", dir_okay=False),
    ],
    project: Annotated[str, typer.Option("--project", help="Short name of the project.")],
    errors: Annotated[
        Path | None, typer.Option(help="File to which bad rows are written too, as CSV.", dir_okay=False)
    ] = None,
) -> None:
    """Make experts' answers (yes, no or nothing) gold of subjects that are there already, such as those of an ask.

    A subject that becomes gold leaves the cascade and trains volunteers from then on; a label that it has stands. Rows
    without an answer are passed over.

    Exits with 0 when every row is imported, 1 when some were skipped, 2 when the import could not begin or go on.
    """
    with ending(), refusing(new_console(), str(file), errors) as refuse:
        report = asyncio.run(_import(file, project, refuse))
    typer.echo(_summary(file, report))
    raise typer.Exit(BAD_ROWS if report.bad else 0)


async def _import(path: Path, slug: str, refuse: Refuse) -> Report:
    async with running_postgres(Settings(), partial(typer.echo, err=True)) as url:
        await upgrade(url)
        pool = await open_pool(url, 1)
        try:
            return await take_answers(pool, path, slug, refuse=refuse)
        finally:
            pool.terminate()


def _summary(path: Path, report: Report) -> str:
    said = [f"{path}: gold is new for {report.updated} subjects, {report.unchanged} had it, {report.bad} rows are bad."]
    if report.withdrawn:
        said.append(f"Subjects that left the cascade for that: {report.withdrawn}.")
    if report.updated:
        said.append("The next refit weighs what volunteers said of them; chaffinch refit does it now.")
    return " ".join(said)
