"""``chaffinch subjects import``."""

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from api.cli.imports import BAD_ROWS, ending, following, new_console, refusing, remarking, summary
from api.media.storage import place_of
from api.outbound.fetching import Fetcher
from api.postgres.embedded import running_postgres
from api.services.admitting import Report
from api.services.gathering import Fetching
from api.services.importing import Told, Wishes, import_source
from api.settings import Settings
from api.sources import opened, own_scratch
from api.store.engine import open_pool
from api.store.schema import upgrade

app = typer.Typer(name="subjects", help="What volunteers look at.", no_args_is_help=True)

_SCORE_MODEL: Final = re.compile(r"([A-Za-z0-9_.-]{1,100})=([0-9a-f]{64})")


@app.callback()
def subjects() -> None:
    """Bring subjects in."""


@app.command("import")
def import_subjects(
    source: Annotated[
        str,
        typer.Argument(help="A manifest (CSV), a folder, a .zip or .tar archive, or the http(s) address of one."),
    ],
    project: Annotated[str, typer.Option("--project", help="Short name of the project; created if it is new.")],
    root: Annotated[
        Path | None,
        typer.Option(help="Folder in which the pictures lie, if not in that of the manifest.", file_okay=False),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the project.")] = None,
    errors: Annotated[
        Path | None, typer.Option(help="File to which bad rows are written too, as CSV.", dir_okay=False)
    ] = None,
    score_model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHA256", help="The SHA-256 of the model behind a column score:NAME."),
    ] = None,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Fetch pictures again that were imported from the same address.")
    ] = False,
) -> None:
    """Import subjects, with their pictures, from a manifest, a folder or an archive.

    The columns of a manifest are external_id, location:1 and on, ra, dec and cutout, metadata:KEY, gold:WORKFLOW (yes,
    no or nothing), explanation:WORKFLOW and score:NAME (0 to 1). Locations are paths relative to the manifest, or
    addresses, which are fetched. In a folder or an archive without a manifest every picture or video is a subject.

    A row that will not do is reported with its line and skipped, and the rest is imported. Subjects are known by their
    external_id: the same manifest again does only what is not done yet, and a changed one updates what changed. Gold
    and scores whose cell is empty now are kept.

    Exits with 0 when every row is imported, 1 when some were skipped, 2 when the import could not begin or go on.
    """
    console = new_console()
    wishes = Wishes(title, dict(_score_model(text) for text in score_model or ()))
    with ending(), following(console) as follow, refusing(console, source, errors) as refuse:
        tell = Told(follow, refuse, remarking(console, source))
        report = asyncio.run(_import(source, project, root, wishes, tell, again=refetch))
    typer.echo(summary(source, report))
    raise typer.Exit(BAD_ROWS if report.bad else 0)


async def _import(source: str, slug: str, root: Path | None, wishes: Wishes, tell: Told, *, again: bool) -> Report:
    settings = Settings()
    async with (
        running_postgres(settings, partial(typer.echo, err=True)) as url,
        own_scratch(settings.data_dir / "incoming") as scratch,
        Fetcher(settings.private_addresses) as fetch,
    ):
        await upgrade(url)
        pool = await open_pool(url, 1)
        try:
            async with opened(source, scratch, fetch, root=root) as rows:
                return await import_source(
                    pool,
                    rows,
                    slug,
                    place_of(settings),
                    fetching=Fetching(fetch, scratch, again),
                    wishes=wishes,
                    tell=tell,
                )
        finally:
            pool.terminate()


def _score_model(text: str) -> tuple[str, str]:
    found = _SCORE_MODEL.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no NAME=SHA256 of 64 lower-case hexadecimal digits")
    return found[1], found[2]
