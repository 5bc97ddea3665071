"""Pages by command."""

import asyncio
from pathlib import Path

import asyncpg
from typer.testing import CliRunner

from api.cli import app
from tests.media.drawings import a_file


async def a_project(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO project (slug) VALUES ('lenses')")
    await connection.close()


def test_pages_are_imported_and_removed_by_command(
    database_url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    asyncio.run(a_project(database_url))
    folder = tmp_path / "pages"
    folder.mkdir()
    a_file(folder, "arc.png")
    (folder / "about.md").write_text("![An arc](arc.png)\n")
    (folder / "guide.md").write_text("## Arcs {ring=yes}\n[x](javascript:alert)\n")
    runner = CliRunner(env=environment)
    importing = ["pages", "import", str(folder), "--project", "lenses"]

    wrong = runner.invoke(app, importing)
    (folder / "guide.md").write_text("## Arcs {ring=yes}\nBlue.\n")
    right = runner.invoke(app, importing)
    removed = runner.invoke(app, ["pages", "remove", "guide", "--project", "lenses"])
    unknown = runner.invoke(app, ["pages", "remove", "faq", "--project", "lenses"])

    assert (wrong.exit_code, wrong.stderr.splitlines()) == (
        1,
        [
            "guide.md:2: the link to javascript:alert is not one that is taken;"
            " a link begins with https://, http:// or mailto:",
            "Nothing was imported.",
        ],
    )
    assert (right.exit_code, right.stdout.splitlines()) == (
        0,
        [
            "guide.md:1: no workflow ring is in force; no cascade is published yet.",
            "Pages of lenses: about, guide new.",
        ],
    )
    assert (removed.exit_code, removed.stdout) == (0, "lenses has no page guide any more.\n")
    assert unknown.exit_code == 2
