"""``chaffinch pages``."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.imports import ending, new_console
from api.cli.running import over_services
from api.media.storage import place_of
from api.pages import PageName, PagesError
from api.postgres.embedded import running_postgres
from api.services.house import Services
from api.services.pages import PagesReport, import_pages
from api.settings import Settings
from api.store.engine import open_pool
from api.store.schema import upgrade

app = typer.Typer(name="pages", help="What volunteers are told: about, tutorial, guide.", no_args_is_help=True)

Project = Annotated[str, typer.Option("--project", help="Short name of the project.")]


@app.callback()
def pages() -> None:
    """Tell people what the project is about and what to look for."""


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="Folder with about.md, tutorial.md, guide.md and their pictures.")],
    project: Project,
) -> None:
    """Import the pages of a folder: about.md, tutorial.md, guide.md, or some of them, with the pictures that they name.

    In the tutorial each heading ## begins a step, in the guide an entry; {WORKFLOW=yes} or {WORKFLOW=no} at the end of
    a heading of the guide says of which answer it is an example.

    Everything is imported or nothing: what is wrong is listed by file and line. A page whose file is missing stays as
    it is. Exits with 0 when all is imported, 1 when something is wrong with the folder, 2 when it could not be done.
    """
    with ending():
        try:
            report = asyncio.run(_import(folder, project))
        except PagesError as error:
            console = new_console()
            for problem in error.problems:
                console.print(str(problem), markup=False)
            console.print("Nothing was imported.")
            raise typer.Exit(1) from None
    typer.echo(summary(project, report))


@app.command("remove")
def remove(name: Annotated[PageName, typer.Argument(help="The page.")], project: Project) -> None:
    """Remove a page of a project. Its pictures stay in the store."""
    over_services(partial(_remove, slug=project, name=name))
    typer.echo(f"{project} has no page {name} any more.")


async def _remove(services: Services, *, slug: str, name: PageName) -> None:
    await services.pages.remove(slug, name)


async def _import(folder: Path, slug: str) -> PagesReport:
    settings = Settings()
    async with running_postgres(settings, partial(typer.echo, err=True)) as url:
        await upgrade(url)
        pool = await open_pool(url, 1)
        try:
            return await import_pages(pool, folder, slug, place_of(settings))
        finally:
            pool.terminate()


def summary(slug: str, report: PagesReport) -> str:
    """Say what became of the pages of a folder."""
    outcomes = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged}
    became = "; ".join(f"{', '.join(names)} {outcome}" for outcome, names in outcomes.items() if names)
    return "\n".join([*(f"{notice}." for notice in report.notices), f"Pages of {slug}: {became}."])
