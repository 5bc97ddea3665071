"""``chaffinch ledger``: old months of the vote log, out of the database into files and back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from api.cli.speaking import console, say
from api.media.storage import open_storage
from api.postgres.embedded import running_postgres
from api.services.archiving import Archive
from api.settings import Settings
from api.store.engine import connect
from api.store.schema import upgrade

ledger = typer.Typer(name="ledger", help="The vote log by months.", no_args_is_help=True)

Result = TypeVar("Result")


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no month; write it as 2026-01") from error


@ledger.command("list")
def list_months() -> None:
    """Show each month of the vote log, where it lies, and how large it is."""
    months = _over_archive(lambda archive: archive.months())
    table = Table("month", "lies in", box=None, pad_edge=False)
    table.add_column("votes", justify="right")
    table.add_column("MB", justify="right")
    for each in months:
        place = each.place if each.is_archived else "the database"
        size = "" if each.size_bytes is None else f"{each.size_bytes / 1e6:,.1f}"
        table.add_row(f"{each.month:%Y-%m}", place, f"{'' if each.is_archived else '~'}{each.rows:,}", size)
    console.print(table)


@ledger.command("archive")
def archive(
    older_than_months: Annotated[
        int, typer.Option(min=1, max=1200, help="Archive what ended so many months ago or more.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which months.")] = False,
) -> None:
    """Move old months of the vote log into a Parquet file each.

    The file is read back and compared before anything leaves the database. Swipes go on meanwhile.
    """
    _over_archive(lambda found: _archive(found, older_than_months, dry_run))


@ledger.command("restore")
def restore(month: Annotated[date, typer.Argument(parser=_month, metavar="MONTH", help="Such as 2026-01.")]) -> None:
    """Bring a month back into the database."""
    restored = _over_archive(lambda found: found.restore(month))
    console.print(f"{restored.month:%Y-%m} is in the database again, with {restored.rows:,} rows.")


async def _archive(archive: Archive, older_than_months: int, dry_run: bool) -> None:
    due = await archive.due(datetime.now(UTC).date(), older_than_months)
    if not due:
        console.print("No month is so old.")
    for month in due:
        if dry_run:
            console.print(f"{month:%Y-%m} would be archived.")
        elif (archived := await archive.archive(month)) is None:
            console.print(f"{month:%Y-%m} has no votes, and stays.")
        else:
            console.print(f"{month:%Y-%m} lies in {archived.path} now, with {archived.rows:,} rows.", markup=False)


def _over_archive(work: Callable[[Archive], Awaitable[Result]]) -> Result:
    return asyncio.run(_work(work))


async def _work(work: Callable[[Archive], Awaitable[Result]]) -> Result:
    settings = Settings()
    async with running_postgres(settings, say) as url:
        await upgrade(url)
        async with connect(url, "ledger") as connection:
            return await work(Archive(connection, url, open_storage(settings), settings.data_dir / "scratch"))
