"""``chaffinch user`` and ``chaffinch project``: who may do what, and who may see what."""

import sys
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from api.caller import Role
from api.cli.merging import merge
from api.cli.running import over_services
from api.cli.speaking import asides, console
from api.services.house import Services
from api.settings import Settings
from mobile_schemas.members import InvitationIn, MembersQuery

user = typer.Typer(name="user", help="People: who they are, and what they may do.", no_args_is_help=True)
role = typer.Typer(name="role", help="The roles of people in projects.", no_args_is_help=True)
project = typer.Typer(name="project", help="Projects, and who may see them.", no_args_is_help=True)
user.add_typer(role)
user.command("merge")(merge)

Project = Annotated[str, typer.Option("--project", help="Short name of the project.")]
Who = Annotated[str, typer.Argument(help="A volunteer's name, or an id such as V7.")]
MOST = 500


@user.command("list")
def list_users(
    project: Annotated[str | None, typer.Option(help="Only the members of a project, with their roles.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on behind the number that the last list ended with.")] = 0,
) -> None:
    """List people: those with a name or a role, or the members of a project; up to 500 at a time."""
    if project is None:
        found = over_services(lambda services: services.directory.people(after, MOST))
    else:
        wanted = MembersQuery(after=after, limit=MOST)
        found = over_services(lambda services: services.members.page(None, project, wanted))
    table = Table("id", "name", "roles", box=None)
    for each in found["members"]:
        table.add_row(each["volunteer"], each["name"] or "", ", ".join(_role(held) for held in each["roles"]))
    console.print(table)
    if found["cursor"] is not None:
        asides.print(f"There are more: --after {found['cursor']} shows them.", markup=False)


@user.command("show")
def show(who: Who) -> None:
    """Show what is kept of a person: names, roles, levels, tokens and when they were last used."""
    found = over_services(lambda services: services.directory.show(who))
    for name, value in found.items():
        if not isinstance(value, list):
            console.print(f"{name}: {'-' if value is None else value}", markup=False)
    for title in ("roles", "levels", "tokens"):
        table = Table(*(found[title][0] if found[title] else ()), title=title, title_justify="left", box=None)
        for each in found[title]:
            table.add_row(*("" if value is None else str(value) for value in each.values()))
        console.print(table)


@user.command("invite")
def invite(
    project: Project,
    role: Annotated[Role, typer.Option(help="What whoever joins may do.")] = Role.OWNER,
    uses: Annotated[int, typer.Option(min=1, max=10_000, help="So many people may join by the link.")] = 1,
    hours: Annotated[int, typer.Option(min=1, max=24 * 90, help="How long the link is open.")] = 72,
    url: Annotated[
        str | None, typer.Option(help="Where people reach the service; by default, where it listens.")
    ] = None,
) -> None:
    """Print a link by which somebody joins a project: by default its first owner. It is shown this once."""
    wanted = InvitationIn(role=role.value, uses=uses, expires_in_hours=hours)
    made = over_services(lambda services: services.invitations.invite(None, project, wanted))
    settings = Settings()
    base = (url or f"http://{settings.host}:{settings.port}").rstrip("/")
    asides.print(f"Whoever opens this link within {hours} h and logs in is {role} of {project}.", markup=False)
    typer.echo(base + made["path"])


@user.command("export")
def export(who: Who) -> None:
    """Print everything that is kept about a person, one JSON object a line, as they get it themselves."""

    async def pour(services: Services) -> None:
        _, person = await services.accounts.person_of(who)
        async for part in await services.accounts.export(person):
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()

    over_services(pour)


@user.command("delete")
def delete(
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Delete an account: name, logins, tokens and roles go; votes stay under a number that leads nowhere."""
    if not yes:
        typer.confirm(f"Delete the account of {who} for good?", abort=True)
    gone = over_services(lambda services: services.accounts.delete_person(who))
    console.print(f"The account of {gone} is deleted. Its votes stay.", markup=False)


@role.command("add")
def add_role(who: Who, role: Annotated[Role, typer.Argument()], project: Project) -> None:
    """Give somebody a role in a project, beside those they have."""
    member = over_services(lambda services: services.members.add(None, project, who, role))
    console.print(f"{_called(member)} is now {_roles(member)} of {project}.", markup=False)


@role.command("remove")
def remove_role(who: Who, role: Annotated[Role, typer.Argument()], project: Project) -> None:
    """Take a role away; the last owner stays."""
    member = over_services(lambda services: services.members.remove(None, project, who, role))
    console.print(f"{_called(member)} is now {_roles(member)} of {project}.", markup=False)


@project.command("list")
def list_projects() -> None:
    """List all projects, with who may see them."""
    table = Table("project", "title", "visibility", box=None)
    for each in over_services(lambda services: services.directory.projects()):
        table.add_row(each["slug"], each["title"] or "", each["visibility"])
    console.print(table)


@project.command("visibility")
def visibility(
    slug: Annotated[str, typer.Argument(help="Short name of the project.")],
    visibility: Annotated[
        Literal["public", "unlisted", "private"],
        typer.Argument(help="For everybody, for whoever knows its name, or for its members."),
    ],
) -> None:
    """Say who may see a project."""
    over_services(lambda services: services.members.show_to(None, slug, visibility))
    console.print(f"{slug} is {visibility}.", markup=False)


def _role(held: dict[str, Any]) -> str:
    return f"{held['role']} of {held['project']}" if "project" in held else str(held["role"])


def _roles(member: dict[str, Any]) -> str:
    return " and ".join(each["role"] for each in member["roles"]) or "nothing"


def _called(member: dict[str, Any]) -> str:
    return f"{member['name']} ({member['volunteer']})" if member["name"] else str(member["volunteer"])
