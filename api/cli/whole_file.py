"""Files that a command writes: whole or not at all."""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        callback=_file,
        dir_okay=False,
        help="File to write, whole or not at all; without it, to standard output.",
    ),
]


@contextlib.contextmanager
def whole_file(path: Path | None) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when it is complete, or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
