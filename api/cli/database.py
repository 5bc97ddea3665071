"""``chaffinch database``: the store by itself."""

import asyncio

import typer

from api.cli.speaking import console, say
from api.postgres.embedded import running_postgres
from api.reaching import bring_up_to_date
from api.settings import Settings

database = typer.Typer(name="database", help="The database.", no_args_is_help=True)


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest schema, as every start of the service does."""
    asyncio.run(bring_up_to_date(Settings(), say))
    console.print("The database has the newest schema.")


@database.command("url")
def url() -> None:
    """Print the URL of the database, for psql or pg_dump.

    The embedded database runs while something uses it, such as the service, and a few seconds longer.
    """
    typer.echo(asyncio.run(_url()))


async def _url() -> str:
    async with running_postgres(Settings(), say) as found:
        return found
