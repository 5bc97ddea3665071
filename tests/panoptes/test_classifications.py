"""Rows of a classification export, as several classifiers of several years have written them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.manifest import BadRow, Location, ManifestRow
from api.panoptes.classifications import PanoptesClassification, read_classifications
from api.panoptes.errors import WrongExportError
from api.panoptes.subjects import read_subjects
from api.panoptes.votes import client_id
from tests.panoptes.exports import SESSION, a_classification, a_subject, write_csv

FINISHED = datetime(2024, 2, 23, 16, 17, 42, 334_000, tzinfo=UTC)

AS_EXPORTED = (
    "classification_id,user_name,user_id,user_ip,workflow_id,workflow_name,workflow_version,created_at,gold_standard,"
    "expert,metadata,annotations,subject_data,subject_ids\n"
    "23170523,not-logged-in-c19235dd9256c26c445a,,c19235dd9256c26c445a,3130,"
    '"Palms - flowering, leafless ",1.13,2016-12-12 16:46:28 UTC,,,'
    '"{""viewport"":{""width"":1307},""started_at"":""2016-12-12T16:46:11.919Z"",""utc_offset"":""-3600"",'
    '""finished_at"":""2016-12-12T16:46:28.143Z"",""user_language"":""zh_CN""}",'
    '"[{""task"":""init"",""task_label"":""1. Any\\n *palms*?"",""value"":""Yes""},'
    '{""task"":""T1"",""task_label"":null,""value"":[{""x"":589.4,""tool"":2,""details"":[]}]}]",'
    '"{""4990081"":{""retired"":null,""Filename"":""a \\""b\\"".jpg"",""#n"":7,""gone"":null}}",4990081\n'
)


def one(rows: Any) -> Any:
    [row] = rows
    return row


def read_one(path: Path, **row: str) -> PanoptesClassification:
    found = one(read_classifications(write_csv(path / "c.csv", [a_classification(1, "a", "Yes") | row])))
    assert isinstance(found, PanoptesClassification), found
    return found


def test_a_row_of_the_old_classifier_is_read(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("\ufeff" + AS_EXPORTED, encoding="utf-8")

    row = one(read_classifications(file))

    assert (row.line, row.id, row.user_name) == (2, "23170523", "not-logged-in-c19235dd9256c26c445a")
    assert (row.workflow_id, row.workflow_name) == ("3130", "Palms - flowering, leafless")
    assert row.answered_at == datetime(2016, 12, 12, 16, 46, 28, 143_000, tzinfo=UTC)
    assert (row.dwell_ms, row.session, row.language, row.utc_offset_minutes) == (16_224, None, "zh-CN", 60)
    assert [(each.task, each.value) for each in row.annotations] == [
        ("init", "Yes"),
        ("T1", [{"x": 589.4, "tool": 2, "details": []}]),
    ]
    assert row.subject.metadata == {"Filename": 'a "b".jpg', "#n": 7, "gone": None}


def test_a_row_of_the_newer_classifier_is_read(tmp_path: Path) -> None:
    said = [
        {"task": "T0", "taskType": "single", "value": 1},
        {"task": "T3", "task_label": None, "value": [{"task": "T4", "task_label": "A?", "value": "No"}]},
        {"task": "T5", "value": None},
        "nonsense",
    ]

    row = read_one(tmp_path, annotations=json.dumps(said))

    assert [(each.task, each.label, each.value) for each in row.annotations] == [
        ("T0", "", 1),
        ("T4", "A?", "No"),
        ("T5", "", None),
    ]
    assert (row.answered_at, row.dwell_ms, row.session, row.utc_offset_minutes) == (FINISHED, 67_249, SESSION, -300)


def test_without_metadata_the_time_of_the_record_is_that_of_the_answer(tmp_path: Path) -> None:
    row = read_one(tmp_path, metadata="", subject_data="")

    assert (row.answered_at, row.dwell_ms) == (FINISHED.replace(microsecond=0), 0)
    assert (row.session, row.language, row.utc_offset_minutes, row.flag) == (None, None, None, False)
    assert (row.subject.id, row.subject.metadata) == ("96588114", {})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"started_at": "2024-02-24T00:00:00Z"}, (0, SESSION, "en", -300)),
        ({"started_at": "2001-01-01T00:00:00Z"}, (2**31 - 1, SESSION, "en", -300)),
        ({"started_at": 5, "session": "a b", "user_language": 7, "utc_offset": "east"}, (0, None, None, None)),
        ({"session": "x" * 65, "user_language": None, "utc_offset": 90_000}, (67_249, None, None, None)),
        ({"utc_offset": "-20700"}, (67_249, SESSION, "en", 345)),
    ],
)
def test_odd_metadata_are_bounded_to_what_is_kept(
    tmp_path: Path, given: dict[str, Any], found: tuple[Any, ...]
) -> None:
    row = one(read_classifications(write_csv(tmp_path / "c.csv", [a_classification(1, "a", "Yes", **given)])))

    assert (row.dwell_ms, row.session, row.language, row.utc_offset_minutes) == found


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("classification_id", "", "is ''"),
        ("user_name", "a\u0000b", None),
        ("subject_ids", "1;2", "names 2 subjects"),
        ("metadata", "[1]", "is '[1]'"),
        ("metadata", '{"a": "\\ud800"}', "is no JSON"),
        ("annotations", '{"task": "T0"}', "is"),
        ("subject_data", "{", "is no JSON"),
    ],
)
def test_a_cell_that_will_not_do_is_told_with_its_line(
    tmp_path: Path, column: str, cell: str, problem: str | None
) -> None:
    good = a_classification(1, "a", "Yes")
    file = write_csv(tmp_path / "c.csv", [good, good | {column: cell}, good])

    rows = list(read_classifications(file))

    [bad] = [row for row in rows if isinstance(row, BadRow)]
    assert (bad.line, len(rows)) == (3, 3)
    assert problem is None or (bad.column == column and bad.problem.startswith(problem))


def test_a_row_that_is_not_in_utf_8_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    rows = [a_classification(number, "a", "Yes") for number in (1, 2, 3)]
    rows[1]["subject_data"] = '{"96588114": {"Filename": "Grösse"}}'
    file = write_csv(tmp_path / "c.csv", rows)
    file.write_bytes(file.read_bytes().replace("ö".encode(), "ö".encode("latin-1")))

    _, bad, after = read_classifications(file)

    assert isinstance(after, PanoptesClassification)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column, bad.problem) == (3, "subject_data", "is not in UTF-8")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "subject_id,metadata\n1,{}\n"])
def test_another_file_is_refused_by_its_header(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.csv"
    file.write_text(content)

    with pytest.raises(WrongExportError, match="is no classification export of Panoptes: it has no column"):
        list(read_classifications(file))


def test_a_vote_has_the_same_id_whenever_its_export_is_read() -> None:
    ours = "01932c07-2f5a-7c3e-8d51-3f6f0c4b579a"

    ids = [client_id("543695319", task, FINISHED) for task in ("T0", "T1", "T0")]

    assert ids[0] == ids[2] != ids[1]
    assert {each.version for each in ids} == {7}
    assert client_id(ours, "T0", FINISHED) == UUID(ours)
    assert client_id(ours, "T1", FINISHED) != UUID(ours)


def test_a_subject_has_its_pictures_in_their_order(tmp_path: Path) -> None:
    urls = [f"https://panoptes-uploads.zooniverse.org/{n}.jpeg" for n in range(11)]
    rows = [
        a_subject(458021, {"#external_id": "ours", "size": {"w": 1}, "n\0": 2.5, "none": None}, *urls),
        a_subject(458022, {"external_id": "theirs"}),
        a_subject(458023, {"#external_id": " "}),
    ]

    first, second, bad = read_subjects(write_csv(tmp_path / "s.csv", rows), None)

    assert first == ManifestRow(
        2, "ours", tuple(Location((url,)) for url in urls), {"size": '{"w": 1}', "n": "2.5"}, {}, {}, {}
    )
    assert isinstance(second, ManifestRow)
    assert (second.external_id, second.metadata) == ("theirs", {"external_id": "theirs", "#panoptes_id": "458022"})
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (4, "metadata")
