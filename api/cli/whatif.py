"""``chaffinch whatif``: what other rules would have made of the votes that a project has."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.forecasts import show, tree
from api.cli.publishing import errors_of, read_declaration
from api.cli.running import over_services
from api.cli.speaking import console

File = Annotated[Path, typer.Argument(help="The declaration, in YAML.", exists=True, dir_okay=False)]


def whatif(
    file: File,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON, with every subject that changes.")] = False,
    votes_limit: Annotated[
        int | None, typer.Option(min=1, help="Play about so many votes at most, a sample of whole subjects.")
    ] = None,
    shown: Annotated[int, typer.Option(min=0, help="How many subjects that change are named.")] = 20,
    miss: Annotated[
        float | None,
        typer.Option(min=1e-6, max=0.5, help="A total share of misses to divide; by default the greatest declared."),
    ] = None,
) -> None:
    """Say what a declaration would have made of a project's votes: labels, votes, and the error to expect.

    Nothing is changed. Publishing shows the same, of 200,000 votes at most.
    """
    with errors_of(file):
        text = read_declaration(file)
        found = over_services(
            lambda services: services.what_if.forecast(text, votes_limit=votes_limit, total_miss=miss)
        )
    if as_json:
        typer.echo(json.dumps(None if found is None else tree(found), indent=2))
    elif found is None:
        console.print("The project has no votes yet, so there is nothing to play again.")
    else:
        show(console, found, shown)
        for limit in found.limits:
            console.print(limit)
