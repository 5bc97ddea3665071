"""``chaffinch webhooks``: where events are posted to."""

from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.table import Column, Table

from api.cli.happening import checked
from api.cli.running import over_services
from api.cli.speaking import asides, console
from mobile_schemas.webhooks import WebhookIn

webhooks = typer.Typer(name="webhooks", help="Where events are posted to.", no_args_is_help=True)

Project = Annotated[str, typer.Option("--project", help="Short name of the project.")]
Number = Annotated[int, typer.Argument(min=1, help="The webhook's number, as `webhooks list` shows it.")]


@webhooks.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where to post to, http or https.")],
    project: Project,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be given again.")] = None,
    form: Annotated[Literal["json", "voevent"], typer.Option(help="Batches of JSON, or VOEvents one by one.")] = "json",
) -> None:
    """Have events posted from now on; print the secret that signs them: it is shown this once."""
    kinds = checked(kind or [])
    try:
        wanted = WebhookIn.model_validate({"url": url, "kinds": None if kinds is None else list(kinds), "form": form})
    except ValidationError:
        raise typer.BadParameter(f"{url!r} is no http or https address without a user name") from None
    added = over_services(lambda services: services.webhooks.add(None, project, wanted))
    asides.print(f"Webhook {added['id']} is added. Keep its secret: it is shown this once.", markup=False)
    typer.echo(added["secret"])


@webhooks.command("list")
def list_webhooks(project: Project) -> None:
    """List the webhooks of a project, and how far each has come."""
    found = over_services(lambda services: services.webhooks.of_project(None, project))
    table = Table("number", Column("url", overflow="fold"), "form", "kinds", "position", "failures", "state", box=None)
    for each in found["webhooks"]:
        kinds = ", ".join(each["kinds"]) if each["kinds"] else "all"
        numbers = (str(each["position"]), str(each["failures"]))
        table.add_row(str(each["id"]), each["url"], each["form"], kinds, *numbers, _state(each))
    console.print(table)


@webhooks.command("remove")
def remove(number: Number) -> None:
    """Remove a webhook with its log."""
    removed = over_services(lambda services: services.webhooks.remove(None, number))
    console.print(f"Webhook {number} to {removed['url']} is removed.", markup=False)


@webhooks.command("deliveries")
def deliveries(
    number: Number, limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many attempts.")] = 20
) -> None:
    """List the newest attempts to post, the newest first."""
    found = over_services(lambda services: services.webhooks.deliveries(None, number, limit))
    table = Table("sent", "positions", "events", "attempt", "ms", "status", Column("error", overflow="fold"), box=None)
    for each in found["deliveries"]:
        positions = f"{each['first_position']}-{each['last_position']}"
        counts = (str(each["events"]), str(each["attempt"]), str(each["took_ms"]))
        status = "" if each["status"] is None else str(each["status"])
        table.add_row(f"{each['sent_at']:%Y-%m-%d %H:%M:%S}", positions, *counts, status, each["error"] or "")
    console.print(table)


@webhooks.command("replay")
def replay(
    number: Number, after: Annotated[int, typer.Option(min=0, help="Events after this position are sent again.")]
) -> None:
    """Send events again."""
    moved = over_services(lambda services: services.webhooks.replay(None, number, after))
    console.print(f"Webhook {number} goes on after position {moved['position']}.", markup=False)


@webhooks.command("pause")
def pause(number: Number) -> None:
    """Post nothing to a webhook until it is resumed."""
    over_services(lambda services: services.webhooks.pause(None, number))
    console.print(f"Webhook {number} is paused.", markup=False)


@webhooks.command("resume")
def resume(number: Number) -> None:
    """Go on with a webhook where it stopped."""
    resumed = over_services(lambda services: services.webhooks.resume(None, number))
    console.print(f"Webhook {number} goes on after position {resumed['position']}.", markup=False)


def _state(webhook: dict[str, Any]) -> str:
    if webhook["paused_at"] is not None:
        return f"paused: {webhook['why_paused']}"
    return "waits to try again" if webhook["failures"] else "active"
