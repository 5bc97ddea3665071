from pathlib import Path

import pytest

from tests.cli.program import Chaffinch

ARC = "project: lenses\nworkflows:\n  - name: arc\n    question: An arc?\n    policy: {count: 3}\n"
WRONG = ARC.replace("policy", "polcy") + "    then: {yes: lens}\n"


@pytest.fixture
def declaration(tmp_path: Path) -> Path:
    file = tmp_path / "lenses.yaml"
    file.write_text(ARC)
    return file


def test_a_wrong_declaration_is_answered_with_the_place_of_each_error(declaration: Path, chaffinch: Chaffinch) -> None:
    declaration.write_text(WRONG)

    checked = chaffinch("cascade", "check", str(declaration))
    published = chaffinch("publish", str(declaration), "--yes")

    assert checked.stderr.splitlines() == [
        f"{declaration}:5:5: workflows[0].polcy is not a key that is known here; did you mean policy?",
        f"{declaration}:6:12: workflows[0].then.yes is 'lens', which is no workflow; write one of arc, retire",
    ]
    assert (checked.returncode, published.returncode, published.stderr) == (1, 1, checked.stderr)


def test_a_dry_run_and_nobody_at_the_keyboard_publish_nothing(declaration: Path, chaffinch: Chaffinch) -> None:
    dry = chaffinch("publish", str(declaration), "--dry-run")
    unasked = chaffinch("publish", str(declaration))
    published = chaffinch("publish", str(declaration), "--yes")

    assert (dry.returncode, dry.stdout) == (0, 'lenses, the first version:\n  arc is added: "An arc?"\n')
    assert (unasked.returncode, unasked.stderr) == (1, "Nobody is here to be asked; add --yes to publish this.\n")
    assert published.stdout == f"{dry.stdout}Version 1 of lenses is in force.\n"


def test_a_token_is_printed_once_and_listed_without_its_secret(declaration: Path, chaffinch: Chaffinch) -> None:
    chaffinch("publish", str(declaration), "--yes")

    token = chaffinch("token", "create", "--project", "lenses", "--scope", "import", "--source", "panoptes").stdout
    listed = chaffinch("token", "list", "--project", "lenses").stdout
    revoked = chaffinch("token", "revoke", token.strip())

    assert token.startswith("chf_")
    assert "panoptes" in listed
    assert token.strip() not in listed
    assert (revoked.returncode, revoked.stdout) == (0, "The token is revoked.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["token", "list", "--project", "nowhere"], 1, "there is no project 'nowhere'"),
        (["token", "revoke", "chf_unknown"], 1, "there is no such token"),
        (["volunteers", "grant", "V7", "--project", "lenses", "--level", "11"], 2, "'11' is no level"),
        (["publish", "missing.yaml"], 2, "does not exist"),
    ],
)
def test_what_was_foreseen_is_said_without_a_traceback(
    chaffinch: Chaffinch, arguments: list[str], code: int, said: str
) -> None:
    ended = chaffinch(*arguments)

    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_setting_and_a_database_that_is_away_are_said_in_a_line(
    chaffinch: Chaffinch, environment: dict[str, str]
) -> None:
    environment |= {"CHAFFINCH_DATABASE_URL": "postgresql://127.0.0.1:1/x", "CHAFFINCH_DATABASE_PATIENCE_SECONDS": "0"}
    away = chaffinch("database", "upgrade")
    environment["CHAFFINCH_PORT"] = "eighty"
    wrong = chaffinch("database", "upgrade")

    assert (away.returncode, away.stderr.count("\n")) == (1, 1)
    assert away.stderr.startswith("No connection to postgresql://127.0.0.1:1/x")
    assert (wrong.returncode, wrong.stderr.partition(":")[0]) == (1, "CHAFFINCH_PORT")


@pytest.mark.parametrize(
    ("logins", "said"),
    [
        ('[{"name": "lab"', 'error parsing value for field "logins" from source "EnvSettingsSource": it must be JSON'),
        (
            '[{"name": "lab", "title": "The lab", "client_id": "us", "client_secret": "hush"}]',
            "CHAFFINCH_LOGINS 0: Value error, a provider of OpenID Connect needs its issuer",
        ),
        (
            '[{"name": "lab", "title": "The lab", "kind": "discord", "client_id": "us", "client_secret": ["hush"]}]',
            "CHAFFINCH_LOGINS 0 client_secret: Input should be a valid string",
        ),
        (
            '[{"name": "a", "title": "A", "kind": "discord", "client_id": "us"},'
            ' {"name": "b", "title": "B", "kind": "discord", "client_id": "us"}]',
            "CHAFFINCH_LOGINS: Value error, two logins have the same issuer",
        ),
    ],
)
def test_logins_that_are_set_wrong_are_named_without_their_secrets(
    chaffinch: Chaffinch, environment: dict[str, str], logins: str, said: str
) -> None:
    environment["CHAFFINCH_LOGINS"] = logins

    ended = chaffinch("database", "upgrade")

    assert (ended.returncode, " ".join(ended.stderr.split())) == (1, said)
