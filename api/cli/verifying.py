"""``chaffinch verify``: whether what a project stores follows from its votes."""

import asyncio
from typing import Annotated, Final

import typer

from api.cli.speaking import console, fail, say
from api.media.storage import open_storage
from api.postgres.embedded import running_postgres
from api.services.published import PublishedCascades
from api.services.verifying import Verification
from api.services.verifying import verify as replay
from api.settings import Settings
from api.store.engine import connect
from api.store.schema import upgrade

SHOWN: Final = 20
"""Discrepancies that are printed."""


def verify(project: Annotated[str, typer.Argument(help="The project's short name.")]) -> None:
    """Replay a project's votes in the engine, and compare every stored sum, decision, label and route, bit for bit.

    What a person decided by hand, or a publication withdrew, is left out and counted; so is what was voted on before
    the engine weighed votes as it does now.
    """
    found = asyncio.run(_verify(project))
    console.print(
        f"Replayed {found.votes:,} votes and {found.gold_votes:,} answers to training subjects on {found.stages:,}"
        f" stages with {found.labels:,} labels; left out {found.by_hand:,} that a person decided or a publication"
        " withdrew."
    )
    if found.earlier:
        console.print(
            f"Left out {found.earlier:,} more whose votes were weighed by an earlier version of the engine: their"
            " labels stand, and only where they led to was compared."
        )
    for discrepancy in found.discrepancies[:SHOWN]:
        console.print(discrepancy, markup=False)
    if found.discrepancies:
        fail(f"{len(found.discrepancies):,} stored numbers do not follow from the votes.")
    console.print(f"Every {'other ' if found.earlier else ''}stored number follows from the votes, bit for bit.")


async def _verify(project: str) -> Verification:
    settings = Settings()
    async with running_postgres(settings, say) as url:
        await upgrade(url)
        async with connect(url, "verify") as connection:
            return await replay(connection, PublishedCascades(), project, open_storage(settings))
