"""``chaffinch token`` and ``chaffinch volunteers``: who may do what."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.caller import Scope
from api.cli.running import over_services
from api.cli.speaking import asides, console
from api.services.tokens import shown_id
from api.store.promotions import Known
from api.store.tokens import StoredToken
from cascade.graph import EXPERT
from mobile_schemas.volunteers import volunteer_id

WIDTH = 150
"""Columns of a table of tokens where what it is printed to does not say how many it has, or has fewer."""

token = typer.Typer(name="token", help="Tokens of researchers, importers and bots.", no_args_is_help=True)
volunteers = typer.Typer(name="volunteers", help="The levels of volunteers.", no_args_is_help=True)

Project = Annotated[str, typer.Option("--project", help="Short name of the project.")]
Who = Annotated[str, typer.Argument(help="A volunteer's name, or an id such as V7.")]


class Reach(StrEnum):
    """The scopes of tokens that are made here."""

    RESEARCHER = Scope.RESEARCHER.value
    IMPORT = Scope.IMPORT.value
    BOT = Scope.BOT.value


def _level(text: str) -> int:
    if text == "expert":
        return EXPERT
    if text.isascii() and text.isdigit() and 1 <= int(text) < EXPERT:
        return int(text)
    raise typer.BadParameter(f"{text!r} is no level; give a number from 1 to {EXPERT - 1}, or expert")


@token.command("create")
def create(
    project: Project,
    scope: Annotated[
        Reach,
        typer.Option(
            help="researcher: pull labels. import: deal by name and send votes from elsewhere. bot: be told of events."
        ),
    ],
    source: Annotated[
        str | None, typer.Option(help="Where the votes come from; stamped on each. By default, the scope.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="What it is for, as the list shows it.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it lasts; by default, until it is revoked.")] = None,
) -> None:
    """Make a token for a project, and print it: it is shown this once."""
    lasts = None if days is None else timedelta(days=days)
    issued = over_services(
        lambda services: services.tokens.issue(project, Scope(scope), source or scope, label=label, lasts=lasts)
    )
    asides.print(f"A token of {volunteer_id(issued.volunteer_id)}. Keep it: only its hash is stored.", markup=False)
    typer.echo(issued.token)


@token.command("list")
def list_tokens(project: Project) -> None:
    """List the tokens of a project."""
    tokens = over_services(lambda services: services.tokens.of_project(project))
    names = ("id", "scope", "label", "volunteer", "source", "created", "last used", "expires", "revoked")
    table = Table(*names, box=None)
    for each in tokens:
        table.add_row(*_row(each))
    Console(highlight=False, width=max(console.width, WIDTH)).print(table)


@token.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token itself, or the id under which it is listed.")],
) -> None:
    """Revoke a token, of whatever scope: it dies within five seconds."""
    in_force = over_services(lambda services: services.tokens.revoke(token))
    console.print("The token is revoked." if in_force else "The token was revoked before.")


@volunteers.command("grant")
def grant(
    volunteer: Who,
    project: Project,
    level: Annotated[str, typer.Option(help="A number from 1 to 9, or expert. It covers all levels below.")],
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Until when, in UTC; else for good.")
    ] = None,
    why: Annotated[str | None, typer.Option(help="Why; it stays in the ledger, and the volunteer is told.")] = None,
) -> None:
    """Let a volunteer hold a level of a project, beside those held before."""
    number = _level(level)
    ends = None if until is None else until.replace(tzinfo=UTC)
    if ends is not None and ends <= datetime.now(UTC):
        raise typer.BadParameter("that has passed", param_hint="--until")
    found = over_services(lambda services: services.levels.grant(volunteer, project, number, until=ends, why=why))
    lasting = "" if ends is None else f", until {ends:%Y-%m-%d %H:%M} UTC"
    console.print(f"{_called(found)} holds level {level} in {project}{lasting}.", markup=False)


@volunteers.command("revoke")
def revoke_level(
    volunteer: Who,
    project: Project,
    level: Annotated[str | None, typer.Option(help="Only this level; by default all that are held.")] = None,
    why: Annotated[str | None, typer.Option(help="Why; it stays in the ledger, and the volunteer is told.")] = None,
) -> None:
    """Take a volunteer's levels in a project away: level 1, which everybody holds, is left."""
    number = None if level is None else _level(level)
    found, taken, left = over_services(lambda services: services.levels.revoke(volunteer, project, number, why=why))
    outcome = f"is back at level {left}" if taken else "held no such level"
    console.print(f"{_called(found)} {outcome} in {project}.", markup=False)


def _called(volunteer: Known) -> str:
    public = volunteer_id(volunteer.id)
    return f"{volunteer.name} ({public})" if volunteer.name else public


def _row(each: StoredToken) -> list[str]:
    who = "" if each.volunteer_id is None else volunteer_id(each.volunteer_id)
    moments = (each.created_at, each.last_used_at, each.expires_at, each.revoked_at)
    return [shown_id(each.sha256), each.scope, each.label or "", who, each.source, *map(_moment, moments)]


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
