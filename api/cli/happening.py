"""``chaffinch events``: what happens in a project, as it happens."""

import asyncio
from contextlib import aclosing
from typing import Annotated

import typer
from pydantic_core import to_json

from api.cli.running import over_services
from api.errors import CommandError
from api.services.house import Services
from mobile_schemas.events import FROM_NOW_ON, KINDS, kinds_of

events = typer.Typer(name="events", help="What happens in a project.", no_args_is_help=True)

Project = Annotated[str, typer.Option("--project", help="Short name of the project.")]


class UnknownKindError(CommandError):
    """There is no such kind of event."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no kind of event {kind!r}; known are {', '.join(KINDS)}")


def checked(kinds: list[str]) -> tuple[str, ...] | None:
    """Return the kinds that were named, or None for all; raise UnknownKindError."""
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownKindError(kind)
    return kinds_of(",".join(kinds))


@events.command("follow")
def follow(
    project: Project,
    after: Annotated[
        int, typer.Option(min=FROM_NOW_ON, help="Begin after this position; 0: with the first event, -1: from now on.")
    ] = FROM_NOW_ON,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be given again.")] = None,
) -> None:
    """Print events as they happen, one JSON object a line, until Ctrl-C."""
    wanted = checked(kind or [])
    try:
        over_services(lambda services: _follow(services, project, None if after == FROM_NOW_ON else after, wanted))
    except KeyboardInterrupt:
        raise typer.Exit from None


async def _follow(services: Services, project: str, after: int | None, kinds: tuple[str, ...] | None) -> None:
    feed = await services.events.feed(None, project)
    async with aclosing(services.events.follow(feed, after, kinds)) as pages:
        async for page in pages:
            for event in page.events:
                await asyncio.to_thread(typer.echo, to_json(event))
