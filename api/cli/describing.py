"""``chaffinch openapi``: the API described, for programs that make clients of it."""

import typer

from api.routes.service import description


def openapi() -> None:
    """Print the OpenAPI document of this version: what a running service has at /openapi.json."""
    typer.echo(description().decode())
