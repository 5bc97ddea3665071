"""PostgreSQL's own programs for backups: found for the server's version, and run."""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from api.backup.errors import ToolFailedError, ToolsMissingError
from api.postgres.errors import PostgresError
from api.postgres.programs import find_programs
from api.settings import Settings

_VERSION: Final = re.compile(rb"\(PostgreSQL\) (\d+)")
_SAID: Final = 600


class Tool(NamedTuple):
    """A program and its major version."""

    path: Path
    major: int


async def find_tool(settings: Settings, program: str, major: int) -> Tool:
    """Return a program of the version, or of the next newer one that is at hand.

    Raises
    ------
    ToolsMissingError
        All that are at hand are older.
    """
    found = [tool for folder in _folders(settings) if (tool := await _tool(folder / program)) is not None]
    fitting = [tool for tool in found if tool.major >= major]
    if not fitting:
        raise ToolsMissingError(program, major)
    return min(fitting, key=lambda tool: tool.major)


async def run(tool: Tool, database_url: str, *arguments: str) -> None:
    """Run a program over a database; its password goes by the environment, where other users do not see it.

    Raises
    ------
    ToolFailedError
        It gave up; with its own words.
    """
    url, environment = _parted(database_url)
    process = await asyncio.create_subprocess_exec(
        tool.path,
        f"--dbname={url}",
        "--no-password",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise ToolFailedError(tool.path.name, said.decode(errors="replace").strip()[-_SAID:] or f"{process.returncode}")


def _folders(settings: Settings) -> Iterator[Path]:
    if settings.postgres_bin is not None:
        yield settings.postgres_bin.expanduser().absolute()
    with contextlib.suppress(PostgresError):
        yield find_programs(None).folder
    if (at_hand := shutil.which("pg_dump")) is not None:
        yield Path(at_hand).parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))


async def _tool(path: Path) -> Tool | None:
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return None
    said, _ = await process.communicate()
    version = _VERSION.search(said)
    return None if version is None else Tool(path, int(version[1]))


def _parted(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without its password, and the password for the environment."""
    parts = urlsplit(url)
    account, at, place = parts.netloc.rpartition("@")
    name, _, password = account.partition(":")
    if not password:
        return url, {}
    return parts._replace(netloc=name + at + place).geturl(), {"PGPASSWORD": unquote(password)}
