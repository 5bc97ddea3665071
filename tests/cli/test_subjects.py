import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.imports import a_manifest, a_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return os.environ | {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_DATA_DIR": str(tmp_path / "data")}


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = "from api.cli.subjects import app; app(prog_name='chaffinch subjects')"
    command = [sys.executable, "-c", program, "import", *map(str, arguments), "--project", "lenses"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_an_import_says_what_became_of_the_rows(environment: dict[str, str], tmp_path: Path) -> None:
    manifest = a_manifest(
        tmp_path, [{"external_id": "a", "location:1": a_picture(tmp_path, "a.png"), "gold:arc": "no"}]
    )
    gold_emptied = a_manifest(tmp_path, [{"external_id": "a", "location:1": "a.png", "gold:arc": ""}], "again.csv")

    first, second = run(environment, manifest), run(environment, gold_emptied)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{manifest}: 1 imported, 0 updated, 0 unchanged, 0 bad.\n"
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == (
        f"{gold_emptied}: 0 imported, 0 updated, 1 unchanged, 0 bad.\n"
        "Gold that is kept though its cell is empty now: 1.\n"
    )


def test_bad_rows_are_printed_with_file_line_and_column_and_written_to_a_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    sound = {"external_id": "sound", "location:1": a_picture(tmp_path, "a.png"), "gold:arc": "yes"}
    manifest = a_manifest(
        tmp_path, [{"external_id": "lost", "location:1": "b.png"}, {**sound, "gold:arc": "ja"}, sound]
    )

    done = run(environment, manifest, "--errors", tmp_path / "errors.csv")

    lost = ("location:1", "b.png: there is no such file", "check the spelling, capital letters too, or copy the file")
    guess = ("gold:arc", "is 'ja'", "write yes, no, or nothing")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{manifest}:2: {lost[0]}: {lost[1]}; {lost[2]}",
        f"{manifest}:3: {guess[0]}: {guess[1]}; {guess[2]}",
        f"{manifest}:4: external_id: is 'sound', as on line 3; give each subject one row and a name of its own",
    ]
    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:3] == [
        ["manifest", "line", "column", "problem", "remedy"],
        [str(manifest), "2", *lost],
        [str(manifest), "3", *guess],
    ]


def test_a_header_that_will_not_do_is_one_line_and_exit_code_2(environment: dict[str, str], tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "a", "location:1": "a.png", "golden:arc": "yes"}])

    done = run(environment, manifest)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "manifest.csv: line 1, column 3 (golden:arc) is not a column of a manifest; do you mean gold:arc?.\n"
    )


def test_a_file_for_errors_that_cannot_be_written_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, [{"external_id": "a", "location:1": a_picture(tmp_path, "a.png")}])
    file = tmp_path / "nowhere" / "errors.csv"

    done = run(environment, manifest, "--errors", file)

    assert done.returncode == 2
    assert done.stderr == f"{file} cannot be written (No such file or directory); name another file with --errors.\n"
