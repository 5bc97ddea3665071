"""Commands that are loaded when they are called, so that a small one does not wait for what a large one needs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Lazy(TyperCommand):
    """A command, or a group of them, of which only its name and one sentence are known until it is called.

    Parameters
    ----------
    where
        The module, and the function or `typer.Typer` in it: `api.cli.serving:serve`.
    says
        The first paragraph of its help, which a test compares.
    """

    def __init__(self, name: str, where: str, says: str) -> None:
        super().__init__(name, help=says)
        self._where = where

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Let the command itself read its arguments; it is what runs then."""
        return self.load().make_context(*arguments, **options)

    def load(self) -> Any:
        """Return the command itself."""
        module, _, name = self._where.partition(":")
        with loading():
            found = getattr(import_module(module), name)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found)
        else:
            alone.command(self.name)(found)
        return get_group(alone).commands[str(self.name)]


class LazyGroup(TyperGroup):
    """The group of those commands; a subclass names them."""

    lazy: tuple[Lazy, ...] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update({str(command.name): command for command in self.lazy})


@contextmanager
def loading() -> Iterator[None]:
    """Import without looking for garbage, of which there is none.

    What is loaded stays, so it is not looked through later either, nor at the end of the process. Together that was a
    third of the 1.8 s in which a process imported the service and ended.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
