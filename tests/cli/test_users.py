import json
from pathlib import Path

import pytest

from tests.cli.program import Chaffinch, environment_of, runner


@pytest.fixture
def chaffinch(database_url: str, tmp_path: Path) -> Chaffinch:
    run = runner(environment_of(database_url, tmp_path / "data"))
    declaration = tmp_path / "lenses.yaml"
    declaration.write_text("project: lenses\nworkflows: [{name: arc, question: Is there an arc, policy: {count: 2}}]\n")
    assert run("publish", str(declaration), "--yes").returncode == 0
    return run


def test_an_operator_invites_the_first_owner_and_looks_after_people(chaffinch: Chaffinch) -> None:
    link = chaffinch("user", "invite", "--project", "lenses", "--url", "https://lenses.example/").stdout.strip()
    token = chaffinch("token", "create", "--project", "lenses", "--scope", "bot", "--label", "discord").stdout.strip()

    given = chaffinch("user", "role", "add", "V1", "owner", "--project", "lenses")
    listed = chaffinch("user", "list", "--project", "lenses").stdout
    everybody = chaffinch("user", "list").stdout
    kept = chaffinch("user", "role", "remove", "V1", "owner", "--project", "lenses")
    tokens = chaffinch("token", "list", "--project", "lenses").stdout

    assert link.startswith("https://lenses.example/join#chi_")
    assert (given.returncode, given.stdout) == (0, "V1 is now owner of lenses.\n")
    assert "owner" in listed
    assert "owner of lenses" in everybody
    assert (kept.returncode, kept.stderr.startswith("nobody else owns lenses")) == (1, True)
    assert ("discord" in tokens, "bot" in tokens, token in tokens) == (True, True, False)


def test_an_operator_says_who_may_see_a_project(chaffinch: Chaffinch) -> None:
    hidden = chaffinch("project", "visibility", "lenses", "private")
    listed = chaffinch("project", "list").stdout
    wrong = chaffinch("project", "visibility", "nowhere", "private")

    assert hidden.stdout == "lenses is private.\n"
    assert "private" in listed
    assert (wrong.returncode, "there is no project 'nowhere'" in wrong.stderr) == (1, True)


def test_an_operator_shows_exports_and_deletes_an_account(chaffinch: Chaffinch) -> None:
    chaffinch("token", "create", "--project", "lenses", "--scope", "import")
    chaffinch("user", "role", "add", "V1", "moderator", "--project", "lenses")

    shown = chaffinch("user", "show", "V1")
    exported = chaffinch("user", "export", "V1").stdout.splitlines()
    deleted = chaffinch("user", "delete", "V1", "--yes")
    again = chaffinch("user", "show", "V1")

    assert (shown.returncode, "moderator" in shown.stdout) == (0, True)
    assert json.loads(exported[-1]) == {"kind": "end", "facts": {"cards": 0}}
    assert (deleted.returncode, deleted.stdout) == (0, "The account of V1 is deleted. Its votes stay.\n")
    assert (again.returncode, "there is no volunteer 'V1'" in again.stderr) == (1, True)
