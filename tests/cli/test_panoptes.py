"""Moving in from Panoptes and out again, as a researcher does it."""

import csv
import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from api.cli import app
from api.panoptes.errors import UntranslatableWorkflowError
from tests.panoptes.exports import a_classification, a_subject, a_workflow, write_csv


@pytest.fixture
def pictures() -> Iterator[str]:
    """The address of a server that has one picture, whatever it is asked for."""
    picture = io.BytesIO()
    Image.new("RGB", (16, 16), "navy").save(picture, "PNG")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(picture.getvalue())))
            self.end_headers()
            self.wfile.write(picture.getvalue())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env={f"CHAFFINCH_{name.upper()}": value for name, value in environment.items()}).invoke(
        app, list(arguments)
    )


def test_one_command_moves_a_campaign_in_and_another_one_out(database_url: str, pictures: str, tmp_path: Path) -> None:
    settings = {"database_url": database_url, "data_dir": str(tmp_path / "data"), "private_addresses": "true"}
    definition = tmp_path / "workflow.json"
    definition.write_text(json.dumps(a_workflow("Yes", "No", "Not sure", count=3)))
    subjects = write_csv(tmp_path / "s.csv", [a_subject(n, {"name": f"g{n}"}, f"{pictures}/{n}.png") for n in (1, 2)])
    said = [("a", "Yes"), ("b", "Not sure"), ("not-logged-in-c19235dd", "Yes"), ("a", "Perchance")]
    rows = [a_classification(n, user, value, subject=1) for n, (user, value) in enumerate(said)]
    votes, out = write_csv(tmp_path / "c.csv", rows), tmp_path / "out.csv"
    files = ("--subjects", str(subjects), "--workflow-json", str(definition))

    asked = ("panoptes", "import", str(votes), "--project", "lenses", *files, "--count", "--with-pictures")
    moved, again = run(*asked, **settings), run(*asked, **settings)
    written = run("panoptes", "export", "classifications", "--project", "lenses", "--output", str(out), **settings)

    assert moved.stdout.splitlines() == [
        "Version 1 of lenses is in force, made from the Panoptes workflow.",
        "Subjects: 2 imported, 0 updated, 0 unchanged, 0 bad.",
        f"{votes}: 4 rows, 3 votes (1 unsure in lens-or-not, 2 yes in lens-or-not).",
        "Votes: 3 went through the count, 0 were there already.",
        "  1 rows are bad: not imported.",
        "Pictures: 2 subjects got theirs, 0 had them already.",
    ], moved.stderr
    assert f"{votes}:5: annotations: says 'Perchance' in T0; it must be one of 'Yes', 'No', 'Not sure'" in moved.stderr
    assert (moved.exit_code, again.exit_code, written.exit_code) == (1, 1, 0)
    assert "Votes: 0 went through the count, 3 were there already." in again.stdout
    assert "Pictures: 0 subjects got theirs, 2 had them already." in again.stdout
    found = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"), newline="")))
    assert [json.loads(row["annotations"])[0]["value"] for row in found] == ["Yes", "Not sure", "Yes"]
    assert {(row["user_id"], row["user_ip"], row["gold_standard"], row["workflow_version"]) for row in found} == {
        ("", "", "", "1.1")
    }
    [subject] = json.loads(found[0]["subject_data"]).values()
    assert (subject["#external_id"], subject["name"], subject["retired"]["classifications_count"]) == ("1", "g1", 3)


def test_a_workflow_becomes_a_declaration_that_can_be_checked(tmp_path: Path) -> None:
    definition, declaration = tmp_path / "workflow.json", tmp_path / "cascade.yaml"
    definition.write_text(json.dumps({"workflows": [a_workflow()]}))

    written = run("panoptes", "workflow", str(definition), "--project", "lenses")
    declaration.write_text(written.stdout, encoding="utf-8")
    checked = run("cascade", "check", str(declaration))
    definition.write_text(json.dumps({"tasks": {"T0": {"type": "drawing"}}}))
    refused = run("panoptes", "workflow", str(definition))

    assert (written.exit_code, checked.exit_code) == (0, 0), written.stderr + checked.stderr
    assert "lens-or-not (level 1, count): Is this a lens?" in checked.stdout
    assert isinstance(refused.exception, UntranslatableWorkflowError)
    assert "T0 is a drawing task: it asks for marks on the picture" in str(refused.exception)


def test_a_subject_export_becomes_a_manifest(tmp_path: Path) -> None:
    rows = [
        a_subject(1, {"#n": 1, "a": "x"}, "https://example.org/1.jpg", "https://example.org/2.jpg"),
        a_subject(1, {"#n": 1, "a": "x"}, "https://example.org/1.jpg", "https://example.org/2.jpg"),
        a_subject(2, {"b": "y, z"}, "https://example.org/3.jpg"),
    ]

    written = run("panoptes", "manifest", str(write_csv(tmp_path / "s.csv", rows)))

    assert written.exit_code == 0, written.stderr
    assert written.stdout.splitlines() == [
        "external_id,location:1,location:2,metadata:#n,metadata:a,metadata:b",
        "1,https://example.org/1.jpg,https://example.org/2.jpg,1,x,",
        '2,https://example.org/3.jpg,,,,"y, z"',
    ]
