"""``chaffinch user merge``: two volunteers turn out to be one person."""

from typing import Annotated

import typer

from api.cli.running import over_services
from api.cli.speaking import console
from mobile_schemas.volunteers import volunteer_id

Who = Annotated[str, typer.Argument(help="A volunteer's name, or an id such as V7.")]


def merge(from_volunteer: Who, into_volunteer: Who) -> None:
    """Let what the person of the first was counted for be counted for the person of the second.

    Of two votes on one subject the earlier counts. It cannot be undone.
    """
    first, second, merged = over_services(lambda services: services.merging.merge(from_volunteer, into_volunteer))
    console.print(
        f"{volunteer_id(first.id)} and {volunteer_id(second.id)} are one person now: {merged.cards:,} cards changed"
        f" hands, {merged.votes_out:,} votes no longer count.",
        markup=False,
    )
