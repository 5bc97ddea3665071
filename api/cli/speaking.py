"""What commands say: what was asked for, and besides."""

from typing import NoReturn

import typer
from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
"""What a command was asked for."""

asides = Console(stderr=True, highlight=False, soft_wrap=True)
"""What a command says besides."""


def say(what: str) -> None:
    """Say something besides."""
    asides.print(what, markup=False)


def fail(why: str) -> NoReturn:
    """Say why a command cannot do what it was asked, and end it."""
    asides.print(why, style="red", markup=False)
    raise typer.Exit(1)
