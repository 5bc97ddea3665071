"""Every command that the documentation names exists, with the options that it is given there."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from api.cli import app
from api.cli.loading import Lazy
from api.settings import Settings
from tests.docs.reading import DOCS, Block, blocks, pages

PROGRAM = typer.main.get_command(app)
COMMAND = re.compile(r"(?:^|[|;&(] *|\$\()(?:\.venv/bin/)?chaffinch ((?:[^|;&)#>\n\\]|\\\n)*)", re.MULTILINE)
INLINE = re.compile(r"`(?:\.venv/bin/)?chaffinch ([a-z][^`]+)`")


def mentioned() -> Iterator[tuple[str, str]]:
    """Give every command that a page shows in a block for a shell or within a sentence, with its page."""
    for page in pages():
        for block in blocks(page):
            if block.language == "sh":
                yield from ((block.place, found) for found in COMMAND.findall(block.text))
        yield from ((page.name, " ".join(found.split())) for found in INLINE.findall(page.read_text()))


def loaded(command: Any) -> Any:
    """Return what runs in the end, with its options and commands."""
    return command.load() if isinstance(command, Lazy) else command


@pytest.mark.parametrize(("place", "text"), sorted(set(mentioned())))
def test_a_command_in_the_documentation_exists(place: str, text: str) -> None:
    words = shlex.split(text.replace("\\\n", " "))
    found: Any = PROGRAM
    while words and hasattr(found, "commands"):
        found = loaded(found.commands.get(words.pop(0)))
        assert found is not None, f"{place}: there is no command {text!r}"

    known = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("--")}
    assert used <= known, f"{place}: `chaffinch {text}` has options that are not known"


def test_a_marked_block_is_one_that_a_shell_or_python_runs() -> None:
    marked: list[Block] = [block for page in pages() for block in blocks(page) if block.runs]

    assert marked
    assert [block.place for block in marked if block.language not in {"sh", "python"}] == []


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Give every command that does something."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(loaded(inner), (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path)


def test_every_command_is_in_the_list_of_commands() -> None:
    listed = set(re.findall(r"^\| `chaffinch ([a-z -]+)` \|", (DOCS / "commands.md").read_text(), re.MULTILINE))

    assert listed == set(leaves(PROGRAM))


def test_every_setting_is_in_the_documentation() -> None:
    said = "\n".join(page.read_text() for page in pages())

    names = [f"CHAFFINCH_{name.upper()}" for name in Settings.model_fields]
    assert [name for name in names if name not in said] == []
